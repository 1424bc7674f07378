"""Methods fitted on arrays by hand: scikit-learn's own checks, and the numbers of a run."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

import tlbench as tl
from tlbench.errors import TlbenchError
from tlbench.tasks import arrival


@parametrize_with_checks([tl.estimator("coral_linear", "logistic"), tl.estimator("source_only", "linear_svm")])
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("method", "settings"),
    [("sa", {"dim": 2}), ("tca", {"dim": 3}), ("coral_linear", {}), ("jda", {"dim": 3, "classifier__C": 10.0})],
)
def test_the_numbers_are_those_of_a_run(method, settings, toy):
    where = {"dataset": "toy", "pair": "L-R", "protocol": "transductive", "config_dir": str(toy)}
    own = {key if "__" in key else f"method__{key}": value for key, value in settings.items()}
    row = tl.run(**where, method=method, classifier="linear_svm", **own)
    task = tl.task(**where)
    names = np.array(["x", "y", "z"])
    found = tl.estimator(method, **settings).fit(task.source.inputs, names[task.source.labels], task.target)
    said = tl.predictions(row).set_index("row")
    # the target's examples come in an order of their own
    order = arrival(type("D", (), {"name": "right", "__len__": lambda self: len(said)})(), np.arange(len(said)))
    assert found.predict(task.target).tolist() == names[said.loc[order, "prediction"]].tolist()
    np.testing.assert_allclose(found.predict_proba(task.target).max(axis=1), said.loc[order, "confidence"], rtol=1e-9)


def test_it_goes_where_scikit_learns_go():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = np.eye(4)[y] * 3 + rng.normal(size=(60, 4))
    assert cross_val_score(tl.estimator("coral_linear"), x, y, cv=3).mean() > 0.8
    assert clone(tl.estimator("sa", dim=3)).get_params()["parameters"] == {"method.dim": 3}


def test_lists_are_parameters_and_predictions_pile_nothing_up():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    x = np.eye(4)[y] * 3 + rng.normal(size=(60, 4))
    found = tl.estimator("source_only", classifier__search=[0.1, 1.0], classifier__folds=2).fit(x, y)
    assert found.method_.classifier.C in (0.1, 1.0)
    for _ in range(40):
        found.predict(rng.normal(size=(5, 4)))
    assert len(found.method_.classifier._kernels) <= 16


def test_shots_reach_the_methods_that_take_them():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 3
    xs, xt = (np.eye(4)[y] * 3 + rng.normal(size=(60, 4)) + shift for shift in (0, 1))
    with pytest.raises(TlbenchError, match="needs labelled target examples"):
        tl.estimator("tradaboost", rounds=3).fit(xs, y, xt)
    found = tl.estimator("tradaboost", rounds=3).fit(xs, y, xt, xt[:6], y[:6])
    assert (found.predict(xt) == y).mean() > 0.8
    with pytest.raises(ValueError, match="a label that y lacks"):
        tl.estimator("tradaboost").fit(xs, y, xt, xt[:6], y[:6] + 5)


@pytest.mark.parametrize(
    ("method", "parameters", "told"),
    [
        ("corl", {}, "Unknown method 'corl'"),
        ("sa", {"dims": 2}, "Did you mean 'method.dim'"),
        ("dann", {}, "is not fitted on arrays"),
        ("oracle", {}, "is not fitted on arrays"),
    ],
)
def test_what_cannot_be_is_refused(method, parameters, told):
    with pytest.raises(TlbenchError, match=told):
        tl.estimator(method, **parameters).fit(np.eye(6), np.arange(6) % 2)
