import numpy as np
import pytest
from scipy.linalg import eig

from baselines.tca import Tca
from baselines.tjm import Tjm, matched
from tests.baselines.naive import LABELS, SOURCE, TARGET, TASK, TEST, nearest, unit
from tlbench.errors import TlbenchError
from tlbench.functional.components import mean_difference
from tlbench.tasks import Labelled, Task

N, M = len(SOURCE), len(TARGET)
BOTH = unit(np.concatenate([SOURCE, TARGET]))
E = mean_difference(N, M)


def tjm(**changed):
    return Tjm(**{"dim": 2, "ridge": 0.5, "rounds": 3, **changed}, classifier=nearest())


def dense_round(x, penalty, ridge, k):
    """The paper's N x N problem as it is written."""
    kernel, centre = x @ x.T, np.eye(len(x)) - 1 / len(x)
    m = E @ E.T / np.linalg.norm(E @ E.T)
    inverse, vectors = eig(kernel @ centre @ kernel, kernel @ m @ kernel + ridge * np.diag(penalty))
    w = vectors.real[:, np.argsort(-inverse.real)[:k]]
    return w / np.linalg.norm(w, axis=0)


def test_one_solution_is_the_dense_problems():
    penalty = np.random.default_rng(0).uniform(0.5, 3, size=N + M)
    got = matched(BOTH, E / np.linalg.norm(E), penalty, ridge=0.5, k=3)
    assert np.abs(got) == pytest.approx(np.abs(dense_round(BOTH, penalty, 0.5, 3)), abs=1e-7)


def test_rounds_weigh_source_rows_by_their_inverse_length():
    method = tjm().fit(TASK)
    penalty, used = np.ones(N + M), []
    for _ in range(3):
        w = dense_round(BOTH, penalty, 0.5, 2)
        length = np.linalg.norm(w[:N], axis=1)
        penalty[:N] = 1 / length
        used.append((length >= 0.01 * length.max()).mean())
    want = BOTH.T @ w
    assert np.abs(method.map) == pytest.approx(np.abs(want), rel=1e-5)
    assert [row["rows_used"] for row in method.history] == used
    assert np.square(method.mapped(SOURCE, "source")).sum() == pytest.approx(np.square(SOURCE).sum())


def test_the_first_round_is_tca_on_unit_rows():
    one = tjm(rounds=1).fit(TASK)
    unit_task = Task(Labelled(unit(SOURCE), LABELS), unit(TARGET), None, None, 3, (4,))
    two = Tca(dim=2, ridge=0.5, kernel="linear", classifier=nearest()).fit(unit_task)
    ratio = one.mapped(TEST, "target") / two.mapped(unit(TEST), "target")
    assert np.abs(ratio) == pytest.approx(np.full_like(ratio, abs(ratio[0, 0])))


def test_order_and_rotation_change_nothing_and_wide_rows_are_taken():
    rng = np.random.default_rng(1)
    want = tjm().fit(TASK).predict_proba(TEST)
    turn, rows, other = np.linalg.qr(rng.normal(size=(4, 4)))[0], rng.permutation(N), rng.permutation(M)
    task = Task(Labelled(SOURCE[rows] @ turn, LABELS[rows]), TARGET[other] @ turn, None, None, 3, (4,))
    assert tjm().fit(task).predict_proba(TEST @ turn) == pytest.approx(want)
    pad = rng.normal(size=(4, 90))
    wide = Task(Labelled(SOURCE @ pad, LABELS), TARGET @ pad, None, None, 3, (90,))
    assert np.isfinite(tjm().fit(wide).predict_proba(TEST @ pad)).all()


@pytest.mark.parametrize("wrong", [{"ridge": 0.0}, {"rounds": 0}, {"dim": 0}])
def test_values_out_of_range_are_refused(wrong):
    tjm()
    with pytest.raises(TlbenchError, match=f"method.{next(iter(wrong))} must be"):
        tjm(**wrong)
