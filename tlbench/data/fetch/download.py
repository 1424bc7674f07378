"""One file from the network: mirrors in turn, resumed where it broke off, kept once its content is right."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from pathlib import Path

import requests
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from urllib3.exceptions import HTTPError

from tlbench.data.fetch.sources import Source
from tlbench.errors import TlbenchError

TRIES = 3
"""Tries at one mirror before the next one's turn."""
PAUSE = 2.0
"""Seconds before a mirror's second try; doubled before each further one."""
TIMEOUT = (15, 60)
"""Seconds until a connection stands, and between two bytes."""
LIMIT = 300 * 2**30
"""Bytes of a file whose size neither the source nor the server tells."""
RESERVE = 2**30
"""Bytes of the disk that a download of unknown length leaves free."""
CHUNK = 2**16
PASSING = (408, 425, 429)
"""Answers 4xx that may be another one at the next try."""


class _Failed(Exception):
    """Why one try failed."""


class _Hopeless(_Failed):
    """Why a mirror failed and will fail again."""


def download(source: Source, folder: Path, *, console: Console) -> Path:
    """Keep a source's file in a folder; nothing is fetched where it is there already with the right content.

    A download that breaks off leaves `<file>.part`, from which the next one goes on.

    Returns:
        The path of the file.

    Raises:
        TlbenchError: no mirror gave the file, it cannot be written, or the disk has too little room.
    """
    path = folder / source.file
    lock = FileLock(folder / f"{source.file}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            _say(console, f"another process fetches {source.file}; waiting for it")
            lock.acquire()
        try:
            if (wrong := _wrong(source, path)) is not None:
                _from_mirrors(source, path, wrong, console)
        finally:
            lock.release()
    except OSError as error:
        raise TlbenchError(f"'{path}' cannot be written: {error}. Free the place, or set another data_dir.") from error
    if source.checksum is None:
        _say(console, f"no checksum is known for {source.file}; its content is checked by counts only")
    return path


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _wrong(source: Source, path: Path) -> str | None:
    """Say why the file that is kept cannot be used; None if it can."""
    if not path.exists():
        return "is missing"
    return source.mismatch(path)


def _from_mirrors(source: Source, path: Path, wrong: str, console: Console) -> None:
    failures = []
    for url in source.urls:
        try:
            return _from_mirror(source, url, path, console)
        except _Failed as error:
            failures.append(f"{url}: {error}")
    why = f"no mirror gave it ({'; '.join(failures)})" if failures else "no address is known that gives it directly"
    raise TlbenchError(
        f"File '{source.file}' {wrong}, and {why}. Run the command again, or fetch the file by hand and put it at "
        f"'{path.absolute()}'."
    )


def _from_mirror(source: Source, url: str, path: Path, console: Console) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            return _try(source, url, path, console)
        except _Hopeless:
            raise
        except (_Failed, requests.RequestException, HTTPError) as error:
            if attempt == TRIES:
                raise _Failed(f"{_root(error)}, tried {TRIES} times") from error
        time.sleep(PAUSE * 2 ** (attempt - 1))


def _root(error: BaseException) -> str:
    """Return the innermost reason, in one line: "[Errno 111] Connection refused", not the stack of wrappers round it."""
    while not isinstance(error, _Failed) and (inner := error.__cause__ or error.__context__):
        error = inner
    return " ".join(str(error).split()) or type(error).__name__


class _Part:
    """`<file>.part` and what is known of it: its URL, validator (ETag or Last-Modified) and whole size."""

    def __init__(self, path: Path) -> None:
        self.path, self._note = Path(f"{path}.part"), Path(f"{path}.part.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def known(self) -> dict[str, str | int | None]:
        try:
            known = json.loads(self._note.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def begin(self, url: str, validator: str | None, total: int | None) -> None:
        self.drop()  # before the note is written: a new note beside old bytes would join two versions
        self._note.write_text(json.dumps({"url": url, "validator": validator, "total": total}), "utf-8")

    def keep(self, path: Path) -> None:
        os.replace(self.path, path)
        self._note.unlink(missing_ok=True)


def _try(source: Source, url: str, path: Path, console: Console) -> None:
    part = _Part(path)
    wanted = _range(source, url, part)
    headers = {"Accept-Encoding": "identity", **wanted}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        status = response.status_code
        if wanted and status == 416 and source.checksum is not None and source.mismatch(part.path) is None:
            return part.keep(path)  # all bytes had come, only the renaming had not
        if wanted and (status == 416 or (status == 206 and not _continues(response, url, part))):
            part.drop()
            return _try(source, url, path, console)
        resumed = bool(wanted) and status == 206
        if status != 200 and not resumed:
            raise (_Hopeless if 400 <= status < 500 and status not in PASSING else _Failed)(f"HTTP {status}")
        expected = _expected(source, response, part)
        if not resumed:
            part.begin(url, _validator(response), _total(response))
        _receive(response, part, source, expected, console)
    if (wrong := source.mismatch(part.path)) is not None:
        part.drop()
        if resumed:  # the older bytes may be at fault, from another mirror or version
            raise _Failed(f"what was joined from two downloads {wrong}")
        raise _Hopeless(f"what it gave {wrong}")
    part.keep(path)


def _range(source: Source, url: str, part: _Part) -> dict[str, str]:
    """Return the headers that ask for the rest of a part, or none where nothing would tell that old and new bytes differ."""
    same = part.known.get("url") == url
    validator = part.known.get("validator") if same else None
    if not part.size or (validator is None and source.checksum is None):
        return {}
    return {"Range": f"bytes={part.size}-", **({"If-Range": str(validator)} if validator is not None else {})}


def _continues(response: requests.Response, url: str, part: _Part) -> bool:
    """Tell whether an answer 206 holds the bytes after the part, of the same version of the file."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(?:\d+|\*)", response.headers.get("Content-Range", ""))
    if span is None or int(span[1]) != part.size:
        return False
    known, total, validator = part.known, _total(response), _validator(response)
    if None not in (known.get("total"), total) and known["total"] != total:
        return False
    return known.get("url") != url or None in (known.get("validator"), validator) or known["validator"] == validator


def _validator(response: requests.Response) -> str | None:
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified")  # If-Range takes no weak ETag


def _total(response: requests.Response) -> int | None:
    """Return the size of the whole file, as far as the answer tells."""
    if response.status_code == 206:
        size = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        size = response.headers.get("Content-Length", "")
    return int(size) if size.isdecimal() else None


def _expected(source: Source, response: requests.Response, part: _Part) -> int | None:
    """Return the size of the whole file, or None; refuse an answer that is another file, too large, or more than the disk takes.

    A web page where a file was asked for is a consent or error form; a checksum would tell, too.
    """
    total = _total(response)
    if source.checksum is None and response.headers.get("Content-Type", "").startswith("text/html"):
        raise _Hopeless("it answers with a web page")
    if None not in (total, source.size) and total != source.size:
        raise _Hopeless(f"what it offers is {total} bytes long, not {source.size}")
    expected = total if source.size is None else source.size
    if source.size is None and expected is not None and expected > LIMIT:
        raise _Hopeless(f"what it offers is {expected} bytes long, more than {LIMIT}")
    free = shutil.disk_usage(part.path.parent).free
    if expected is not None and expected - part.size > free:
        raise TlbenchError(
            f"{source.file} needs {expected - part.size} bytes more, but '{part.path.parent}' has room for {free}. "
            "Free some, or set another data_dir."
        )
    return expected


def _receive(response: requests.Response, part: _Part, source: Source, expected: int | None, console: Console) -> None:
    """Append the body to the part, never past the size expected."""
    got, bound = part.size, expected
    if bound is None:  # nobody says how long it is: never more than the disk holds
        bound = min(LIMIT, got + max(0, shutil.disk_usage(part.path.parent).free - RESERVE))
    name = TextColumn("{task.description}", markup=False)
    columns = (name, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with part.path.open("ab") as file, Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(source.file, total=expected, completed=got)
        for chunk in response.raw.stream(CHUNK, decode_content=False):
            got += len(chunk)
            if got > bound:
                break
            file.write(chunk)
            progress.update(task, advance=len(chunk))
    if got > bound:
        part.drop()
        raise _Hopeless(f"it sends more than {bound} bytes")
    if expected is not None and got < expected:
        raise _Failed(f"it broke off after {got} of {expected} bytes")
