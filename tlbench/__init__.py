"""tlbench: a transfer-learning benchmark that says where transfer helps and where it hurts.

In Python: `import tlbench as tl`, then `tl.run`, `tl.sweep`, `tl.read`, `tl.cells`, `tl.report`, `tl.load`, `tl.estimator`,
`tl.predictions`, `tl.task`, `tl.bridges`, `tl.datasets`, `tl.methods`; see `tlbench.api`.
"""

from typing import Any

__version__ = "0.1.0"
__all__ = [
    "bridges",
    "cells",
    "datasets",
    "estimator",
    "load",
    "methods",
    "predictions",
    "read",
    "report",
    "run",
    "sweep",
    "task",
]


def __getattr__(name: str) -> Any:
    """Give the functions of `tlbench.api`, imported at first use: `import tlbench` itself takes no time."""
    if name not in __all__:
        raise AttributeError(f"module 'tlbench' has no attribute '{name}'. It has {', '.join(__all__)}.")
    from tlbench import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
