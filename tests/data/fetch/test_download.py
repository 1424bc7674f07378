import errno
import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from tests.data.fetch.server import Page
from tlbench.data.fetch import download as module
from tlbench.data.fetch.download import download
from tlbench.data.fetch.sources import UNPACKED_LIMIT, Source
from tlbench.errors import TlbenchError

CONTENT = random.Random(0).randbytes(100_000)
OTHER = random.Random(1).randbytes(100_000)
HALF = len(CONTENT) // 2
SHA = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "downloads").mkdir()
    return tmp_path / "downloads"


def source(*urls, **fields):
    return Source(**{"file": "a.bin", "urls": list(urls), "checksum": SHA, "place": "a.bin", **fields})


def kept(folder):
    """Names of all files but the lock."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def refused(source, folder, console):
    """The message of a download that fails, after a look that it is one line and that no file is left."""
    with pytest.raises(TlbenchError) as caught:
        download(source, folder, console=console)
    assert "\n" not in str(caught.value)
    assert "a.bin" not in kept(folder)
    return str(caught.value)


@pytest.mark.parametrize("checksum", [SHA, MD5, None])
def test_the_file_is_kept_and_fetched_once(server, folder, console, checksum):
    wanted = source(server.put("/a", Page(CONTENT)), checksum=checksum)
    for _ in range(2):
        path = download(wanted, folder / "new", console=console)
        assert path == folder / "new" / "a.bin"
        assert path.read_bytes() == CONTENT
    assert kept(path.parent) == ["a.bin"]
    assert len(server.asked) == 1
    line = "no checksum is known for a.bin; its content is checked by counts only"
    assert console.file.getvalue().count(line) == (2 if checksum is None else 0)


def test_a_kept_file_of_another_content_is_fetched_anew(server, folder, console):
    (folder / "a.bin").write_bytes(OTHER)
    assert download(source(server.put("/a", Page(CONTENT))), folder, console=console).read_bytes() == CONTENT


def test_without_a_length_told_the_checksum_decides(server, folder, console):
    url = server.put("/a", Page(CONTENT, tells_length=False))
    assert download(source(url), folder, console=console).read_bytes() == CONTENT


def test_a_file_that_is_sent_as_gzip_is_kept_as_sent(server, folder, console):
    url = server.put("/a", Page(CONTENT, headers={"Content-Encoding": "gzip"}))
    assert download(source(url), folder, console=console).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("headers", "if_range"),
    [
        ({"ETag": '"1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}, '"1"'),
        ({"ETag": 'W/"1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}, "Mon, 01 Jan 2024 00:00:00 GMT"),
        ({}, None),
    ],
)
def test_a_download_that_breaks_off_goes_on_with_the_missing_bytes(server, folder, console, headers, if_range):
    url = server.put("/a", Page(CONTENT, headers=headers, breaks=1))
    assert download(source(url), folder, console=console).read_bytes() == CONTENT
    assert [(a.range, a.if_range) for a in server.asked] == [(None, None), (f"bytes={HALF}-", if_range)]
    assert [a.sent for a in server.asked] == [HALF, len(CONTENT) - HALF]
    assert kept(folder) == ["a.bin"]


def test_what_one_call_left_the_next_goes_on_with_also_at_another_mirror(server, folder, console):
    first = server.put("/a", Page(CONTENT, headers={"ETag": '"1"'}, breaks=3))
    message = refused(source(first), folder, console)
    assert f"{first}: " in message
    assert f"put it at '{folder / 'a.bin'}'" in message
    got = (folder / "a.bin.part").stat().st_size
    assert got == HALF + HALF // 2 + HALF // 4
    second = server.put("/b", Page(CONTENT, headers={"ETag": '"2"'}))
    assert download(source(second), folder, console=console).read_bytes() == CONTENT
    assert (server.asked[3].range, server.asked[3].if_range) == (f"bytes={got}-", None)  # no ETag of the other mirror
    assert server.asked[3].sent == len(CONTENT) - got


def test_a_server_that_ignores_range_is_read_from_the_start(server, folder, console):
    url = server.put("/a", Page(CONTENT, ranges=False, breaks=1))
    assert download(source(url), folder, console=console).read_bytes() == CONTENT
    assert [(a.range, a.sent) for a in server.asked] == [(None, HALF), (f"bytes={HALF}-", len(CONTENT))]


@pytest.mark.parametrize("heeds", [True, False])
def test_a_file_that_changed_in_between_is_read_from_the_start(server, folder, console, heeds):
    url = server.put("/a", Page(OTHER, headers={"ETag": '"old"'}, breaks=3))
    refused(source(url, checksum=None), folder, console)
    server.asked.clear()
    server.put("/a", Page(CONTENT, headers={"ETag": '"new"'}, heeds_if_range=heeds))
    assert download(source(url, checksum=None), folder, console=console).read_bytes() == CONTENT
    assert server.asked[0].if_range == '"old"'
    assert server.asked[-1].sent == len(CONTENT)


def test_without_checksum_and_validator_nothing_is_joined(server, folder, console):
    url = server.put("/a", Page(CONTENT, breaks=1))
    assert download(source(url, checksum=None), folder, console=console).read_bytes() == CONTENT
    assert [a.range for a in server.asked] == [None, None]


def test_an_answer_that_does_not_go_on_where_asked_is_not_joined(server, folder, console):
    url = server.put("/a", Page(CONTENT, breaks=1, content_range=f"bytes 7-{len(CONTENT) - 1}/{len(CONTENT)}"))
    assert download(source(url), folder, console=console).read_bytes() == CONTENT
    assert [a.range for a in server.asked] == [None, f"bytes={HALF}-", None]


def test_a_part_that_is_complete_is_not_fetched_again_and_a_stale_one_is(server, folder, console):
    url = server.put("/a", Page(CONTENT))
    (folder / "a.bin.part").write_bytes(CONTENT)
    assert download(source(url), folder, console=console).read_bytes() == CONTENT
    assert [(a.range, a.sent) for a in server.asked] == [(f"bytes={len(CONTENT)}-", 0)]
    (folder / "a.bin").unlink()
    (folder / "a.bin.part").write_bytes(OTHER + b"more")
    assert download(source(url), folder, console=console).read_bytes() == CONTENT
    assert [a.sent for a in server.asked[2:]] == [len(CONTENT)]


def test_wrong_older_bytes_do_not_cost_the_mirror_that_is_right(server, folder, console):
    (folder / "a.bin.part").write_bytes(OTHER[:HALF])
    url = server.put("/a", Page(CONTENT))
    assert download(source(url), folder, console=console).read_bytes() == CONTENT
    assert [a.range for a in server.asked] == [f"bytes={HALF}-", None]


@pytest.mark.parametrize(
    ("fields", "reason"), [({}, f"has sha256 {hashlib.sha256(OTHER).hexdigest()}, not"), ({"checksum": MD5}, "has md5")]
)
def test_a_wrong_content_is_refused_and_the_next_mirror_asked(server, folder, console, fields, reason):
    wrong, right = server.put("/wrong", Page(OTHER)), server.put("/right", Page(CONTENT))
    assert reason in refused(source(wrong, **fields), folder, console)
    assert kept(folder) == []
    assert len(server.asked) == 1  # the same bytes would come again
    assert download(source(wrong, right, **fields), folder, console=console).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "times"), [(404, 1), (403, 1), (500, 3), (503, 3), (429, 3)], ids=lambda value: str(value)
)
def test_an_error_of_the_server_is_told_and_the_next_mirror_asked(server, folder, console, status, times):
    bad, good = server.put("/bad", Page(b"sorry", status=status)), server.put("/good", Page(CONTENT))
    assert f"{bad}: HTTP {status}" in refused(source(bad), folder, console)
    assert len(server.asked) == times
    assert download(source(bad, good), folder, console=console).read_bytes() == CONTENT


def test_every_mirror_is_told_with_its_reason(server, folder, console):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}/a"  # nobody listens there
    bad = server.put("/bad", Page(b"", status=404))
    message = refused(source(bad, closed), folder, console)
    assert f"{bad}: HTTP 404; {closed}: [Errno {errno.ECONNREFUSED}] Connection refused, tried 3 times" in message


def test_without_a_mirror_the_place_for_the_file_is_told(folder, console):
    assert f"put it at '{folder / 'a.bin'}'" in refused(source(), folder, console)
    (folder / "a.bin").write_bytes(CONTENT)
    assert download(source(), folder, console=console) == folder / "a.bin"
    (folder / "a.bin").write_bytes(OTHER)
    with pytest.raises(TlbenchError, match=r"File 'a\.bin' has sha256 "):
        download(source(), folder, console=console)


def test_never_more_bytes_than_size(server, folder, console):
    url = server.put("/a", Page(CONTENT, tells_length=False))
    exact = source(url, size=len(CONTENT))
    assert download(exact, folder / "exact", console=console).read_bytes() == CONTENT
    endless = server.put("/endless", Page(CONTENT, tells_length=False, endless=True))
    message = refused(source(endless, size=len(CONTENT)), folder, console)
    assert f"sends more than {len(CONTENT)} bytes" in message
    asked = server.asked[-1]
    assert asked.done.wait(20)
    assert asked.sent < 2**25  # what fits into the sockets' buffers; the server would have sent 256 MiB
    assert len(server.asked) == 2
    assert "a.bin.part" not in kept(folder)


def test_a_length_told_that_is_not_the_size_is_refused_before_a_byte_is_kept(server, folder, console):
    url = server.put("/a", Page(CONTENT))
    message = refused(source(url, size=len(CONTENT) - 1), folder, console)
    assert f"is {len(CONTENT)} bytes long, not {len(CONTENT) - 1}" in message
    assert kept(folder) == []


def test_without_size_and_length_the_constant_bounds(server, folder, console, monkeypatch):
    url = server.put("/a", Page(CONTENT, tells_length=False))
    monkeypatch.setattr(module, "LIMIT", len(CONTENT) - 1)
    assert "sends more than 99999 bytes" in refused(source(url), folder, console)
    monkeypatch.setattr(module, "LIMIT", len(CONTENT))
    assert download(source(url), folder, console=console).read_bytes() == CONTENT


def test_too_little_room_is_told_before_a_byte_is_kept(server, folder, console, monkeypatch):
    url = server.put("/a", Page(CONTENT))
    usage = SimpleNamespace(free=len(CONTENT) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert f"needs {len(CONTENT)} bytes more, but" in refused(source(url), folder, console)
    assert kept(folder) == []
    usage.free += 1
    assert download(source(url), folder, console=console).read_bytes() == CONTENT


def test_a_web_page_is_no_file_unless_the_checksum_says_so(server, folder, console):
    url = server.put("/a", Page(CONTENT, headers={"Content-Type": "text/html; charset=utf-8"}))
    assert "answers with a web page" in refused(source(url, checksum=None), folder, console)
    assert download(source(url), folder, console=console).read_bytes() == CONTENT


def test_two_at_a_time_fetch_once(server, folder, console):
    go = threading.Event()
    wanted = source(server.put("/a", Page(CONTENT, breaks=1, pause=go)))
    threads = [threading.Thread(target=download, args=(wanted, folder), kwargs={"console": console}) for _ in "ab"]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 20
    while "another process fetches a.bin" not in console.file.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    go.set()
    for thread in threads:
        thread.join(20)
    assert [a.range for a in server.asked] == [None, f"bytes={HALF}-"]
    assert (folder / "a.bin").read_bytes() == CONTENT


@pytest.mark.slow
def test_a_killed_download_goes_on(server, folder, console):
    go = threading.Event()
    wanted = source(server.put("/a", Page(CONTENT * 10, headers={"ETag": '"1"'}, breaks=1, pause=go)), checksum=None)
    code = (
        "from pathlib import Path; from rich.console import Console; from tlbench.data.fetch.sources import Source; "
        "from tlbench.data.fetch.download import download; "
        f"download(Source(file='a.bin', urls={wanted.urls}, place='a.bin'), Path({str(folder)!r}), console=Console())"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    part, deadline = folder / "a.bin.part", time.monotonic() + 60
    while not (part.exists() and part.stat().st_size >= 2**18) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    go.set()
    got = part.stat().st_size
    assert 2**18 <= got < 10 * len(CONTENT)
    assert download(wanted, folder, console=console).read_bytes() == CONTENT * 10
    assert (server.asked[1].range, server.asked[1].sent) == (f"bytes={got}-", 10 * len(CONTENT) - got)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mirrors": []}, "mirrors"),
        ({"place": None}, "either `unpack` or `place`"),
        ({"unpack": "b"}, "either `unpack` or `place`"),
        ({"place": "b/../../a"}, "no relative path"),
        ({"place": "/a"}, "no relative path"),
        ({"place": ""}, "no relative path"),
        ({"place": r"b\a"}, "no relative path"),
        ({"place": None, "unpack": "."}, "no relative path"),
        ({"file": "b/a"}, "no plain file name"),
        ({"file": ".."}, "no plain file name"),
        ({"file": "a.part"}, "no plain file name"),
        ({"urls": ["ftp://host/a"]}, "http:// or https://"),
        ({"urls": ["file:///etc/passwd"]}, "http:// or https://"),
        ({"urls": ["https:///a"]}, "http:// or https://"),
        ({"checksum": "sha256:12"}, "64 hex digits"),
        ({"checksum": MD5.replace("md5", "sha1")}, "64 hex digits"),
        ({"size": 0}, "greater than or equal to 1"),
        ({"unpacked_limit": 1}, "is not unpacked"),
    ],
)
def test_a_source_that_is_wrong_in_one_thing_is_refused(wrong, message):
    right = {"file": "a.zip", "urls": ["https://host/a?b=1"], "checksum": MD5, "size": 1, "place": "b/a..zip"}
    assert Source(**right).limit == UNPACKED_LIMIT
    with pytest.raises(ValidationError, match=message):
        Source(**{**right, **wrong})


def test_a_source_of_an_archive_may_bound_what_it_unpacks_to():
    assert Source(file="a.zip", urls=[], unpack="b/c", unpacked_limit=7).limit == 7
