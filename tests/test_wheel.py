"""A wheel built from the tree works in an empty virtual environment and another working folder."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def test_the_wheel_works_elsewhere(tmp_path):
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("tlbench-*.whl")
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python, tlbench = venv / "bin" / "python", venv / "bin" / "tlbench"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True)
    site = next(venv.glob("lib/python*/site-packages"))
    # the dependencies are lent by the environment of the tests; a path in a .pth brings no editable installation along
    (site / "lent.pth").write_text(sysconfig.get_path("purelib"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "TLBENCH_STORE")}

    def call(*command: object) -> str:
        done = subprocess.run(list(map(str, command)), cwd=elsewhere, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    for package in ("tlbench", "baselines"):
        where = call(python, "-c", f"import {package}; print({package}.__file__)").strip()
        assert Path(where).is_relative_to(site)
    assert "dann" in call(tlbench, "list", "methods")
    out = call(tlbench, "run", "pair=H-R", "method=coral", "optim.steps=5", "optim.evaluations=1")
    assert "gain over source_only" in out
    assert (elsewhere / "results" / "runs").is_dir()
    call(tlbench, "report", "--out", "report")
    assert (elsewhere / "report" / "report.html").is_file()
