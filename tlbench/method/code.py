"""Which code a method is: seen where it changes and its `revision` does not."""

from __future__ import annotations

import ast
import hashlib
import inspect
from functools import cache


@cache
def code_fingerprint(method: type) -> str | None:
    """Hash the files of a method's class and of its bases outside tlbench; None where there is no source to read.

    Comments, docstrings and layout have no part in it. What tlbench itself does is in the version that a record names.
    """
    files = {}
    for kind in method.__mro__:
        if kind.__module__.split(".")[0] not in ("tlbench", "torch", "abc", "builtins"):
            try:
                files[kind.__module__] = inspect.getsource(inspect.getmodule(kind) or kind)
            except (OSError, TypeError):
                return None
    text = "\n".join(_bare(files[name]) for name in sorted(files))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _bare(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0].value.value = ""
    return ast.unparse(tree)
