from pathlib import Path

import numpy as np
import pytest

from tests.trees import grow, image_folder, picture, save
from tlbench.data.images.dataset import ImageDataset
from tlbench.data_commands import composed
from tlbench.errors import TlbenchError

FOUR = ["dataset.short={a: A, b: B}", "dataset.counts={a: 8, b: 8}", "dataset.classes=[cat,dog,fox,owl]"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))


def dataset(tmp_path: Path, **changes) -> ImageDataset:
    """Two domains of four classes of two images, in folders."""
    given = {
        "name": "four", "short": {"a": "A", "b": "B"}, "counts": {"a": 8, "b": 8}, "data_dir": tmp_path / "data",
        "classes": ["cat", "dog", "fox", "owl"], "files": {"a": {"folder": "four/a"}, "b": {"folder": "four/b"}},
    }  # fmt: skip
    found = ImageDataset(**{**given, **changes})
    if not (tmp_path / "data").exists():
        grow(found, tmp_path / "data")
    return found


def test_names_labels_and_ids(tmp_path):
    domain = dataset(tmp_path).load("b")
    assert domain.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert domain.ids(np.array([0, 3])).tolist() == ["b/cat/frame_0000.jpg", "b/dog/frame_0001.jpg"]
    assert domain.given_test is None


def test_classes_keep_the_order_of_the_config(tmp_path):
    dataset(tmp_path)
    domain = dataset(tmp_path, classes=["owl", "fox", "dog", "cat"]).load("a")
    assert domain.labels.tolist() == [3, 3, 2, 2, 1, 1, 0, 0]


def test_partial_sets_keep_the_label_space_of_the_source(tmp_path):
    partial = dataset(tmp_path, target_classes=["owl", "dog"])
    assert partial.classes == ("cat", "dog", "fox", "owl")
    assert partial.load_as("a", "source").labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    target = partial.load_as("a", "target")
    assert target.labels.tolist() == [1, 1, 3, 3]
    assert target.inputs.kept.tolist() == [2, 3, 6, 7]
    assert target.ids(np.array([2])).tolist() == ["a/owl/frame_0000.jpg"]


def test_open_sets_make_one_class_of_what_the_source_does_not_know(tmp_path):
    opened = dataset(tmp_path, source_classes=["cat", "fox"], unknown=True)
    assert opened.classes == ("cat", "fox", "unknown")
    assert opened.load_as("a", "source").labels.tolist() == [0, 0, 1, 1]
    assert opened.load_as("b", "target").labels.tolist() == [0, 0, 2, 2, 1, 1, 2, 2]


def test_a_smaller_label_space_for_both(tmp_path):
    small = dataset(tmp_path, source_classes=["fox", "cat"])
    assert small.classes == ("fox", "cat")
    assert small.load_as("a", "source").labels.tolist() == small.load_as("b", "target").labels.tolist() == [1, 1, 0, 0]


def test_subsets_share_one_cache_and_differ_in_nothing_but_rows(tmp_path):
    assert (
        dataset(tmp_path).load("a").inputs.content
        == dataset(tmp_path, target_classes=["cat"]).load_as("a", "target").inputs.content
    )


def test_target_classes_that_no_source_has_need_an_open_set(tmp_path):
    with pytest.raises(TlbenchError, match=r"target_classes \['owl'\] are not among the source's.*unknown=true"):
        dataset(tmp_path, source_classes=["cat", "dog"], target_classes=["cat", "owl"])
    with pytest.raises(TlbenchError, match=r"Unknown class 'foks'\. Did you mean 'fox'\?"):
        dataset(tmp_path, source_classes=["foks", "cat"])


def test_a_class_that_a_domain_lacks_is_told_unless_it_is_not_needed(tmp_path):
    whole = dataset(tmp_path)
    for path in (tmp_path / "data/four/b/owl").iterdir():
        path.unlink()
    lacking = dataset(tmp_path, counts={"a": 8, "b": 6})
    with pytest.raises(
        TlbenchError, match=r"domain 'b' has no image of 1 of 4 classes: owl\. Set dataset\.target_classes"
    ):
        lacking.load_as("b", "target")
    partial = dataset(tmp_path, counts={"a": 8, "b": 6}, target_classes=["cat", "dog", "fox"])
    assert partial.load_as("b", "target").labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert whole.load("a").labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: (d / "b/owl/frame_0000.jpg").unlink(), "7 images, but conf/dataset/four.yaml says 8"),
        (lambda d: save(d / "b/bat/1.jpg", picture(0, 0, 0)), "classes bat are not among those"),
        (lambda d: [p.unlink() for p in (d / "b").rglob("*.jpg")], "four, b: no image in"),
        (lambda d: (d / "b").rename(d / "c"), r"'four/b' is missing in .*tlbench data get four"),
    ],
)
def test_a_tree_that_is_not_what_the_config_says(tmp_path, spoil, message):
    dataset(tmp_path).load("b")
    spoil(tmp_path / "data" / "four")
    with pytest.raises(TlbenchError, match=message) as caught:
        dataset(tmp_path).load("b")
    assert "\n" not in str(caught.value)


def test_other_files_are_passed_over(tmp_path):
    whole = dataset(tmp_path)
    folder = tmp_path / "data" / "four" / "a"
    (folder / "readme.txt").write_text("x")
    (folder / "cat" / "Thumbs.db").write_bytes(b"x")
    save(folder / "cat" / ".hidden.jpg", picture(0, 0, 0))
    save(folder / ".trash" / "1.jpg", picture(0, 0, 0))
    assert len(whole.load("a")) == 8


def test_lists_with_a_test_part_and_a_first_label(tmp_path):
    lists = dataset(
        tmp_path,
        first_label=1,
        files={d: {"root": "four", "train": f"four/{d}_train.txt", "test": f"four/{d}_test.txt"} for d in ("a", "b")},
        counts={"a": 16, "b": 16},
    )
    domain = lists.load("a")
    assert domain.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3] * 2
    assert domain.given_test.tolist() == [False] * 8 + [True] * 8
    assert domain.names[0] == "train_0/cat/0.jpg"
    path = tmp_path / "data/four/a_test.txt"
    for line, message in (("x.jpg 9", "classes 9 are not among"), ("x.jpg", "line 9: must be 'path label'"),
                          ("x.jpg -1", "line 9: must be"), ("x.jpg cat", "line 9: must be")):  # fmt: skip
        good = path.read_text()
        path.write_text(f"{good}{line}\n")
        fresh = dataset(tmp_path, first_label=1, files=lists.files, counts=None)
        with pytest.raises(TlbenchError, match=message):
            fresh.load("a")
        path.write_text(good)


def test_paths_in_lists_may_hold_spaces(tmp_path):
    lists = dataset(tmp_path, files={d: {"root": "four", "list": f"four/{d}.txt"} for d in ("a", "b")})
    save(tmp_path / "data/four/Real World/Alarm Clock/00 1.jpg", picture(0, 0, 0))
    (tmp_path / "data/four/a.txt").write_text("Real World/Alarm Clock/00 1.jpg 2\n")
    one = dataset(tmp_path, files=lists.files, counts={"a": 1, "b": 8}).load("a")
    assert one.names == ("Real World/Alarm Clock/00 1.jpg",)
    assert one.labels.tolist() == [2]


def test_the_fingerprint_follows_pixels_and_labels(tmp_path):
    before = dataset(tmp_path).fingerprint(["a", "b"])
    assert dataset(tmp_path).fingerprint(["b", "a"]) == before
    save(tmp_path / "data/four/b/cat/frame_0000.jpg", picture(3, 3, 3))
    assert dataset(tmp_path).fingerprint(["a", "b"]) != before
    assert dataset(tmp_path).fingerprint(["a"]) == dataset(tmp_path, classes=["cat", "dog", "fox", "owl"]).fingerprint(
        ["a"]
    )
    assert dataset(tmp_path, classes=["dog", "cat", "fox", "owl"]).fingerprint(["a"]) != dataset(tmp_path).fingerprint(
        ["a"]
    )


def test_a_folder_of_ones_own(tmp_path):
    image_folder(tmp_path / "my images", domains=("photo", "painting", "sketch"))
    own, _, _ = composed("image_folder", [f"dataset.root='{tmp_path / 'my images'}'"], None)
    assert own.short == {"painting": "PA", "photo": "PH", "sketch": "S"}
    assert own.classes == ("class 0", "class 1", "class 2")
    assert str(own.pair("PH-S")) == "photo-sketch"
    assert own.load("photo").names[0] == "class 0/bild_00ä.jpg"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: None, "Image folder '.*' does not exist"),
        (lambda d: image_folder(d, domains=("one",)), "must hold two or more domains.*but has one"),
        (lambda d: image_folder(d, domains=("my photos", "b")), "Domain name 'my photos' .*only letters, digits and _"),
    ],
)
def test_a_folder_of_another_form(tmp_path, make, message):
    make(tmp_path / "own")
    with pytest.raises(TlbenchError, match=message):
        composed("image_folder", [f"dataset.root={tmp_path / 'own'}"], None)


def test_what_must_be_set_is_told():
    with pytest.raises(TlbenchError, match=r"dataset\.root must be set: dataset\.root=\.\.\."):
        composed("image_folder", [], None)


def test_labels_exchanged_between_files_are_other_data(tmp_path):
    files = {d: {"root": "four", "list": f"four/{d}.txt"} for d in ("a", "b")}
    before = dataset(tmp_path, files=files).fingerprint(["a"])
    path = tmp_path / "data/four/a.txt"
    lines = [line.rsplit(" ", 1) for line in path.read_text().splitlines()]
    path.write_text(
        "".join(f"{name} {label}\n" for (name, _), (_, label) in zip(lines, lines[2:] + lines[:2], strict=True))
    )
    assert dataset(tmp_path, files=files).fingerprint(["a"]) != before


def test_a_list_that_is_no_utf8_is_told(tmp_path):
    files = {d: {"root": "four", "list": f"four/{d}.txt"} for d in ("a", "b")}
    dataset(tmp_path, files=files)
    (tmp_path / "data/four/a.txt").write_bytes("straße.jpg 0\n".encode("latin-1"))
    with pytest.raises(TlbenchError, match=r"a\.txt is no text in UTF-8"):
        dataset(tmp_path, files=files).load("a")


def test_lists_are_named_for_each_domain(tmp_path):
    image_folder(tmp_path / "own")
    with pytest.raises(
        TlbenchError, match=r"dataset\.lists: must be names with their values such as \{a:1,b:2\}, got \'a\.txt\'"
    ):
        composed("image_list", [f"dataset.root={tmp_path / 'own'}", "dataset.lists=a.txt"], None)
