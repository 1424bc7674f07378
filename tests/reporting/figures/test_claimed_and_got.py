import numpy as np
import pandas as pd
import pytest

from tests.reporting.figures.drawn import places
from tlbench.reporting.figures.claimed_and_got import claimed_and_got

TABLE = pd.DataFrame(
    [("CORAL", 50.0, 52.0, 1.0, 5), ("CORAL", 60.0, 57.0, 2.0, 5), ("NA", 40.0, 41.0, np.nan, 1)],
    columns=["row", "published", "got", "got_sd", "n"],
)  # fmt: skip


def test_each_pair_is_a_point_with_the_sd_over_seeds_beside_the_diagonal():
    figure = claimed_and_got(TABLE)
    axes = figure.axes[0]
    coral, na = axes.containers
    assert (places(coral.lines[0]), places(na.lines[0])) == ([(50, 52), (60, 57)], [(40, 41)])
    assert np.array(coral.lines[2][0].get_segments())[1].tolist() == [[60, 55], [60, 59]]
    assert na.lines[2] == ()
    assert places(axes.lines[0]) == [(37, 37), (63, 63)]
    assert [t.get_text() for t in figure.legends[0].texts] == ["CORAL", "NA"]
    with pytest.raises(ValueError, match="every row"):
        claimed_and_got(TABLE[:0])
