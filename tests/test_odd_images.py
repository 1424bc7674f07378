"""Trees as users have them: odd files, odd names, one image of a class; and what is told of bad ones."""

import numpy as np
import pytest
import timm
from PIL import Image

from tests.support import last_of
from tests.trees import image_folder, picture, save
from tlbench.cli import main

SMALL = ["augment.side=36", "augment.size=32", "optim.steps=2", "optim.evaluations=1", "optim.batch_size=4", "trainer=cpu",
         "backbone=timm", "backbone.name=test_resnet", "backbone.pretrained=false"]  # fmt: skip


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    return image_folder(tmp_path / "meine Bilder")


def run(own, *more: str) -> int:
    return main(["run", "dataset=image_folder", f"dataset.root='{own}'", "pair=P-S", "method=dann", *SMALL, *more])


def test_files_of_every_kind_are_trained_on(own, capsys):
    folder, image = own / "photo" / "class 0", picture(0, 0, 9)
    save(folder / "grau.jpg", image.convert("L"))
    save(folder / "cmyk.jpg", image.convert("CMYK"))
    save(folder / "palette.png", image.convert("P"))
    save(folder / "durchsichtig.png", image.convert("RGBA"))
    save(folder / "sechzehn bit.png", Image.fromarray(np.arange(1280, dtype=np.uint16).reshape(32, 40) * 50))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(folder / "gedreht.jpg", exif=exif)
    save(folder / "tiefer" / "日本.JPG", image)
    assert run(own) == 0
    assert "meine" not in capsys.readouterr().err


def test_a_class_of_one_image(own):
    for path in list((own / "photo" / "class 1").iterdir())[1:]:
        path.unlink()
    assert run(own) == 0
    assert run(own, "protocol=inductive", "protocol.target_test=0.5") == 0


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda d: (d / "photo/class 0/x y.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish"),
            "photo/class 0/x y.png' cannot be read",
        ),
        (
            lambda d: (d / "sketch/class 2/kaputt.jpg").write_bytes(b""),
            "sketch/class 2/kaputt.jpg' cannot be read: it is empty",
        ),
        (
            lambda d: [p.unlink() for p in (d / "sketch/class 1").iterdir()],
            "domain 'sketch' has no image of 1 of 3 classes: class 1",
        ),
        (lambda d: (d / "sketch/class 1").rename(d / "sketch/klass 1"), "has no image of 1 of 4 classes"),
    ],
)
def test_one_line_and_status_2(own, spoil, message, capsys):
    spoil(own)
    assert run(own) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert len(error.strip().splitlines()) == 1


def test_weights_that_cannot_be_had_are_told_once_and_before_any_run(own, tmp_path, monkeypatch, capsys):
    asked = []

    def offline(*_, **__):
        asked.append(1)
        raise ConnectionError("no network")

    monkeypatch.setattr(timm.models._builder, "load_pretrained", offline)
    words = ["dataset=image_folder", f"dataset.root='{own}'", "pair=all", "method=dann,coral", "seed=0,1", *SMALL,
             "backbone.name=test_resnet.r160_in1k", "backbone.pretrained=true", "augment.mean=[0.5,0.5,0.5]",
             "augment.sd=[0.5,0.5,0.5]", f"store={tmp_path / 'store'}"]  # fmt: skip
    assert main(["sweep", *last_of(*words)]) == 2
    assert "could not be loaded (ConnectionError)" in capsys.readouterr().err
    assert asked == [1]
    assert not list((tmp_path / "store").glob("??/*"))


def test_a_mended_image_is_all_it_takes(own, capsys):
    path = own / "photo" / "class 0" / "x.jpg"
    path.write_bytes(b"")
    assert run(own) == 2
    save(path, picture(0, 0, 77))
    assert run(own) == 0


def test_deleting_the_cache_between_runs_is_harmless(own, tmp_path):
    import shutil

    assert run(own) == 0
    shutil.rmtree(tmp_path / "cache")
    assert run(own, "seed=1") == 0
