"""Archives, unpacked whole or not at all; nothing in an archive can write outside its folder or over other files."""

from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path
from typing import IO, Self

from filelock import FileLock

from tlbench.data.fetch.sources import digest
from tlbench.errors import TlbenchError

MARKER = ".unpacked.json"
CHUNK = 2**18
DEPTH = 100
GROWTH, HARMLESS = 200, 2**30
"""An archive that grows more than 200-fold, and past 1 GiB, is taken for a zip bomb."""
MEMBERS = 3_000_000
"""More files and folders than any image set has."""
HEADER, TRAILER = 2**20, 2**20
"""Bytes that the long name of a member and what stands behind an archive's end mark may have: both are read before any limit."""
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError, RuntimeError, ValueError, struct.error)


class _Refused(Exception):
    """What a member does that it may not."""


def unpack(archive: Path, into: Path, *, limit: int) -> None:
    """Fill a folder from a zip or tar archive (gz, bz2, xz; told by content, not by name).

    A folder that was filled from this archive before is left alone. Files that stand there are never overwritten;
    those equal to the archive's own are taken as unpacked.

    Args:
        archive: the file to unpack.
        into: the folder; made if missing. It is there whole or not at all after an interrupt.
        limit: bytes that the members may have together.

    Raises:
        TlbenchError: a member leaves the folder, is a link or device, is encrypted or written twice; the content is
            more than the limit or a zip bomb; the archive is damaged; a file of another content stands there.
    """
    into = into.resolve()  # through a link to another disk: a rename works within one disk only
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(into.with_name(f".{into.name}.lock")):
            sha256 = digest(archive, "sha256")
            if all(entry["sha256"] != sha256 for entry in unpacked(into)):
                _fill(archive, into, limit, sha256)
    except _Refused as error:
        raise TlbenchError(f"'{archive}' is not unpacked: {error}. Nothing was kept.") from error
    except (OSError, *DAMAGE) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise TlbenchError(f"'{archive}' cannot be unpacked into '{into}': {error}.") from error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TlbenchError(
            f"'{archive}' is cut short, damaged or of an unknown form ({reason}). Delete it and run the command again."
        ) from error


def unpacked(into: Path) -> list[dict[str, str]]:
    """Return the archives that a folder was filled from: `file`, `sha256` and `md5` of each."""
    try:
        entries = json.loads((into / MARKER).read_text("utf-8"))
        return [{key: entry[key] for key in ("file", "sha256", "md5")} for entry in entries]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _fill(archive: Path, into: Path, limit: int, sha256: str) -> None:
    new = into.with_name(f".{into.name}.unpacking")
    entry = {"file": archive.name, "sha256": sha256, "md5": digest(archive, "md5")}
    if new.exists():
        shutil.rmtree(new)  # left by a killed process; the lock tells that none is at work
    try:
        new.mkdir()
        new.chmod(0o755)
        _write_members(archive, new, limit)
        if os.path.lexists(into):
            _merge(new, into)
            _mark(into, [*unpacked(into), entry])
        else:
            _mark(new, [entry])
            os.rename(new, into)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _mark(folder: Path, entries: list[dict[str, str]]) -> None:
    aside = folder / f"{MARKER}.part"
    aside.write_text(json.dumps(entries, indent=1) + "\n", "utf-8")
    os.replace(aside, folder / MARKER)


def _write_members(archive: Path, folder: Path, limit: int) -> None:
    """Write every member below the folder, files with mode 0644 and folders with 0755; refuse rather than guess."""
    packed, written, files, made, found = archive.stat().st_size, 0, 0, {folder}, 0

    def within_bounds(total: int) -> None:
        if total > limit:
            raise _Refused(f"it holds more than the {limit} bytes allowed by `unpacked_limit`")
        if total > max(HARMLESS, GROWTH * packed):
            raise _Refused(f"it grows from {packed} to more than {GROWTH} times as many bytes, as a zip bomb does")

    for name, size, stream in _members(archive):
        if (found := found + 1) > MEMBERS:
            raise _Refused(f"it has more than {MEMBERS} members")
        parts = _parts(name)
        try:
            for depth in range(1, len(parts) + (stream is None)):
                if (parent := folder.joinpath(*parts[:depth])) not in made:
                    parent.mkdir()
                    parent.chmod(0o755)
                    made.add(parent)
            if stream is None:
                continue
            within_bounds(written + size)  # what the header says, before any byte of it is written
            with (path := folder.joinpath(*parts)).open("xb") as file:
                while chunk := stream.read(CHUNK):
                    written += len(chunk)
                    within_bounds(written)
                    file.write(chunk)
            path.chmod(0o644)
            files += 1
        except FileExistsError:
            raise _Refused(f"member {name!r} would be written over another member") from None
    if not files:
        raise _Refused("it holds no file")


def _parts(name: str) -> list[str]:
    """Return the folders and the file that a member's name stands for."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name) or re.search(r"[\\\0]", name):
        raise _Refused(f"member {name!r} would be written outside its folder")
    if len(parts) > DEPTH or "".join(parts[:1]).startswith(MARKER):
        raise _Refused(f"member {name!r} has a name that is not allowed")
    return parts


def _members(archive: Path) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    """Yield name, size by the header and content of each member; None as content of a folder."""
    if _is_tar(archive):  # asked first: a tar whose last member is a zip looks like a zip, too
        return _tar_members(archive)
    if zipfile.is_zipfile(archive):
        return _zip_members(archive)
    raise ValueError("neither zip nor tar")


def _is_tar(archive: Path) -> bool:
    try:
        tarfile.open(archive, "r:*", tarinfo=_BoundTarInfo).close()
        return True
    except tarfile.TarError:
        return False


def _zip_members(archive: Path) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            if info.flag_bits & 0x1:
                raise _Refused(f"member {info.filename!r} is encrypted")
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _Refused(f"member {info.filename!r} is a link or device; files and folders are allowed")
            if info.is_dir():
                yield info.filename, 0, None
            else:
                with file.open(info) as stream:
                    yield info.filename, info.file_size, stream


class _BoundTarInfo(tarfile.TarInfo):
    """Reads no header of any length: long names and the like stand in blocks of their own, which tarfile reads whole."""

    LONG = (
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
    )

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        found = super().frombuf(buf, encoding, errors)
        if found.type in cls.LONG and found.size > HEADER:
            raise _Refused(f"the header of a member has {found.size} bytes")
        return found


class _StrictTarInfo(_BoundTarInfo):
    """Takes a header that is cut short or damaged for an error, where tarfile takes it for the archive's end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        if len(buf) != tarfile.BLOCKSIZE:
            raise tarfile.ReadError("it ends without its end mark")
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if any(buf):
                raise tarfile.ReadError(str(error)) from error
            raise


def _tar_members(archive: Path) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    with tarfile.open(archive, "r:*", tarinfo=_StrictTarInfo) as file:
        while (info := file.next()) is not None:
            if not (info.isdir() or info.isreg()):
                raise _Refused(f"member {info.name!r} is a link or device; files and folders are allowed")
            yield info.name, info.size, file.extractfile(info)
            file.members.clear()  # type: ignore[attr-defined]  # a million members would fill a gigabyte
        behind = 0
        while file.fileobj is not None and (chunk := file.fileobj.read(CHUNK)):
            if (behind := behind + len(chunk)) > TRAILER:  # to the end, where the checksum of gz, bz2 and xz stands
                raise _Refused(f"more than {TRAILER} bytes stand behind its end mark")


def _merge(new: Path, into: Path) -> None:
    """Move what is new into a folder that stands there; on an interrupt, all of it back."""
    moves, done = list(_moves(new, into)), []
    try:
        for path, target in moves:
            done.append((path, target))
            os.rename(path, target)
    except BaseException:
        for path, target in reversed(done):
            if not os.path.lexists(path):
                os.rename(target, path)
        raise


def _moves(new: Path, into: Path) -> Iterator[tuple[Path, Path]]:
    for path in sorted(new.iterdir()):
        target = into / path.name
        if not os.path.lexists(target):
            yield path, target
        elif path.is_dir() and target.is_dir() and not target.is_symlink():
            yield from _moves(path, target)
        elif not (path.is_file() and target.is_file() and filecmp.cmp(path, target, shallow=False)):
            raise _Refused(f"'{target}' stands there with another content; move it away and run the command again")
