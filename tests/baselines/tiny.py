"""A small network and what it would put out, for tests of methods without a run."""

from collections.abc import Callable

import numpy as np
import torch

from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.method import SourceOutput, TargetOutput

D, C = 4, 3


def network() -> Network:
    return Network(Identity(input_shape=(D,)), Head(in_dim=D, n_classes=C, bottleneck=0, dropout=0.0))


def outputs(n: int = 5, m: int = 7, seed: int = 0) -> tuple[SourceOutput, TargetOutput]:
    """Leaves in double precision, so that gradients can be read off them; domains of different sizes."""
    generator = torch.Generator().manual_seed(seed)

    def draw(rows: int, width: int) -> torch.Tensor:
        return torch.randn(rows, width, dtype=torch.float64, generator=generator).requires_grad_()

    source = SourceOutput(draw(n, D), draw(n, C), torch.arange(n) % C)
    return source, TargetOutput(draw(m, D), draw(m, C))


def slope_at(x: torch.Tensor, row: int, column: int, value: Callable[[], float], step: float = 1e-6) -> float:
    """Central difference of a value in one entry of a leaf, which is as before afterwards."""
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            x[row, column] += sign * step
        values.append(value())
        with torch.no_grad():
            x[row, column] -= sign * step
    return (values[0] - values[1]) / (2 * step)


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def array(x: torch.Tensor) -> np.ndarray:
    return x.detach().numpy()
