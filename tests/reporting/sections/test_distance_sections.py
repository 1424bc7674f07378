import pytest
from scipy.stats import spearmanr

from tests.findings.test_predictors import FAR, GAINS, PAIRS, store
from tlbench.findings.predictors import pair_distances, predictions
from tlbench.findings.rule import Rule
from tlbench.reporting.sections.distance_sections import distance_sections


def test_words():
    cells, runs, found = store()
    pairs, said = distance_sections(cells, pair_distances(runs, found), predictions(cells, runs, found, Rule()), Rule())
    assert pairs.shown.iloc[0].tolist()[:2] == ["a_distance", "0.10"]
    assert pairs.shown.columns.tolist() == ["distance", *PAIRS]
    assert said.shown["rank correlation"][0] == f"{spearmanr(FAR, GAINS).statistic:+.2f} [–, –]"
    assert said.shown["pairs"].tolist() == ["6"]
    assert distance_sections(cells, pair_distances(runs, found)[:0], predictions(*store(4), Rule()), Rule()) == []
    drawn = said.figures["predictions"]().axes[0]
    shown = sorted(
        tuple(xy) for line in drawn.lines for xy in line.get_xydata() if len(line.get_xydata()) and xy[1] in GAINS
    )
    assert {x for x, _ in shown} == set(FAR)


@pytest.mark.parametrize(("uses", "name"), [(True, "ORACLE dann"), (False, "dann")])
def test_what_used_target_labels_is_printed_with_the_word(uses, name):
    cells, runs, found = store()
    cells = cells.assign(uses_target_labels=uses)
    pairs = pair_distances(runs, found)
    (shown,) = [
        s
        for s in distance_sections(cells, pairs, predictions(cells, runs, found, Rule()), Rule())
        if s.name == "predictions"
    ]
    assert set(shown.shown["method"]) == {name}


def test_the_kind_of_shift_is_the_last_line_where_it_is_known():
    cells, runs, found = store()
    pairs = pair_distances(runs, found)
    last = "kind of shift (ORACLE)"
    plain = distance_sections(cells, pairs, predictions(cells, runs, found, Rule()), Rule())[0].shown
    assert last not in plain["distance"].tolist()
    named = pairs.assign(oracle_shift=["label", "", "none", "mixed", "covariate", "concept"])
    shown = distance_sections(cells, named, predictions(cells, runs, found, Rule()), Rule())[0].shown
    assert shown.iloc[-1].tolist() == [last, "label", "", "none", "mixed", "covariate", "concept"]
