"""source_and_target: train on the labelled source and the labelled target shots, pooled.

Uses     source labels; the labelled target shots
See      conf/method/source_and_target.yaml, docs/methods/source_and_target.md, tests/baselines/test_references.py
"""

import numpy as np

from tlbench.method import Reference
from tlbench.method.reference import shots_of
from tlbench.tasks import Labelled, Task


class SourceAndTarget(Reference):
    needs_shots = True

    def examples(self, task: Task, target_labels: np.ndarray | None) -> list[Labelled]:
        return [task.source, shots_of(task)]
