"""What was seen lately of an object store, so that questions by the thousand cost one listing and not a request each."""

from __future__ import annotations

import threading
import time

from tlbench.store.remote.objects import Objects

FRESH = 10.0
"""Seconds for which what was seen counts; longer where a listing takes long."""
SHARE = 20
"""A listing is asked for anew after this many times what it took."""
FEW = 32
"""Objects that are asked for one by one within FRESH seconds; more are answered by a listing."""


class Looks:
    """Tags of objects as they were some seconds ago. Shared by the threads of a process."""

    def __init__(self, objects: Objects) -> None:
        self.objects, self._lock = objects, threading.RLock()
        self._listed: dict[str, str] = {}
        self._until = 0.0
        self._single: dict[str, tuple[float, str | None]] = {}

    def tag(self, name: str, fresh: bool = False) -> str | None:
        """Return the tag of an object, None where there is none; `fresh`: as it is now."""
        with self._lock:
            now = time.monotonic()
            if not fresh:
                if now < self._until:
                    return self._listed.get(name)
                self._single = {key: seen for key, seen in self._single.items() if now - seen[0] < FRESH}
                if name in self._single:
                    return self._single[name][1]
                if len(self._single) >= FEW:
                    return self.all().get(name)
        found = self.objects.tag(name)
        self.told(name, found)
        return found

    def all(self) -> dict[str, str]:
        """List all objects as they are now."""
        with self._lock:
            began = time.monotonic()
            self._listed = self.objects.tags()
            now = time.monotonic()
            self._until = now + max(FRESH, SHARE * (now - began))
            return dict(self._listed)

    def recent(self) -> dict[str, str]:
        """List all objects as they were some seconds ago."""
        with self._lock:
            return dict(self._listed) if time.monotonic() < self._until else self.all()

    def told(self, name: str, tag: str | None) -> None:
        """Note what has become of an object."""
        with self._lock:
            self._single[name] = time.monotonic(), tag
            self._listed.pop(name, None)
            if tag is not None:
                self._listed[name] = tag
