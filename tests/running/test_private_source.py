"""A private source: a method has what the source's owner fits on it, and no example of it."""

import copy

import numpy as np
import pytest
import scipy.sparse as sp

from baselines.task_tradaboost import TaskTrAdaBoost
from tests.conformance.cases import METHODS, class_of
from tests.running.test_stages import reachable
from tests.support import config_of, ensure_run, fitted, identity_of, last_of, prepared
from tlbench.classifiers.estimators import Logistic
from tlbench.errors import Refused, TlbenchError
from tlbench.method.reference import Reference
from tlbench.running.fit import fit
from tlbench.running.prepare import build_learner
from tlbench.running.refusals import refuse_impossible
from tlbench.running.rehearse import rehearse
from tlbench.running.setup import Setup
from tlbench.running.shown import shown
from tlbench.store.runs import RunStore
from tlbench.store.table import read_runs
from tlbench.tasks import Labelled, Task, load_task

FREE = [name for name in METHODS if class_of(name).source_free]
CLASSIFIER = {"asvm": "linear_svm", "pmt_svm": "linear_svm", "prior_logistic": "logistic"}
AS_GIVEN = ["asvm", "bbse", "pmt_svm", "prior_em", "prior_logistic", "rlls", "task_tradaboost"]
"""A model of the source is all that these ever take of it."""


def words(method, *extra):
    """What a command is given; of two words for one key the last counts."""
    shots = ["protocol.shots=2"] if class_of(method).needs_shots else []
    # a C that is searched for: the search looks at the source before the method is built
    own = [f"classifier={CLASSIFIER.get(method, 'logistic')}", "classifier.search=[0.1,1.0,10.0]"]
    how = ["method.how=correct"] if method in ("bbse", "prior_em", "rlls") else []
    return last_of("dataset=toy", "pair=L-R", f"method={method}", "validators=10", *own, *shots, *how, *extra)


def private(toy, method, *extra):
    return config_of(*words(method, "protocol.source=private", *extra), config_dir=toy)


def test_these_methods_can_do_without_the_source():
    assert sorted(FREE) == sorted([*AS_GIVEN, "gradual_self_training", "self_training"])


@pytest.mark.parametrize("method", FREE)
def test_noise_in_the_source_after_stage_one_changes_nothing(method, toy):
    setup = Setup.of(private(toy, method))
    task, test, hidden = load_task(setup.dataset, setup.pair, setup.protocol, 0, setup.augment)
    learner, task, test = build_learner(setup, task, test, hidden)
    own = copy.deepcopy(task)
    seen = shown(setup, own, learner)
    rng = np.random.default_rng(0)
    for part in (own.source, own.source_val):
        part.inputs[:] = rng.normal(size=part.inputs.shape)
        part.labels[:] = rng.permutation(part.labels)
    (want,) = fit([prepared(setup.config)[0]])
    np.testing.assert_array_equal(learner.fit(seen).predict_proba(test), want.checkpoints[-1].test)


@pytest.mark.parametrize("method", FREE)
def test_no_source_example_is_in_reach_of_a_fit(method, toy):
    """No array that shares memory with the source, none with a row of it, and none with its labels."""
    given, _ = prepared(config_of(*words(method), config_dir=toy))
    run, _ = prepared(private(toy, method))
    assert (len(run.task.source), run.task.source_val, run.task.model is None) == (0, None, False)
    rows = {row.tobytes() for part in (given.task.source, given.task.source_val) for row in part.inputs}
    for what in (run.task, run.learner, fit([run])[0].prepared.learner):
        seen: dict = {}
        reachable(what, seen)
        arrays = [value for value in seen.values() if isinstance(value, np.ndarray)]
        assert arrays
        for array in arrays:
            assert not np.array_equal(array, given.task.source.labels)
            wide = array.ndim == 2 and array.shape[1] == given.task.source.inputs.shape[1]
            assert not wide or not any(row.tobytes() in rows for row in np.ascontiguousarray(array, dtype=float))


def test_nor_do_boosted_learners_of_fewer_rows_than_features_keep_the_span_of_these():
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(30, 40)), np.arange(30) % 3
    task = Task(Labelled(rows, labels), rows[:9] + 0.1, Labelled(rows[:9] + 0.1, labels[:9]), None, 3, (40,))
    method = TaskTrAdaBoost(rounds=3, gamma=0.0, classifier=Logistic(C=0.01, n_classes=3, seed=0))
    seen: dict = {}
    reachable(method.source_model(task), seen)
    arrays = [value for value in seen.values() if isinstance(value, np.ndarray)]
    assert arrays
    assert not any(np.shares_memory(array, rows) or array.shape == rows.shape for array in arrays)


def test_what_has_source_rows_would_be_found(toy):
    """The search of the test above finds them where they are: in a classifier that keeps them."""
    given, _ = prepared(config_of(*words("self_training", "classifier=linear_svm"), config_dir=toy))
    seen: dict = {}
    reachable(given.learner.source_model(given.task), seen)
    assert any(value is given.task.source.inputs for value in seen.values())


@pytest.mark.parametrize("method", AS_GIVEN)
def test_what_needs_a_model_alone_says_the_same_of_a_source_that_is_given(method, toy):
    hidden, given = (fitted(config) for config in (private(toy, method), config_of(*words(method), config_dir=toy)))
    np.testing.assert_array_equal(hidden.checkpoints[-1].test, given.checkpoints[-1].test)
    assert hidden.history == given.history


def test_self_training_starts_from_the_owners_classifier_and_learns_from_the_target_alone(toy):
    given, _ = prepared(config_of(*words("self_training"), config_dir=toy))
    task, classifier = given.task, given.learner.classifier
    says = copy.copy(classifier).fit(task.source.inputs, task.source.labels).predict_proba(task.target)
    done = fitted(private(toy, "self_training", "method.rounds=1"))
    student = copy.copy(classifier).fit(task.target, says.argmax(axis=1))
    assert done.checkpoints[-1].test == pytest.approx(student.predict_proba(done.prepared.test), abs=1e-12)


def test_gradual_self_training_has_the_owners_classifier_as_its_first_teacher(toy):
    chain = ["pair=L-T-R", "method.drop=0.0"]
    given, _ = prepared(config_of(*words("gradual_self_training", *chain), config_dir=toy))
    task, learner = given.task, given.learner.classifier
    teacher = copy.copy(learner).fit(task.source.inputs, task.source.labels)
    for rows in (*task.bridges, task.target):
        teacher = copy.copy(learner).fit(rows, teacher.predict_proba(rows).argmax(axis=1))
    done = fitted(private(toy, "gradual_self_training", *chain))
    assert done.checkpoints[-1].test == pytest.approx(teacher.predict_proba(done.prepared.test), abs=1e-12)


def test_shots_join_the_students_and_not_the_first_teacher(toy):
    given, _ = prepared(config_of(*words("self_training", "protocol.shots=2"), config_dir=toy))
    task, classifier = given.task, given.learner.classifier
    says = copy.copy(classifier).fit(task.source.inputs, task.source.labels).predict_proba(task.target)
    done = fitted(private(toy, "self_training", "method.rounds=1", "protocol.shots=2"))
    rows, labels = np.vstack([task.shots.inputs, task.target]), np.append(task.shots.labels, says.argmax(axis=1))
    student = copy.copy(classifier).fit(rows, labels)
    assert done.checkpoints[-1].test == pytest.approx(student.predict_proba(done.prepared.test), abs=1e-9)


def test_guesses_of_one_class_fit_no_student(toy):
    """Where the owner's classifier says one class of all, it is what predicts."""
    run, _ = prepared(private(toy, "self_training"))
    model = run.task.model
    model.model.coef_[:] = 0.0
    model.model.intercept_[:] = [5.0, 0.0, 0.0]
    assert run.learner.fit(run.task).classifier is model


def test_a_task_without_its_source():
    both = Labelled(np.ones((3, 2)), np.array([0, 1, 0]))
    task = Task(both, np.ones((4, 2)), both, both, 2, (2,), source_of=np.array([0, 0, 1]), source_names=("a", "b"))
    hidden = task.without_source("model")
    assert (len(hidden.source), hidden.source_val, len(hidden.source_of), hidden.model) == (0, None, 0, "model")
    assert hidden.source.inputs.shape == (0, 2)
    assert [len(part) for part in hidden.sources] == [0, 0]
    assert hidden.shots is both
    sparse = Task(
        Labelled(sp.csr_matrix(np.ones((3, 2))), both.labels), sp.csr_matrix(np.ones((4, 2))), None, None, 2, (2,)
    )
    assert sparse.without_source(None).source.inputs.shape == (0, 2)


def test_references_are_the_harness_s_and_keep_the_source(toy, tmp_path):
    config = private(toy, "self_training").model_copy(update={"store": str(tmp_path / "store")})
    assert ensure_run(config) == "done"
    store = RunStore(config.store)
    record = store.record(identity_of(config)["run_key"])
    assert (record["sizes"]["source"], record["sizes"]["labelled"]) == (0, 0)
    assert record["protocol"] == "inductive, private source"
    reference = store.record(record["selections"]["last"]["gains"]["source_only"]["run_key"])
    assert reference["sizes"]["source"] == 48
    scores = record["checkpoints"][0]["scores"]
    assert not {"source_val", "iwv", "dev", "circular"} & set(scores)
    assert {"entropy", "im", "bnm", "snd", "mixval", "class_cluster"} <= set(scores)
    table = read_runs(store)
    row = table[(table["method"] == "self_training") & (table["selection"] == "last")].iloc[0]
    other = table[(table["method"] == "source_only") & (table["selection"] == "last")].iloc[0]
    assert row["gain"] == pytest.approx(100 * (row["score"] - other["score"]))


@pytest.mark.parametrize(
    ("allowed", "refused", "message"),
    [
        (("self_training",), ("tca",), "tca needs source examples, and protocol.source=private hides them"),
        (("gradual_self_training",), ("goat",), "goat needs source examples"),
        (("prior_em",), ("kmm",), "kmm needs source examples"),
        (("asvm",), ("self_training", "classifier=linear_svm"), "linear_svm keeps its training examples"),
        (("prior_em",), ("prior_em", "embeddings=20"), "embeddings keep source features"),
        (("prior_em",), ("prior_em", "method.how=reweight"), "prior_em fits the source again where method.how=reweight"),
        (("prior_em",), ("prior_em", "protocol.shots=2"), "prior_em estimates the shift where the source is"),
    ],
)  # fmt: skip
def test_a_refusal_stands_beside_what_is_allowed(allowed, refused, message, toy):
    refuse_impossible(Setup.of(private(toy, *allowed)))
    with pytest.raises(Refused, match=message):
        refuse_impossible(Setup.of(private(toy, *refused)))


@pytest.mark.parametrize("rule", ["source_val", "iwv", "dev", "circular"])
def test_no_selection_looks_at_a_private_source(rule, toy):
    rehearse(Setup.of(private(toy, "self_training", "selection=im")))
    rehearse(Setup.of(config_of(*words("self_training", f"selection={rule}"), config_dir=toy)))
    with pytest.raises(TlbenchError, match=f"selection={rule} looks at source examples, and protocol.source=private"):
        rehearse(Setup.of(private(toy, "self_training", f"selection={rule}")))


def test_a_backbone_is_not_fitted_to_it(toy):
    msda = ["backbone=msda", "backbone.mode=frozen"]
    rehearse(Setup.of(config_of(*words("self_training", *msda), config_dir=toy)))
    with pytest.raises(TlbenchError, match="fitted to the inputs of both domains, and protocol"):
        rehearse(Setup.of(private(toy, "self_training", *msda)))


def test_it_is_a_protocol_of_its_own_and_moves_no_key_where_it_is_given(toy):
    given, hidden = config_of(*words("self_training"), config_dir=toy), private(toy, "self_training")
    keys = [identity_of(config)["recipe_key"] for config in (given, hidden)]
    assert keys[0] != keys[1]
    protocol = {name: value for name, value in given.protocol.items() if name != "source"}
    assert identity_of(given.model_copy(update={"protocol": protocol}))["recipe_key"] == keys[0]


def test_references_are_no_case_of_it():
    assert not any(class_of(name).source_free for name in METHODS if issubclass(class_of(name), Reference))


@pytest.mark.parametrize("method", FREE)
def test_the_owner_has_no_example_of_the_target(method, toy, monkeypatch):
    setup = Setup.of(private(toy, method))
    task, test, hidden = load_task(setup.dataset, setup.pair, setup.protocol, 0, setup.augment)
    learner, task, _ = build_learner(setup, task, test, hidden)
    given, stage_one = [], type(learner).source_model
    monkeypatch.setattr(type(learner), "source_model", lambda self, task: given.append(task) or stage_one(self, task))
    seen = shown(setup, task, learner)
    assert (len(given[0].target), given[0].shots, given[0].bridges) == (0, None, ())
    assert len(given[0].source) == len(task.source)
    assert len(seen.target) == len(task.target)
    assert (seen.shots is None) == (task.shots is None)
