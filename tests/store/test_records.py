"""Records that were changed after they were written are seen."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlbench.store.records import opened_record, sealed_record

RECORD = {
    "status": "done",
    "schema": 3,
    "accuracy": 0.5,
    "gains": {"source_only": {"gain": -1.25}},
    "note": ', "checksum": "',
}


def test_a_record_is_read_as_it_was_sealed():
    assert opened_record(sealed_record(RECORD)) == RECORD
    assert json.loads(sealed_record(RECORD))["accuracy"] == 0.5  # other programs read it as the JSON that it is
    assert opened_record(sealed_record(opened_record(sealed_record(RECORD)))) == RECORD


@given(st.data())
def test_a_changed_character_is_seen(data):
    text = sealed_record(RECORD)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != text[place]))
    with pytest.raises(ValueError, match=r"."):
        opened_record(text[:place] + other + text[place + 1 :])


@pytest.mark.parametrize(("before", "after"), [("0.5", "0.6"), ("-1.25", "1.25"), ("done", "skipped")])
def test_an_edited_number_is_told_as_that(before, after):
    with pytest.raises(ValueError, match="changed after it was written"):
        opened_record(sealed_record(RECORD).replace(before, after))


def test_a_record_without_its_checksum_is_one_of_an_older_version_or_damaged():
    assert opened_record(json.dumps({"status": "done", "schema": 2})) == {"status": "done", "schema": 2}
    with pytest.raises(ValueError, match="its checksum is gone"):
        opened_record(json.dumps(RECORD))
