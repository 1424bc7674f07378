"""oracle: train on the labels of all target training examples. ORACLE: an upper bound, no method.

Uses     every target training label
Note     needs a protocol that holds the target test part out, or it would be trained on its own test examples
See      conf/method/oracle.yaml, docs/methods/oracle.md, tests/baselines/test_references.py
"""

import numpy as np

from tlbench.method import Reference
from tlbench.tasks import Labelled, Task


class Oracle(Reference):
    oracle = True
    domains = ("target", "target")

    def examples(self, task: Task, target_labels: np.ndarray | None) -> list[Labelled]:
        if target_labels is None:
            raise ValueError("an oracle needs the target labels")
        hidden = Labelled(task.target, target_labels)
        if task.shots is None:
            return [hidden]
        return [task.shots] if task.target_is_labelled else [hidden, task.shots]
