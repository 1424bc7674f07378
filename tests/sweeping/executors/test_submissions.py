"""What is left with an engine is noted before it is submitted, and found again by any later command."""

from tests.sweeping.executors.fakes import job
from tlbench.sweeping.executors.interface import Batch
from tlbench.sweeping.executors.submissions import forget, note_taken, noted, submissions


def test_what_is_noted_is_found_until_it_is_forgotten(tmp_path):
    one = noted(tmp_path, "demo", [Batch("x", (job("a"), job("b"))), Batch("y", (job("c"),))])
    two = noted(tmp_path, "demo", [Batch("z", (job("d"),))])
    found = {submission.name: submission for submission in submissions(tmp_path)}
    assert found == {one.name: one, two.name: two}
    assert one.batches == [["a", "b"], ["c"]]
    note_taken(two)
    assert [(s.name, s.taken) for s in submissions(tmp_path)] == sorted([(one.name, False), (two.name, True)])
    assert one.job(1) == f"{one.name}/1"
    forget(one)
    forget(one)
    assert [submission.name for submission in submissions(tmp_path)] == [two.name]


def test_a_torn_note_hides_no_other(tmp_path):
    one = noted(tmp_path, "demo", [Batch("x", (job("a"),))])
    (tmp_path / ".jobs" / "tlbench-torn.json").write_text('{"sweep"')
    assert [submission.name for submission in submissions(tmp_path)] == [one.name]
    assert list(submissions(tmp_path / "nowhere")) == []
