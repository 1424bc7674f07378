"""The one verdict: closed cases, and that all who use it say the same of one difference."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.findings.tables import run
from tests.findings.test_differences import stored
from tlbench.findings.causes import _oracle_gains
from tlbench.findings.cells import summarise
from tlbench.findings.classes import class_table
from tlbench.findings.differences import CellDifferences, Differences
from tlbench.findings.judgement import judge
from tlbench.findings.rule import Rule
from tlbench.findings.versus import versus
from tlbench.store.runs import RunStore
from tlbench.transfer.crossed_gain import Crossed

N_UNITS = 101.0
"""Of which 100 degrees of freedom are left."""


def difference(gain, sd=1.0, seeds=3, exact_p=None):
    """Only test examples vary, so that p and interval are Student's with 100 degrees of freedom."""
    return CellDifferences(Crossed(gain, 0.0, sd**2, seeds, N_UNITS), [], exact_p)


def two_sided(gain, sd=1.0):
    return 2 * stats.t.sf(abs(gain) / sd, N_UNITS - 1)


def test_p_and_interval_are_student_s_where_examples_alone_vary():
    said = judge([difference(2.0), difference(-3.0, 2.0)], Rule(alpha=0.1))
    assert said.gain.tolist() == [2.0, -3.0]
    assert said.p == pytest.approx([two_sided(2.0), two_sided(-3.0, 2.0)])
    assert said.half == pytest.approx(stats.t.ppf(0.95, N_UNITS - 1) * np.array([1.0, 2.0]))


def test_an_exact_p_comes_first_and_three_seeds_are_needed_for_either():
    said = judge(
        [difference(2.0, exact_p=0.25), difference(2.0, seeds=2, exact_p=0.25), difference(2.0, seeds=1)], Rule()
    )
    assert said.p == pytest.approx([0.25, np.nan, np.nan], nan_ok=True)
    assert said.flag.tolist() == ["inconclusive", "few_seeds", "few_seeds"]


def test_correction_is_over_those_that_have_a_p_and_within_families():
    gains = [3.0, 2.5, 2.6, 9.0]
    found = [*map(difference, gains[:3]), difference(9.0, seeds=2)]
    p = [two_sided(gain) for gain in gains[:3]]
    assert judge(found, Rule()).p_corrected[:3] == pytest.approx([3 * p[0], 2 * p[2], 2 * p[2]])
    apart = judge(found, Rule(), families=["a", "b", "a", "b"])
    assert apart.p_corrected == pytest.approx([2 * p[0], p[1], p[2], np.nan], nan_ok=True)
    assert judge(found[:2], Rule(correction="bh")).p_corrected == pytest.approx([2 * p[0], p[1]])


@pytest.mark.parametrize(
    ("gain", "margin", "flag"),
    [(3.0, 1.0, "positive"), (-3.0, 1.0, "negative"), (0.2, 5.0, "no_effect"), (1.0, 2.0, "inconclusive"),
     (0.0, 0.0, "inconclusive"), (3.0, 9.0, "positive")],
)  # fmt: skip
def test_flags(gain, margin, flag):
    assert judge([difference(gain)], Rule(margin=margin)).flag.tolist() == [flag]


def test_the_margin_s_p_is_one_sided_and_corrected_too():
    t = stats.t.ppf(0.97, N_UNITS - 1)  # two sds of a margin's distance: p = 0.03
    assert judge([difference(0.0)], Rule(margin=t)).flag.tolist() == ["no_effect"]
    assert judge([difference(0.0), difference(0.0)], Rule(margin=t)).flag.tolist() == ["inconclusive"] * 2
    assert judge([difference(0.0), difference(0.0)], Rule(margin=t), families="ab").flag.tolist() == ["no_effect"] * 2
    # a gain outside the margin stands among the hypotheses, and holds the others back
    assert judge([difference(0.0), difference(-t)], Rule(margin=t)).flag[0] == "inconclusive"


def test_gains_that_are_printed_are_those_that_are_judged():
    said = judge([difference(2.0)], Rule(), gains=np.array([4.0]))
    assert (said.gain.tolist(), said.p.tolist(), said.flag.tolist()) == (
        [4.0],
        [pytest.approx(two_sided(4.0))],
        ["positive"],
    )


def test_nothing_is_judged_as_nothing():
    assert [len(values) for values in vars(judge([], Rule())).values()] == [0] * 5


@pytest.mark.parametrize("still", [False, True])
def test_cells_classes_comparisons_and_causes_say_the_same_of_one_difference(tmp_path, still):
    store, rng = RunStore(tmp_path / "s"), np.random.default_rng(1)
    rows = []
    mine, other = (rng.random(60) < 0.9).astype(int), (rng.random(60) < 0.4).astype(int)
    for seed in range(3):
        if seed and not still:
            mine, other = (rng.random(60) < 0.9).astype(int), (rng.random(60) < 0.4).astype(int)
        for name, right in (("dann", mine), ("source_only", other)):  # every label is 1: the class is the whole
            stored(store, f"{name}{seed}", 10, list(range(60)), [1] * 60, right.tolist())
            own = {
                "run_key": f"{name}{seed}",
                "score": right.mean(),
                "gain_flag": "",
                "reference": None,
                "reference_step": 10,
            }
            if name == "dann":
                gain = 100 * (mine - other).mean()
                own |= {"gain": gain, "reference": "source_only", "reference_run": f"source_only{seed}"}
            rows += [run(name, seed=seed, selection=rule, place="x", **own) for rule in ("last", "oracle")]
    runs, rule = pd.DataFrame(rows), Rule()
    last = runs[runs["selection"] == "last"]
    found = Differences(store).of(last[last["gain"].notna()])
    cell = summarise(last, last, found, rule).set_index("method").loc["dann"]
    (place,) = versus(store, *(last[last["method"] == name] for name in ("dann", "source_only")), rule).to_dict(
        "records"
    )
    ((gain, p),) = _oracle_gains(runs, store, rule).values()
    (of_class,) = class_table(summarise(last, last, found, rule), found, {}, rule).to_dict("records")
    assert place["difference"] == pytest.approx(cell["gain"])
    assert gain == place["difference"] == of_class["class_gain"]
    assert p == place["p"]
    assert cell["p"] == pytest.approx(p, rel=1e-9)
    assert cell["gain_half"] == place["half"] == of_class["class_half"]
    assert (cell["flag"], place["outcome"], of_class["class_flag"]) == ("positive", "first", "positive")
    if still:
        assert p == found["dann/a-b"].exact_p
    else:
        assert of_class["class_p"] == p
