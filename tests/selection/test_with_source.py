import numpy as np
import pytest

from tests.selection.views import seen, view
from tlbench.selection.with_source import circular, dev, iwv, source_val

P = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.2, 0.8]])
RIGHT, HALF = np.array([0, 1, 0, 1]), np.array([0, 0, 0, 0])  # P says 0 1 0 1


def test_source_validation_is_the_share_of_right_answers():
    assert [source_val(P, y) for y in (RIGHT, HALF, 1 - RIGHT)] == [1, 0.5, 0]


def test_weighted_validation_by_hand():
    # wrong are rows 1 and 3 with weights 0.5 and 1: 1 - 1.5 / 4
    w = np.array([2, 0.5, 3, 1.0])
    assert iwv(P, HALF, w) == pytest.approx(1 - 1.5 / 4)
    assert iwv(P, RIGHT, w) == 1
    assert iwv(P, HALF, np.ones(4)) == source_val(P, HALF)


def test_deep_embedded_validation_by_hand():
    # L = (0, 2, 0, 2), w = (0, 2, 2, 2): mean L = 1, mean w = 1.5; Cov = 2/3, Var = 1 (n - 1), eta = -2/3,
    # risk = 1 - 2/3 * 0.5 = 2/3; with n in one of both it would be 5/8 or 5/9
    assert dev(P, HALF, np.array([0, 2, 2, 2.0])) == pytest.approx(-2 / 3)


def test_deep_embedded_validation_agrees_with_a_loop():
    v = view()
    p, y, w = v.source_val.probabilities_NC, v.source_val_labels, v.weights_V
    n = len(y)
    loss = [w[i] * (max(range(3), key=lambda c, i=i: p[i, c]) != y[i]) for i in range(n)]
    mean_l, mean_w = sum(loss) / n, sum(w) / n
    cov = sum((a - mean_l) * (b - mean_w) for a, b in zip(loss, w, strict=True))
    var = sum((b - mean_w) ** 2 for b in w)
    assert sum(loss) > 0
    assert dev(p, y, w) == pytest.approx(-(mean_l - cov / var * mean_w + cov / var))
    assert iwv(p, y, w) == pytest.approx(1 - mean_l)


def test_the_control_variate_undoes_a_sample_of_too_large_weights():
    # all wrong: the risk is 1 whatever the weights, and L = w gives eta = -1
    w = np.array([0.5, 4, 1, 3.0])
    assert dev(P, 1 - RIGHT, w) == pytest.approx(-1)
    assert iwv(P, 1 - RIGHT, w) == pytest.approx(1 - w.mean())
    assert dev(P, RIGHT, w) == 0


def test_weights_that_do_not_vary_or_stand_alone_give_the_plain_risk():
    jitter = 2 + 1e-9 * np.arange(4)
    assert dev(P, HALF, np.full(4, 2.0)) == pytest.approx(dev(P, HALF, jitter), rel=1e-6) == pytest.approx(-1)
    assert dev(P[:1], np.array([1]), np.array([0.7])) == pytest.approx(-0.7)


def test_what_is_right_where_the_target_lies_counts():
    left_right, w = np.array([0, 1, 1, 0]), np.array([1.9, 1.7, 0.2, 0.2])  # right in rows 0 and 1
    for validator in (iwv, dev):
        assert validator(P, left_right, w) > validator(P, 1 - left_right, w)


def by_hand_circular(xs, ys, xt, pt):
    """Ridge by its normal equations, with the intercept as a column without a penalty."""
    rows = np.vstack([xs, xt]).astype(float)
    keep = rows.std(axis=0) > 0
    scale = [rows[:, j].std() * rows.shape[1] ** 0.5 for j in np.flatnonzero(keep)]
    zs, zt = (np.array([(r[keep] - rows[:, keep].mean(axis=0)) / scale for r in x]) for x in (xs, xt))
    said = [int(np.argmax(p)) for p in pt]
    names = sorted(set(said))
    design = np.hstack([np.ones((len(zt), 1)), zt])
    penalty = np.diag([0.0] + [1.0] * zt.shape[1])
    wanted = np.array([[float(s == name) for name in names] for s in said])
    beta = np.linalg.solve(design.T @ design + penalty, design.T @ wanted)
    output = np.hstack([np.ones((len(zs), 1)), zs]) @ beta
    return np.mean([names[int(np.argmax(o))] == y for o, y in zip(output, ys, strict=True)])


@pytest.mark.parametrize("width", [2, 5, 60])
def test_circular_agrees_with_the_normal_equations(width):
    s, ys = seen(400, width=width, seed=3)
    t, yt = seen(31, width=width, seed=4, shift=0.4)
    xt = t.features_ND * np.geomspace(0.2, 5, width)
    half = np.eye(3)[np.where(np.arange(31) % 2, yt, (yt + 1) % 3)]  # half of the predictions are wrong
    want = by_hand_circular(s.features_ND, ys, xt, half)
    assert circular(s.features_ND, ys, xt, half) == pytest.approx(want)
    assert 0.1 < want < 0.9


def test_circular_of_a_line_by_hand():
    # target -1 is class 1 and +1 is class 0, so source examples left of the middle are told 1
    x, p = np.array([[-1.0], [1]]), np.array([[0.0, 1], [1, 0]])
    assert circular(np.array([[-2.0], [-1], [1], [2]]), np.array([1, 0, 0, 0]), x, p) == 0.75


def test_circular_knows_a_source_class_that_is_never_predicted_as_lost():
    x, p = np.array([[-1.0], [1]]), np.array([[0.0, 1, 0], [1, 0, 0]])
    assert circular(np.array([[-2.0], [2], [2], [2]]), np.array([1, 0, 2, 2]), x, p) == 0.5


def test_circular_shares_out_ties():
    x, p = np.zeros((4, 2)), np.eye(2)[[0, 1, 0, 1]]
    assert circular(x, np.array([0, 0, 0, 1]), x, p) == pytest.approx(0.5)
    assert circular(x, np.array([0, 0, 0, 1]), x, np.eye(2)[[0, 0, 0, 1]]) == pytest.approx(0.75)  # no tie


def test_circular_takes_a_difference_by_rounding_for_a_tie():
    # a class in each corner of a triangle, the source in its middle
    angles = 2 * np.pi * np.arange(3) / 3
    for turn in range(5):
        corners = np.stack([np.cos(angles + turn), np.sin(angles + turn)], axis=1)
        assert circular(np.zeros((3, 2)), np.array([0, 0, 1]), corners, np.eye(3)) == pytest.approx(1 / 3)


def test_circular_prefers_right_target_predictions_to_random_and_to_exchanged_ones():
    s, ys = seen(60, width=8, seed=5)
    t, yt = seen(60, width=8, seed=6)
    rng = np.random.default_rng(0)
    perfect, random, exchanged = np.eye(3)[yt], np.eye(3)[rng.integers(0, 3, 60)], np.eye(3)[(yt + 1) % 3]
    right, drawn, wrong = (circular(s.features_ND, ys, t.features_ND, p) for p in (perfect, random, exchanged))
    assert right > 0.85 > 0.6 > drawn > wrong


@pytest.mark.parametrize("validator", [iwv, dev])
def test_a_weight_for_each_label(validator):
    validator(P, HALF, np.ones(4))
    with pytest.raises(ValueError, match=r"\(3,\) and \(4,\)"):
        validator(P, HALF, np.ones(3))


def test_a_label_for_each_row():
    for labels in (np.zeros(3, dtype=int), np.zeros((4, 1), dtype=int)):
        with pytest.raises(ValueError, match="label for each row"):
            source_val(P, labels)
    with pytest.raises(ValueError, match="label for each row"):
        source_val(P[:0], RIGHT[:0])


def test_circular_refuses_other_widths_and_lacking_predictions():
    x, y, p = np.ones((4, 2)), RIGHT, P
    circular(x, y, x, p)
    for args in ((x, y, np.ones((4, 3)), p), (x, y, x, p[:3]), (x, y[:3], x, p)):
        with pytest.raises(ValueError, match="circular needs"):
            circular(*args)
