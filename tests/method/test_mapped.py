"""A map of more dimensions than there are features: the plan says what the run takes."""

from pathlib import Path

import pytest

from tests.support import jobs_of
from tlbench.errors import TlbenchError, say_once


def arrays(features: int) -> list[str]:
    for domain in "ab":
        rows = [f"{i % 2},{','.join(str((i * (j + 3)) % 7) for j in range(features))}" for i in range(40)]
        Path(f"{domain}.csv").write_text("\n".join([f"y,{','.join(f'f{j}' for j in range(features))}", *rows]))
    return [
        "dataset=arrays",
        f"dataset.paths={{a: {Path('a.csv').resolve()}, b: {Path('b.csv').resolve()}}}",
        "pair=a-b",
    ]


@pytest.mark.parametrize(("method", "most"), [("pca", 6), ("sa", 6), ("tca", 6), ("jda", 6), ("gfk", 3)])
def test_dimensions_that_the_features_do_not_allow_are_said_and_others_are_not(method, most, capsys):
    say_once.cache_clear()
    words = [*arrays(6), f"method={method}"]
    jobs_of(*words, f"method.dim={most}")
    assert capsys.readouterr().err == ""
    jobs_of(
        *words, f"method.dim={most + 1000 + len(method)}"
    )  # a number of its own: a part is rehearsed once a process
    dim = most + 1000 + len(method)
    assert capsys.readouterr().err == (
        f"tlbench: method.dim={dim} of {method} is more than 6 features allow; it takes {most}.\n"
    )


def test_a_method_that_finds_no_dimension_is_told():
    with pytest.raises(TlbenchError, match="method=gfk needs more features than the 1 that there are"):
        jobs_of(*arrays(1), "method=gfk")
