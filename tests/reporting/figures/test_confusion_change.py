import numpy as np
import pandas as pd
import pytest

from tests.reporting.figures.drawn import words
from tlbench.findings.confusion import confusion_table
from tlbench.reporting.figures.confusion_change import confusion_change


def outcome(*predictions):
    return pd.DataFrame({"label": [0, 0, 1, 1, 2, 2], "prediction": predictions})


TABLE = confusion_table([(outcome(0, 0, 1, 0, 2, 1), outcome(0, 0, 1, 1, 0, 0))], ["cat", "dog", "owl"])


def test_shares_minus_the_reference_s():
    axes = confusion_change(TABLE, "source_only", "last").axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0, 0, 0], [50, -50, 0], [-100, 50, 50]])
    assert [t.get_text() for t in axes.texts] == ["+50", "-50", "-100", "+50", "+50"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["cat (2)", "dog (2)", "owl (2)"]


def test_the_classes_that_change_most_are_shown_and_rows_still_sum_to_zero():
    figure = confusion_change(TABLE, "source_only", "last", most=2)
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), [[-50, 0, 50], [50, 50, -100]])
    assert [t.get_text() for t in axes.get_xticklabels()] == ["dog", "owl", "1 other"]
    assert "The 2 of 3 classes that change most" in words(figure)
    with pytest.raises(ValueError, match="more for: cat, cat"):
        confusion_change(pd.concat([TABLE, TABLE[:1]]), "source_only", "last")
