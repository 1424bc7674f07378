"""source_only: train on the labelled source alone, test on the target. The reference without shots.

Uses     source labels
See      conf/method/source_only.yaml, docs/methods/source_only.md, tests/baselines/test_references.py
"""

import numpy as np

from tlbench.method import Reference
from tlbench.tasks import Labelled, Task


class SourceOnly(Reference):
    def examples(self, task: Task, target_labels: np.ndarray | None) -> list[Labelled]:
        return [task.source]
