import numpy as np
import scipy.sparse as sp
import torch

from tlbench.backbones.small import MLP
from tlbench.training import frozen


class Counting(MLP):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x)


def test_features_of_the_same_arrays_are_worked_out_once_and_a_few_are_kept(monkeypatch):
    monkeypatch.setattr(frozen, "_KEPT", type(frozen._KEPT)(frozen.MOST_KEPT))
    net, device = Counting(input_shape=(4,), hidden=[3]), torch.device("cpu")
    rows = [np.random.default_rng(i).normal(size=(7, 4)).astype(np.float32) for i in range(frozen.MOST_KEPT + 1)]
    rows.append(sp.csr_matrix(rows[0]))
    first = [frozen._of_arrays(net, "digest", some, device) for some in rows]
    assert net.calls == len(rows)
    np.testing.assert_array_equal(first[0], first[-1])
    assert len(frozen._KEPT) == frozen.MOST_KEPT
    again = [frozen._of_arrays(net, "digest", some.copy(), device) for some in rows[2:]]
    assert net.calls == len(rows)
    assert all(one is two for one, two in zip(first[2:], again, strict=True))
    frozen._of_arrays(net, "another digest", rows[2], device)
    frozen._of_arrays(net, "digest", rows[0], device)
    assert net.calls == len(rows) + 2
