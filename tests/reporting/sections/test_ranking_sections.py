from tests.findings.tables import table
from tests.findings.test_rankings import MEANS, PAIRS, cells_of, runs_of
from tlbench.findings.rankings import rankings
from tlbench.findings.rule import Rule
from tlbench.reporting.sections.ranking_sections import ranking_sections


def made(cells):
    return ranking_sections(rankings(table(*cells), runs_of(cells), Rule()), Rule())


def test_words_say_what_was_ranked_and_tested():
    (found,) = made(cells_of())
    assert found.title == "Ranks over all pairs: p · b · k · accuracy · one source"
    p = rankings(table(*cells_of()), runs_of(cells_of()), Rule())[0].ranks.p
    assert f"6 pairs, 3 methods; selection last. Rank 1 is best. Friedman test p = {p:.2g}." in found.words[0]
    assert list(found.figures) == ["ranks_1"]
    assert len(found.words) == 1


def test_few_pairs_have_no_test_and_no_figure():
    (few,) = made(cells_of({m: x[:4] for m, x in MEANS.items()}, PAIRS[:4]))
    assert "test p" not in few.words[0]
    assert few.figures == {}


def test_methods_with_a_hole_are_named():
    cells = cells_of() + cells_of({"mmd": MEANS["dann"][:5]}, PAIRS[:5])
    (found,) = made(cells)
    assert found.words[1] == "Not ranked, because a pair is missing: mmd."


def test_a_name_counts_rankings_that_rank_nothing_too():
    alone = cells_of({"dann": [1.0, 2.0]}, ["a+b-c", "a+c-b"])
    several = cells_of({"mmd": [1.0, 2.0], "coral": [3.0, 4.0]}, ["a-b", "a-c"])
    assert [s.name for s in made(alone + several)] == ["ranks_2"]
    assert [s.name for s in made(several + alone)] == ["ranks_1"]
