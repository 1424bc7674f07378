import numpy as np
import pandas as pd
import pytest

from tests.reporting.figures.drawn import places
from tests.reporting.figures.many import RULE
from tlbench.reporting.figures.leaderboard import COLUMNS, leaderboard

TABLE = pd.DataFrame(
    [("late", np.nan, np.nan, np.nan, 1, 1, 3, [90.0]), ("dann", 60.0, 2.0, 1.5, 2, 0, 3, [50.0, 70.0]),
     ("mmd", 62.0, 1.0, 1.25, 2, 0, 3, [61.0, 63.0])],
    columns=COLUMNS,
)  # fmt: skip


def test_means_with_intervals_pairs_and_ranks_best_first():
    axes = leaderboard(TABLE, RULE).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["mmd", "dann", "late"]
    (bars,) = axes.containers
    assert places(bars.lines[0])[:2] == [(62, 0), (60, 1)]
    assert np.isnan(bars.lines[0].get_xdata()[2])  # no mean over other pairs than the others have
    assert bars.lines[2][0].get_segments()[1].tolist() == [[58, 1], [62, 1]]
    pairs = [np.asarray(found.get_offsets())[:, 0].tolist() for found in axes.collections[:3]]
    assert pairs == [[61, 63], [50, 70], [90]]
    assert [t.get_text() for t in axes.texts] == ["1.25", "1.50", "not ranked: 1 of 2 pairs missing", "average rank"]
    with pytest.raises(ValueError, match="more for: dann"):
        leaderboard(pd.concat([TABLE, TABLE[1:2]]), RULE)
