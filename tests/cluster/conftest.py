"""How large the scenario of an array's limit is: small as it comes, as large as wanted where asked."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cluster")
    group.addoption("--max-array", type=int, default=11, help="MaxArraySize of the SLURM that is begun")
    group.addoption("--array-runs", type=int, default=15, help="runs of the sweep that is above it, a job each")
