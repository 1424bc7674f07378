"""target_only: train on the labelled target shots alone. What one has without any transfer.

Uses     the labelled target shots
See      conf/method/target_only.yaml, docs/methods/target_only.md, tests/baselines/test_references.py
"""

import numpy as np

from tlbench.method import Reference
from tlbench.method.reference import shots_of
from tlbench.tasks import Labelled, Task


class TargetOnly(Reference):
    needs_shots = True
    domains = ("target", "target")

    def examples(self, task: Task, target_labels: np.ndarray | None) -> list[Labelled]:
        return [shots_of(task)]
