"""A small atlas by hand: what the tests of its findings need, and nothing else."""

import pandas as pd

from tlbench.atlas.atlas_rows import ordered

PLAIN = {
    "dataset": "d", "data_words": "", "pair": "a-b", "metric": "accuracy", "method": "m", "family": "feature",
    "setting": "closed_set", "protocol": "transductive", "backbone": "identity", "classifier": "logistic",
    "reference": "source_only", "gain_flag": "inconclusive", "search": "", "rule": "", "reference_run": "r0", "recipe_key": "k",
    "data_fingerprint": "f", "method_code": "c", "seed": 0, "n_source": 9, "n_target": 9, "n_shots": 0, "n_test": 100, "step": 1,
    "trial": 0, "n_trials": 0, "harness": 2, "method_revision": 1, "tuned": False, "draws": True, "uses_target_labels": False,
    "source_shares": None, "seconds": 1.0,
}  # fmt: skip


def row(data_family: str, gain: float, /, **other: object) -> dict[str, object]:
    """A run with this gain in points, its interval of a point on either side and p = 0.5, over a reference at 0.5."""
    own = {
        "score": 0.5 + gain / 100,
        "reference_score": 0.5,
        "gain": gain,
        "gain_low": gain - 1,
        "gain_high": gain + 1,
        "gain_p": 0.5,
    }
    return {**PLAIN, "data_family": data_family, **own, **other}


def table(*rows: dict[str, object]) -> pd.DataFrame:
    """Rows as the atlas has them; each a cell of its own unless it says which."""
    named = [{"run_key": f"run{i}", "cell_key": f"cell{i}", **own} for i, own in enumerate(rows)]
    return ordered(pd.DataFrame(named))
