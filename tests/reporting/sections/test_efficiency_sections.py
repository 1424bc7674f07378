import numpy as np
import pandas as pd
import pytest

from tests.findings.tables import table
from tests.findings.test_efficiency import curve
from tlbench.findings.rule import Rule
from tlbench.reporting.sections.efficiency_sections import efficiency_sections


def test_the_section_says_what_a_point_is_worth():
    _, runs, points = curve()
    configs = {own["cell_key"]: config for own, config in points}
    (made,) = efficiency_sections(table(*(own for own, _ in points)), configs, runs, Rule())
    assert made.name == "curve_1_shots"
    assert made.shown.iloc[1].tolist() == ["dann", "1 a class", "60.0", "5.5", "+4.5", "5.5 to 5.5"]
    assert "over source_only" in made.words[0]
    assert list(made.figures) == ["curve_1_shots"]
    assert made.data.set_index(["method", "x"]).loc[("dann", "1"), "worth"] == pytest.approx(4.5)
    assert np.isnan(made.data.set_index(["method", "x"]).loc[("target_only", "1"), "worth"])
    assert efficiency_sections(table(*(own for own, _ in points))[:1], configs, runs, Rule()) == []
    assert isinstance(made.data, pd.DataFrame)
