"""One process at a time works on a run: locks of the system where the file system has them, else leases."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from filelock import FileLock, Timeout

from tlbench.aside import unique
from tlbench.store.claim_files import Claims, FolderClaims
from tlbench.store.leases import Lease, is_claimed, remove_dead

CHOICE = "TLBENCH_LOCKS"
"""`lease`: for file systems whose locks hold on one machine alone, which cannot be told from here."""
WITHOUT = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP}


class Held(Exception):
    """Another process works on this."""


class Locks:
    """The locks of a store, in a folder of their own, or as leases in some other place."""

    def __init__(self, folder: Path, claims: Claims | None = None) -> None:
        self.folder, self.claims = folder, claims or FolderClaims(folder)
        self._only_leases = claims is not None
        self._leases: dict[str, Lease] = {}

    def uses_leases(self) -> bool:
        """Tell whether locks are leases here."""
        return self._only_leases or os.environ.get(CHOICE) == "lease" or not _has_locks(str(self.folder))

    @contextmanager
    def held(self, key: str, wait: bool = True) -> Iterator[None]:
        """Hold the lock of a key; it ends with the process. It leaves no file: one that waits for it takes a new one.

        Raises:
            Held: another process has it, and this one does not wait.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.uses_leases():
            lease = self._leases[key] = Lease(self.claims, key)
            try:
                if not lease.acquire(wait):
                    raise Held(key)
                yield
            finally:
                del self._leases[key]
                lease.release()
            return
        path = self._file(key)
        lock = FileLock(path, timeout=-1 if wait else 0)
        try:
            lock.acquire()
        except Timeout as error:
            raise Held(key) from error
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()
            lock.release()

    def regain(self, key: str) -> None:
        """Wait until a lease is this process's own again where another took it for dead; nothing where locks are the system's."""
        if (lease := self._leases.get(key)) is not None and not lease.is_mine():
            lease.release()
            lease.acquire()

    def is_held(self, key: str) -> bool:
        """Tell whether a process works on the key."""
        if is_claimed(self.claims, key):
            return True
        path = self._file(key)
        if not path.is_file():
            return False
        try:
            with FileLock(path, timeout=0):
                return False
        except Timeout:
            return True
        except OSError:  # a store that cannot be written: nobody works on it from here
            return False

    def left(self) -> list[str]:
        """Return the keys of the locks that processes that died have left."""
        return sorted(key for key in self._keys() if not self.is_held(key))

    def working(self) -> set[str]:
        """Return the keys that some process works on."""
        return {key for key in self._keys() if self.is_held(key)}

    def _keys(self) -> set[str]:
        names = (name.rpartition(".")[0] for name in self.claims.names("") if not name.endswith(".beat"))
        return {name for name in names if name}

    def tidy(self) -> None:
        """Remove the locks that processes that died have left."""
        remove_dead(self.claims)
        for path in self.folder.glob("*.lock"):
            with suppress(Held, OSError), self.held(path.stem, wait=False):
                pass
        for path in self.folder.glob(".probe-*"):
            path.unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.lock"


@lru_cache(maxsize=64)
def _has_locks(folder: str) -> bool:
    """Try whether the file system has locks."""
    try:
        import fcntl
    except ImportError:  # Windows, which has its own
        return True
    probe = Path(folder) / unique(".probe")
    file = os.open(probe, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in WITHOUT:
            raise
        return False
    finally:
        os.close(file)
        probe.unlink(missing_ok=True)
    return True
