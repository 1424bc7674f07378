import dataclasses

import numpy as np
import pytest

from baselines.oracle import Oracle
from baselines.source_and_target import SourceAndTarget
from baselines.source_only import SourceOnly
from baselines.target_only import TargetOnly
from tests.support import gaussian_task
from tlbench.errors import Refused


def test_each_reference_names_its_labelled_sets():
    task, held_out = gaussian_task(shots_per_class=2)
    assert SourceOnly().examples(task, None) == [task.source]
    assert TargetOnly().examples(task, None) == [task.shots]
    assert SourceAndTarget().examples(task, None) == [task.source, task.shots]
    hidden, shots = Oracle().examples(task, held_out.target_labels)
    assert shots is task.shots
    np.testing.assert_array_equal(hidden.inputs, task.target)
    np.testing.assert_array_equal(hidden.labels, held_out.target_labels)


def test_the_oracle_counts_no_example_twice():
    task, _ = gaussian_task(shots_per_class=2)
    again = dataclasses.replace(task, target=task.shots.inputs[1:], target_is_labelled=True)
    assert Oracle().examples(again, task.shots.labels[1:]) == [task.shots]


@pytest.mark.parametrize("reference", [TargetOnly, SourceAndTarget])
def test_references_of_labelled_target_examples_need_some(reference):
    with pytest.raises(Refused, match=r"protocol\.shots is 0"):
        reference().examples(gaussian_task()[0], None)


def test_only_the_oracle_takes_target_labels():
    assert [r.oracle for r in (SourceOnly, TargetOnly, SourceAndTarget, Oracle)] == [False, False, False, True]
    with pytest.raises(ValueError, match="needs the target labels"):
        Oracle().examples(gaussian_task()[0], None)
