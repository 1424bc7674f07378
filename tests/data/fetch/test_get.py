import hashlib

import pytest

from tests.data.fetch.server import Page
from tests.data.fetch.test_unpack import content, tarred, zipped
from tlbench.data.fetch.get import by_hand, get
from tlbench.data.fetch.sources import Source
from tlbench.errors import TlbenchError


@pytest.fixture
def toy(server, tmp_path):
    """Two archives for one folder and a plain file, each at a server."""
    left = zipped(tmp_path / "l", {"left/1.txt": b"1"}).read_bytes()
    right = tarred(tmp_path / "r", {"right/2.txt": b"22"}).read_bytes()

    def source(name, body, **where):
        url = server.put(f"/{name}", Page(body))
        return Source(file=name, urls=[url], checksum=f"sha256:{hashlib.sha256(body).hexdigest()}", **where)

    return [
        source("left.zip", left, unpack="toy/images"),
        source("right.tgz", right, unpack="toy/images", unpacked_limit=2),
        source("labels.txt", b"0 1", place="toy/labels.txt"),
    ]


FILES = {"images/left/1.txt": b"1", "images/right/2.txt": b"22", "labels.txt": b"0 1"}


def test_every_source_comes_to_its_place_and_is_fetched_once(server, toy, tmp_path, console):
    data = tmp_path / "new" / "data"
    get("toy", toy, data, console=console)
    assert content(data / "toy") == FILES
    downloads = data / ".downloads" / "toy"
    assert {path.name for path in downloads.iterdir() if path.suffix != ".lock"} == {"left.zip", "right.tgz"}
    for path in downloads.iterdir():
        path.unlink()  # the archives may be thrown away
    get("toy", toy, data, console=console)
    assert content(data / "toy") == FILES
    assert len(server.asked) == 3
    lines = console.file.getvalue().splitlines()
    place = f"in '{data / 'toy' / 'images'}'"
    assert f"toy: left.zip is now {place}" in lines
    assert f"toy: left.zip is {place} already" in lines


@pytest.mark.parametrize("known", ["md5", None])
def test_an_archive_with_another_checksum_or_none_is_unpacked_once_too(server, tmp_path, console, known):
    body = zipped(tmp_path / "z").read_bytes()
    checksum = f"md5:{hashlib.md5(body).hexdigest()}" if known else None
    source = Source(file="z.zip", urls=[server.put("/z", Page(body))], checksum=checksum, unpack="z")
    for _ in range(2):
        get("z", [source], tmp_path / "data", console=console)
    assert len(server.asked) == 1


def test_a_new_release_is_fetched_and_does_not_write_over_the_old_one(server, toy, tmp_path, console):
    get("toy", toy[:1], tmp_path, console=console)
    body = zipped(tmp_path / "new", {"left/1.txt": b"another 1"}).read_bytes()
    url = server.put("/new", Page(body))
    new = Source(file="left.zip", urls=[url], checksum=f"md5:{hashlib.md5(body).hexdigest()}", unpack="toy/images")
    with pytest.raises(TlbenchError, match=r"left/1\.txt' stands there with another content; move it away"):
        get("toy", [new], tmp_path, console=console)
    assert (tmp_path / "toy" / "images" / "left" / "1.txt").read_bytes() == b"1"


def test_data_sets_with_files_of_one_name_do_not_meet(server, tmp_path, console):
    for name in ("one", "two"):
        url = server.put(f"/{name}", Page(zipped(tmp_path / "z", {"x": name.encode()}).read_bytes()))
        get(name, [Source(file="images.zip", urls=[url], unpack=name)], tmp_path / "data", console=console)
    assert [(tmp_path / "data" / name / "x").read_text() for name in ("one", "two")] == ["one", "two"]


def test_a_file_of_another_content_at_the_place_is_not_overwritten(server, toy, tmp_path, console):
    place = tmp_path / "toy" / "labels.txt"
    place.parent.mkdir()
    place.write_bytes(b"mine")
    with pytest.raises(TlbenchError, match=r"labels\.txt' has sha256 .*It is not overwritten: move it away"):
        get("toy", toy[2:], tmp_path, console=console)
    assert place.read_bytes() == b"mine"
    place.write_bytes(b"0 1")
    get("toy", toy[2:], tmp_path, console=console)
    assert server.asked == []


def test_a_file_fetched_by_hand_is_taken(server, toy, tmp_path, console):
    path = tmp_path / ".downloads" / "toy" / "left.zip"
    path.parent.mkdir(parents=True)
    path.write_bytes(server.pages["/left.zip"].content)
    get("toy", toy[:1], tmp_path, console=console)
    assert content(tmp_path / "toy") == {"images/left/1.txt": b"1"}
    assert server.asked == []


def test_too_large_a_content_is_refused_and_what_came_before_stays(server, toy, tmp_path, console):
    body = tarred(tmp_path / "r", {"right/2.txt": b"333"}).read_bytes()
    url = server.put("/big", Page(body))
    big = Source(file="big.tgz", urls=[url], unpack="toy/images", unpacked_limit=2)
    with pytest.raises(TlbenchError, match="more than the 2 bytes"):
        get("toy", [toy[0], big], tmp_path, console=console)
    assert content(tmp_path / "toy") == {"images/left/1.txt": b"1"}


def test_what_to_do_by_hand_is_told_in_one_line(tmp_path):
    note = "its licence wants a form,\nsee https://host/form."
    assert by_hand("toy", note, tmp_path) == (
        f"toy cannot be fetched for you: its licence wants a form, see https://host/form. Fetch it by hand and put its "
        f"files below '{tmp_path}', where its config names them."
    )
