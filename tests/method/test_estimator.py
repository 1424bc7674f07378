"""What a look at an estimator method gets: features and predictions of them, worked out once where they may be."""

import numpy as np
import pytest

from baselines.coral_linear import CoralLinear
from baselines.sa import SubspaceAlignment
from tests.support import gaussian_task
from tlbench.classifiers.estimators import LinearSVM


def coral(variant):
    return CoralLinear(ridge=1.0, variant=variant, classifier=LinearSVM(n_classes=2, seed=0, C=1.0))


@pytest.mark.parametrize(
    "method",
    [SubspaceAlignment(dim=2, classifier=LinearSVM(n_classes=2, seed=0, C=1.0)), coral("map"), coral("kernel")],
)
def test_features_and_predictions_are_seen_with_one_map(method, monkeypatch):
    task, _ = gaussian_task()
    method.fit(task)
    x, calls, features = task.source.inputs, [], method.features
    want = features(x, "source"), method.predict_proba(x, "source")
    monkeypatch.setattr(method, "features", lambda *given: calls.append(given) or features(*given))
    for got, wanted in zip(method.seen(x, "source"), want, strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert len(calls) == 1
