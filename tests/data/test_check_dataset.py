import numpy as np
import pytest

from tests.trees import image_folder, picture, save
from tlbench.cli import main
from tlbench.data.check_dataset import check
from tlbench.data.images.dataset import ImageDataset
from tlbench.data_commands import composed


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    return image_folder(tmp_path / "own")


def checked(own, *overrides):
    return check(composed("image_folder", [f"dataset.root={own}", *overrides], None)[0])


def test_a_sound_tree(own, capsys):
    found = checked(own)
    assert found.problems == found.notes == []
    assert found.domains == {"photo": (18, None), "sketch": (18, None)}
    assert found.classes["sketch"] == {"class 0": 6, "class 1": 6, "class 2": 6}
    assert main(["data", "check", "image_folder", f"dataset.root={own}"]) == 0
    out = capsys.readouterr().out
    assert "sketch              18, 3 classes, 6 to 6 a class" in out
    assert "All is well." in out


def test_every_unreadable_image_is_named(own, capsys):
    for name in ("photo/class 0/bild_01ä.jpg", "sketch/class 2/bild_00ä.jpg"):
        (own / name).write_bytes((own / name).read_bytes()[:200])
    problems = checked(own).problems
    assert len(problems) == 2
    assert "photo/class 0/bild_01ä.jpg' cannot be read" in problems[0]
    assert "sketch/class 2/bild_00ä.jpg' cannot be read" in problems[1]
    assert main(["data", "check", "image_folder", f"dataset.root={own}"]) == 1
    assert "2 problems." in capsys.readouterr().out


def test_label_spaces_that_differ(own):
    for path in (own / "sketch" / "class 1").iterdir():
        path.unlink()
    assert checked(own).problems == ["sketch: no image of 1 classes that the pairs need: class 1."]
    assert checked(own, "dataset.source_classes=[class 0,class 2]").problems == []
    # a domain that lacks a class may be no source, though it may be a target without it
    assert len(checked(own, "dataset.target_classes=[class 0,class 2]").problems) == 1
    save(own / "photo" / "class 3" / "1.jpg", picture(3, 0, 0))
    found = checked(own, "dataset.classes=[class 0,class 1,class 2]")
    assert "photo: class 'class 3' is none of the config's." in found.problems


def test_a_class_of_one_image_is_a_note(own):
    for path in list((own / "photo" / "class 1").iterdir())[1:]:
        path.unlink()
    found = checked(own)
    assert found.problems == []
    assert found.notes == ["photo: 1 classes of one image: class 1. No split can hold one out."]


def test_one_picture_in_two_domains_is_found_by_its_pixels(own):
    image = picture(2, 5, 5)
    save(own / "photo" / "class 0" / "x.png", image)
    save(own / "sketch" / "class 1" / "y.bmp", image)
    save(own / "photo" / "class 0" / "z.png", picture(2, 0, 0).crop((0, 0, 9, 9)))
    save(own / "photo" / "class 0" / "zz.png", picture(2, 0, 0).crop((0, 0, 9, 9)))
    found = checked(own)
    assert found.problems == ["One picture in several domains: photo/class 0/x.png, sketch/class 1/y.bmp."]
    assert found.notes == ["photo: 1 pictures are there more than once."]


def test_counts_of_arrays_and_their_mistakes(toy, capsys):
    assert main(["data", "check", "toy", "--config-dir", str(toy)]) == 0
    assert "left                60 (config: 60), 3 classes, 20 to 20 a class" in capsys.readouterr().out
    (toy.parent / "data" / "toy" / "right.mat").write_bytes(b"x")
    assert main(["data", "check", "toy", "--config-dir", str(toy)]) == 1
    assert "PROBLEM: " in capsys.readouterr().out


def test_a_misspelt_name(capsys):
    assert main(["data", "check", "ofice31"]) == 2
    assert "Did you mean 'office31'?" in capsys.readouterr().err


def test_pixels_are_hashed_with_their_shape(own):
    flat = np.zeros((4, 9, 3), np.uint8)
    from PIL import Image

    save(own / "photo" / "class 0" / "a.png", Image.fromarray(flat))
    save(own / "sketch" / "class 0" / "b.png", Image.fromarray(flat.reshape(9, 4, 3)))
    assert checked(own).problems == []


def test_domains_that_are_not_here_are_no_fault_of_those_that_are(own, tmp_path):
    lists = tmp_path / "lists"
    lists.mkdir()
    for domain in ("photo", "sketch"):
        images = sorted(path.relative_to(own).as_posix() for path in (own / domain).rglob("*.jpg"))
        rows = "".join(f"{name} {name.split('/')[1].removeprefix('class ')}\n" for name in images)
        (lists / f"{domain}.txt").write_text(rows)

    files = {domain: {"root": "own", "list": f"lists/{domain}.txt"} for domain in ("photo", "sketch")}
    base = {"name": "own", "short": {"photo": "P", "sketch": "S"}, "classes": 3, "counts": None}
    dataset = ImageDataset(data_dir=tmp_path, files=files, **base)
    assert check(dataset).verdict == "All is well."
    (lists / "sketch.txt").unlink()
    found = check(dataset)
    assert found.problems == []
    assert found.verdict == "Not here: sketch. The others are well, and their pairs can be run."
    (lists / "photo.txt").unlink()
    assert check(dataset).verdict == "2 problems."
