"""Several methods over several pairs: average ranks and what may be said of their differences.

Source  Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7 (2006), 1-30, sections 3.1.3 and 3.2
See     docs/ranks.md, tlbench/reporting/figures/rank_diagram.py, tests/transfer/test_ranks.py
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

FEWEST_PAIRS = 5
DIGITS = 9
"""Scores are compared to this many digits after the point: means of the same runs in another order are ties."""


@dataclass(frozen=True)
class Ranking:
    """What ranks over pairs say of methods. Methods stand best first, equal ones by name.

    Attributes:
        average_rank: (k,) mean over the pairs of each method's rank, 1 = best, ties share the mean of their ranks.
        n_pairs, n_methods: rows and columns that went in.
        alpha: level of the tests.
        test: `friedman`, for two methods `wilcoxon`, or empty where nothing is said.
        chi2: Friedman's statistic, nan unless `friedman`.
        f: Iman and Davenport's statistic, inf where all pairs rank alike; nan unless `friedman`.
        p: p-value of no difference between any two methods: of `f`, or Wilcoxon's; nan where nothing is said.
        critical_difference: of two average ranks at level alpha (Nemenyi); nan unless `friedman`.
        pairwise_p: (k, k) Nemenyi's p-values, for two methods Wilcoxon's; 1 on the diagonal; empty where nothing is said.
        posthoc_allowed: p < alpha. Otherwise no single difference may be claimed, whatever `pairwise_p` says.
        why: words, where nothing is said; else empty.
    """

    average_rank: pd.Series
    n_pairs: int
    n_methods: int
    alpha: float
    test: str = ""
    chi2: float = math.nan
    f: float = math.nan
    p: float = math.nan
    critical_difference: float = math.nan
    pairwise_p: pd.DataFrame | None = None
    posthoc_allowed: bool = False
    why: str = ""


def rank_methods(scores: pd.DataFrame, *, alpha: float) -> Ranking:
    """Rank methods on each pair and test whether they differ.

    Three methods or more: Friedman's test in Iman and Davenport's form, then Nemenyi's. Two: Wilcoxon's signed ranks.
    Fewer than five pairs or two methods: average ranks and no test.

    The tests take the pairs as independent. Pairs of one data set share domains, so they are not, and p is optimistic:
    the evidence is that of fewer pairs than were counted.

    Args:
        scores: one row a pair (data set and pair), one column a method; mean scores in percentage points, more is better.
        alpha: level of the tests, in (0, 1).

    Raises:
        ValueError: holes, a pair or a method given twice, alpha outside (0, 1).
    """
    _check(scores, alpha)
    rounded = scores.astype(np.float64).round(DIGITS)
    ranks = rounded.rank(axis=1, ascending=False)
    average_rank = ranks.mean().sort_index().sort_values(kind="stable")
    ordered = rounded[average_rank.index]
    n, k = ordered.shape
    if why := _why_nothing(n, k):
        return Ranking(average_rank, n, k, alpha, why=why)
    if k == 2:
        difference = (ordered.iloc[:, 0] - ordered.iloc[:, 1]).round(DIGITS)
        # zero differences count half for either side, as in the paper
        p = float(stats.wilcoxon(difference, zero_method="zsplit").pvalue)
        pairwise = pd.DataFrame([[1.0, p], [p, 1.0]], index=ordered.columns, columns=ordered.columns)
        return Ranking(average_rank, n, k, alpha, "wilcoxon", p=p, pairwise_p=pairwise, posthoc_allowed=p < alpha)
    chi2, f, p = friedman(average_rank.to_numpy(), n)
    critical = critical_difference(n, k, alpha)
    return Ranking(average_rank, n, k, alpha, "friedman", chi2, f, p, critical, _nemenyi(ordered), p < alpha)


def friedman(average_rank_K: np.ndarray, n_pairs: int) -> tuple[float, float, float]:
    """Compute Friedman's chi2, Iman and Davenport's F, and the p-value of F (Demsar 2006, section 3.2.2).

    As in the paper, chi2 is not corrected for ties; with ties it is smaller than the corrected one, so p errs upwards.
    p is never below (k!)^-(n - 1), the chance that all pairs rank alike.

    Args:
        average_rank_K: (k,) average ranks of three or more methods.
        n_pairs: n, number of pairs they are averages of.
    """
    n, k = n_pairs, len(average_rank_K)
    chi2 = 12 * n / (k * (k + 1)) * float(((average_rank_K - (k + 1) / 2) ** 2).sum())
    room = n * (k - 1) - chi2
    f = (n - 1) * chi2 / room if room > 1e-9 else math.inf
    floor = math.exp(-(n - 1) * math.lgamma(k + 1))
    return chi2, f, max(float(stats.f.sf(f, k - 1, (k - 1) * (n - 1))), floor)


def critical_difference(n_pairs: int, n_methods: int, alpha: float) -> float:
    """Return the least difference of two average ranks that Nemenyi's test calls one: q_alpha sqrt(k (k + 1) / 6 n).

    q_alpha is the studentised range's quantile over sqrt 2 (Demsar 2006, section 3.2.2, table 5).
    """
    q = float(stats.studentized_range.ppf(1 - alpha, n_methods, np.inf)) / math.sqrt(2)
    return q * math.sqrt(n_methods * (n_methods + 1) / (6 * n_pairs))


def _nemenyi(scores: pd.DataFrame) -> pd.DataFrame:
    from scikit_posthocs import posthoc_nemenyi_friedman  # brings pyplot and seaborn along: a third of a second

    p = posthoc_nemenyi_friedman(scores.to_numpy()).to_numpy()
    return pd.DataFrame(p, index=scores.columns, columns=scores.columns)


def _why_nothing(n: int, k: int) -> str:
    if k < 2:
        return f"{k} method leaves nothing to compare." if k == 1 else "No method was given."
    if n < FEWEST_PAIRS:
        return f"{n} pair{'' if n == 1 else 's'} are too few for a test; {FEWEST_PAIRS} are needed."
    return ""


def _check(scores: pd.DataFrame, alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha lies between 0 and 1, got {alpha}.")
    for kind, names in (("pair", scores.index), ("method", scores.columns)):
        if not names.is_unique:
            doubles = ", ".join(map(_name, names[names.duplicated()].unique()))
            raise ValueError(f"Each {kind} is given once, got twice: {doubles}.")
    at = np.argwhere(~np.isfinite(scores.to_numpy(dtype=np.float64)))
    if len(at):
        holes = ", ".join(f"{_name(scores.index[i])}: {_name(scores.columns[j])}" for i, j in at)
        raise ValueError(f"Every method needs a score on every pair, lacking {holes}.")


def _name(label: object) -> str:
    return " ".join(map(str, label)) if isinstance(label, tuple) else str(label)
