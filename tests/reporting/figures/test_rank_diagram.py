import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex

from tests.reporting.figures.drawn import assert_whole_and_apart, boxes, words
from tlbench.findings.number_format import p_equals
from tlbench.reporting.figures.label_efficiency import COLUMNS, label_efficiency
from tlbench.reporting.figures.rank_diagram import critical_difference
from tlbench.reporting.figures.style import as_svg
from tlbench.transfer.ranks import rank_methods

LONG = ["source_only", "deep_coral_with_spectral_norm", "cdan_conditioned_on_entropy (tuned)", "mmd", "target_only"]


def ranking(k: int, step: float = 1.0, n: int = 20, alpha: float = 0.05):
    names = [f"{LONG[j % 5]}_{j}" for j in range(k)]
    scores = np.random.default_rng(0).normal(60, 3, (n, k)) + step * np.arange(k)
    return rank_methods(pd.DataFrame(scores, columns=names), alpha=alpha)


def bars(figure) -> list[tuple[float, float]]:
    """Least and greatest rank that each thick bar joins."""
    lines = [line for line in figure.axes[0].lines if line.get_linewidth() > 2]
    return sorted((min(line.get_xdata()), max(line.get_xdata())) for line in lines)


@pytest.mark.parametrize("k", [2, 3, 8, 30])
def test_every_method_is_named_with_its_rank_and_no_name_is_cut_or_meets_another(k):
    found = ranking(k)
    figure = critical_difference(found)
    names = {text.get_text().replace("\N{NO-BREAK SPACE}", "") for text in figure.axes[0].texts}
    assert len(names) == k
    split = (k + 1) // 2
    for i, (method, rank) in enumerate(found.average_rank.items()):
        assert (f"{method} ({rank:.2f})" if i < split else f"({rank:.2f}) {method}") in names
    assert_whole_and_apart(figure)


def test_points_of_a_bar_are_in_order_whatever_the_hashes_of_the_names():
    lines = [
        line for line in critical_difference(ranking(8, alpha=0.01, step=0.3)).axes[0].lines if line.get_linewidth() > 2
    ]
    assert any(len(line.get_xdata()) > 2 for line in lines)
    for line in lines:
        assert (np.diff(line.get_xdata()) >= 0).all()


@pytest.mark.parametrize("alpha", [0.05, 0.4])
def test_a_bar_joins_what_does_not_differ_and_nothing_else(alpha):
    found = ranking(8, alpha=alpha)
    ranks, critical = found.average_rank.to_numpy(), found.critical_difference
    groups = set()
    for first in ranks:  # from each method up to the last within the critical difference; kept where no other holds it
        last = max(r for r in ranks if r - first <= critical)
        if first < last:
            groups.add((first, last))
    want = sorted(g for g in groups if not any(o != g and o[0] <= g[0] and g[1] <= o[1] for o in groups))
    assert bars(critical_difference(found)) == want
    assert len(want) >= 2


def test_one_bar_joins_all_where_the_test_of_all_finds_nothing():
    found = ranking(8, step=0.0)
    assert not found.posthoc_allowed
    # at a level that single pairs pass and the test of all does not: no difference may be drawn
    figure = critical_difference(found)
    assert bars(figure) == [(found.average_rank.min(), found.average_rank.max())]
    assert "no difference" in words(figure)


def test_single_differences_are_not_drawn_where_the_test_of_all_forbids_them():
    for seed in range(400):
        scores = np.random.default_rng(seed).normal(60, 3, (6, 5))
        found = rank_methods(pd.DataFrame(scores, columns=list("abcde")), alpha=0.3)
        if not found.posthoc_allowed and (found.pairwise_p.to_numpy() < 0.3).any():
            assert bars(critical_difference(found)) == [(found.average_rank.min(), found.average_rank.max())]
            return
    raise AssertionError("no such table among the seeds")


def test_the_line_below_names_the_test_and_its_numbers():
    found = ranking(6)
    title = words(critical_difference(found))
    assert (
        title
        == f"20 pairs, Friedman {p_equals(found.p)}, critical difference {found.critical_difference:.2f} at level 0.05"
    )
    two = critical_difference(ranking(2, step=5.0))
    assert "Wilcoxon" in words(two)
    assert "the methods differ at level 0.05" in words(two)
    assert bars(two) == []
    alike = critical_difference(ranking(2, step=0.0, alpha=0.01))
    assert "no difference" in words(alike)
    assert len(bars(alike)) == 1


@pytest.mark.parametrize("silent", [ranking(3, n=4), ranking(1)])
def test_where_nothing_is_said_there_is_no_figure(silent):
    with pytest.raises(ValueError, match="needs a ranking with a test"):
        critical_difference(silent)


def test_names_are_shown_as_they_are():
    scores = pd.DataFrame(np.random.default_rng(0).normal(size=(6, 3)), columns=["$a_b$", "{rank}", "_c"])
    figure = critical_difference(rank_methods(scores, alpha=0.05))
    text = "".join(t.get_text() for t in figure.axes[0].texts)
    assert all(name in text for name in scores.columns)
    assert not any(t.get_parse_math() for t in figure.axes[0].texts)


def row(method, x, order, score, gain=np.nan, half=1.0, seeds=None):
    seeds = [score - 1, score + 1] if seeds is None else seeds
    return dict(zip(COLUMNS, [method, x, order, score, half, gain, half / 2, seeds], strict=True))


TABLE = pd.DataFrame(
    [
        row("dann", "all", 80.0, 75.0, 1.0), row("dann", "0", 0.0, 50.0, 9.0), row("dann", "10", 10.0, 70.0, 4.0),
        row("target_only", "10", 10.0, 66.0, seeds=[64.0, 65.0, 69.0]), row("target_only", "all", 80.0, 74.0, half=np.nan),
    ]
)  # fmt: skip


def lines(axes) -> dict[str, np.ndarray]:
    return {bar.get_label(): np.asarray(bar.lines[0].get_xydata(), float) for bar in axes.containers}


def test_values_stand_at_evenly_spaced_places_in_their_order():
    figure = label_efficiency(TABLE)
    score, gain = figure.axes
    assert [tick.get_text() for tick in score.get_xticklabels()] == ["0", "10", "all"]
    assert list(score.get_xticks()) == [0, 1, 2]
    dann, target = lines(score)["dann"], lines(score)["target_only"]
    assert dann[:, 1].tolist() == [50, 70, 75]
    assert np.round(dann[:, 0]).tolist() == [0, 1, 2]
    assert (target[:, 0] > dann[:, 0]).all()  # side by side
    assert np.isnan(target[0, 1])  # no value at 0 shots
    assert target[1:, 1].tolist() == [66, 74]
    assert lines(gain)["dann"][:, 1].tolist() == [9, 4, 1]
    assert np.isnan(lines(gain)["target_only"][:, 1]).all()


def test_intervals_reach_as_far_as_the_half_width_says():
    figure = label_efficiency(TABLE)
    for axes, low, high in zip(figure.axes, (49, 8.5), (51, 9.5), strict=True):
        (dann,) = (bar for bar in axes.containers if bar.get_label() == "dann")
        (segments,) = (np.array(bars.get_segments()) for bars in dann.lines[2])
        assert segments[0][:, 1].tolist() == [low, high]


def test_each_run_is_a_point_of_the_score_panel():
    score, gain = label_efficiency(TABLE).axes
    points = [np.asarray(found.get_offsets()) for found in score.collections if len(found.get_offsets()) > 1]
    assert sorted(np.concatenate(points)[:, 1]) == sorted(x for seeds in TABLE["seeds"] for x in seeds)
    assert {float(np.round(x)) for x, y in np.concatenate(points) if y in (64.0, 65.0)} == {1.0}
    assert not [found for found in gain.collections if isinstance(found, PathCollection)]


def test_runs_may_come_as_arrays_as_a_file_gives_them():
    arrays = TABLE.assign(seeds=[np.array(seeds) for seeds in TABLE["seeds"]])
    assert as_svg(label_efficiency(arrays)) == as_svg(label_efficiency(TABLE))


def test_no_gain_is_a_line_of_the_gain_panel_alone():
    score, gain = label_efficiency(TABLE).axes
    assert [line for line in gain.lines if list(line.get_ydata()) == [0, 0]]
    assert not [line for line in score.lines if list(line.get_ydata()) == [0, 0]]


def test_a_line_is_not_drawn_across_a_hole():
    whole = [row("a", x, int(x), 50.0) for x in "0123"]
    hole = pd.DataFrame(whole + [row("b", x, int(x), 60.0) for x in "013"])
    drawn = lines(label_efficiency(hole).axes[0])["b"][:, 1]
    assert np.isnan(drawn).tolist() == [False, False, True, False]


def many(k: int) -> pd.DataFrame:
    return pd.DataFrame(
        [row(f"{LONG[i % 5]}_{i}", x, j, 50.0 + i, i) for i in range(k) for j, x in enumerate(["0", "5", "all"])]
    )


def looks(axes) -> list[tuple]:
    found = [bar.lines[0] for bar in axes.containers]
    return [(to_hex(line.get_color()), line.get_marker(), str(line._dash_pattern)) for line in found]


def test_methods_differ_by_their_look_and_keep_it_in_both_panels():
    few, lots = label_efficiency(many(5)), label_efficiency(many(40))
    assert len(set(looks(lots.axes[0]))) == 40
    assert looks(lots.axes[0]) == looks(lots.axes[1])
    for part in zip(*looks(few.axes[0]), strict=True):
        assert len(set(part)) == 5  # each alone tells five methods apart


@pytest.mark.parametrize("k", [1, 5, 30])
def test_the_legend_names_every_method_whole_and_apart(k):
    figure = label_efficiency(many(k))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == list(many(k)["method"].drop_duplicates())
    assert_whole_and_apart(figure)
    right = max(axes.get_window_extent().x1 for axes in figure.axes)
    assert all(box.x0 > right for box in boxes(figure, legend.texts))


def test_axes_are_named_with_units():
    score, gain = label_efficiency(TABLE).axes
    assert score.get_xlabel() == gain.get_xlabel() == "labelled target examples per class"
    assert (score.get_ylabel(), gain.get_ylabel()) == ("score (points)", "gain (points)")
    cold, _ = label_efficiency(TABLE, x_label="unlabelled target examples", score_label="macro-F1 (points)").axes
    assert (cold.get_xlabel(), cold.get_ylabel()) == ("unlabelled target examples", "macro-F1 (points)")


def test_figures_leave_no_trace_in_pyplot_and_are_the_same_each_time():
    one, other = (as_svg(label_efficiency(TABLE)) + as_svg(critical_difference(ranking(4))) for _ in range(2))
    assert one == other
    assert pyplot.get_fignums() == []


def test_a_table_that_is_no_curve_is_refused():
    with pytest.raises(ValueError, match=r"lacking \['seeds'\]"):
        label_efficiency(TABLE.drop(columns="seeds"))
    with pytest.raises(ValueError, match="lacking every row"):
        label_efficiency(TABLE[:0])
    with pytest.raises(ValueError, match="dann, all"):
        label_efficiency(pd.concat([TABLE, TABLE[:1]]))
    with pytest.raises(ValueError, match=r"one place in the order, got more for \['10'\]"):
        label_efficiency(TABLE.assign(x_order=[80.0, 0.0, 10.0, 11.0, 80.0]))
