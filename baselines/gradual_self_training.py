"""Gradual self-training: label the nearest domain, learn from it alone, label the next, up to the target.

Paper    Kumar, Ma & Liang, Understanding Self-Training for Gradual Domain Adaptation, ICML 2020, arXiv:2002.11361, section 3
Steps    teacher on the source; for each bridge and then the target: label it, drop the tenth of which the teacher is least sure,
         fit a student on the rest with hard labels, without the source; the student is the next teacher
Uses     source labels; inputs of the bridges, in the pair's order, and of the target; shots join the last student
Departs  1. how sure a guess is: the largest probability less the second (paper: less the smallest; equal for two classes)
         2. the classifier is the recipe's (paper: networks and linear models); its regularisation is what the theorem needs
         3. a student that would see one class alone is not fitted
Note     under a private source the first teacher is the owner's classifier, and shots join the last student alone;
         on a pair without bridges this is self-training on the target, without the source. `path: pooled` is the paper's
         baseline of one step on all unlabelled rows together, `direct` its self-training on the target alone
See      conf/method/gradual_self_training.yaml, docs/methods/gradual_self_training.md, tests/baselines/test_gradual.py
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tlbench.data.inputs import stack
from tlbench.method.checks import one_of
from tlbench.method.gradual import GradualMethod, Stage
from tlbench.tasks import Task

PATHS = ("given", "reversed", "pooled", "direct")
"""Through the bridges in their order, in the opposite one, all at once, or past them."""


class GradualSelfTraining(GradualMethod):
    family = "self-training"
    draws = False
    source_free = True

    def __init__(self, *, path: str, **base: Any) -> None:
        super().__init__(**base)
        one_of(PATHS, path=path)
        self.path = path

    def stages(self, task: Task) -> Iterator[Stage]:
        if self.path == "pooled":
            yield stack([*task.bridges, task.target]), None
            return
        bridges = {"given": task.bridges, "reversed": task.bridges[::-1], "direct": ()}[self.path]
        yield from super().stages(replace(task, bridges=bridges))
