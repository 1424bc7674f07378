import pytest

from tlbench.training.schedules import LEARNING_RATE


@pytest.mark.parametrize(
    ("name", "start", "middle", "end"),
    [("constant", 1, 1, 1), ("annealed", 1, 6**-0.75, 11**-0.75), ("cosine", 1, 0.5, 0)],
)
def test_values(name, start, middle, end):
    factor = LEARNING_RATE[name]
    assert [factor(0), factor(0.5), factor(1)] == pytest.approx([start, middle, end])
