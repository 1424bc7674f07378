import numpy as np
import pytest
from scipy import stats

from tlbench.transfer.cells import cell_flag, holm, spread, t_test_p


def test_spread_divides_by_n_minus_one():
    s = spread([50, 70, 90], alpha=0.05)
    assert (s.n, s.mean, s.sd) == (3, 70, 20)  # 16.3 if divided by n
    assert s.half == pytest.approx(4.302653 * 20 / 3**0.5, rel=1e-6)


def test_spread_of_one_or_no_value_claims_no_spread():
    one, none = spread([5.0], 0.05), spread([], 0.05)
    assert (one.n, one.mean) == (1, 5.0)
    assert np.isnan([one.sd, one.half, none.mean, none.sd, none.half]).all()


def test_t_test_agrees_with_scipy_and_needs_three_seeds_with_some_spread():
    x = [1.0, 2.0, 4.5]
    assert t_test_p(x) == pytest.approx(stats.ttest_1samp(x, 0).pvalue)
    assert np.isnan(t_test_p([1.0, 2.0]))
    assert np.isnan(t_test_p([2.0, 2.0, 2.0]))


def test_holm_by_hand_and_blind_to_what_is_no_number():
    # sorted .01 .02 .04 times 3 2 1, then made monotone
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    got = holm([0.04, np.nan, 0.01])
    assert got[[0, 2]] == pytest.approx([0.04, 0.02])
    assert np.isnan(got[1])
    assert np.isnan(holm([np.nan])).all()


def test_fewer_than_three_seeds_make_no_statement():
    assert cell_flag(-9.0, 0.001, 2, 0.05) == "few seeds"
    assert cell_flag(-9.0, 0.001, 3, 0.05) == "negative"
    assert cell_flag(9.0, 0.001, 3, 0.05) == "positive"
    assert cell_flag(-9.0, 0.06, 3, 0.05) == "inconclusive"
