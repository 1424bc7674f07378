"""GOAT: gradual self-training through domains that are interpolated along an optimal transport plan.

Paper    He, Wang, Li & Zhao, Gradual Domain Adaptation: Theory and Algorithms, arXiv:2310.13852, section 5
Steps    between neighbours of the chain (source, bridges, target) `inner` sets of rows (1 - t) x_i + t z_j over the entries of
         their exact transport plan, t evenly spread, with the entries as weights; then gradual self-training through all of them
Uses     source labels; inputs of the bridges, in the pair's order, and of the target; shots join the last student
Departs  1. rows are the recipe's features as they are (paper: those of a network trained on the source)
         2. students are refitted to their optimum (paper: Adam steps from the teacher's weights)
         3. as gradual_self_training otherwise
See      conf/method/goat.yaml, docs/methods/goat.md, tests/baselines/test_gradual.py
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from tlbench.data.inputs import dense
from tlbench.functional.transport import exact_plan, need_pot, scaled_cost
from tlbench.method.checks import at_least
from tlbench.method.gradual import GradualMethod, Stage
from tlbench.tasks import Task


class Goat(GradualMethod):
    family = "self-training"
    draws = False

    def __init__(self, *, inner: int, **base: Any) -> None:
        super().__init__(**base)
        at_least(0, inner=inner)
        need_pot("goat")
        self.inner = inner

    def stages(self, task: Task) -> Iterator[Stage]:
        chain = [dense(rows) for rows in (task.source.inputs, *task.bridges, task.target)]
        for before_ND, after_MD in pairwise(chain):
            yield from interpolated(before_ND, after_MD, self.inner)
            yield after_MD, None


def interpolated(x_ND: np.ndarray, z_MD: np.ndarray, inner: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield `inner` sets of rows on the way from x to z, each with weights (E,): the masses of the E entries of the exact plan
    for squared distances. E is at most N + M - 1."""
    if not inner:
        return
    plan_NM = exact_plan(scaled_cost(x_ND, z_MD, np.max))
    from_E, to_E = np.nonzero(plan_NM)
    for t in np.arange(1, inner + 1) / (inner + 1):
        yield (1 - t) * x_ND[from_E] + t * z_MD[to_E], plan_NM[from_E, to_E]
