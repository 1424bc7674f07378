import pytest
import yaml

from tlbench.errors import TlbenchError
from tlbench.paths import conf_dir
from tlbench.reproduce.recipe import Paper, load

ROW = {"page": "p", "published": None}


def grids(given=(), **row):
    paper = Paper.model_validate({
        "title": "T", "link": "https://x", "citation": "C", "protocol": "P", "needs": {"data": ["d"], "gpu_hours": 1},
        "expected": "", "common": ["seed=0", "optim.lr=0.1"], "parts": {"one": ["dataset=d"]}, "departures": [],
        "rows": {"A": {**ROW, **row}},
    })  # fmt: skip
    return [(grid.arguments, grid.pairs) for grid in paper.grids(list(given))["one", "A"]]


def test_a_rows_own_settings_take_the_place_of_the_common_ones():
    own = {"set": ["method=m", "seed=1,2"], "per_part": {"one": ["optim.lr=0.3"]}}
    assert grids(**own) == [(["seed=1,2", "optim.lr=0.3", "dataset=d", "method=m"], None)]


def test_the_command_takes_the_place_of_both():
    own = {"set": ["method=m", "seed=1,2"]}
    assert grids(["seed=5"], **own) == [(["optim.lr=0.1", "dataset=d", "method=m", "seed=5"], None)]


def test_settings_of_single_pairs_come_last():
    own = {"set": ["method=m"], "per_pair": {"one": {"optim.lr=0.2": ["a-b"], "optim.lr=0.3": ["b-a"]}}}
    assert [pairs for _, pairs in grids(**own)] == [["a-b"], ["b-a"]]
    assert [arguments[-1] for arguments, _ in grids(**own)] == ["optim.lr=0.2", "optim.lr=0.3"]


@pytest.mark.parametrize("name", ["tllib_office31", "tllib_office_home", "tllib_visda2017"])
def test_rates_by_step_are_told_as_rates_over_the_run(name):
    """Annealing is the script's gamma times the steps, and a reversal by i / 1000 is a gamma of steps / 1000."""
    gamma = {"ERM": 3e-4, "DAN": 3e-4, "JAN": 3e-4, "MDD": 2e-4, "Deep CORAL": 3e-4, "FixMatch": 4e-4}
    for row, own in load(name).rows.items():
        values = dict(o.split("=", 1) for o in own.set)
        steps = int(values["optim.steps"])
        assert steps % int(values["optim.evaluations"]) == 0
        if values.get("optim.schedule") == "constant":
            assert row in ("MCD", "AFN")
            assert "optim.annealing" not in values
            continue
        assert float(values["optim.annealing"]) == pytest.approx(gamma.get(row, 1e-3) * steps)
        if row in ("CDAN", "MDD", "BSP"):
            assert float(values["method.gamma"]) == steps / 1000
            assert values["method.hidden"] == {"CDAN": "1024", "BSP": "1024"}.get(
                row, values.get("classifier.bottleneck")
            )


def test_of_some_parts_what_is_said_of_each_is_left_and_what_is_said_of_all_is_not():
    paper = load("tradaboost_icml07_text")
    left = paper.only(None, ["rec vs sci 20", "rec vs talk 1"]).claims
    assert [(c.kind, c.over, c.parts) for c in left] == [
        ("above", "target only", ["rec vs talk 1"]), ("above", "pooled", ["rec vs talk 1", "rec vs sci 20"]),
    ]  # fmt: skip
    whole = paper.only(None, ["rec vs sci 1", "rec vs sci 5", "rec vs sci 20"]).claims
    assert [c.parts for c in whole if c.kind == "shrinks"] == [["rec vs sci 1", "rec vs sci 5", "rec vs sci 20"]]
    assert paper.only(["target only", "pooled"]).claims == []


@pytest.mark.parametrize("part", load("tradaboost_icml07_text").parts)
def test_labels_of_the_text_recipe_are_their_share_of_the_source(part):
    """Of all source examples, half in each of two classes; one label more or less would be farther off."""
    paper = load("tradaboost_icml07_text")
    values = dict(o.split("=", 1) for o in paper.parts[part])
    config = yaml.safe_load((conf_dir() / "dataset" / f"{values['dataset']}.yaml").read_text("utf-8"))
    n, share = config["counts"][values["pair"].split("-")[0]], int(part.split()[-1]) / 100
    assert int(values["protocol.shots"]) == round(share * n / 2)
    assert len(config["classes"]) == 2


def test_a_misspelt_recipe_is_answered():
    with pytest.raises(TlbenchError, match=r"Did you mean 'tllib_office31'"):
        load("tlib_office31")
