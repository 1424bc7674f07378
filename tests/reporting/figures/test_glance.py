import numpy as np
import pandas as pd
import pytest

from tests.reporting.figures.drawn import words
from tests.reporting.figures.many import RULE
from tlbench.reporting.figures.glance import COLUMNS, glance
from tlbench.reporting.figures.style import FLAG_WORDS

TABLE = pd.DataFrame(
    [("tca", "a-b", -9.0, "negative"), ("tca", "b-a", 20.0, "positive"), ("coral", "a-b", 0.5, "inconclusive"),
     ("coral", "b-a", -1.5, "negative"), ("coral", "c-a", 0.1, "")],
    columns=COLUMNS,
)  # fmt: skip


def test_a_mark_a_pair_in_the_row_of_its_method_with_the_shape_of_its_verdict():
    axes = glance(TABLE, RULE).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["tca", "coral"]
    marks = {c.get_label(): np.asarray(c.get_offsets()).tolist() for c in axes.collections}
    assert marks[FLAG_WORDS["negative"]] == [[-9, 0], [-1.5, 1]]
    assert marks[FLAG_WORDS["positive"]] == [[20, 0]]
    assert marks[FLAG_WORDS["inconclusive"]] == [[0.5, 1]]
    assert marks["no flag"] == [[0.1, 1]]
    low, high = axes.get_ylim()
    assert low > 1 > 0 > high  # the first method stands above


def test_it_says_how_many_pairs_and_refuses_what_it_cannot_draw():
    assert "2 to 3 pairs a method" in words(glance(TABLE, RULE))
    with pytest.raises(ValueError, match="needs gains"):
        glance(TABLE.assign(gain=np.nan), RULE)
    with pytest.raises(ValueError, match="needs rows with the columns"):
        glance(TABLE[:0], RULE)
