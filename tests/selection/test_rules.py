import dataclasses

import numpy as np

from tests.support import gaussian_task
from tlbench.selection.rules import chosen_checkpoints, last_best
from tlbench.training.checkpoints import Checkpoint


def checkpoint(step: int, test_right: float, val_right: float | None, held_out, task) -> Checkpoint:
    def probabilities(labels, share):
        right = np.arange(len(labels)) < round(share * len(labels))
        return np.eye(2)[np.where(right, labels, 1 - labels)]

    val = None if val_right is None else probabilities(task.source_val.labels, val_right)
    return Checkpoint(step, probabilities(held_out.test.labels, test_right), val)


def test_each_rule_looks_at_what_it_is_entitled_to():
    task, held_out = gaussian_task()
    points = [checkpoint(s, t, v, held_out, task) for s, t, v in ((1, 0.9, 0.2), (2, 0.3, 0.8), (3, 0.5, 0.5))]
    assert chosen_checkpoints(points, task, held_out.test.labels) == {"last": 2, "source_val": 1, "oracle": 0}


def test_without_a_validation_part_there_is_no_such_rule():
    task, held_out = gaussian_task()
    points = [checkpoint(1, 0.9, None, held_out, task)]
    without_val = dataclasses.replace(task, source_val=None)
    assert chosen_checkpoints(points, without_val, held_out.test.labels) == {"last": 0, "oracle": 0}


def test_of_equals_the_one_trained_longest():
    assert [last_best([1, 3, 3, 2]), last_best([0.5]), last_best([2, 1])] == [2, 0, 0]
