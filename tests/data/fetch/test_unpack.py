import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import stat
import struct
import tarfile
import zipfile

import pytest

from tlbench.data.fetch import unpack as module
from tlbench.data.fetch.unpack import MARKER, unpack
from tlbench.errors import TlbenchError

FILES = {"readme.txt": b"hello", "a/x.bin": bytes(range(256)) * 20, "a/b/empty": b""}
TARS = ["w", "w:gz", "w:bz2", "w:xz"]


def zipped(path, files=FILES, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path, files=FILES, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def content(folder):
    """Every file but markers and locks, by its path."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != MARKER and path.suffix != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def refused(archive, into, limit=10**6):
    """The message for an archive that is refused, after a look that it is one line and that nothing is left."""
    before = content(into) if into.exists() else None
    with pytest.raises(TlbenchError) as caught:
        unpack(archive, into, limit=limit)
    assert "\n" not in str(caught.value)
    assert str(archive) in str(caught.value)
    assert (content(into) if into.exists() else None) == before
    assert not list(into.parent.glob(".*.unpacking"))
    return str(caught.value)


@pytest.fixture
def into(tmp_path):
    return tmp_path / "data" / "toy"


@pytest.fixture
def strange(tmp_path):
    """A name that tells nothing of the form."""
    return tmp_path / "download"


@pytest.mark.parametrize("make", [zipped, *[lambda path, mode=mode: tarred(path, mode=mode) for mode in TARS]])
def test_each_form_is_told_by_its_content(strange, into, make):
    unpack(make(strange), into, limit=10**6)
    assert content(into) == FILES
    assert not list(into.parent.glob(".*.unpacking"))


def test_a_tar_that_ends_with_a_zip_is_a_tar(tmp_path, strange, into):
    inner = zipped(tmp_path / "inner.zip").read_bytes()
    tarred(strange, {"a.txt": b"a", "inner.zip": inner}, "w")
    assert zipfile.is_zipfile(strange)
    unpack(strange, into, limit=10**6)
    assert content(into) == {"a.txt": b"a", "inner.zip": inner}


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_modes_are_plain_whatever_the_archive_and_the_umask_say(strange, into, form):
    if form == "zip":
        name = zipfile.ZipInfo("a/b/x")
        name.external_attr = (stat.S_IFREG | 0o4777) << 16
        zipped(strange, {name: b"x"})
    else:
        name = tarfile.TarInfo("a/b/x")
        name.mode = 0o4777
        tarred(strange, {name: b"x"})
    before = os.umask(0o077)
    try:
        unpack(strange, into, limit=10**6)
    finally:
        os.umask(before)
    assert stat.S_IMODE((into / "a" / "b" / "x").stat().st_mode) == 0o644
    for folder in (into, into / "a", into / "a" / "b"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_names_that_only_look_odd_are_allowed(strange, into):
    names = ["./a..b/x y", "a//z", "é/..x", "ab:c", "~/f"]
    tarred(strange, dict.fromkeys(names, b"1"), "w")
    unpack(strange, into, limit=10**6)
    assert set(content(into)) == {"a..b/x y", "a/z", "é/..x", "ab:c", "~/f"}


@pytest.mark.parametrize("make", [zipped, tarred])
@pytest.mark.parametrize(
    "name",
    ["../x", "a/../../x", "a/..", "/tmp/x", "//x", r"a\..\x", r"\x", "C:/x", "c:x", "./" + MARKER, "a/" * 101 + "x"],
)
def test_a_member_with_a_name_that_may_lead_outside_is_refused(strange, into, make, name):
    assert repr(name) in refused(make(strange, {"ok": b"1", name: b"2"}), into)
    assert not (into.parent / "x").exists()
    unpack(make(strange, {"ok": b"1", "a/x": b"2"}), into, limit=10**6)
    assert content(into) == {"ok": b"1", "a/x": b"2"}


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "ok"),
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.LNKTYPE, "ok"),
        (tarfile.LNKTYPE, "../../secret"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(strange, into, kind, target):
    assert "member 'bad' is a link or device" in refused(
        tarred(strange, {"ok": b"1", special("bad", kind, target): b""}), into
    )
    unpack(tarred(strange, {"ok": b"1", special("folder", tarfile.DIRTYPE): b""}), into, limit=10**6)
    assert content(into) == {"ok": b"1"}
    assert (into / "folder").is_dir()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_a_zip_are_refused(strange, into, kind):
    info = zipfile.ZipInfo("bad")
    info.external_attr = (kind | 0o777) << 16
    assert "member 'bad' is a link or device" in refused(zipped(strange, {"ok": b"1", info: b"ok"}), into)
    info.external_attr = (stat.S_IFREG | 0o777) << 16
    unpack(zipped(strange, {"ok": b"1", info: b"ok"}), into, limit=10**6)
    assert content(into) == {"ok": b"1", "bad": b"ok"}


@pytest.mark.parametrize("names", [("a", "a"), ("a", "./a"), ("a/b", "a//b"), ("a", "a/b"), ("a/b", "a")])
def test_two_members_at_one_place_are_refused(strange, into, names):
    with tarfile.open(strange, "w") as archive:
        for name in names:
            archive.addfile(special(name, tarfile.REGTYPE))
    assert f"member '{names[1]}' would be written over another member" in refused(strange, into)


def test_two_members_of_one_name_in_a_zip_are_refused_and_a_folder_told_twice_is_not(strange, into):
    with zipfile.ZipFile(strange, "w") as archive:
        archive.writestr("a", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a", b"2")
    assert "member 'a' would be written over another member" in refused(strange, into)
    with zipfile.ZipFile(strange, "w") as archive:
        archive.writestr("d/", b"")
        archive.writestr("d/a", b"1")
        archive.writestr("d//", b"")
    unpack(strange, into, limit=10**6)
    assert content(into) == {"d/a": b"1"}


@pytest.mark.parametrize("make", [zipped, tarred])
def test_the_members_may_have_as_many_bytes_as_the_limit_and_no_more(strange, into, make):
    archive = make(strange, {"a": b"1" * 600, "b": b"2" * 400})
    assert "more than the 999 bytes allowed by `unpacked_limit`" in refused(archive, into, limit=999)
    unpack(archive, into, limit=1000)
    assert content(into) == {"a": b"1" * 600, "b": b"2" * 400}


def test_bytes_are_counted_as_they_are_written_not_as_headers_say(strange, into, monkeypatch):
    zipped(strange, {"a": b"1" * 1000})
    honest = module._zip_members
    lying = lambda path: ((name, 0, stream) for name, _, stream in honest(path))  # noqa: E731
    monkeypatch.setattr(module, "_zip_members", lying)
    assert "more than the 999 bytes" in refused(strange, into, limit=999)
    unpack(strange, into, limit=1000)


def test_a_zip_whose_header_tells_too_few_bytes_is_refused(strange, into):
    zipped(strange, {"a": b"1" * 1000})
    data = strange.read_bytes()
    told = struct.pack("<I", 1000)
    strange.write_bytes(data.replace(told, struct.pack("<I", 10)))
    assert data.count(told) == 2
    assert "damaged" in refused(strange, into)


def test_a_zip_bomb_is_refused(strange, into, monkeypatch):
    zipped(strange, {"a": bytes(10**6)})
    packed = strange.stat().st_size
    assert module.GROWTH * packed < 10**6
    monkeypatch.setattr(module, "HARMLESS", 10**6 - 1)
    assert f"grows from {packed} to more than 200 times" in refused(strange, into, limit=10**12)
    monkeypatch.setattr(module, "HARMLESS", 10**6)
    unpack(strange, into, limit=10**12)
    assert content(into) == {"a": bytes(10**6)}


def test_an_encrypted_zip_is_refused(strange, into):
    data = bytearray(zipped(strange, {"secret": b"x"}).read_bytes())
    unpack(strange, into.with_name("plain"), limit=10**6)
    data[6] |= 1  # the flag in the local header ...
    data[data.index(b"PK\1\2") + 8] |= 1  # ... and in the central directory
    strange.write_bytes(data)
    assert "member 'secret' is encrypted" in refused(strange, into)


@pytest.mark.parametrize("make", [zipped, *[lambda path, mode=mode: tarred(path, mode=mode) for mode in TARS[1:]]])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_an_archive_that_is_cut_short_is_refused(strange, into, make, share):
    data = make(strange).read_bytes()
    strange.write_bytes(data[: int(share * len(data))])
    assert "cut short" in refused(strange, into)


@pytest.mark.parametrize("length", [0, 100, 512, 700, 1024, 1100, 2048])
def test_a_plain_tar_that_is_cut_short_is_refused_also_between_two_members(strange, into, length):
    data = tarred(strange, {"a": b"1", "b": b"2"}, "w").read_bytes()  # 2 * (header, content), then zeros
    strange.write_bytes(data[:length])
    assert "cut short" in refused(strange, into)
    strange.write_bytes(data[: 2048 + 512])
    unpack(strange, into, limit=10**6)
    assert content(into) == {"a": b"1", "b": b"2"}


@pytest.mark.parametrize(
    ("make", "at"),
    [
        (lambda path: zipped(path, compression=zipfile.ZIP_STORED), b"hello"),
        (lambda path: tarred(path, mode="w"), b"a/x.bin"),
        (lambda path: tarred(path, mode="w:gz"), None),
    ],
)
def test_an_archive_with_a_changed_byte_is_refused(strange, into, make, at):
    data = bytearray(make(strange).read_bytes())
    where = data.index(at) if at else len(data) - 6  # in the checksum at the end of gz
    data[where] ^= 1
    strange.write_bytes(data)
    assert "damaged" in refused(strange, into)


@pytest.mark.parametrize("data", [b"", b"<html>no archive</html>", bytes(10240), b"\x1f\x8b" + bytes(100)])
def test_what_is_no_archive_or_holds_no_file_is_refused(strange, into, data):
    strange.write_bytes(data)
    refused(strange, into)
    assert not into.exists()


def test_a_folder_filled_from_the_same_archive_is_left_alone(strange, into):
    zipped(strange)
    unpack(strange, into, limit=10**6)
    sha256, md5 = (hashlib.new(kind, strange.read_bytes()).hexdigest() for kind in ("sha256", "md5"))
    assert json.loads((into / MARKER).read_text()) == [{"file": "download", "sha256": sha256, "md5": md5}]
    (into / "readme.txt").write_bytes(b"mine")
    (into / "a" / "x.bin").unlink()
    unpack(strange, into, limit=10**6)
    assert content(into) == {"readme.txt": b"mine", "a/b/empty": b""}


def test_several_archives_fill_one_folder(tmp_path, into):
    first, second = zipped(tmp_path / "1.zip", {"a/1": b"1"}), zipped(tmp_path / "2.zip", {"a/2": b"2", "b/c/3": b"3"})
    for archive in (first, second, first):
        unpack(archive, into, limit=10**6)
    assert content(into) == {"a/1": b"1", "a/2": b"2", "b/c/3": b"3"}
    assert [entry["file"] for entry in module.unpacked(into)] == ["1.zip", "2.zip"]


def test_files_that_stand_there_are_never_overwritten(strange, into):
    (into / "a").mkdir(parents=True)
    (into / "a" / "mine").write_bytes(b"mine")
    (into / "a" / "x.bin").write_bytes(b"mine, too")
    message = refused(zipped(strange), into)
    assert f"'{into / 'a' / 'x.bin'}' stands there with another content" in message
    (into / "a" / "x.bin").write_bytes(FILES["a/x.bin"])
    unpack(strange, into, limit=10**6)
    assert content(into) == {**FILES, "a/mine": b"mine"}
    assert len(module.unpacked(into)) == 1


@pytest.mark.parametrize("obstacle", ["file", "folder", "link"])
def test_another_kind_of_thing_at_the_place_of_a_member_is_a_conflict(tmp_path, strange, into, obstacle):
    into.mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if obstacle == "file":
        (into / "a").write_bytes(b"")
    elif obstacle == "folder":
        (into / "readme.txt").mkdir()
    else:
        (into / "a").symlink_to(elsewhere)
    assert "stands there with another content" in refused(zipped(strange), into)
    assert list(elsewhere.iterdir()) == []


def test_a_folder_that_is_a_link_to_another_disk_is_filled_there(tmp_path, strange, into):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    into.parent.mkdir()
    into.symlink_to(elsewhere)
    unpack(zipped(strange), into, limit=10**6)
    assert into.is_symlink()
    assert (tmp_path / ".elsewhere.lock").exists()  # and so the temporary folder, too, was beside the true folder
    assert content(elsewhere) == FILES


@pytest.mark.parametrize("stands", [False, True])
def test_an_interrupt_leaves_nothing_and_the_next_call_fills_the_folder(strange, into, monkeypatch, stands):
    zipped(strange)
    if stands:
        into.mkdir(parents=True)
        (into / "mine").write_bytes(b"mine")
    before = content(into)
    rename, calls = os.rename, []

    def interrupted(source, target):
        calls.append(target)
        if len(calls) == (2 if stands else 1):
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        unpack(strange, into, limit=10**6)
    assert content(into) == before
    assert into.exists() == stands
    assert not list(into.parent.glob(".*.unpacking"))
    monkeypatch.setattr(os, "rename", rename)
    unpack(strange, into, limit=10**6)
    assert content(into) == {**before, **FILES}


def test_what_a_killed_call_left_is_cleared_away(strange, into):
    left = into.with_name(".toy.unpacking")
    (left / "a").mkdir(parents=True)
    (left / "a" / "half").write_bytes(b"1")
    unpack(zipped(strange), into, limit=10**6)
    assert content(into) == FILES
    assert not left.exists()


@pytest.mark.parametrize("mode", TARS)
def test_what_hides_behind_the_end_mark_is_read_to_a_bound(strange, into, mode):
    opener = {"w": open, "w:gz": gzip.open, "w:bz2": bz2.open, "w:xz": lzma.open}[mode]
    inside = io.BytesIO()
    with tarfile.open(fileobj=inside, mode="w") as archive:
        archive.addfile(special("a", tarfile.REGTYPE), io.BytesIO())
    for extra, allowed in ((module.TRAILER - 2**16, True), (2 * module.TRAILER, False)):
        with opener(strange, "wb") as file:
            file.write(inside.getvalue() + bytes(extra))
        if allowed:
            unpack(strange, into.with_name(f"{mode[2:]}fine"), limit=10**6)
        else:
            assert "bytes stand behind its end mark" in refused(strange, into)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
@pytest.mark.parametrize("first", [True, False])
def test_a_name_of_a_gigabyte_is_not_read(strange, into, kind, first, monkeypatch):
    monkeypatch.setattr(module, "HEADER", 2**12)
    long = special("././@LongLink", kind)
    members = [(long, b"x" * 2**13), (tarfile.TarInfo("a"), b"1")]
    tarred(strange, dict(members if first else [(tarfile.TarInfo("b"), b"2"), *members]), "w:gz")
    assert "the header of a member has 8192 bytes" in refused(strange, into)


def test_names_that_are_long_as_names_go_are_unpacked(strange, into):
    tarred(strange, {"a/" * 60 + "b": b"1"})
    unpack(strange, into, limit=10**6)
    assert list(content(into).values()) == [b"1"]


@pytest.mark.parametrize("make", [zipped, tarred])
def test_the_number_of_members_is_bounded(strange, into, make, monkeypatch):
    monkeypatch.setattr(module, "MEMBERS", 3)
    make(strange, dict.fromkeys("abcd", b""))
    assert "more than 3 members" in refused(strange, into)
    make(strange, dict.fromkeys("abc", b""))
    unpack(strange, into, limit=10**6)
