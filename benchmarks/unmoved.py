"""Has a change of the code moved a number? Makes a store of some 200 small runs of every kind, and compares two such stores.

    python benchmarks/unmoved.py make STORE        # about ten minutes on two cores; needs no data but uses $TLBENCH_DATA
    python benchmarks/unmoved.py compare OLD NEW   # exit status 1 where anything moved; a line for each method that did

`make` runs the `tlbench` that this Python imports: PYTHONPATH=CHECKOUT chooses another one. Runs are paired by their key, else by
their config: keys that only the newer one's config has are no difference. What is compared, to the bit: predictions, histories,
and of the record the scores, gains (with p-values, intervals and flags), checkpoints and distances.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tlbench.store.reading import StoreReader

ESTIMATORS = "source_only,coral_linear,pca,sa,gfk,tca,jda"
GRADIENTS = "source_only,dann,cdan,mdd,mmd,jan,coral,mcc"
DIGITS = ["dataset=mini_digits", "pair=H-P,P-R"]
SHORT = ["optim.steps=30", "optim.evaluations=3"]
SWEEPS = [
    [*DIGITS, f"method={ESTIMATORS}", "classifier=linear_svm", "backbone=identity", "seed=0,1"],
    [*DIGITS, f"method={GRADIENTS}", *SHORT, "seed=0,1"],
    [*DIGITS, "method=oracle,target_only,source_and_target,dann", *SHORT, "protocol.shots=2", "seed=0,1"],
    [*DIGITS, "method=oracle,coral_linear", "protocol.shots=3", "classifier=logistic"],
    [*DIGITS, "method=tradaboost", "method.rounds=5", "protocol.shots=3", "classifier=logistic"],
    ["pair=handwritten+printed-photo", "method=coral,source_only", *SHORT, "selection=iwv", "embeddings=40"],
    [*DIGITS, "method=mmd", "search=mmd", "search.trials=3", *SHORT, "protocol=transductive"],
    [
        *DIGITS,
        "method=dann,source_only",
        *SHORT,
        "backbone=mlp",
        "optim=adam",
        "selection=oracle",
        "trainer.accumulate=2",
    ],
    ["pair=H-P", "method=sa,tca", "classifier=nearest_neighbour,rbf_svm", "backbone=identity", "protocol.n_source=200"],
]
REAL = [
    ["dataset=office_caltech10", "pair=all", "method=source_only,coral_linear,sa", "protocol=sampled", "seed=0,1"],
    ["dataset=office_caltech10", "pair=A-W,W-D", "method=jda,gfk,tca", "protocol=transductive"],
    [
        "dataset=amazon_reviews",
        "pair=B-D",
        "method=source_only,coral_linear",
        "protocol.n_source=300",
        "protocol.n_target=300",
    ],
]
IMAGES = [
    ["method=source_only,dann", "backbone=lenet", "augment=random_crop", "classifier=head", "optim=sgd", *SHORT],
    ["method=source_only,sa", "backbone=timm", "backbone.name=mobilenetv3_small_050", "backbone.pretrained=false",
     "backbone.mode=frozen", "augment=plain", "classifier=linear_svm"],
]  # fmt: skip
LONG = ["pair=H-P", "method=dann", "optim.steps=400", "trainer.checkpoint_steps=20", "seed=7", "trainer=cpu"]
"""Is killed once it has kept a state, and goes on from there."""
Run = tuple[StoreReader, str]
"""A store and the key of a run in it."""
PARTS = ("selections", "checkpoints", "distances", "per_step", "sizes")


def make(store: Path) -> None:
    """Fills a store; what is there already is not done again."""
    images = _write_images(store.parent / "unmoved_images")
    sweeps = [*SWEEPS, *([] if "TLBENCH_DATA" not in os.environ else REAL)]
    of_images = [
        "dataset=image_folder",
        f"dataset.root={images}",
        "pair=photo-sketch",
        "augment.side=40",
        "augment.size=32",
    ]
    for sweep in [*sweeps, *([*of_images, *own] for own in IMAGES)]:
        print(" ".join(sweep), flush=True)
        if subprocess.run(_command("sweep", sweep, store)).returncode:
            raise SystemExit("a run failed")
    _killed_and_resumed(store)


def _command(verb: str, arguments: list[str], store: Path) -> list[str]:
    return [sys.executable, "-m", "tlbench", verb, *arguments, f"store={store}"]


def _killed_and_resumed(store: Path) -> None:
    process = subprocess.Popen(_command("run", LONG, store), start_new_session=True)
    while process.poll() is None and not any((store / ".resume").glob("*.ckpt")):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run(_command("run", LONG, store), check=True)


def _write_images(root: Path) -> Path:
    """Two domains of three classes of small made pictures."""
    for number, (domain, tint) in enumerate({"photo": 0, "sketch": 60}.items()):
        rng = np.random.default_rng(number)
        for label, name in enumerate(("bar", "disc", "grid")):
            (root / domain / name).mkdir(parents=True, exist_ok=True)
            for i in range(20):
                pixels = rng.integers(0, 80, (48, 48, 3)) + tint
                pixels[12 * label : 12 * label + 16, 8:40, label] += 110
                Image.fromarray(pixels.astype(np.uint8)).save(root / domain / name / f"{i}.png")
    return root


def compare(old: Path, new: Path) -> int:
    """Prints what moved; the number of runs that are missing or differ."""
    olds, news = dict(_runs(old)), dict(_runs(new))
    keys, moved, missing = Counter[str](), dict[str, list[tuple[float, float]]](), []
    for key, (record, config) in olds.items():
        twin = key if key in news else _twin(record, config, news)
        if twin is None:
            missing.append(key)
            continue
        keys["kept" if twin == key else "changed"] += 1
        name = f"{record['classifier']} {record['method']}"
        pair = (StoreReader(old), key), (StoreReader(new), twin)
        if differing := _differing(*pair, record, news[twin][0]):
            moved.setdefault(f"{name}: {', '.join(differing)}", []).append(_sizes(record, news[twin][0], *pair))
    print(f"{len(olds)} runs before, {len(news)} after; run keys: {dict(keys)}; without a counterpart: {len(missing)}")
    for what, sizes in sorted(moved.items()):
        points, flips = zip(*sizes, strict=True)
        print(
            f"{len(sizes):4} {what}: score by {max(points):.2f} points at most, {max(flips):.1%} of a run's predictions"
        )
    if not moved and not missing:
        print("Nothing moved.")
    return len(missing) + sum(map(len, moved.values()))


def _runs(store: Path) -> Iterator[tuple[str, tuple[dict[str, Any], dict[str, Any]]]]:
    reader = StoreReader(store)
    for key in reader.run_keys():
        if (record := reader.record(key)) is not None:
            yield key, (record, _flat(reader.config(key)))


def _flat(config: Any, prefix: str = "") -> dict[str, Any]:
    """Dotted keys of what says what a run is."""
    if not isinstance(config, dict):
        return {prefix: config}
    left_out = () if prefix else ("references", "data_dir", "store", "group", "logger", "sweep", "tags")
    found: dict[str, Any] = {}
    for key, value in config.items():
        if key not in left_out and key not in ("root", "about"):
            found |= _flat(value, f"{prefix}.{key}" if prefix else key)
    return found


AXES = ("dataset", "pair", "protocol", "backbone", "classifier", "method", "seed")


def _twin(record: dict[str, Any], config: dict[str, Any], news: dict[str, Any]) -> str | None:
    for key, (other, values) in news.items():
        same = all(record[axis] == other[axis] for axis in AXES)
        if same and all(values.get(name, value) == value for name, value in config.items()):
            return key
    return None


def _differing(old: Run, new: Run, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    found = [part for part in PARTS if _comparable(before.get(part)) != _comparable(after.get(part))]
    for name, read in (("predictions", StoreReader.every_prediction), ("history", StoreReader.history)):
        if not read(*old).equals(read(*new)):
            found.append(name)
    return found


def _comparable(values: Any) -> Any:
    """Without the keys of runs, which may change where no number does."""
    if isinstance(values, dict):
        return {key: _comparable(value) for key, value in values.items() if key != "run_key"}
    return [_comparable(value) for value in values] if isinstance(values, list) else values


def _sizes(before: dict[str, Any], after: dict[str, Any], old: Run, new: Run) -> tuple[float, float]:
    """How far a run's score moved (points), and the share of its last predictions that did."""
    scores = [record["selections"]["last"]["metrics"][record["metric"]] for record in (before, after)]
    said = []
    for store, key in (old, new):
        table = store.every_prediction(key)
        said.append(table[table["step"] == table["step"].max()].sort_values("row")["prediction"].to_numpy())
    return 100 * abs(scores[0] - scores[1]), float(np.mean(said[0] != said[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("make").add_argument("store", type=Path)
    two = verbs.add_parser("compare")
    two.add_argument("old", type=Path)
    two.add_argument("new", type=Path)
    options = parser.parse_args()
    if options.verb == "make":
        make(options.store.resolve())
    elif compare(options.old, options.new):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
