from tests.findings.tables import run, table
from tests.findings.test_selections import DEV, NONE, TRUTH, checkpoints, made, rules_of
from tlbench.reporting.sections.selection_sections import ALL, selection_sections


def test_words():
    runs = [r for m, s in (("dann", 0.5), ("coral", 0.4)) for seed in (0, 1) for r in rules_of(s, 0.6, m, seed=seed)]
    looked = [c for m in ("dann", "coral") for seed in (0, 1) for c in checkpoints(f"{m}/a-b/{seed}", TRUTH, dev=DEV)]
    (found,) = selection_sections(made(table(*runs), table(*looked)))
    assert found.title.endswith("d · protocol p · backbone b · classifier k")
    shown = found.shown.set_index("rule")
    assert shown.loc["dev"].to_dict() == {
        "dann": "50.0", "coral": "40.0", "below ORACLE": "15.0", "rank correlation in runs": "0.80 (4)", "between runs": "–"
    }  # fmt: skip
    assert shown.loc["ORACLE"].tolist() == ["60.0", "60.0", "0.0", "–", "–"]
    assert selection_sections(made(table(run(status="failed")), NONE)) == []


def test_rules_that_have_nothing_to_choose_take_one_row():
    (found,) = selection_sections(made(table(*rules_of(0.6, 0.6), *rules_of(0.4, 0.4, "coral")), NONE))
    assert found.shown.to_dict("records")[0]["rule"] == ALL
    assert len(found.shown) == 1
