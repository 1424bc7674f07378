"""What a store asks of the place that its folder is a mirror of. A store that is a folder and nothing else asks in vain."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlbench.store.claim_files import Claims


class Mirroring:
    """A folder that mirrors nothing. Names are those of objects: `KE/KEY.zip`, `plans/NAME.json`."""

    claims: Claims | None = None
    """Where processes of all machines tell what they work on; None: in the folder."""

    def look(self, name: str, fresh: bool = False) -> None:
        """Bring an object down if it has changed; `fresh`: what was seen of it some seconds ago does not count."""

    def look_at_all(self) -> None:
        """Bring down whatever has changed."""

    def sending(self, name: str, anew: bool = False) -> AbstractContextManager[None]:
        """Send what the block writes under a name; `anew`: it takes the place of a finished run, too."""
        return nullcontext()

    def send(self, name: str) -> None:
        """Send what is here under a name."""

    def unsent(self) -> list[str]:
        """Return the names of what is here and was not sent: a process died, or there was no connection."""
        return []

    def check(self) -> None:
        """Raise TlbenchError where nothing can be sent."""

    def exists(self) -> bool:
        """Tell whether anything was ever sent there."""
        return True

    def remedy(self, name: str) -> str | None:
        """Say what helps where an object is damaged; None where the folder's own files are all there is."""
        return None


NOWHERE = Mirroring()


def is_address(where: object) -> bool:
    """Tell whether a store is named by an address, `s3://bucket/prefix`, and not by a folder."""
    return "://" in str(where)
