"""On what and with what a run ran; goes into its record."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from threadpoolctl import ThreadpoolController

import tlbench

LIBRARIES = ("torch", "pytorch-lightning", "torchmetrics", "hydra-core", "numpy", "scipy", "scikit-learn", "timm")


@cache
def versions() -> dict[str, str]:
    """Return the version of Python and of each library that moves numbers."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


@cache
def code_version() -> dict[str, str | None]:
    """Return tlbench's version, and the commit where it runs from a git checkout (with `+` for uncommitted changes)."""
    folder = Path(tlbench.__file__).parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "--short=12", "HEAD") if git("ls-files", "--error-unmatch", "__init__.py") else None
    if commit and git("status", "--porcelain", "--untracked-files=no", "."):
        commit += "+"
    return {"version": tlbench.__version__, "commit": commit}


@cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def thread_pools() -> ThreadpoolController:
    """Find the libraries that have threads, anew where torch has come: it takes as long as a small fit."""
    return _thread_pools("torch" in sys.modules)


@cache
def _thread_pools(_with_torch: bool) -> ThreadpoolController:
    return ThreadpoolController()


def hardware(accelerator: str, *, with_torch: bool) -> dict[str, Any]:
    """Describe processor, cores, threads in use, and the GPU where one is used.

    Args:
        with_torch: torch has a part in the run; without it no GPU has, and the threads are those of NumPy's libraries.
    """
    return {"cpu": _processor(), "cores": os.cpu_count(), **(_of_torch(accelerator) if with_torch else _of_arrays())}


def _of_arrays() -> dict[str, Any]:
    return {"threads": max((pool["num_threads"] for pool in thread_pools().info()), default=1), "gpu": None}


def _of_torch(accelerator: str) -> dict[str, Any]:
    import torch  # slow to import, and an estimator needs none of it

    on_gpu = accelerator != "cpu" and torch.cuda.is_available()
    return {"threads": torch.get_num_threads(), "gpu": torch.cuda.get_device_name() if on_gpu else None}


def peak_memory_mb() -> float:
    """Return the most memory (MiB) that this process has held so far, earlier runs included; of the GPU where one was used."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
