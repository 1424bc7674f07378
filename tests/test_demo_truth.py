"""The committed truth of the demo is of the demo that there is, and the demo can decide."""

from collections import Counter
from pathlib import Path

import pandas as pd

from tests.support import jobs_of
from tlbench.running.describe import backbone_label

TRUTH = pd.read_csv(Path(__file__).parents[1] / "results" / "demo_truth" / "truth.csv")


def test_it_is_of_the_cells_and_seeds_of_the_demo():
    jobs = [job for job in jobs_of("sweep=demo") if job.config.reference_names and job.asked]
    cells = Counter(
        (backbone_label(c.backbone), c.classifier["name"], c.pair, c.method["name"])
        for c in (job.config for job in jobs)
        if c.method["name"] != "source_only"
    )
    rows = TRUTH.itertuples()
    assert cells == {(r.backbone, r.classifier, r.pair, r.method): r.demo_seeds for r in rows}
    assert (TRUTH["n_seeds"] == 20).all()


def test_large_effects_of_several_methods_are_found_and_none_the_wrong_way():
    large = TRUTH[TRUTH["gain"].abs() >= 7]
    assert (large["power"] >= 0.8).all()
    assert large.loc[large["truth"] == "positive", "method"].nunique() >= 3
    assert large.loc[large["truth"] == "negative", "method"].nunique() >= 2
    assert (TRUTH.loc[TRUTH["truth"] == "positive", "found_negative"] == 0).all()
    assert (TRUTH.loc[TRUTH["truth"] == "negative", "found_positive"] == 0).all()
    assert (TRUTH["truth"] == "inconclusive").any()
