"""The column of the unknown class from a share that says how far a rule is from turning."""

import numpy as np
import pytest
import torch

from tlbench.functional.unknown_column import with_unknown
from tlbench.running.rejection import Rejection


def test_by_hand():
    # s = 0.75: known 0.25 (0.5, 0.5), unknown 0.75 * 0.5; over their sum 0.625: 0.2, 0.2, 0.6. s = 0: nothing for unknown
    found = with_unknown(torch.tensor([[0.5, 0.5], [0.9, 0.1]]), torch.tensor([0.75, 0.0]))
    torch.testing.assert_close(found, torch.tensor([[0.2, 0.2, 0.6], [0.9, 0.1, 0.0]]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_unknown_is_the_highest_just_above_one_half_and_known_classes_keep_their_ratios(dtype):
    rng = np.random.default_rng(0)
    p = torch.tensor(rng.dirichlet(np.ones(4), 500), dtype=dtype)
    half = torch.tensor(0.5, dtype=dtype)
    ends = [half, torch.nextafter(half, half + 1), torch.nextafter(half, half - 1), half - 0.5, half + 0.5]
    share = torch.tensor(rng.uniform(size=500), dtype=dtype)
    share[:100] = torch.stack(ends * 20)
    found = with_unknown(p, share)
    assert torch.equal(found.argmax(dim=1) == 4, share > 0.5)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(500, dtype=dtype))
    torch.testing.assert_close(found[:, :4] * p[:, [0]], found[:, [0]] * p)
    odds = (share / (1 - share))[100:]
    torch.testing.assert_close(found[100:, 4] / found[100:, :4].amax(dim=1), odds, rtol=1e-4, atol=1e-5)


def test_it_is_the_protocols_rule_where_the_share_is_of_the_same_ratio():
    p = np.random.default_rng(1).dirichlet(np.full(5, 0.4), 300)
    entropy = -np.sum(p * np.log(p), axis=1)
    share = entropy / (entropy + np.log(5) / 2)
    np.testing.assert_allclose(with_unknown(torch.tensor(p), torch.tensor(share)), Rejection("entropy")(p), atol=1e-12)


def test_a_share_for_each_row():
    with_unknown(torch.full((3, 2), 0.5), torch.full((3,), 0.5))
    with pytest.raises(ValueError, match="one share a row"):
        with_unknown(torch.full((3, 2), 0.5), torch.full((2,), 0.5))
