"""Claims as objects: exclusive creation is a put that the server refuses where there is one (`If-None-Match: *`)."""

from __future__ import annotations

from contextlib import suppress

from tlbench.aside import unique
from tlbench.errors import TlbenchError
from tlbench.store.remote.objects import Objects


class ObjectClaims:
    """Claims below a prefix of an object store; see `tlbench.store.claim_files.Claims`."""

    def __init__(self, objects: Objects, prefix: str) -> None:
        self.objects, self.prefix = objects, prefix

    def create(self, name: str, text: str) -> bool:
        """Make a text; False where there is one."""
        made = self.objects.create(f"{self.prefix}{name}", text.encode())
        # a put whose answer was lost is sent again, and refused for what it has made itself
        return made or self.read(name) == text

    def read(self, name: str) -> str | None:
        """Return a text as it is now."""
        found = self.objects.read(f"{self.prefix}{name}")
        return None if found is None else found.decode()

    def write(self, name: str, text: str) -> None:
        """Make or replace a text."""
        with suppress(TlbenchError):  # a beat that is missed is made up for by the next
            self.objects.put(f"{self.prefix}{name}", text.encode())

    def remove(self, name: str) -> None:
        """Remove a text, if it is there. One that cannot be removed goes stale, and is taken over."""
        with suppress(TlbenchError):
            self.objects.remove(f"{self.prefix}{name}")

    def names(self, prefix: str) -> list[str]:
        """Return the names that start so."""
        return [name.removeprefix(self.prefix) for name in self.objects.tags(f"{self.prefix}{prefix}")]

    def age(self, name: str) -> float:
        """Return the seconds since a text was made or replaced, by the server's clock."""
        now = f"{self.prefix}{unique('.now')}"
        self.objects.put(now, b"")
        try:
            return self.objects.seconds_between(f"{self.prefix}{name}", now) or 0.0
        finally:
            self.objects.remove(now)
