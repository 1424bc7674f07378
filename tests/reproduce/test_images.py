"""Recipes for images, in small: a few rows on little sets in the layouts in which the data are really distributed."""

import json

import pandas as pd
import pytest

from tests.support import last_of
from tests.trees import grow
from tlbench.cli import main
from tlbench.data_commands import composed
from tlbench.reproduce.published import AVERAGE, read_table
from tlbench.store.runs import RunStore

pytestmark = pytest.mark.slow

TINY = ["augment.side=36", "augment.size=32", "optim.steps=2", "optim.batch_size=4", "validators=0", "distances=0"]
SMALL_NET = ["backbone=resnet18", "backbone.pretrained=false"]


@pytest.fixture
def rows_of(tmp_path, monkeypatch):
    """(recipe, data set, pair, rows, overrides) to the exit status of a part of its table, its folder and its store."""
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))

    def run(name, dataset, pair, rows, *overrides, each=1):
        data, out, store = tmp_path / "data", tmp_path / "out", tmp_path / "store"
        counts = grow(composed(dataset, [f"data_dir={data}"], None)[0], data, each=each)
        here = [f"data_dir={data}", f"dataset.counts={json.dumps(counts).replace(chr(34), '')}", f"pair={pair}"]
        asked = [o for row in rows for o in ("--row", row)]
        arguments = ["reproduce", name, *asked, "--store", str(store), "--out", str(out)]
        status = main([*arguments, *last_of(*here, *TINY, *overrides), "hydra/launcher=basic"])
        return status, out, RunStore(store)

    return run


def parts_of(out):
    table = pd.read_csv(out / "decomposition.csv", keep_default_na=False)
    assert (table["method"] + table["recipe"] + table["selection"]).to_numpy() == pytest.approx(table["gain"], abs=1e-3)
    return table[table["pair"] == AVERAGE].set_index("row")


def test_the_librarys_own_recipes_choose_by_oracle(rows_of, capsys):
    status, out, store = rows_of(
        "tllib_office31", "office31", "A-W", ["ERM", "DANN"], "seed=1", "optim.evaluations=2", *SMALL_NET
    )
    assert status == 1  # two steps from random weights are far from the table
    assert "What the gains are made of" in capsys.readouterr().out
    records = {(r["method"], r["classifier"]): r for r in map(store.record, store.run_keys())}
    assert set(records) == {("source_only", "head"), ("dann", "office"), ("source_only", "office")}
    assert all({"oracle", "last"} <= set(r["selections"]) for r in records.values())
    parts, score = parts_of(out), {key: {rule: 100 * found["metrics"]["accuracy"] for rule, found in r["selections"].items()}
                                   for key, r in records.items()}  # fmt: skip
    dann, own, erm = (score[k] for k in (("dann", "office"), ("source_only", "office"), ("source_only", "head")))
    wanted = [dann["oracle"] - erm["oracle"], dann["last"] - own["last"], own["last"] - erm["last"]]
    assert parts.loc["DANN", ["gain", "method", "recipe"]].tolist() == pytest.approx(wanted, abs=1e-3)
    table = read_table(out / "reproduced.csv")
    assert table[table["pair"] == "amazon-webcam"]["published"].tolist() == [75.8, 91.4]
    text = (out / "README.md").read_text("utf-8")
    assert "ORACLE" in text.splitlines()[0]
    assert "## What the gains are made of" in text


def test_the_matched_recipe_leaves_the_method_alone_to_differ(rows_of):
    rows = ["ERM", "CDAN", "MCC"]
    status, out, store = rows_of(
        "matched_office_home", "office_home", "Ar-Cl", rows, "seed=0", "optim.evaluations=1", *SMALL_NET
    )
    assert status == 0
    records = [store.record(key) for key in store.run_keys()]
    assert len(records) == 3
    assert len({r["recipe_key"] for r in records}) == 1
    assert (parts_of(out)[["recipe", "selection"]] == 0).all(axis=None)
    assert set(json.loads((out / "status.json").read_text())["rows"].values()) == {"no tolerance"}


def test_visda_is_scored_by_the_mean_of_its_classes(rows_of):
    status, out, store = rows_of(
        "tllib_visda2017", "visda2017", "train-validation", ["ERM", "JAN"], "optim.evaluations=2", *SMALL_NET
    )
    assert status == 1
    (jan,) = [r for r in map(store.record, store.run_keys()) if r["method"] == "jan"]
    got = read_table(out / "reproduced.csv").set_index(["row", "pair"])
    wanted = 100 * jan["selections"]["oracle"]["metrics"]["mean_class_accuracy"]
    assert got.loc[("JAN", "train-validation"), "got"] == pytest.approx(wanted, abs=1e-3)
    assert got.loc[("JAN", "train-validation"), "published"] == 73.4


def test_deep_coral_runs_on_alexnets_last_layer_with_the_weight_of_each_pair(rows_of):
    name, pair = "deepcoral_eccvw16_office31", "A-W"
    tiny = ["augment.side=68", "augment.size=64", "seed=0", "optim.evaluations=1", "backbone.pretrained=false"]
    status, out, store = rows_of(name, "office31", pair, ["CNN", "D-CORAL"], *tiny)
    assert status == 0
    records = {r["method"]: r for r in map(store.record, store.run_keys())}
    assert set(records) == {"source_only", "coral"}
    config = store.config(records["coral"]["run_key"])
    assert config["method"] == {**config["method"], "variant": "logits", "weight": 0.8}
    assert records["coral"]["pair"] == "amazon-webcam"
    assert read_table(out / "runs.csv")["pair"].unique().tolist() == ["amazon-webcam"]
    assert parts_of(out).loc["D-CORAL", "recipe"] == 0


def test_rows_of_several_passes_run_by_the_librarys_recipe(rows_of):
    rows = ["ERM", "BSP", "MCD", "AFN", "FixMatch"]
    status, _, store = rows_of(
        "tllib_office31",
        "office31",
        "D-W",
        rows,
        "seed=1",
        "optim.evaluations=1",
        "classifier.bottleneck=8",
        *SMALL_NET,
    )
    assert status == 1
    records = {r["method"]: store.config(r["run_key"]) for r in map(store.record, store.run_keys())}
    assert set(records) == {"source_only", "bsp", "mcd", "afn", "pseudo_label"}
    for method in ("mcd", "afn"):
        optim = records[method]["optim"]
        assert (optim["schedule"], optim["nesterov"], optim["momentum"]) == ("constant", False, 0.9)
    assert (records["afn"]["augment"]["crop"], records["mcd"]["augment"]["crop"]) == ("random", "random_resized")


def test_sdat_climbs_and_has_mcc_at_the_script_s_temperature(rows_of):
    rows = ["CDAN", "CDAN w/ SDAT", "CDAN+MCC", "CDAN+MCC w/ SDAT"]
    tiny = ["optim.evaluations=1", "backbone.name=resnet18", "backbone.pretrained=false"]
    status, out, store = rows_of("sdat_icml22_office_home", "office_home", "Ar-Cl", rows, *tiny)
    assert status == 1  # far from the one printed row
    found = [store.config(key)["method"] for key in store.run_keys()]
    climbs = {(m["name"], m.get("rho"), m.get("confusion"), m.get("temperature")) for m in found}
    assert climbs == {
        ("source_only", None, None, None), ("cdan", None, None, None), ("sdat", 0.02, 0.0, 2.5),
        ("sdat", 0, 1, 2), ("sdat", 0.02, 1, 2),
    }  # fmt: skip
    table = read_table(out / "reproduced.csv").set_index(["row", "pair"])
    assert table.loc[("CDAN+MCC w/ SDAT", "art-clipart"), "published"] == 70.8


def test_mic_is_compared_with_sdat_on_the_same_network(rows_of):
    rows = ["SDAT, ViT", "MIC, ViT"]
    tiny = [
        "optim.evaluations=1",
        "augment.side=72",
        "augment.size=64",
        "backbone.name=resnet18",
        "backbone.pretrained=false",
    ]
    status, out, store = rows_of("mic_cvpr23", "visda2017", "train-validation", rows, *tiny)
    assert status == 1
    assert {store.record(key)["method"] for key in store.run_keys()} == {"source_only", "sdat", "mic"}
    assert len(store.run_keys()) == 3
    got = read_table(out / "reproduced.csv").set_index(["row", "pair"])["published"]
    assert [got[row, "train-validation"] for row in rows] == [89.8, 92.8]


def test_mme_has_shots_and_half_of_the_labelled_batch_from_them(rows_of):
    tiny = ["optim.evaluations=1", "classifier.bottleneck=8"]
    tiny += ["backbone.name=resnet18", "backbone.pretrained=false"]
    status, out, store = rows_of(
        "mme_iccv19_domainnet126", "domainnet126", "R-S", ["S+T", "MME"], "--part", "1 shot", *tiny, each=2
    )
    assert status == 0  # nothing to be near
    records = {r["method"]: r for r in map(store.record, store.run_keys())}
    assert set(records) == {"source_only", "target_only", "source_and_target", "mme"}
    config = store.config(records["mme"]["run_key"])
    assert (config["protocol"]["shots"], config["optim"]["shares"], config["classifier"]["last"]) == (
        1,
        "equal",
        "cosine",
    )
    assert "MME is ahead of" in (out / "README.md").read_text("utf-8")
