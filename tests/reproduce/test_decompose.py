import numpy as np
import pandas as pd
import pytest

from tlbench.reproduce.decompose import decompose, label_free, observed
from tlbench.reproduce.recipe import Paper

PARTS = ["gain", "method", "recipe", "selection"]


def paper(**over):
    rows = {
        name: {"set": ["method=source_only"], "page": "p", "published": None, "over": o} for name, o in over.items()
    }
    return Paper.model_validate({
        "title": "T", "link": "https://x", "citation": "C", "protocol": "P", "needs": {"data": ["d"], "minutes": 1},
        "expected": "", "common": [], "parts": {"one": []}, "departures": [], "rows": rows,
    })  # fmt: skip


def scores(**rows):
    """row=[pair: [seed: (by the paper's rule, without target labels, matched reference)]]"""
    return pd.DataFrame([
        {"row": row, "part": "one", "pair": f"p{i}", "seed": seed, "by_rule": r, "label_free": free, "reference": ref}
        for row, pairs in rows.items() for i, seeds in enumerate(pairs) for seed, (r, free, ref) in enumerate(seeds)
    ])  # fmt: skip


def parts(table, row="M", pair="average"):
    (found,) = table[(table["row"] == row) & (table["pair"] == pair)][PARTS].to_numpy().tolist()
    return found


TWO = paper(O=None, M="O")


def test_hand_made_numbers_in_which_each_wrong_difference_would_show():
    # O: 50 by the rule, 47 at the end. M: 71, 64; its reference 59 at the end.
    table = decompose(scores(O=[[(50, 47, 47)]], M=[[(71, 64, 59)]]), TWO)
    assert parts(table, pair="p0") == [21, 64 - 59, 59 - 47, (71 - 64) - (50 - 47)]
    assert parts(table) == parts(table, pair="p0")
    assert table["over"].tolist() == ["O", "O"]


def test_over_another_method_its_own_reference_has_no_say():
    table = decompose(scores(O=[[(50, 47, 33)]], M=[[(71, 64, 59)]]), TWO)
    assert parts(table) == [21, 5, 12, 4]


def test_the_mean_is_over_seeds_first_then_over_pairs():
    one, two = [(60, 60, 50), (80, 70, 60), (82, 74, 64)], [(90, 80, 80)]
    table = decompose(scores(O=[[(40, 38, 38)], [(70, 66, 66)]], M=[one, two]), TWO)
    assert parts(table, pair="p0") == pytest.approx([34, 10, 20, 4])
    assert parts(table, pair="p1") == [20, 0, 14, 6]
    assert parts(table) == pytest.approx([27, 5, 17, 5])  # pooled over runs the gain would be 28


def test_parts_sum_to_the_gain():
    rng = np.random.default_rng(0)
    drawn = {row: [[tuple(rng.uniform(0, 100, 3)) for _ in range(3)] for _ in range(4)] for row in "OMN"}
    table = decompose(scores(**drawn), paper(O=None, M="O", N="M"))
    assert len(table) == 2 * 5
    assert table[PARTS[1:]].sum(axis=1).to_numpy() == pytest.approx(table["gain"].to_numpy())


def test_a_row_that_is_a_reference_itself_owes_all_to_its_recipe():
    assert parts(decompose(scores(O=[[(50, 47, 47)]], M=[[(58, 56, 56)]]), TWO)) == [8, 0, 9, -1]


def test_a_rule_without_target_labels_leaves_nothing_to_selection():
    table = decompose(scores(O=[[(0.1, 0.1, 0.1)]], M=[[(0.7, 0.7, 0.3)]]), TWO)
    assert parts(table)[3] == 0
    assert str(parts(table)[3]) == "0.0"


@pytest.mark.parametrize("missing", [(np.nan, 64, 59), (71, np.nan, 59), (71, 64, np.nan)])
def test_holes_stay_holes(missing):
    whole = [(71, 64, 59)]
    table = decompose(scores(O=[[(50, 47, 47)]] * 2, M=[[whole[0], missing], whole]), TWO)
    assert np.isnan(parts(table, pair="p0")).all()
    assert parts(table, pair="p1") == [21, 5, 12, 4]
    assert np.isnan(parts(table)).all()


def test_a_pair_that_only_one_row_has_is_a_hole():
    table = decompose(scores(O=[[(50, 47, 47)]], M=[[(71, 64, 59)], [(71, 64, 59)]]), TWO)
    assert np.isnan(parts(table, pair="p1")).all()
    assert np.isnan(parts(table)).all()


def test_pairs_of_the_other_row_alone_have_no_say():
    table = decompose(scores(O=[[(50, 47, 47)], [(10, 10, 10)]], M=[[(71, 64, 59)]]), TWO)
    assert table["pair"].tolist() == ["p0", "average"]
    assert parts(table) == [21, 5, 12, 4]


def test_rows_without_one_to_compare_with_are_left_out():
    assert decompose(scores(O=[[(50, 47, 47)]], M=[[(71, 64, 59)]]), paper(O=None, M=None)).empty
    assert decompose(scores(M=[[(71, 64, 59)]]), TWO).empty


def test_only_the_oracle_is_replaced():
    assert (label_free("oracle"), label_free("last"), label_free("im")) == ("last", "last", "im")


class Job:
    def __init__(self, key, names=("source_only",), asked=True):
        self.key, self.asked = key, asked
        self.config = type("C", (), {"pair": "p0", "seed": 3, "reference_names": list(names)})


class Store:
    """Records of the fields that are read."""

    def __init__(self, **records):
        self.records = records

    def record(self, key):
        return self.records.get(key)


def record(oracle, last, reference=None):
    gains = {} if reference is None else {"source_only": {"run_key": reference}}
    selections = {
        rule: {"metrics": {"accuracy": 0.0, "mean_class_accuracy": score}, "gains": gains}
        for rule, score in (("oracle", oracle), ("last", last))
    }
    return {"status": "done", "metric": "mean_class_accuracy", "reference": "source_only", "selections": selections}


def test_what_is_read_of_the_records():
    store = Store(m=record(0.71, 0.64, "r"), r=record(0.62, 0.59), failed={"status": "failed"})
    plan = {("one", "M"): [Job("m"), Job("r", (), asked=False)], ("one", "R"): [Job("r", ())],
            ("one", "F"): [Job("failed")], ("one", "N"): [Job("nowhere")]}  # fmt: skip
    found = observed(store, plan, "oracle").set_index("row")
    assert found.loc["M", ["by_rule", "label_free", "reference"]].tolist() == pytest.approx([71, 64, 59])
    assert found.loc["R", ["by_rule", "label_free", "reference"]].tolist() == pytest.approx([62, 59, 59])
    assert found.loc[["F", "N"], ["by_rule", "label_free", "reference"]].isna().all(axis=None)
    assert (found["seed"] == 3).all()
    last = observed(store, plan, "last").set_index("row")
    assert last.loc["M", ["by_rule", "label_free", "reference"]].tolist() == pytest.approx([64, 64, 59])


def test_a_reference_that_is_gone_is_a_hole():
    store = Store(m=record(0.71, 0.64, "r"), n=record(0.71, 0.64))
    found = observed(store, {("one", "M"): [Job("m"), Job("n")]}, "oracle")
    assert found["reference"].isna().all()
