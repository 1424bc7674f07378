"""Arguments key=value as a command gets them, before Hydra reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tlbench.errors import TlbenchError

BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
WORD = re.compile(r"[^\s,\[\]{}:()'\"=]*[^\x00-\x7f][^,\[\]{}:()'\"=]*")
"""A word, or several, with a letter beyond ASCII, as far as Hydra's own signs."""
QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


def read(arguments: Sequence[str]) -> list[str]:
    """Put words beyond ASCII into the quotes that Hydra wants round them.

    Raises:
        TlbenchError: a key is set twice, or a name before a colon would need quotes, which Hydra does not take there.
    """
    seen: dict[str, str] = {}
    for argument in arguments:
        key, equals, _ = argument.partition("=")
        if equals and (key := key.lstrip("+~")) in seen:
            raise TlbenchError(
                f"{key} is set twice: {seen[key]} and {argument}. Set it once; a sweep takes a list, such as seed=0,1,2."
            )
        seen[key] = argument
    return [_quoted(argument) for argument in arguments]


def text_of(value: Any, *, inside: bool = False) -> str:
    """Write a value as Hydra reads it; a list outside of another one is a sweep's choices."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{text_of(one, inside=True)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple | range):
        each = ",".join(text_of(one, inside=inside or isinstance(one, list | tuple)) for one in value)
        return f"[{each}]" if inside else each
    return str(value)


def _quoted(argument: str) -> str:
    key, equals, value = argument.partition("=")
    if not BEYOND_ASCII.search(value):
        return argument
    bare = QUOTED.sub("", value)
    if "{" in bare and (name := re.search(r"[^{},:]*[^\x00-\x7f][^{},:]*(?=:)|(?<=[{,])\s*(?=:)", bare)):
        raise TlbenchError(
            f"{argument}: Hydra reads names in {{...}} in ASCII letters only, got {name[0].strip() or 'a name in quotes'!r}. "
            f"Write {key} into a YAML file of a --config-dir, where any letters may stand."
        )
    parts, end = [], 0
    for quoted in QUOTED.finditer(value):
        parts += [_in_quotes(value[end : quoted.start()]), quoted[0]]
        end = quoted.end()
    return f"{key}{equals}{''.join(parts)}{_in_quotes(value[end:])}"


def _in_quotes(text: str) -> str:
    return WORD.sub(lambda match: f"'{match[0].rstrip()}'" + match[0][len(match[0].rstrip()) :], text)
