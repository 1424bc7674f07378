import numpy as np
import pytest

from tlbench.functional.kept import KEPT, keep_results


def counted():
    calls = []

    @keep_results
    def double(x: np.ndarray) -> tuple[np.ndarray, ...]:
        calls.append(x)
        return (2 * x, x + 1)

    return double, calls


def test_equal_content_is_worked_out_once_whatever_array_holds_it():
    double, calls = counted()
    x = np.arange(6.0).reshape(2, 3)
    first = double(x)
    again = double(np.asfortranarray(x).copy(order="F"))
    assert len(calls) == 1
    assert again is first
    np.testing.assert_array_equal(first[0], 2 * x)


@pytest.mark.parametrize(
    "other",
    [
        np.arange(6.0).reshape(3, 2),  # the same bytes in another shape
        np.arange(6.0).reshape(2, 3).view(np.int64),  # the same bytes as other numbers
        np.arange(1.0, 7.0).reshape(2, 3),
    ],
)
def test_another_array_is_another_result(other):
    double, calls = counted()
    double(np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(double(other)[0], 2 * other)
    assert len(calls) == 2


def test_what_is_kept_cannot_be_written_to():
    double, _ = counted()
    with pytest.raises(ValueError, match="read-only"):
        double(np.ones(2))[0][0] = 5


def test_the_least_recent_is_forgotten():
    double, calls = counted()
    for i in range(KEPT + 1):
        double(np.full(2, float(i)))
        double(np.zeros(2))  # used again and again, so it stays
    assert len(calls) == KEPT + 1
    double(np.full(2, 1.0))
    assert len(calls) == KEPT + 2


def test_of_several_arrays_each_counts_and_their_order():
    calls = []

    @keep_results
    def joined(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        calls.append(arrays)
        return (np.concatenate(arrays),)

    one, two = np.arange(3.0), np.arange(3.0, 6.0)
    np.testing.assert_array_equal(joined(one, two)[0], [0, 1, 2, 3, 4, 5])
    assert joined(one.copy(), two.copy()) is joined(one, two)
    np.testing.assert_array_equal(joined(two, one)[0], [3, 4, 5, 0, 1, 2])
    np.testing.assert_array_equal(joined(one)[0], [0, 1, 2])
    assert len(calls) == 3
