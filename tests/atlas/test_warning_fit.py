"""The warning's model is fitted and tried on made cells, whose signals say what they are made to say."""

import numpy as np
import pandas as pd
import pytest

from tlbench.atlas.warning_card import Trial, card
from tlbench.atlas.warning_fit import RECIPES, Recipe, fit_model, hurt, weights
from tlbench.atlas.warning_trial import (
    blind,
    chosen_model,
    fitting_cells,
    left_out,
    left_out_recipes,
    probabilities,
    tried,
    version_of,
)
from tlbench.cli import main
from tlbench.errors import TlbenchError
from tlbench.transfer.warning.scoring import auroc

RECIPE = Recipe("all", 60)


def made(n: int = 240, seed: int = 0, families: int = 4) -> pd.DataFrame:
    """Cells whose gain rises with `ridge_votes` and with `others_votes` and has nothing to do with `bnm`."""
    rng = np.random.default_rng(seed)
    ridge, others, bnm = rng.normal(size=(3, n))
    gain = ridge + others + 0.5 * rng.normal(size=n)
    return pd.DataFrame(
        {
            "cell_key": [f"{i:04x}" for i in range(n)], "dataset": "d", "pair": [f"p{i % 12}" for i in range(n)],
            "data_family": [f"family {i % families}" for i in range(n)], "method": [f"m{i % 5}" for i in range(n)], "gain": gain,
            "verdict": np.where(np.abs(gain) > 1, "hurt", "open"), "signal_ridge_votes": ridge, "signal_others_votes": others,
            "signal_bnm": bnm, "signal_disagreement": rng.random(n),
        }
    )  # fmt: skip


def test_a_model_finds_what_speaks_and_never_the_other_way_round():
    cells = made()
    model = fit_model(cells, RECIPE, "v")
    reach = {name: np.ptp(step.values) for name, step in model.steps.items()}
    assert reach["ridge_votes"] > 2 * reach.get("bnm", 0)
    for name, step in model.steps.items():
        assert np.all(np.diff(step.values) * (1 if name == "disagreement" else -1) >= -1e-6)
    other = made(seed=1)
    assert auroc(hurt(other), probabilities(model, other)) > 0.85
    against = cells.assign(signal_ridge_votes=-cells["signal_ridge_votes"])
    assert (
        np.ptp(
            fit_model(against, RECIPE, "v").steps["ridge_votes"].values
            if "ridge_votes" in fit_model(against, RECIPE, "v").steps
            else [0.0]
        )
        < 0.2
    )


def test_it_serves_a_method_that_was_tried_alone_too():
    cells = made()
    model = fit_model(cells, RECIPE, "v")
    alone = probabilities(model, cells, alone=True)
    np.testing.assert_allclose(alone, probabilities(model, cells.assign(signal_others_votes=np.nan)))
    assert 0.7 < auroc(hurt(cells), alone) < auroc(hurt(cells), probabilities(model, cells))
    assert abs(alone.mean() - hurt(cells).mean()) < 0.1


def test_families_count_alike_however_many_cells_they_have():
    cells = made(40).assign(data_family=["a"] * 30 + ["b"] * 10)
    w = weights(cells)
    assert w[:30].sum() == pytest.approx(w[30:].sum())
    assert w.mean() == pytest.approx(1)


def test_what_a_family_says_does_not_reach_its_own_probabilities():
    cells = made()
    mine = (cells["data_family"] == "family 0").to_numpy()
    turned = cells.assign(gain=np.where(mine, -cells["gain"], cells["gain"]))
    np.testing.assert_array_equal(left_out(cells, RECIPE)[mine], left_out(turned, RECIPE)[mine])
    one, two = blind(cells)[0], blind(turned)[0]
    np.testing.assert_array_equal(one[mine], two[mine])
    assert not np.array_equal(one[~mine], two[~mine])


def test_all_recipes_at_once_say_what_each_says_alone():
    cells = made().round(
        0
    )  # values that every family has: between values that it has not seen, a step has one of two places
    told = left_out_recipes(cells, "data_family")
    assert set(told) == set(RECIPES)
    for recipe, found in told.items():
        np.testing.assert_allclose(found, left_out(cells, recipe), atol=1e-6, err_msg=str(recipe))
    assert np.abs(told[Recipe("all", 60)] - told[Recipe("all", 150)]).max() > 0.01


def test_chosen_and_calibrated_on_cells_left_out():
    cells = made(400)
    model, _ = chosen_model(cells, "v")
    p = probabilities(model, made(400, seed=2))
    assert abs(p.mean() - 0.5) < 0.1
    noise = cells.assign(
        **{c: np.random.default_rng(3).permutation(cells[c]) for c in cells if c.startswith("signal_")}
    )
    told = probabilities(chosen_model(noise, "v")[0], noise)
    assert np.ptp(told) < 0.5 * np.ptp(p)  # what says nothing is shrunk


def test_a_card_says_where_it_fails_first():
    cells = made()
    worst = cells["data_family"] == "family 3"
    cells.loc[worst, "gain"] = np.random.default_rng(5).permutation(cells.loc[worst, "gain"])
    found = tried(cells)
    text = card(found)
    assert text.startswith(f"# The warning, version {version_of(cells)}")
    lines = [line for line in text.splitlines() if line.startswith("| family ")]
    assert lines[1].startswith("| family 3 |")
    assert "No guarantee is given" in text
    area = auroc(hurt(found.cells), found.cells["probability"].to_numpy())
    assert f"| AUROC | {area:.2f} [" in text
    assert isinstance(found, Trial)
    assert set(found.recipes) == {f"family {i}" for i in range(4)}


def test_an_atlas_of_two_families_or_without_signals_is_refused(tmp_path, capsys):
    with pytest.raises(TlbenchError, match="3 families of data or more, and this atlas has 0"):
        fitting_cells(pd.DataFrame())
    assert main(["atlas", "fit", "--out", str(tmp_path)]) == 2
    assert "this atlas has 0 with signals" in capsys.readouterr().err
