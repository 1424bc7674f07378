"""Are confidences right? Bins of the reliability diagram, the same as the metric `ece` has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from tlbench.metrics import N_BINS, calibration_error, confidence_bins

ACCURACY = ["accuracy", "accuracy_low", "accuracy_high"]
COLUMNS = ["name", "low", "high", "n", "confidence", *ACCURACY, "ece", "n_runs", "alpha"]


def reliability_table(predictions: Mapping[str, Sequence[pd.DataFrame]], *, alpha: float = 0.05) -> pd.DataFrame:
    """Return one row a name and bin of confidence, examples of all seeds together.

    Bins hold their lower end, and a confidence of 1 is a bin of its own (low = high = 1), as torchmetrics has it, so that `ece`
    of one run is its stored metric.

    Args:
        predictions: name to the predictions of its runs (`RunStore.at_step`): label, prediction, confidence.
        alpha: 1 - level of the accuracy's interval in a bin (Wilson's; examples of several seeds are taken as independent,
            which makes it short).

    Returns:
        COLUMNS: confidence (mean), accuracy and its interval in [0, 1], nan in empty bins; ece: mean over the runs.

    Raises:
        ValueError: a name without examples, or a confidence outside [0, 1].
    """
    parts = [_of_name(name, list(tables), alpha) for name, tables in predictions.items()]
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def _of_name(name: str, tables: Sequence[pd.DataFrame], alpha: float) -> pd.DataFrame:
    if not tables or not all(map(len, tables)):
        raise ValueError(f"A reliability diagram needs predictions, got none for {name}.")
    bins = _bins(pd.concat(tables, ignore_index=True))
    low, high = np.array([wilson(int(k), int(n), alpha) for k, n in zip(bins["right"], bins["n"], strict=True)]).T
    return bins.assign(
        name=name,
        accuracy_low=low,
        accuracy_high=high,
        ece=np.mean([calibration_error(table["confidence"].to_numpy(), _right(table)) for table in tables]),
        n_runs=len(tables),
        alpha=alpha,
    )


def _bins(table: pd.DataFrame) -> pd.DataFrame:
    """Return low, high, n, right, confidence and accuracy of each bin."""
    confidence = table["confidence"].to_numpy(np.float64)
    if not ((confidence >= 0) & (confidence <= 1 + 1e-6)).all():
        raise ValueError("Confidences must be in [0, 1].")
    confidence = np.minimum(confidence, 1.0)
    ends, place = np.linspace(0.0, 1.0, N_BINS + 1), confidence_bins(confidence) - 1
    n, sums, rights = (np.bincount(place, weights, N_BINS + 1) for weights in (None, confidence, _right(table)))
    with np.errstate(invalid="ignore"):
        means, accuracy = sums / n, rights / n
    high = np.append(ends[1:], 1.0)
    return pd.DataFrame({"low": ends, "high": high, "n": n, "right": rights, "confidence": means, "accuracy": accuracy})


def wilson(right: int, n: int, alpha: float) -> tuple[float, float]:
    """Return Wilson's 1 - alpha interval of a share; nan of nothing."""
    if n == 0:
        return np.nan, np.nan
    interval = binomtest(right, n).proportion_ci(1 - alpha, "wilson")
    return float(interval.low), float(interval.high)


def _right(table: pd.DataFrame) -> np.ndarray:
    """Return (N,) 1.0 for a right prediction, else 0.0."""
    return (table["label"] == table["prediction"]).to_numpy(np.float64)
