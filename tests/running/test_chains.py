"""Chains over unlabelled bridges: what is shown of them, what is refused, and what the direct pair is for."""

import numpy as np
import pytest

from tests.support import config_of, dataset_of, ensure_run, identity_of, jobs_of, prepared, protocol_of, settled
from tlbench.data.domain import Domain
from tlbench.data.files import FileDataset
from tlbench.errors import Refused
from tlbench.running.refusals import refuse_impossible
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore
from tlbench.store.table import read_runs
from tlbench.tasks import arrival

METHODS = ["gradual_self_training", "goat"]


@pytest.fixture
def chain(toy, tmp_path):
    def config(method="gradual_self_training", pair="L-T-R", *extra):
        words = ["dataset=toy", f"pair={pair}", f"method={method}", "classifier=logistic", "distances=0", *extra]
        return config_of(*words, config_dir=toy).model_copy(update={"store": str(tmp_path / "store")})

    return config


def test_a_task_shows_the_bridges_rows_in_an_order_of_their_own_and_no_label_of_them(chain):
    run, _ = prepared(chain())
    dataset = dataset_of(chain())
    top = dataset.load("top")
    (bridge,) = run.task.bridges
    assert bridge == pytest.approx(np.asarray(top.inputs)[arrival(top, np.arange(len(top)))])
    assert not any("label" in name for name in vars(run.task) if "bridge" in name)
    few, _ = prepared(chain("gradual_self_training", "L-T-R", "protocol.n_target=7"))
    assert len(few.task.bridges[0]) == 7


def test_sources_are_told_apart(toy):
    run, _ = prepared(config_of("dataset=toy", "pair=L+T-R", "method=sa", config_dir=toy))
    assert run.task.source_names == ("left", "top")
    parts = run.task.sources
    rows = protocol_of(config_of("dataset=toy", "pair=L+T-R", "method=sa", config_dir=toy))
    assert sum(map(len, parts)) == len(run.task.source)
    dataset = dataset_of(config_of("dataset=toy", "pair=L+T-R", "method=sa", config_dir=toy))
    drawn = rows.rows([dataset.load("left"), dataset.load("top")], dataset.load("right"), 0).source_train
    for name, part, own in zip(("left", "top"), parts, drawn, strict=True):
        assert part.inputs == pytest.approx(np.asarray(dataset.load(name).inputs)[own])


@pytest.mark.parametrize("method", METHODS)
def test_gains_are_over_the_references_and_over_the_same_method_on_the_direct_pair(method, chain):
    assert ensure_run(chain(method)) == "done"
    store = RunStore(chain().store)
    record = store.record(identity_of(chain(method))["run_key"])
    gains = record["selections"]["last"]["gains"]
    assert list(gains) == ["source_only", "direct"]
    assert gains["direct"]["run_key"] == identity_of(chain(method, "L-R"))["run_key"]
    assert record["sizes"]["bridges"] == 60
    table = read_runs(store)
    row = table[
        (table["method"] == method) & (table["pair"] == "left-top-right") & (table["selection"] == "last")
    ].iloc[0]
    own = table[(table["method"] == method) & (table["pair"] == "left-right") & (table["selection"] == "last")].iloc[0]
    assert row["gain_over_direct"] == pytest.approx(100 * (row["score"] - own["score"]))


def test_references_say_of_a_chain_what_they_say_of_the_direct_pair(chain):
    keys = {pair: identity_of(chain("source_only", pair))["run_key"] for pair in ("L-T-R", "L-R")}
    assert ensure_run(chain("source_only")) == ensure_run(chain("source_only", "L-R")) == "done"
    store = RunStore(chain().store)
    assert (store.predictions(keys["L-T-R"], "last") == store.predictions(keys["L-R"], "last")).all(axis=None)
    assert "direct" not in store.record(keys["L-T-R"])["selections"]["last"]["gains"]


def test_a_method_without_use_for_bridges_is_refused_beside_the_direct_pair(chain):
    refuse_impossible(Setup.of(chain("sa", "L-R")))
    with pytest.raises(Refused, match=r"sa has no use for bridges, .* Use pair=left-right\."):
        refuse_impossible(Setup.of(chain("sa")))


def test_a_plan_has_the_direct_run_before_its_chain_and_once(toy):
    jobs = jobs_of("dataset=toy", "pair=chains", "method=goat", "classifier=logistic", config_dir=toy)
    titles = [job.title() for job in jobs]
    assert (
        len(titles) == len(set(titles)) == 6 + 6 + 6
    )  # chains, their references, and the direct pairs, each also a reference
    direct, whole = (titles.index(f"goat toy {pair} seed 0") for pair in ("left-right", "left-top-right"))
    assert direct < whole


@pytest.mark.parametrize("method", METHODS)
def test_random_labels_of_bridges_and_target_change_no_prediction(method, chain, tmp_path, monkeypatch):
    def said(store):
        config = chain(method, "L-T-R").model_copy(update={"store": str(tmp_path / store)})
        assert ensure_run(config) == "done"
        return RunStore(config.store).predictions(identity_of(config)["run_key"], "last")["confidence"].to_numpy()

    before, load = said("true"), FileDataset.load

    def with_random_labels(self, name):
        d = load(self, name)
        if name == "left":
            return d
        return Domain(name, d.inputs, np.random.default_rng(3).integers(0, 3, len(d)), d.groups)

    monkeypatch.setattr(FileDataset, "load", with_random_labels)
    np.testing.assert_array_equal(before, said("random"))


def test_a_method_that_needs_a_bridge_is_refused_without_and_with_two_and_has_no_direct_pair(toy):
    def setup(pair):
        return Setup.of(config_of("dataset=toy", f"pair={pair}", "method=ttl", config_dir=toy))

    refuse_impossible(setup("L-T-R"))
    assert list(setup("L-T-R").references) == ["source_only"]
    with pytest.raises(Refused, match=r"exactly one bridge, and pair=left-right has none\. Use pair=left-BRIDGE-right"):
        refuse_impossible(setup("L-R"))
    words = ["dataset=office_caltech10", "pair=A-C-D-W", "backbone=identity", "classifier=nearest_mean", "method=ttl"]
    with pytest.raises(Refused, match=r"-caltech10-dslr-webcam has 2\. Use pair=amazon-BRIDGE-webcam"):
        refuse_impossible(Setup.of(settled(*words)))
