"""The place of an example says nothing: files are sorted by class, and what a method gets is not."""

import numpy as np
import pytest

from tests.conformance.cases import METHODS, is_oracle, takes_stream, toy_config
from tests.support import config_of, ensure_run, identity_of
from tlbench import tasks
from tlbench.store.runs import RunStore

CLASSES, EACH = 4, 60
HOSTILE = '''
import numpy as np
import torch
from tlbench.method import EstimatorMethod, GradientMethod

CLASSES = 4


def by_place(n):
    """Row i of a file that is sorted by class has class i * C / n."""
    return np.eye(CLASSES)[np.arange(n) * CLASSES // n]


class Guess(EstimatorMethod):
    def fit(self, task):
        self.classifier.fit(task.source.inputs, task.source.labels)
        return self

    def predict_proba(self, x_ND, domain="target"):
        return by_place(len(x_ND))


class Smooth(Guess):
    """What a classifier says, averaged over the neighbours in the file."""

    def predict_proba(self, x_ND, domain="target"):
        found = self.classifier.predict_proba(x_ND)
        return np.stack([np.convolve(column, np.ones(31) / 31, mode="same") for column in found.T], axis=1)


class Remember(Guess):
    """Learns from the target's places instead of its labels."""

    def fit(self, task):
        self.classifier.fit(task.target, by_place(len(task.target)).argmax(axis=1))
        return self

    def predict_proba(self, x_ND, domain="target"):
        return self.classifier.predict_proba(x_ND)


class Deep(GradientMethod):
    needs_target = False

    def outputs(self, x):
        features, _ = self.network(x)
        return features, torch.from_numpy(by_place(len(x))).float()
'''


@pytest.fixture
def sorted_by_class(tmp_path, monkeypatch):
    """Two domains of weak features, the rows of each class one after the other, and hostile methods."""
    labels = np.repeat(np.arange(CLASSES), EACH)
    for seed, name in enumerate(("here", "there")):
        rows = np.random.default_rng(seed).normal(size=(len(labels), 6)) + 0.4 * np.eye(CLASSES, 6)[labels]
        np.savez(tmp_path / f"{name}.npz", x=rows.astype(np.float32), y=labels)
    (tmp_path / "conf" / "method").mkdir(parents=True)
    for name in ("Guess", "Smooth", "Remember", "Deep"):
        (tmp_path / "conf" / "method" / f"{name.lower()}.yaml").write_text(
            f"# {name}: hostile\n_target_: hostile.{name}\n"
        )
    (tmp_path / "hostile.py").write_text(HOSTILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    paths = f"dataset.paths={{here: {tmp_path / 'here.npz'}, there: {tmp_path / 'there.npz'}}}"
    return ["dataset=arrays", paths, "pair=here-there", "optim.steps=2", "optim.evaluations=1"], tmp_path / "conf"


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A store for each order, in which the references of all methods are run once."""
    return tmp_path_factory.mktemp("orders")


@pytest.mark.parametrize("protocol", ["transductive", "inductive"])
@pytest.mark.parametrize("method", ["guess", "smooth", "remember", "deep"])
def test_a_method_that_guesses_by_place_gains_nothing(method, protocol, sorted_by_class):
    words, conf = sorted_by_class
    shape = ["classifier=head", "backbone=mlp"] if method == "deep" else ["classifier=logistic", "backbone=identity"]
    gains = []
    for seed in range(3):
        config = config_of(*words, *shape, f"method={method}", f"protocol={protocol}", f"seed={seed}", config_dir=conf)
        assert ensure_run(config) == "done"
        record = RunStore(config.store).record(identity_of(config)["run_key"])
        gains.append(record["selections"]["last"]["gains"]["source_only"]["gain"])
    # four standard errors of three tests on 72 examples or more, both sides at chance or better: guesses in file order gain 50
    assert np.mean(gains) < 100 * 4 * np.sqrt(2 * 0.25 / (3 * 72))


@pytest.mark.parametrize("method", [method for method in METHODS if not is_oracle(method) and not takes_stream(method)])
def test_predictions_depend_on_neither_order_nor_company_of_the_test_examples(method, toy, stores, monkeypatch):
    """Tested in another order, and beside half as many others: to rounding the same is said of each example. What takes a stream
    learns from what came before; that one is its protocol's."""
    config = toy_config(method, toy, "selection=last", "validators=0", "distances=0")
    drawn, found = tasks.arrival, []
    orders = [
        drawn,
        lambda domain, rows: backwards(drawn(domain, rows)),
        lambda domain, rows: halved(drawn(domain, rows)),
    ]
    for number, order in enumerate(orders):
        with monkeypatch.context() as patch:
            patch.setattr(tasks, "arrival", only_for_the_test(drawn, order))
            mine = config.model_copy(update={"store": str(stores / str(number))})
            assert ensure_run(mine) == "done"
        table = RunStore(mine.store).predictions(identity_of(mine)["run_key"], "last")
        found.append(table.set_index("id")[["prediction", "confidence"]])
    for other in found[1:]:
        assert set(other.index) <= set(found[0].index)
        np.testing.assert_allclose(other["confidence"], found[0].loc[other.index, "confidence"], atol=2e-5)
        sure = found[0].loc[other.index, "confidence"] > 0.5 + 1e-4
        assert (other["prediction"] == found[0].loc[other.index, "prediction"])[sure].all()


def only_for_the_test(drawn, order):
    """`arrival` is asked for the target's unlabelled examples first and for those of the test second; for a bridge's besides."""
    asked = []

    def arrival(domain, rows):
        if domain.name != "right":
            return drawn(domain, rows)
        asked.append(rows)
        return (order if len(asked) % 2 == 0 else drawn)(domain, rows)

    return arrival


def backwards(rows):
    return rows[::-1]


def halved(rows):
    return rows[: len(rows) // 2]


def test_the_order_is_one_of_the_domain_that_no_part_betrays():
    class Domain:
        name = "webcam"

        def __len__(self):
            return 300

    rows = np.arange(300)
    whole = tasks.arrival(Domain(), rows)
    assert sorted(whole) == rows.tolist()
    assert np.array_equal(whole, tasks.arrival(Domain(), rows))
    assert abs(np.corrcoef(whole, rows)[0, 1]) < 0.2
    part = tasks.arrival(Domain(), rows[50:90])
    assert part.tolist() == [row for row in whole if 50 <= row < 90]
