import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from tlbench.findings.confusion import confusion_table


def outcome(labels, predictions):
    return pd.DataFrame({"label": labels, "prediction": predictions})


def test_counts_of_all_seeds_become_shares_and_classes_without_examples_say_nothing():
    labels = [[0, 0, 0, 1], [0, 1, 1, 3]]
    mine, other = [[0, 1, 0, 1], [3, 1, 0, 3]], [[0, 0, 0, 0], [0, 1, 1, 0]]
    pairs = [(outcome(y, a), outcome(y, b)) for y, a, b in zip(labels, mine, other, strict=True)]
    found = confusion_table(pairs, ["a", "b"])
    assert list(dict.fromkeys(found["true"])) == ["a", "b", "2", "3"]  # a class without a name has its number
    both = [confusion_matrix(np.ravel(labels), np.ravel(side), labels=range(4)) for side in (mine, other)]
    n = np.array([4, 3, 0, 1])[:, None]
    with np.errstate(invalid="ignore"):
        want = [100 * counts / n for counts in both]
    np.testing.assert_allclose(found["share"].to_numpy().reshape(4, 4), want[0])
    np.testing.assert_allclose(found["difference"].to_numpy().reshape(4, 4), want[0] - want[1])
    assert found["n"].tolist()[::4] == [4, 3, 0, 1]
    assert (found["n_runs"] == 2).all()


def test_other_examples_or_none_are_refused():
    with pytest.raises(ValueError, match="different examples"):
        confusion_table([(outcome([0, 1], [0, 1]), outcome([1, 0], [0, 1]))])
    with pytest.raises(ValueError, match="got none"):
        confusion_table([])
