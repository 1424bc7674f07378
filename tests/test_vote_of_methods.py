"""The vote of methods, by hand."""

import pandas as pd

from benchmarks.vote_of_methods import summary, voted


def test_each_votes_with_its_confidence():
    one = pd.DataFrame({"prediction": [0, 1, 2], "confidence": [0.9, 0.5, 0.4]})
    two = pd.DataFrame({"prediction": [1, 1, 0], "confidence": [0.5, 0.6, 0.3]})
    three = pd.DataFrame({"prediction": [1, 0, 0], "confidence": [0.5, 0.9, 0.2]})
    assert voted([one, two, three], 3).tolist() == [1, 1, 0]
    assert voted([one, two], 3).tolist() == [0, 1, 2]


def test_families_count_alike():
    found = pd.DataFrame(
        {"data_family": ["a", "a", "a", "b"], "vote": [1.0, 2.0, -3.0, 4.0], "methods": [0.0, 1.0, 2.0, 5.0]}
    )
    told = summary(found).set_index("data_family")
    assert told.loc["a"].tolist() == [3, 0.0, 1.0, 0.33]
    assert told.loc["families alike"].tolist() == [4, 2.0, 3.0, 0.17]
