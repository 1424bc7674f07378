import numpy as np
import torch

from tlbench.seeds import stream, torch_seed


def test_streams_depend_on_seed_and_name_only():
    draws = {names: stream(*names).random(3).tolist() for names in [(0, "a"), (0, "b"), (1, "a"), (0, "a", "b")]}
    assert stream(0, "a").random(3).tolist() == draws[0, "a"]
    assert len({tuple(values) for values in draws.values()}) == 4
    first = stream(0, "a")
    stream(0, "b").random(1000)
    np.testing.assert_array_equal(first.random(3), draws[0, "a"])


def test_streams_are_the_same_on_every_machine():
    assert stream(0, "shots").integers(10**6, size=3).tolist() == [348482, 375384, 593482]


def test_torch_is_seeded_by_name():
    torch_seed(3, "head")
    one = torch.rand(4)
    torch_seed(3, "other")
    assert not torch.equal(torch.rand(4), one)
    torch_seed(3, "head")
    assert torch.equal(torch.rand(4), one)
