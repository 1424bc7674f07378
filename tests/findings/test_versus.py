"""Two sides place by place, from predictions made by hand."""

import numpy as np
import pandas as pd
import pytest

from tests.findings.test_differences import stored
from tlbench.findings.rule import Rule
from tlbench.findings.versus import versus
from tlbench.store.runs import RunStore
from tlbench.transfer.crossed_gain import corrected, crossed, half_width, p_above

N = 40
SEEDS = range(3)


class Runs:
    """A store, and rows of its tidy table; what is right is drawn or given."""

    def __init__(self, root):
        self.store, self.rng, self.right = RunStore(root), np.random.default_rng(0), {}

    def put(self, name, share, seeds=SEEDS, rows=range(N)):
        for seed in seeds:
            right = (self.rng.random(N) < share).astype(int)
            self.right[name, seed] = right
            stored(self.store, f"{name}{seed}", 4, list(rows), [1] * N, right.tolist())

    def table(self, name, reference=None, seeds=SEEDS, place="x-y"):
        rows = []
        for seed in seeds:
            gain = np.nan if reference is None else 100 * (self.right[name, seed] - self.right[reference, seed]).mean()
            rows.append(
                {"place": place, "seed": seed, "run_key": f"{name}{seed}", "step": 4, "metric": "accuracy", "gain": gain,
                 "reference_run": reference and f"{reference}{seed}", "reference_step": 4 if reference else np.nan}
            )  # fmt: skip
        return pd.DataFrame(rows)

    def matrix(self, signs):
        """(S, N) sum of the runs' outcomes with these signs, in hundredths of points of one seed."""
        return np.stack([sum(sign * self.right[name, seed] for name, sign in signs.items()) for seed in SEEDS])


@pytest.fixture
def runs(tmp_path):
    found = Runs(tmp_path / "s")
    for name, share in {"a": 0.9, "b": 0.4, "r": 0.5, "q": 0.7}.items():
        found.put(name, share)
    return found


def only(table):
    (row,) = table.to_dict("records")
    return row


def judged(matrix):
    cell = crossed(matrix / N, np.full(matrix.shape, 1 / N))
    return half_width([cell], 0.05)[0], 2 * p_above([cell], np.array([abs(cell.gain)]))[0]


@pytest.mark.parametrize(
    ("second", "signs"),
    [("r", {"a": 1, "b": -1}), ("q", {"a": 1, "r": -1, "b": -1, "q": 1})],
    ids=["one reference, which cancels out", "each its own reference"],
)
def test_the_difference_is_that_of_the_gains_and_its_noise_is_theirs_together(runs, second, signs):
    found = only(versus(runs.store, runs.table("a", "r"), runs.table("b", second), Rule()))
    y = runs.matrix(signs)
    assert found["difference"] == pytest.approx(100 * y.mean())
    assert found["first_gain"] - found["second_gain"] == pytest.approx(found["difference"])
    assert (found["half"], found["p"]) == pytest.approx(judged(y))
    assert (found["seeds_won"], found["seeds_lost"], found["n_seeds"]) == (3, 0, 3)
    assert found["outcome"] == ("first" if found["p"] < 0.05 else "")


def test_the_other_way_round_is_the_same_with_the_other_sign(runs):
    a, b = runs.table("a", "r"), runs.table("b", "q")
    one, two = only(versus(runs.store, a, b, Rule())), only(versus(runs.store, b, a, Rule()))
    assert two["difference"] == pytest.approx(-one["difference"])
    assert (two["half"], two["p"]) == pytest.approx((one["half"], one["p"]))
    assert (two["seeds_won"], two["seeds_lost"]) == (one["seeds_lost"], one["seeds_won"])
    assert {one["outcome"], two["outcome"]} == {"first", "second"}


def test_a_method_against_its_reference_is_its_gain(runs):
    method = runs.table("a", "r")
    for first, second, sign in ((method, runs.table("r"), 1), (runs.table("r"), method, -1)):
        found = only(versus(runs.store, first, second, Rule()))
        assert found["difference"] == pytest.approx(sign * method["gain"].mean())
        assert found["first_gain"] == pytest.approx(method["gain"].mean() if sign == 1 else 0)
        assert found["second_gain"] == pytest.approx(method["gain"].mean() if sign == -1 else 0)
        assert (found["half"], found["p"]) == pytest.approx(judged(runs.matrix({"a": sign, "r": -sign})))


def test_a_side_against_itself_says_so(runs):
    found = only(versus(runs.store, runs.table("a", "r"), runs.table("a", "r"), Rule()))
    assert (found["outcome"], found["difference"], found["half"]) == ("same runs", 0, 0)


def test_only_seeds_and_places_that_both_have_count(runs):
    first = pd.concat([runs.table("a", "r"), runs.table("a", "r", place="only here")])
    found = only(versus(runs.store, first, runs.table("b", "r", seeds=(0, 2)), Rule()))
    assert (found["place"], found["n_seeds"]) == ("x-y", 2)
    assert found["difference"] == pytest.approx(100 * runs.matrix({"a": 1, "b": -1})[[0, 2]].mean())
    assert np.isnan(found["p"])
    assert found["outcome"] == ""


def test_p_is_corrected_over_the_places(runs):
    runs.put("c", 0.65)
    first = pd.concat([runs.table("a", "r"), runs.table("c", "r", place="z")])
    second = pd.concat([runs.table("b", "r"), runs.table("r", place="z")])
    for correction in ("holm", "bh"):
        found = versus(runs.store, first, second, Rule(correction=correction))
        assert found["p_corrected"].tolist() == corrected(found["p"].tolist(), correction).tolist()
        assert found["p_corrected"].gt(found["p"]).any()


def test_runs_on_other_examples_or_without_a_common_measure_are_left_out(runs):
    runs.put("d", 0.5, rows=range(1, N + 1))
    assert versus(runs.store, runs.table("a", "r"), runs.table("d", "r"), Rule()).empty
    without = runs.table("b")  # no gain, and not the other's reference
    assert versus(runs.store, runs.table("a", "r"), without, Rule()).empty


def test_a_seed_twice_is_refused(runs):
    a = runs.table("a", "r")
    with pytest.raises(ValueError, match="each place and seed once"):
        versus(runs.store, pd.concat([a, a]), runs.table("b", "r"), Rule())
