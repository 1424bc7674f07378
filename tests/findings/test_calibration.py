import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from tlbench.findings.calibration import reliability_table
from tlbench.metrics import measure


def run_of(seed=0, n=200, dtype=np.float64):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([0.3] * 4, n)
    p[:3] = np.eye(4)[:3]  # sure ones
    p[3] = [0.6, 0.4, 0, 0]  # on a border of bins
    labels = rng.integers(4, size=n)
    shown = p.astype(dtype)
    return pd.DataFrame({"label": labels, "prediction": p.argmax(1), "confidence": shown.max(1)}), measure(p, labels)[
        "ece"
    ]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_ece_is_that_of_the_metric(dtype):
    (one, ece), (other, ece2) = run_of(0, dtype=dtype), run_of(1, dtype=dtype)
    found = reliability_table({"dann": [one], "both": [one, other]}).groupby("name")["ece"].first()
    assert found["dann"] == pytest.approx(ece, abs=1e-6)
    assert found["both"] == pytest.approx((ece + ece2) / 2, abs=1e-6)


def test_bins_hold_their_lower_end_and_have_wilson_s_interval():
    table = pd.DataFrame({"label": [0, 0, 0], "prediction": [0, 0, 1], "confidence": [0.34, 0.36, 0.35]})
    found = reliability_table({"x": [table]})
    (row,) = found[found["n"] > 0].to_dict("records")
    assert (row["low"], row["high"], row["n"]) == pytest.approx((1 / 3, 0.4, 3))
    assert (row["confidence"], row["accuracy"]) == pytest.approx((0.35, 2 / 3))
    assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(proportion_confint(2, 3, method="wilson"))
    assert found[found["n"] == 0][["confidence", "accuracy", "accuracy_low"]].isna().all(axis=None)
    assert len(found) == 16


def test_no_predictions_and_no_probabilities_are_refused():
    with pytest.raises(ValueError, match="got none for x"):
        reliability_table({"x": []})
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        reliability_table({"x": [pd.DataFrame({"label": [0], "prediction": [0], "confidence": [1.2]})]})


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.001])
@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 7), (7, 7), (3, 11), (499, 500), (12345, 20000)])
def test_wilson_s_interval_is_that_of_statsmodels(right, n, alpha):
    table = pd.DataFrame({"label": 0, "prediction": [0] * right + [1] * (n - right), "confidence": 0.5})
    found = reliability_table({"x": [table]}, alpha=alpha)
    (row,) = found[found["n"] > 0].to_dict("records")
    want = proportion_confint(right, n, alpha, "wilson")
    assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(want, rel=0, abs=1e-12)
