"""A claim that lasts as long as its owner shows signs of life: for places that have no locks that end with a process.

A claim is the text `KEY.N`, made by exclusive creation and never changed; it names its owner, who writes a counter into a text of
its own every so often. The owner of the highest N holds the key. Whoever waits takes over by creating `KEY.N+1` when neither the
claim nor the counter has changed for LEASE seconds of its own monotonic clock, so that no two clocks are ever compared. No living
owner's claim is moved or replaced at any moment, and exclusive creation is all that a place must offer. An owner that was held up
for longer than that learns by `is_mine` that it owns nothing any more.
"""

from __future__ import annotations

import os
import platform
import threading
import time
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

from tlbench.store.claim_files import Claims

LEASE = float(os.environ.get("TLBENCH_LEASE", "60"))
"""Seconds without a sign of life after which a claim is taken over: longer than a file system keeps what it has read."""
POLL = 0.05
BEAT = ".beat"


class Lease:
    """One attempt of this process at one key."""

    def __init__(self, claims: Claims, key: str, lease: float = LEASE) -> None:
        self.claims, self.key, self.lease = claims, key, lease
        self.token = f"{_machine()} {os.getpid()} {uuid.uuid4().hex[:12]}"
        self.number: int | None = None
        self._ended = threading.Event()

    def acquire(self, wait: bool = True) -> bool:
        """Wait until the key is this process's own; or do not, and return False where another process may live that has it."""
        seen, since, pause = None, 0.0, POLL
        while True:
            numbers = self._numbers()
            now = (max(numbers), *self._signs(max(numbers))) if numbers else None
            if now != seen:
                seen, since = now, time.monotonic()
            stale = now is not None and (_is_dead(now[1]) or time.monotonic() - since >= self.lease)
            if (now is None or stale) and self._taken(now):
                return True
            if not wait:
                return False
            time.sleep(pause)
            pause = min(1.5 * pause, self.lease / 10, 2.0)

    def is_mine(self) -> bool:
        """Tell whether the key is still this process's own: nobody took it for dead."""
        numbers = self._numbers()
        return bool(numbers) and max(numbers) == self.number and self.claims.read(self._name(self.number)) == self.token

    def release(self) -> None:
        """Leave nothing behind."""
        self._ended.set()
        if self.number is not None and self.claims.read(self._name(self.number)) == self.token:
            self.claims.remove(self._name(self.number))
        self.claims.remove(_beat_of(self.token))
        self.number = None

    def _taken(self, rival: tuple[int, str | None, str | None] | None) -> bool:
        """Claim the key, or the one after a stale claim; give way where another was quicker or the rival lives after all."""
        number = 0 if rival is None else rival[0] + 1
        if not self.claims.create(self._name(number), self.token):
            return False
        self.number = number
        if not self.is_mine() or (rival is not None and self._signs(rival[0]) != rival[1:]):
            self.release()
            return False
        for lower in self._numbers():
            if lower < number:
                self._forget(lower)
        self._ended = threading.Event()
        threading.Thread(
            target=_beats, args=(self.claims, self.token, self.lease / 6, self._ended), daemon=True
        ).start()
        return True

    def _forget(self, number: int) -> None:
        if owner := self.claims.read(self._name(number)):
            self.claims.remove(_beat_of(owner))
        self.claims.remove(self._name(number))

    def _numbers(self) -> list[int]:
        ends = (name.removeprefix(f"{self.key}.") for name in self.claims.names(f"{self.key}."))
        return [int(end) for end in ends if end.isdecimal()]

    def _signs(self, number: int) -> tuple[str | None, str | None]:
        """Return a claim's owner and its counter."""
        owner = self.claims.read(self._name(number))
        return owner, self.claims.read(_beat_of(owner)) if owner else None

    def _name(self, number: int) -> str:
        return f"{self.key}.{number}"


def remove_dead(claims: Claims, lease: float = LEASE) -> None:
    """Remove claims without a sign of life: their owners are known to be no more, or gave none for two leases."""
    for name in claims.names(""):
        if name.rpartition(".")[2].isdecimal() and not _may_live(claims, name, lease):
            if owner := claims.read(name):
                claims.remove(_beat_of(owner))
            claims.remove(name)


def is_claimed(claims: Claims, key: str, lease: float = LEASE) -> bool:
    """Tell whether a process that may live has claimed the key."""
    names = [name for name in claims.names(f"{key}.") if name.rpartition(".")[2].isdecimal()]
    return any(_may_live(claims, name, lease) for name in names)


def _may_live(claims: Claims, name: str, lease: float) -> bool:
    owner = claims.read(name)
    if _is_dead(owner):
        return False
    beat = _beat_of(owner) if owner else name
    return claims.age(beat if claims.read(beat) is not None else name) <= 2 * lease


def _beats(claims: Claims, token: str, every: float, ended: threading.Event) -> None:
    count = 0
    while not ended.wait(every):
        count += 1
        claims.write(_beat_of(token), str(count))
    if count:
        claims.remove(_beat_of(token))


def _beat_of(owner: str) -> str:
    return f"{owner.split()[-1]}{BEAT}"


@cache
def _machine() -> str:
    """Name what process numbers are unique in: a boot of a machine, and a space of numbers (containers have their own)."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
        return f"{platform.node()}/{boot}/{os.readlink('/proc/self/ns/pid')}"
    return f"{platform.node()}/{uuid.uuid4().hex}"  # nothing is known of others' processes then


def _is_dead(owner: str | None) -> bool:
    """Tell whether the owner is known to be no more: it was a process of this machine."""
    parts = owner.split() if owner else []
    if len(parts) != 3 or parts[0] != _machine() or not parts[1].isdecimal():
        return False
    try:
        os.kill(int(parts[1]), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
