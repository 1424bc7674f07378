"""Objects by name in an object store: what is asked of one, and that through fsspec.

fsspec (BSD-3) has one interface to S3 (s3fs, BSD-3), Google's, Azure's and others. What it cannot tell apart is told here: an
object is another one when its tag is.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from tlbench.errors import TlbenchError

VERSIONS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "modified", "created")
"""What file systems call that which changes with an object, the surest first."""
EXTRA = {"s3": "s3", "s3a": "s3"}
MEMORY = threading.Lock()
"""fsspec's file system in memory looks first and writes then."""


class Objects:
    """Objects below an address, `s3://bucket/prefix`. Whatever fails raises TlbenchError."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")

    def tags(self, prefix: str = "") -> dict[str, str]:
        """Return the tag of each object whose name starts so, from one listing."""
        with self._told():
            fs, root = _opened(self.address, os.getpid())
            folder = prefix.rpartition("/")[0]
            try:
                found = fs.find(f"{root}/{folder}" if folder else root, detail=True, withdirs=False)
            except FileNotFoundError:
                if not self._bucket_is_there(fs, root):
                    raise
                return {}
            names = {path.lstrip("/").removeprefix(f"{root.lstrip('/')}/"): about for path, about in found.items()}
        return {name: tag_of(about) for name, about in sorted(names.items()) if name.startswith(prefix)}

    def tag(self, name: str) -> str | None:
        """Return the tag of an object; None where there is none."""
        with self._told():
            fs, root = _opened(self.address, os.getpid())
            try:
                return tag_of(fs.info(f"{root}/{name}", refresh=True))
            except FileNotFoundError:
                return None

    def read(self, name: str) -> bytes | None:
        """Return an object's content; None where there is none."""
        with self._told():
            fs, root = _opened(self.address, os.getpid())
            try:
                return fs.cat_file(f"{root}/{name}")
            except FileNotFoundError:
                return None

    def fetch(self, name: str, to: Path) -> bool:
        """Write an object into a file; False where there is none."""
        with self._told():
            fs, root = _opened(self.address, os.getpid())
            try:
                fs.get_file(f"{root}/{name}", str(to))
            except FileNotFoundError:
                to.unlink(missing_ok=True)
                return False
        return True

    def put(self, name: str, content: bytes | Path) -> None:
        """Make or replace an object, whole or not at all."""
        with self._told():
            self._write(name, content, "overwrite")

    def creates_alone(self) -> bool:
        """Tell whether `create` is one request here: fsspec's own way is to look first, and another may write in between."""
        with self._told():
            kind = type(_opened(self.address, os.getpid())[0])
            write = getattr(kind, "_pipe_file", kind.pipe_file)
            return write.__module__ != "fsspec.spec" and "mode" in inspect.signature(write).parameters

    def create(self, name: str, content: bytes | Path) -> bool:
        """Make an object; False where there is one, which stays as it is: of two that try at once, one gets True."""
        with self._told():
            try:
                with MEMORY if self.address.startswith("memory:") else nullcontext():
                    self._write(name, content, "create")
            except OSError as error:
                if _is_there(error):
                    return False
                raise
        return True

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        with self._told():
            fs, root = _opened(self.address, os.getpid())
            with suppress(FileNotFoundError):
                fs.rm_file(f"{root}/{name}")

    def seconds_between(self, earlier: str, later: str) -> float | None:
        """Return how much later one object was written than another, by the place's own clock; None where one is gone."""
        with self._told():
            fs, root = _opened(self.address, os.getpid())
            try:
                return (fs.modified(f"{root}/{later}") - fs.modified(f"{root}/{earlier}")).total_seconds()
            except FileNotFoundError:
                return None

    def _write(self, name: str, content: bytes | Path, mode: str) -> None:
        fs, root = _opened(self.address, os.getpid())
        if isinstance(content, bytes):
            fs.pipe_file(f"{root}/{name}", content, mode=mode)
        else:
            fs.put_file(str(content), f"{root}/{name}", mode=mode)

    @staticmethod
    def _bucket_is_there(fs: Any, root: str) -> bool:
        return bool(fs.exists(root.strip("/").split("/")[0]))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell in one line what the file system's libraries say in pages."""
        try:
            yield
        except Exception as error:
            raise TlbenchError(
                f"Store '{self.address}' cannot be reached: {reason(error, self.address)} "
                "Set by store=..., --store or $TLBENCH_STORE."
            ) from error


def tag_of(about: Mapping[str, Any]) -> str:
    """Return a short name of an object's state: another one whenever it is replaced."""
    version = next((about[name] for name in VERSIONS if about.get(name)), "")
    return hashlib.sha256(f"{version} {about.get('size')}".replace('"', "").encode()).hexdigest()[:16]


def reason(error: Exception, address: str) -> str:
    """Say why an address cannot be reached, and what to do."""
    scheme, _, rest = address.partition("://")
    name, text = type(error).__name__, " ".join(str(error).split())[:200].rstrip(".")
    if isinstance(error, ImportError):
        extra = EXTRA.get(scheme)
        return f"pip install 'tlbench[{extra}]'." if extra else f"{text}."
    if isinstance(error, ValueError) and "rotocol not known" in text:
        return f"'{scheme}' is no kind of place that fsspec knows; s3://BUCKET/PREFIX is one."
    if "Credentials" in name or "Token" in name:
        return f"{text}. Give $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY, or $AWS_PROFILE."
    if isinstance(error, FileNotFoundError):
        return f"there is no bucket '{rest.split('/')[0]}'. Make it first."
    if isinstance(error, PermissionError):
        return f"it is forbidden ({text}). See whose credentials these are ($AWS_PROFILE, $AWS_ACCESS_KEY_ID)."
    return f"{name}: {text}."


def _is_there(error: OSError) -> bool:
    """Tell whether a server has refused to make an object because there is one, or another is being made."""
    told = f"{error} {error.__cause__}"
    return isinstance(error, FileExistsError) or bool(
        re.search(r"Precondition ?Failed|ConditionalRequestConflict|\b412\b", told)
    )


@lru_cache(maxsize=64)
def _opened(address: str, process: int) -> tuple[Any, str]:
    """Return the file system of an address and the path in it; each process has its own, as connections do not outlive a fork."""
    import fsspec

    fs, root = fsspec.core.url_to_fs(address, use_listings_cache=False)
    return fs, root.rstrip("/")
