"""Tables of letters: one input for each letter that a column may hold, domains by one column."""

import pytest

from tests.trees import letters
from tlbench.data.readers import read_letters
from tlbench.data_commands import composed
from tlbench.errors import TlbenchError

COLUMNS = {"cap": "bx", "stalk": "et", "root": "c?n"}
TABLE = "p,x,e,n\ne,b,t,?\ne,x,t,n\np,b,e,c\n"


def read(path, text, value="e"):
    path.write_text(text)
    return read_letters(path, columns=COLUMNS, split="stalk", value=value)


def test_rows_of_a_domain_one_input_a_letter(tmp_path):
    x, y = read(tmp_path / "a.data", TABLE)
    assert (x.tolist(), y.tolist()) == ([[0, 1, 0, 0, 1], [1, 0, 1, 0, 0]], ["p", "p"])  # b x c ? n
    x, y = read(tmp_path / "a.data", TABLE, "t")
    assert (x.tolist(), y.tolist()) == ([[1, 0, 0, 1, 0], [0, 1, 0, 0, 1]], ["e", "e"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TABLE + "p,x,e,z\n", r"column 'root' holds 'z', which is none of 'c\?n'"),
        (TABLE + "p,,e,c\n", r"column 'cap' holds '', which"),
        ("p,x,e\n", r"rows have 3 fields, not 4"),
        (TABLE + "p,x,e,n,n\n", "cannot be read as a table"),
        ("", "cannot be read as a table"),
    ],
)
def test_another_table_is_told(tmp_path, text, message):
    with pytest.raises(TlbenchError, match=message):
        read(tmp_path / "a.data", text)


def test_mushrooms_are_two_domains_of_124_inputs_and_21_attributes(tmp_path):
    dataset = composed("mushroom", [f"data_dir={tmp_path}"], None)[0]
    dataset.counts = letters(dataset, tmp_path)
    for name in ("enlarging", "tapering"):
        domain = dataset.load(name)
        assert domain.inputs.shape == (12, 124)
        assert domain.inputs.sum(axis=1).tolist() == [21] * 12
        assert domain.labels.tolist() == [0] * 6 + [1] * 6  # edible, poisonous
        assert dataset.pair("E-T").sources == ("enlarging",)
