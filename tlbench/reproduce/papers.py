"""`tlbench list papers`."""

from __future__ import annotations

import json

from tlbench.listing import describe
from tlbench.paths import results_dir
from tlbench.reproduce.recipe import load


def list_papers() -> int:
    """id, what it needs, and what came of it here."""
    for name, text in describe("paper"):
        paper = load(name)
        needs = f"{', '.join(paper.needs.data)}; {paper.needs.minutes:g} min on 2 cores"
        if paper.needs.gpu_hours:
            needs = f"{', '.join(paper.needs.data)}; {paper.needs.gpu_hours:g} GPU hours"
        print(f"{name}  {text}\n    needs {needs}\n    {state(name)}")
    return 0


def state(name: str) -> str:
    """`reproduced on 2026-11-25 within tolerance`, `deviating (rows)`, or `not run here`."""
    path = results_dir() / name / "status.json"
    if not path.is_file():
        return "not run here"
    status = json.loads(path.read_text("utf-8"))
    if status["reproduced"]:
        return f"reproduced on {status['date']} within tolerance"
    off = [row for row, word in status["rows"].items() if word in ("deviates", "incomplete")]
    return f"deviating on {status['date']}: {', '.join(off)}"
