"""`tlbench list papers`."""

from __future__ import annotations

import json

from tlbench.listing import describe
from tlbench.paths import results_dir
from tlbench.reproduce.recipe import load


def list_papers() -> int:
    """Print the id of each paper, what it needs, and what came of it here."""
    for name, text in describe("paper"):
        needs = load(name).needs
        time = f"{needs.gpu_hours:g} GPU hours" if needs.gpu_hours else f"{needs.minutes:g} min on 2 cores"
        print(f"{name}  {text}\n    needs {', '.join(needs.data)}; {time}\n    {_state(name)}")
    return 0


def _state(name: str) -> str:
    """Say `reproduced on 2026-11-25 within tolerance`, `deviating on 2026-11-25: rows`, or `not run here`."""
    path = results_dir() / name / "status.json"
    if not path.is_file():
        return "not run here"
    status = json.loads(path.read_text("utf-8"))
    if status["reproduced"]:
        return f"reproduced on {status['date']} within tolerance"
    off = [row for row, word in status["rows"].items() if word in ("deviates", "incomplete")]
    return f"deviating on {status['date']}: {', '.join(off)}"
