"""What of a task a method gets to see. Here alone a part of it is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlbench.method.estimator import EstimatorMethod
from tlbench.method.reference import Reference

if TYPE_CHECKING:
    from tlbench.running.setup import Setup
    from tlbench.running.stage_values import Learner
    from tlbench.tasks import Task


def shown(setup: Setup, task: Task, learner: Learner) -> Task:
    """Return the task as the learner is given it.

    A method gets the parts that it says it `sees`. Where the source is private, an estimator gets what its `source_model` makes
    of it, the first of two stages, which the source's owner would run, without an example of the target; from there on no
    source example is in the run. References are the harness's own and get the source: the model that a method starts from is
    that of `source_only`.
    """
    if issubclass(setup.method, Reference):
        return task
    task = task.showing(setup.method.sees)
    if not setup.protocol.hides_source or "source" not in setup.method.sees:
        return task
    assert isinstance(learner, EstimatorMethod)  # as `refuse_impossible` has seen to
    model = learner.source_model(task.source_alone())
    learner.forget()  # the classifier that it was built with has seen the source where its C is searched for
    return task.without_source(model)
