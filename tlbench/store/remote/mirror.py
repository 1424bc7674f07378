"""The mirror of a store that lies elsewhere: what comes down, what goes up, and that neither undoes the other.

Each run is one object, `KE/KEY.zip`, whether it is a file or a folder here; each plan is one. What is written is noted as unsent
first, then put into its place here, then sent: a process that dies in between leaves what the next sweep sends, and nothing is
brought down over it. A finished run is sent only where there is none, or by a process that holds its claim and has rewritten it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from filelock import FileLock

from tlbench.aside import not_written, unique
from tlbench.errors import TlbenchError
from tlbench.paths import cache_dir
from tlbench.store.mirroring import Mirroring
from tlbench.store.records import opened_record
from tlbench.store.remote.object_claims import ObjectClaims
from tlbench.store.remote.object_looks import Looks
from tlbench.store.remote.object_notes import UNSENT, Notes
from tlbench.store.remote.objects import Objects
from tlbench.store.run_files import files_below, pack, packed_part
from tlbench.store.run_places import ASIDE, laid_out, put_in_place, remove_run
from tlbench.store.stamps import RECORD, SUFFIX, places

KEPT = re.compile(rf"plans/[^/]+\.json|[0-9a-f]{{2}}/[0-9a-f]+\{SUFFIX}")
"""Names of objects that are brought down; others are claims, or not a store's."""
AT_ONCE = 16
"""Objects that are brought down side by side: what each costs is waiting."""
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "FSSPEC_S3_ENDPOINT_URL")


class Mirror(Mirroring):
    """A folder that is kept like the objects below an address. Whatever fails raises TlbenchError."""

    claims: ObjectClaims

    def __init__(self, objects: Objects, folder: Path) -> None:
        self.objects, self.folder, self.own = objects, folder, folder / ".remote"
        self.claims = ObjectClaims(objects, ".locks/")
        self.looks, self.notes = Looks(objects), Notes(self.own / "notes")

    def look(self, name: str, fresh: bool = False) -> None:
        tag, noted = self.looks.tag(name, fresh), self.notes.tag(name)
        if noted not in (tag, UNSENT):
            self._bring({name: None})

    def look_at_all(self) -> None:
        listed, noted = self.looks.recent(), self.notes.all()
        names = {name for name in {*listed, *noted} if KEPT.fullmatch(name)}
        changed = sorted(name for name in names if noted.get(name) not in (listed.get(name), UNSENT))
        self.folder.mkdir(parents=True, exist_ok=True)
        self._bring({name: None if name in noted else listed[name] for name in changed})

    def _bring(self, tags: Mapping[str, str | None]) -> None:
        """Bring objects down, given their tags where these are known to be news."""
        if tags:
            with self._alone() as aside, ThreadPoolExecutor(min(AT_ONCE, len(tags))) as pool:
                list(pool.map(lambda name: self._brought(name, tags[name], aside), tags))

    def _brought(self, name: str, tag: str | None, aside: Path) -> None:
        noted = self.notes.tag(name)
        # what was seen some seconds ago may be older than what another process of this machine has sent or brought since
        tag = tag if tag is not None and noted is None else self.looks.tag(name, fresh=True)
        if noted in (tag, UNSENT):
            return
        path = aside / unique("object")
        if tag is None or not self.objects.fetch(name, path):
            self._remove(name, aside)
            return
        self.notes.note(name, None)  # should the process die here, it is brought down once more
        self._place(name, path)
        self.notes.note(name, tag)

    def _place(self, name: str, path: Path) -> None:
        if name.endswith(SUFFIX):
            put_in_place(self.folder, Path(name).stem, laid_out(path))
        else:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, self.folder / name)

    def _remove(self, name: str, aside: Path) -> None:
        if name.endswith(SUFFIX):
            remove_run(self.folder, Path(name).stem, aside)
        else:
            (self.folder / name).unlink(missing_ok=True)
        self.notes.note(name, None)

    @contextmanager
    def _alone(self) -> Iterator[Path]:
        """Yield a folder for what is on its way, while no other process of this machine brings anything down."""
        aside = self.own / "aside"
        try:
            self.own.mkdir(parents=True, exist_ok=True)
            with FileLock(self.own / "bringing.lock"):
                shutil.rmtree(aside, ignore_errors=True)
                aside.mkdir(parents=True)
                yield aside
                shutil.rmtree(aside, ignore_errors=True)
        except OSError as error:
            raise not_written(self.folder, error) from error

    @contextmanager
    def sending(self, name: str, anew: bool = False) -> Iterator[None]:
        self.notes.note(name, UNSENT)
        yield
        self.send(name, anew)

    def send(self, name: str, anew: bool = False) -> None:
        """Send what is here under a name, unless a finished run is there; that one is then brought down.

        Args:
            anew: what is there is replaced, whatever it is.
        """
        with self._as_file(name) as file:
            if file is None:
                self.notes.note(name, None)
            elif anew or not name.endswith(SUFFIX):
                self.objects.put(name, file)
            elif not self.objects.create(name, file):
                if self._is_done(name, file):
                    self.notes.note(name, None)
                    self._bring({name: None})
                    return
                self.objects.put(name, file)
        tag = self.looks.tag(name, fresh=True)
        if file is not None:
            self.notes.note(name, tag)

    @contextmanager
    def _as_file(self, name: str) -> Iterator[Path | None]:
        """Yield what is here under a name as one file; None where there is nothing."""
        key = Path(name).stem
        here = places(self.folder, key) if name.endswith(SUFFIX) else [str(self.folder / name)]
        path = next((Path(place) for place in here if os.path.exists(place)), None)
        if path is None or path.is_file():
            yield path
            return
        aside = self.folder / ASIDE / key / unique("sent")  # swept by whoever holds the run's claim next
        try:
            aside.parent.mkdir(parents=True, exist_ok=True)
            pack(aside, {part.relative_to(path).as_posix(): part for part in files_below(path)})
        except OSError as error:
            raise not_written(self.folder, error) from error
        yield aside
        aside.unlink(missing_ok=True)

    def _is_done(self, name: str, beside: Path) -> bool:
        """Tell whether the run that is there is a finished one, and whole."""
        path = beside.with_name(f"{unique('.theirs')}.part")
        try:
            return (
                self.objects.fetch(name, path) and opened_record(packed_part(path, RECORD).decode())["status"] == "done"
            )
        except (OSError, ValueError):
            return False
        finally:
            path.unlink(missing_ok=True)

    def unsent(self) -> list[str]:
        return sorted(name for name, tag in self.notes.all().items() if tag == UNSENT)

    def exists(self) -> bool:
        return any(KEPT.fullmatch(name) for name in self.looks.recent())

    def check(self) -> None:
        """Raise TlbenchError where nothing can be written there, or the server makes an object that is there once more."""
        if not (self.objects.creates_alone() and self._makes_once()):
            raise TlbenchError(
                f"Store '{self.objects.address}' cannot keep two machines from doing one run: its server, or fsspec's way to it, "
                "has no conditional writes (If-None-Match: *). Choose another, or a folder, by store=... or $TLBENCH_STORE."
            )

    def _makes_once(self) -> bool:
        name, claims = unique(".probe"), self.claims
        try:
            return claims.create(name, "1") and not claims.create(name, "2") and claims.read(name) == "1"
        finally:
            claims.remove(name)

    def remedy(self, name: str) -> str:
        return f"Delete the object '{self.objects.address}/{name}' and run again."


def mirror_at(address: str) -> Mirror:
    """Return the mirror of an address: below the cache, one for all processes of a machine."""
    server = next((os.environ[name] for name in ENDPOINTS if os.environ.get(name)), "")
    name = hashlib.sha256(f"{address.rstrip('/')} {server}".encode()).hexdigest()[:16]
    return _mirror(address.rstrip("/"), cache_dir() / "stores" / name, os.getpid())


@lru_cache(maxsize=64)
def _mirror(address: str, folder: Path, process: int) -> Mirror:
    return Mirror(Objects(address), folder)
