"""`tlbench data get` as a user gives it, against a server of the test's own."""

import io
import zipfile

import pytest

from tests.data.fetch.server import Page, running
from tests.trees import picture
from tlbench.cli import main
from tlbench.data.fetch import download

CONFIG = """\
# pets: two domains of two classes
_target_: tlbench.data.images.dataset.ImageDataset
short: {{left: L, right: R}}
counts: {{left: 4, right: 4}}
classes: [cat, dog]
files:
  left: {{folder: pets/left}}
  right: {{folder: pets/right}}
about: {{homepage: here, licence: none, citation: none, layout: left/cat/1.jpg}}
by_hand: {by_hand}
sources: {sources}
recipe: {{reference: gradient, gradient: [], estimator: []}}
"""


def archive(each: int = 2, extra: str | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for d, domain in enumerate(("left", "right")):
            for label, kind in enumerate(("cat", "dog")):
                for i in range(each):
                    image = io.BytesIO()
                    picture(label, d, i).save(image, "JPEG")
                    file.writestr(f"{domain}/{kind}/{i}.jpg", image.getvalue())
        if extra is not None:
            file.writestr(extra, b"x")
    return buffer.getvalue()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 0)
    with running() as server:
        yield server


@pytest.fixture
def get(tmp_path, server):
    """Gives the command for a config with these sources, and returns its status."""
    (tmp_path / "conf" / "dataset").mkdir(parents=True)

    def command(sources: str, by_hand: str = "null", action: str = "get") -> int:
        text = CONFIG.format(sources=sources, by_hand=by_hand)
        (tmp_path / "conf" / "dataset" / "pets.yaml").write_text(text)
        return main(["data", action, "pets", f"data_dir={tmp_path / 'data'}", "--config-dir", str(tmp_path / "conf")])

    return command


def source(url: str, **more: object) -> str:
    rest = "".join(f", {key}: {value}" for key, value in more.items())
    return f"[{{file: pets.zip, urls: ['{url}'], unpack: pets{rest}}}]"


def test_fetched_unpacked_counted_and_not_fetched_again(get, server, capsys):
    url = server.put("/pets.zip", Page(archive()))
    assert get(source(url)) == 0
    assert "pets is complete" in capsys.readouterr().out
    asked = len(server.asked)
    assert get(source(url)) == 0
    assert "pets is there" in capsys.readouterr().out
    assert len(server.asked) == asked
    assert get(source(url), action="check") == 0


def test_a_wrong_number_of_images_is_told(get, server, capsys):
    assert get(source(server.put("/pets.zip", Page(archive(each=1))))) == 1
    assert "PROBLEM: pets, left: 2 images, but conf/dataset/pets.yaml says 4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("body", "more", "message"),
    [
        (archive(extra="../escaped.jpg"), {}, "../escaped.jpg"),
        (archive(), {"checksum": f"'md5:{'0' * 32}'"}, "what it gave has md5"),
        (archive(), {"size": 100}, "100"),
        (archive(), {"unpacked_limit": 500}, "500"),
    ],
)
def test_what_is_not_as_it_should_be_leaves_nothing(body, more, message, get, server, tmp_path, capsys):
    assert get(source(server.put("/pets.zip", Page(body)), **more)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "data" / "pets").exists()
    assert not (tmp_path / "escaped.jpg").exists()
    assert not (tmp_path / "data" / "escaped.jpg").exists()


def test_where_a_form_must_be_signed_it_says_where_and_what_goes_where(get, tmp_path, capsys):
    assert get("[]", by_hand="sign the form at https://example.org and unpack it into pets/") == 2
    error = capsys.readouterr().err
    assert "sign the form at https://example.org and unpack it into pets/" in error
    assert str(tmp_path / "data") in error


def test_a_config_that_is_wrong_is_told(get, capsys):
    assert get("[{file: a.zip, urls: ['ftp://x/a.zip'], unpack: pets}]") == 2
    assert "begins with http" in capsys.readouterr().err
