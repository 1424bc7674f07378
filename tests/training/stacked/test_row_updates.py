"""The optimisers of stacked runs against those of torch, in double precision."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tlbench.training.module import make_optimizer
from tlbench.training.settings import OptimConfig
from tlbench.training.stacked.row_updates import RowUpdates

OPTIM = OptimConfig(
    name="sgd", kind="sgd", lr=0.1, weight_decay=0, backbone_lr=1, schedule="constant", batch_size=8, balanced=False,
    steps=4, evaluations=1,
)  # fmt: skip
SIZES = {"weight": (3, 2), "bias": (3,), "scale": ()}


@pytest.mark.parametrize(("kind", "nesterov"), [("sgd", False), ("sgd", True), ("adam", False), ("adamw", False)])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**16), momenta=st.lists(st.floats(0.1, 0.99), min_size=3, max_size=3))
def test_each_run_moves_as_torch_would_move_it(kind, nesterov, seed, momenta):
    optims = [
        OPTIM.model_copy(
            update={"kind": kind, "nesterov": nesterov, "lr": 0.1 * (1 + i), "momentum": m, "weight_decay": 0.01 * i}
        )
        for i, m in enumerate(momenta)
    ]
    draw = torch.Generator().manual_seed(seed)
    stacked = {name: torch.randn(3, *size, generator=draw, dtype=torch.float64) for name, size in SIZES.items()}
    single = [{name: p[i].clone() for name, p in stacked.items()} for i in range(3)]
    theirs = [
        make_optimizer(o, [{"params": list(own.values()), "lr": o.lr}]) for o, own in zip(optims, single, strict=True)
    ]
    base = {name: torch.tensor([o.lr for o in optims], dtype=torch.float64) for name in SIZES}
    updates = RowUpdates(optims, base)
    for step in range(4):
        factors = torch.tensor([1.0, 0.5, 0.1], dtype=torch.float64) ** step
        gradients = {name: torch.randn(p.shape, generator=draw, dtype=torch.float64) for name, p in stacked.items()}
        if step == 2:
            del gradients["bias"]  # a loss that does not depend on it leaves it, and what is kept of it, as they are
        updates.update(stacked, gradients, factors)
        for i, own in enumerate(single):
            theirs[i].param_groups[0]["lr"] = optims[i].lr * factors[i].item()
            for name, p in own.items():
                p.grad = gradients[name][i] if name in gradients else None
            theirs[i].step()
    for i, own in enumerate(single):
        for name, p in own.items():
            torch.testing.assert_close(stacked[name][i], p, rtol=1e-10, atol=1e-12)
