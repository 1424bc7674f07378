"""Short codes for domains that come without."""

from __future__ import annotations

from collections.abc import Iterable


def short_codes(domains: Iterable[str]) -> dict[str, str]:
    """Give each domain its shortest beginning that no other shares, in capitals: amazon, art to AM, AR."""
    names = list(domains)
    codes = {}
    for name in names:
        others = [other for other in names if other != name]
        lengths = (n for n in range(1, len(name) + 1) if not any(o[:n].upper() == name[:n].upper() for o in others))
        codes[name] = name[: next(lengths, len(name))].upper()
    if len(set(codes.values())) < len(codes) or set(codes.values()) & set(names):
        return {name: name for name in names}
    return codes
