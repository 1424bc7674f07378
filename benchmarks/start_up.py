"""What a first small run costs a processor: `tlbench run` of a closed form on arrays in a fresh process, by phase.

    python benchmarks/start_up.py [--repeats 3] [--method coral_linear]

CPU seconds (user and system), the least of the repeats. `libraries` is what NumPy, SciPy, scikit-learn and pandas take to import,
which no run can do without; `fit` is the methods' own, a reference's and the method's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

HERE = str(Path(__file__).parent)
ONE = """
import json, sys, time
laps, last = {}, time.process_time()
def lap(name):
    global last
    now = time.process_time()
    laps[name], last = now - last, now
import pandas, scipy.stats, sklearn.linear_model, sklearn.svm
lap("libraries")
import tlbench.running.ensure, tlbench.sweeping.commands as commands
lap("tlbench and Hydra")
from fit_seconds import FitSeconds
from tlbench.sweeping.plan import plan_name
words = sys.argv[1:]
with commands._quiet_sweeper(words, None) as (machine, own):
    lap("Hydra's own config")
    jobs = machine.plan(own)
    lap("plan")
    fits = FitSeconds(job.setup.method for job in jobs)
    machine.run(jobs, own, plan_name(own))
lap("runs")
laps["fit"] = fits.seconds
laps["runs"] -= laps["fit"]
heavy = [name for name in ("torch", "pytorch_lightning", "matplotlib") if name in sys.modules]
print(json.dumps([laps, heavy]))
"""


def measured(method: str) -> tuple[dict[str, float], list[str]]:
    """Return CPU seconds of each phase of a run in a fresh process, and the heavy libraries that it brought."""
    with tempfile.TemporaryDirectory() as store:
        words = ("dataset=mini_digits", "pair=handwritten-printed", f"method={method}", f"store={store}")
        command = [sys.executable, "-c", f"import sys; sys.path.append({HERE!r})\n{ONE}", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return tuple(json.loads(done.stdout.splitlines()[-1]))  # type: ignore[return-value]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--method", default="coral_linear")
    options = parser.parse_args()
    runs = [measured(options.method) for _ in range(options.repeats)]
    seconds = pd.DataFrame([laps for laps, _ in runs]).min()
    seconds["all"] = seconds.sum()
    print(seconds.round(2).to_string())
    print(f"all but libraries and fit: {seconds['all'] - seconds['libraries'] - seconds['fit']:.2f} s")
    print(f"brought besides: {', '.join(runs[0][1]) or 'nothing'}")


if __name__ == "__main__":
    main()
