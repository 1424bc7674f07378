"""A part of the table of reviews as words comes out again: the same draws, the same numbers."""

import pandas as pd
import pytest

from tests.support import config_of, ensure_run
from tlbench.paths import results_dir
from tlbench.store.runs import RunStore
from tlbench.store.table import read_runs


@pytest.mark.data
@pytest.mark.slow
def test_words_from_kitchen_to_electronics(real_data, tmp_path):
    cells = pd.read_csv(results_dir() / "reviews" / "cells.csv").query("dataset == 'amazon_reviews_words'")
    want = cells[(cells["pair"] == "kitchen-electronics") & (cells["backbone"] == "identity")].set_index("method")[
        "score"
    ]
    for method in ("source_only", "sa"):
        words = ["dataset=amazon_reviews_words", "pair=K-E", f"method={method}", "distances=0", "validators=0"]
        config = config_of(*words).model_copy(update={"store": str(tmp_path)})
        assert ensure_run(config) == "done"
    runs = read_runs(RunStore(tmp_path)).query("selection == 'last'").set_index("method")["score"]
    for method in ("source_only", "sa"):
        assert 100 * runs[method] == pytest.approx(want[method], abs=0.006)
