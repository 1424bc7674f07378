import numpy as np
import pandas as pd
import pytest

from tlbench.findings import differences
from tlbench.findings.differences import Differences, cell_differences
from tlbench.metrics import metric_named
from tlbench.store.runs import RunStore

LABEL = [0, 0, 0, 1]


def outcome(right, label=LABEL, row=None, group=None):
    row = np.arange(len(right)) if row is None else np.array(row)
    group = row if group is None else np.array(group)
    return differences.Tested(row, group, np.array(label), np.array(right, bool))


def test_gain_is_the_mean_over_seeds_of_what_the_run_has_right_more():
    nothing = outcome([0, 0, 0, 0])
    pairs = [(outcome(r), nothing) for r in ([1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0])]
    found = cell_differences(pairs, "accuracy")
    assert found.whole.gain == pytest.approx(50)  # 50, 25, 75
    assert (found.whole.n_seeds, found.whole.n_units) == (3, 4)
    # variance of 50, 25, 75 is 625; a gain is a multiple of 25, which adds 625/12
    assert found.whole.seed_var == pytest.approx((625 + 625 / 12) / 3)
    assert found.exact_p is None


def test_variance_over_examples_is_the_covariance_of_two_seeds():
    nothing = outcome([0, 0, 0, 0])
    rows = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0]])
    found = cell_differences([(outcome(r), nothing) for r in rows], "accuracy").whole
    covariances = [np.cov(100 * rows[i], 100 * rows[j])[0, 1] for i, j in ((0, 1), (0, 2), (1, 2))]
    assert found.unit_var == pytest.approx(np.mean(covariances) / 4)


def test_mean_class_accuracy_weighs_each_class_alike():
    pairs = [(outcome([0, 0, 0, 1]), outcome([1, 0, 0, 0]))] * 3
    assert cell_differences(pairs, "accuracy").whole.gain == pytest.approx(0)  # one lost, one won of four
    found = cell_differences(pairs, "mean_class_accuracy")
    assert found.whole.gain == pytest.approx((100 - 100 / 3) / 2)
    assert [c.gain for c in found.classes] == pytest.approx([-100 / 3, 100])
    assert found.exact_p is None  # weights leave no exact test


def test_each_class_has_its_own_gain_and_an_absent_one_none():
    pairs = [(outcome([1, 1, 0, 0], [0, 0, 2, 2]), outcome([0, 1, 1, 1], [0, 0, 2, 2]))] * 2
    found = cell_differences(pairs, "accuracy")
    assert found.classes[1] is None
    assert (found.classes[0].gain, found.classes[2].gain) == pytest.approx((50, -100))
    assert found.classes[0].n_units == 2
    assert cell_differences(pairs, "accuracy", per_class=False).classes == []


def test_a_class_that_one_seed_was_not_tested_on_is_left_out():
    pairs = [(outcome([1, 1], [0, 1]), outcome([0, 1], [0, 1])), (outcome([1, 1], [0, 0]), outcome([0, 1], [0, 0]))]
    found = cell_differences(pairs, "accuracy")
    assert found.classes[0].gain == pytest.approx((100 + 50) / 2)
    assert found.classes[1] is None


def test_seeds_with_other_test_rows_meet_in_the_rows_that_they_share():
    first = outcome([1, 0], [0, 0], row=[5, 7]), outcome([0, 0], [0, 0], row=[5, 7])
    second = outcome([0, 0, 1], [0, 0, 0], row=[7, 8, 9]), outcome([1, 0, 0], [0, 0, 0], row=[7, 8, 9])
    found = cell_differences([first, second], "accuracy").whole
    assert found.gain == pytest.approx((50 + 0) / 2)
    assert found.n_units == 2.5
    # parts minus the seed's mean, by row: 5: 25; 7: -25 and -33.3. Only row 7 is in both: 2 * 25 * 33.3 / (2 * 1)
    assert found.unit_var == pytest.approx(25 * 100 / 3 * 2.5 / 1.5)
    assert found.seed_var > 0


def test_groups_are_the_units_and_not_their_examples():
    pairs = [(outcome([1, 1, 0, 0], group=[0, 0, 1, 1]), outcome([0, 0, 0, 1], group=[0, 0, 1, 1]))] * 3
    found = cell_differences(pairs, "accuracy")
    assert (found.whole.gain, found.whole.n_units) == pytest.approx((25, 2))
    # groups differ by +2 and -1: 1, 1, 3, 3 of four flips reach |sum| >= 1: all of them
    assert found.exact_p == 1.0
    alone = cell_differences([(outcome([1, 1, 0, 0]), outcome([0, 0, 0, 1]))] * 3, "accuracy")
    assert alone.whole.n_units == 4


def test_exact_p_where_no_seed_changes_anything():
    label, worse, better = [0] * 6, [0] * 6, [1] * 6
    same = [(outcome(worse, label), outcome(better, label))] * 3
    found = cell_differences(same, "accuracy")
    assert (found.whole.gain, found.whole.seed_var) == pytest.approx((-100, 0))
    assert found.exact_p == pytest.approx(2 / 2**6)  # all six signs alike
    one = [*same[:2], (outcome([1, 0, 0, 0, 0, 0], label), outcome(better, label))]
    assert cell_differences(one, "accuracy").exact_p is None


def test_order_of_seeds_and_of_examples_does_not_matter():
    rng = np.random.default_rng(0)
    rows, other = rng.integers(0, 2, (3, 12)), rng.integers(0, 2, 12)
    label, group = rng.integers(0, 3, 12), np.arange(12) // 2
    turn = rng.permutation(12)
    one = [(outcome(r, label, group=group), outcome(other, label, group=group)) for r in rows]
    two = [(outcome(r[turn], label[turn], turn, group[turn]), outcome(other[turn], label[turn], turn, group[turn]))
           for r in rows[::-1]]  # fmt: skip
    a, b = (cell_differences(pairs, "accuracy") for pairs in (one, two))
    for x, y in zip([a.whole, *a.classes], [b.whole, *b.classes], strict=True):
        assert list(vars(x).values()) == pytest.approx(list(vars(y).values()))


def stored(store, key, step, rows, label, prediction):
    table = pd.DataFrame({"step": step, "row": rows, "id": "i", "group": rows, "label": label,
                          "prediction": prediction, "confidence": 1.0})  # fmt: skip
    store.root.mkdir(exist_ok=True)
    store.write({"run_key": key, "status": "done"}, {}, table)


def comparison(cell, pair, run, reference, step=4):
    return {"cell_key": cell, "dataset": "d", "pair": pair, "metric": "accuracy", "run_key": run, "step": step,
            "reference_run": reference, "reference_step": step}  # fmt: skip


def test_cells_are_read_from_a_store(tmp_path):
    store = RunStore(tmp_path / "s")
    stored(store, "a0", 4, [0, 1, 2, 3], [0, 0, 1, 1], [0, 0, 1, 0])
    stored(store, "b0", 4, [0, 1, 2, 3], [0, 0, 1, 1], [1, 1, 0, 1])
    stored(store, "ref", 4, [0, 1, 2, 3], [0, 0, 1, 1], [0, 1, 1, 1])
    runs = pd.DataFrame([comparison("a", "x-y", "a0", "ref"), comparison("b", "x-y", "b0", "ref")])
    found = Differences(store).of(runs)
    assert {key: cell.whole.gain for key, cell in found.items()} == pytest.approx({"a": 0, "b": -50})
    assert [c.gain for c in found["a"].classes] == pytest.approx([50, -50])
    assert Differences(store, per_class=False).of(runs)["a"].classes == []


def test_processes_beside_each_other_find_the_same(tmp_path, monkeypatch):
    store, rng, rows = RunStore(tmp_path / "s"), np.random.default_rng(0), []
    for pair in ("x-y", "y-x", "x-z"):
        for key in ("ref", "a", "b"):
            stored(store, f"{key}{pair}", 4, list(range(9)), [0, 1, 2] * 3, rng.integers(0, 3, 9).tolist())
        rows += [comparison(f"{key}/{pair}", pair, f"{key}{pair}", f"ref{pair}") for key in "ab"]
    one = Differences(store).of(pd.DataFrame(rows))
    monkeypatch.setattr("tlbench.findings.differences.MANY", 1)
    many = Differences(store).of(pd.DataFrame(rows))
    assert list(many) == list(one)
    for key, cell in many.items():
        assert list(vars(cell.whole).values()) == pytest.approx(list(vars(one[key].whole).values()), nan_ok=True)


def test_runs_that_were_tested_on_other_examples_are_refused(tmp_path):
    store = RunStore(tmp_path / "s")
    stored(store, "a0", 4, [0, 1], [0, 1], [0, 1])
    stored(store, "ref", 4, [0, 2], [0, 1], [0, 1])
    with pytest.raises(ValueError, match="a0 and ref were tested on different examples"):
        Differences(store).of(pd.DataFrame([comparison("a", "x-y", "a0", "ref")]))


HOS = metric_named("hos", 2)
THREE = np.repeat([0, 1, 2], [6, 4, 10])


def opened(seed, apart=0.0, n=1):
    right = np.random.default_rng(seed).random(20 * n) < 0.5 + apart
    return outcome(right, np.tile(THREE, n))


def hos(tested):
    return HOS.score(tested.label, np.where(tested.right, tested.label, (tested.label + 1) % 3))


def test_a_gain_of_hos_is_the_mean_of_the_seeds_differences():
    pairs = [(opened(s, 0.2), opened(10 + s)) for s in range(3)]
    found = cell_differences(pairs, HOS)
    want = [100 * (hos(mine) - hos(other)) for mine, other in pairs]
    assert found.whole.gain == pytest.approx(np.mean(want))
    assert found.whole.seed_var == pytest.approx((np.var(want, ddof=1) + (100 / 20) ** 2 / 12) / 3)
    right = [[t.right[THREE == 0].mean() for t in pair] for pair in pairs]
    assert found.classes[0].gain == pytest.approx(100 * np.mean([a - b for a, b in right]))
    assert len(found.classes) == 3


def test_examples_vary_a_gain_of_hos_as_drawing_them_anew_within_their_classes_does():
    def of_class(values, rng):
        return np.concatenate([rng.choice(np.flatnonzero(np.tile(THREE, 20) == c), values[c]) for c in range(3)])

    one, two = opened(0, 0.3, 20), opened(1, 0.1, 20)
    found = cell_differences([(one, two)] * 3, HOS).whole
    rng, seen, counts = np.random.default_rng(0), [], [120, 80, 200]
    for _ in range(800):
        rows = of_class(counts, rng)
        seen.append(
            100 * (hos(outcome(one.right[rows], one.label[rows])) - hos(outcome(two.right[rows], one.label[rows])))
        )
    assert found.seed_var == 0
    assert found.unit_var == pytest.approx(np.var(seen), rel=0.12)


def test_hos_of_sums_of_tests_is_the_sum_of_theirs():
    a, b, c, d = (opened(s) for s in range(4))
    found = cell_differences([(a.beside(d), b.beside(c))] * 3, HOS, per_class=False).whole
    assert found.gain == pytest.approx(100 * (hos(a) + hos(d) - hos(b) - hos(c)))


def test_classes_that_a_metric_leaves_out_have_gains_all_the_same():
    pairs = [(opened(s, 0.2), opened(10 + s)) for s in range(3)]
    found = cell_differences(pairs, metric_named("os_star", 2))
    everything = cell_differences(pairs, "mean_class_accuracy")
    assert [c.gain for c in found.classes] == pytest.approx([c.gain for c in everything.classes])
    assert found.whole.n_units == 10
    assert found.whole.gain == pytest.approx(np.mean([c.gain for c in found.classes[:2]]))


def test_the_unknown_class_comes_from_the_runs(tmp_path):
    store = RunStore(tmp_path / "s")
    label = THREE.tolist()
    for key, seed in (("a0", 0), ("ref", 1)):
        tested = opened(seed)
        stored(store, key, 4, list(range(20)), label, np.where(tested.right, THREE, (THREE + 1) % 3).tolist())
    runs = pd.DataFrame([{**comparison("a", "x-y", "a0", "ref"), "metric": "hos", "unknown_class": 2.0}])
    assert Differences(store).of(runs)["a"].whole.gain == pytest.approx(100 * (hos(opened(0)) - hos(opened(1))))


def test_where_no_class_is_in_doubt_examples_add_no_chance_to_hos():
    mine, other = outcome(THREE != 1, THREE), outcome(THREE >= 0, THREE)
    found = cell_differences([(mine, other)] * 3, HOS).whole  # OS* 1/2 and 1, UNK 1 and 1
    assert found.gain == pytest.approx(100 * (2 / 3 - 1))
    assert (found.seed_var, found.unit_var) == (0, pytest.approx(0, abs=1e-12))
