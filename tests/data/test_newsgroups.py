"""Groups of messages: which are read, what is left of them, and their TF-IDF by its formula."""

import math
from pathlib import Path

import numpy as np
import pytest

from tests.trees import messages
from tlbench.data.messages import text_of
from tlbench.data.newsgroups import Newsgroups
from tlbench.data_commands import composed
from tlbench.errors import TlbenchError
from tlbench.protocols import Inductive

CORPUS = {  # the words of each message; `of` is a stop word, `rare` stands in one message only
    "20news-bydate-train/rec.a/1": "ball ball bat of",
    "20news-bydate-train/talk.a/2": "vote",
    "20news-bydate-test/rec.a/3": "ball",
    "20news-bydate-train/rec.b/1": "bat vote rare",
    "20news-bydate-train/talk.b/2": "",
    "20news-bydate-test/talk.b/10": "vote vote vote",
}
GROUPS = {"diff": ["rec.a", "talk.a"], "same": ["rec.b", "talk.b"]}


def dataset_of(data: Path, **changes) -> Newsgroups:
    values = {
        "dataset.groups": GROUPS,
        "dataset.counts": {"diff": 3, "same": 3},
        "dataset.input_shape": [4],
        "dataset.vectoriser.min_df": 2,
    }
    overrides = [f"{key}={str(value).replace(chr(39), '')}" for key, value in {**values, **changes}.items()]
    return composed("newsgroups_rec_talk", [f"data_dir={data}", *overrides], None)[0]


@pytest.fixture
def data(tmp_path):
    for folder in ("train", "test"):
        for group in ("rec.a", "talk.a", "rec.b", "talk.b"):
            (tmp_path / "newsgroups" / f"20news-bydate-{folder}" / group).mkdir(parents=True)
    for name, words in CORPUS.items():
        (tmp_path / "newsgroups" / name).write_text(f"From: me\n\n{words}\n")
    return tmp_path


def test_tf_idf_by_its_formula_over_the_messages_of_both_domains(data):
    """tf (1 + ln((1 + n) / (1 + df))) with n = 6 messages, rows of length 1; the fourth column has no word left to it."""
    dataset = dataset_of(data)
    ball, bat, vote = (1 + math.log(7 / (1 + df)) for df in (2, 2, 3))
    length = math.hypot(2 * ball, bat)
    # folders in turn, groups in turn: train rec.a, train talk.a, test rec.a
    expected = [[2 * ball / length, bat / length, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]]
    np.testing.assert_allclose(dataset.load("diff").inputs.toarray(), expected, rtol=1e-12)
    length = math.hypot(bat, vote)
    expected = [[0, bat / length, vote / length, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
    np.testing.assert_allclose(dataset.load("same").inputs.toarray(), expected, rtol=1e-12)


def test_labels_are_top_categories_and_the_test_folder_is_the_given_test(data):
    diff, same = map(dataset_of(data).load, ("diff", "same"))
    assert (diff.labels.tolist(), same.labels.tolist()) == ([0, 1, 0], [0, 1, 1])
    assert diff.given_test.tolist() == same.given_test.tolist() == [False, False, True]
    assert same.ids(np.array([2])).tolist() == ["same/newsgroups/20news-bydate-test/talk.b/10"]
    rows = Inductive(source_val=0.0).rows([diff], same, 0)
    assert (rows.source_train[0].tolist(), rows.target_test.tolist()) == ([0, 1], [2])


def test_only_the_commonest_words_are_kept(data):
    rows = dataset_of(data, **{"dataset.input_shape": [1]}).load("diff").inputs.toarray()
    assert rows.tolist() == [[0], [1], [0]]  # vote, five times; ball three times


def test_numbers_of_a_domain_know_no_label(data):
    """Which top category a message stands in moves none of its numbers."""
    before = dataset_of(data).load("diff").inputs.toarray()
    for a, b in (("rec.a", "talk.a"), ("rec.b", "talk.b")):
        for folder in ("train", "test"):
            top = data / "newsgroups" / f"20news-bydate-{folder}"
            (top / a).rename(top / "x")
            (top / b).rename(top / a)
            (top / "x").rename(top / b)
    after = dataset_of(data).load("diff")
    assert after.labels.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(after.inputs.toarray()[[1, 0, 2]], before)


def test_what_a_message_leaves_behind(tmp_path):
    path = tmp_path / "1"
    path.write_bytes(
        b"From: me\r\nSubject: na\xefve\r\n\r\nYou write:\r\n> old\r\nna\xefve \xff\r\n\r\n-- \r\nsigned\r\n"
    )
    assert text_of(path, ["headers", "footers", "quotes"]).split() == ["You", "write:", "na\xefve", "\xff"]
    assert text_of(path, ["headers"]).split()[-1] == "signed"
    assert "na\xefve" in text_of(path, [])
    path.write_bytes(b"")
    assert text_of(path, ["headers", "footers", "quotes"]) == ""
    path.write_bytes(b"no blank line, so all of it is a header")
    assert text_of(path, ["headers", "footers", "quotes"]) == ""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"dataset.groups": {"diff": ["rec.a", "talk.a"], "same": ["rec.a", "talk.b"]}},
            r"'diff' and 'same' share rec\.a",
        ),
        (
            {"dataset.groups": {"diff": ["rec.a", "talk.a"], "same": ["rec.b", "sci.b"]}},
            r"groups of 'same' are of rec, sci; 'sci'",
        ),
        ({"dataset.groups": {"diff": ["rec.a", "talk.a"], "same": ["rec.b"]}}, r"groups of 'same' are of rec; 'talk'"),
        ({"dataset.strip": ["header"]}, r"Did you mean 'headers'"),
    ],
)
def test_groups_that_make_no_task_are_refused(data, changes, message):
    with pytest.raises(TlbenchError, match=message) as caught:
        dataset_of(data, **changes)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_told_in_one_line(data):
    with pytest.raises(TlbenchError, match=r"same: 3 messages, but conf/dataset/newsgroups_rec_talk\.yaml says 4"):
        dataset_of(data, **{"dataset.counts": {"diff": 3, "same": 4}}).load("same")
    with pytest.raises(TlbenchError, match=r"no words to count \(.*\)\. Set by dataset\.vectoriser"):
        dataset_of(data, **{"dataset.vectoriser.min_df": 5}).load("same")
    (data / "newsgroups/20news-bydate-test/rec.b").rmdir()
    with pytest.raises(
        TlbenchError, match=r"folder 'newsgroups/20news-bydate-test/rec\.b' is missing in .*qwone"
    ) as caught:
        dataset_of(data).load("diff")
    assert "\n" not in str(caught.value)


def test_the_fingerprint_is_of_names_and_content_of_both_domains(data, tmp_path):
    dataset = dataset_of(data)
    before = dataset.fingerprint(["diff"])
    assert dataset.fingerprint(["same", "diff"]) == before
    (data / "newsgroups/20news-bydate-train/rec.b/.DS_Store").write_text("x")  # no message
    assert dataset.fingerprint(["diff"]) == before
    (data / "newsgroups/20news-bydate-train/rec.b/1").write_text("From: me\n\nbat bat bat\n")
    assert (after := dataset.fingerprint(["diff"])) != before
    moved = data.rename(tmp_path.with_name("moved"))
    assert dataset_of(moved).fingerprint(["diff"]) == after


def test_messages_are_read_once_and_again_when_one_has_changed(data):
    dataset = dataset_of(data)
    first = dataset.load("diff")
    assert dataset.load("diff") is first
    (data / "newsgroups/20news-bydate-train/rec.b/1").write_text("From: me\n\nball vote\n")
    assert dataset.load("diff").inputs[0, 1] != first.inputs[0, 1]  # another domain's words


@pytest.mark.parametrize("name", ["newsgroups_rec_talk", "newsgroups_rec_sci", "newsgroups_sci_talk"])
def test_the_three_tasks_hold_two_groups_of_either_class_a_side(name, tmp_path):
    dataset = composed(name, [f"data_dir={tmp_path}"], None)[0]
    for groups in dataset.groups.values():
        assert sorted(group.partition(".")[0] for group in groups) == sorted(dataset.classes * 2)
    everything = [group for groups in dataset.groups.values() for group in groups]
    assert len(set(everything)) == 8
    dataset.counts = messages(dataset, tmp_path, each=2)
    assert [len(dataset.load(domain)) for domain in dataset.domains] == [16, 16]
    words = dataset.load("same").inputs[0]
    assert words.nnz >= 2
