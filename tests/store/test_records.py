"""Records that were changed after they were written are seen."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlbench.store.records import opened, sealed

RECORD = {
    "status": "done",
    "schema": 3,
    "accuracy": 0.5,
    "gains": {"source_only": {"gain": -1.25}},
    "note": ', "checksum": "',
}


def test_a_record_is_read_as_it_was_sealed():
    assert opened(sealed(RECORD)) == RECORD
    assert json.loads(sealed(RECORD))["accuracy"] == 0.5  # other programs read it as the JSON that it is
    assert opened(sealed(opened(sealed(RECORD)))) == RECORD


@given(st.data())
def test_a_changed_character_is_seen(data):
    text = sealed(RECORD)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != text[place]))
    with pytest.raises(ValueError, match=r"."):
        opened(text[:place] + other + text[place + 1 :])


@pytest.mark.parametrize(("before", "after"), [("0.5", "0.6"), ("-1.25", "1.25"), ("done", "skipped")])
def test_an_edited_number_is_told_as_that(before, after):
    with pytest.raises(ValueError, match="changed after it was written"):
        opened(sealed(RECORD).replace(before, after))


def test_a_record_without_its_checksum_is_one_of_an_older_version_or_damaged():
    assert opened(json.dumps({"status": "done", "schema": 2})) == {"status": "done", "schema": 2}
    with pytest.raises(ValueError, match="its checksum is gone"):
        opened(json.dumps(RECORD))
