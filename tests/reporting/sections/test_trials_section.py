from tests.findings.tables import table
from tests.findings.test_trial_choice import SCORES, chosen, store
from tlbench.findings.trials import choose
from tlbench.reporting.sections.trials_section import trials_section


def test_without_a_search_nothing_is_dropped():
    plan, runs, checkpoints = store()
    plan = table(*plan).assign(search=None, trial=None)
    choice = choose(plan, table(*runs), table(*checkpoints), "dev")
    assert (choice.dropped, choice.names, trials_section(choice, "dev")) == (frozenset(), {}, None)


def test_the_section_averages_over_pairs():
    fifth = {t: {k: [v / 5 for v in x] if k != "said" else x for k, x in of.items()} for t, of in SCORES.items()}
    made = trials_section(chosen("dev", store(), store("c-d", fifth)), "dev")
    shown = made.shown.set_index("chosen by")
    columns = ["pairs", "trials", "accuracy", "over the defaults", "below ORACLE"]
    # dev: 58 and 11.6, its defaults 51 and 10.2; last: 52 and 10.4; ORACLE: 81 and 16.2, its defaults 60 and 12
    assert shown.loc["dev", columns].tolist() == ["2", "3", "34.8", "+4.2", "13.8"]
    assert shown.loc["last", columns].tolist() == ["2", "3", "31.2", "+0.0", "17.4"]
    assert shown.loc["ORACLE", columns].tolist() == ["2", "3", "48.6", "+12.6", "0.0"]
    assert "selection dev chooses." in made.words[0]


def test_a_pair_without_a_whole_trial_leaves_no_mean():
    shown = trials_section(chosen("dev", store(), store("c-d", without=[(t, 1) for t in range(3)])), "dev").shown
    assert set(shown["accuracy"]) == set(shown["below ORACLE"]) == {"–"}


def test_protocols_are_not_averaged_together():
    plan, runs, checkpoints = store("c-d")
    stores = [store(), ([p | {"protocol": "q"} for p in plan], [r | {"protocol": "q"} for r in runs], checkpoints)]
    shown = trials_section(chosen("dev", *stores), "dev").shown
    assert shown["pairs"].tolist() == ["1"] * 6
    assert set(shown["where"]) == {f"d · protocol {p} · backbone b · classifier k" for p in "pq"}
