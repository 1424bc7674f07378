"""`kill -9` in the middle of building a cache, extracting features and training; two processes at once."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support import last_of
from tests.trees import image_folder, picture, save
from tlbench.cli import main
from tlbench.data.images.cache import CHUNK, INDEX
from tlbench.store.runs import RunStore
from tlbench.training import feature_cache as features

pytestmark = pytest.mark.slow
TLBENCH = [sys.executable, "-m", "tlbench"]
SMALL = [
    "augment.side=36",
    "augment.size=32",
    "optim.evaluations=2",
    "optim.batch_size=8",
    "trainer=cpu",
    "logger=none",
]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))


def command(root: Path, store: Path, *more: str) -> list[str]:
    """Arguments of a run; `killed` and the last test give them to a process, `run` to this one."""
    own = ["dataset=image_folder", f"dataset.root={root}", "pair=P-S", f"store={store}"]
    return ["run", *last_of(*own, *SMALL, *more)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}


def killed(words: list[str], when: Callable[[], bool]) -> None:
    """Starts a command and kills it as soon as `when()`."""
    process = subprocess.Popen(
        [*TLBENCH, *words], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 300  # a process starts slowly on a busy machine
    while not when():
        assert process.poll() is None, "the command ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


def run(words: list[str]) -> None:
    assert main(words) == 0


def sizes(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


def test_while_a_cache_is_built(tmp_path):
    root = tmp_path / "own"
    for domain, n in (("photo", 1100), ("sketch", 4)):
        for i in range(n):
            path = root / domain / f"c{i % 2}" / f"{i}.jpg"
            if i < 2:
                save(path, picture(i, 0, i, size=(200, 300)))
            else:
                shutil.copy(path.with_stem(str(i % 2)), path)
    words = command(root, tmp_path / "store", "method=source_only", "backbone=resnet18", "backbone.pretrained=false",
                    "optim.steps=2")  # fmt: skip
    images = tmp_path / "cache" / "images"
    killed(words, lambda: sizes(images, "*.part/index.bin") >= CHUNK * INDEX.itemsize)
    (part,) = images.glob("*.part")
    assert sizes(images, "*.part/index.bin") < 1100 * INDEX.itemsize
    with (part / "pixels.bin").open("r+b") as file:
        file.write(b"finished")  # were it decoded again, this would be overwritten
    run(words)
    assert not list(images.glob("*.part"))
    final = next(path for path in images.glob("*/pixels.bin") if path.stat().st_size == 1100 * 36 * 36 * 3)
    assert final.read_bytes()[:8] == b"finished"
    index = np.fromfile(final.with_name("index.bin"), dtype=INDEX)
    assert (np.diff(index["end"]) == 36 * 36 * 3).all()
    assert len(index) == 1100


def test_while_features_are_extracted(tmp_path):
    root = image_folder(tmp_path / "own", classes=2, each=100)
    words = command(root, tmp_path / "store", "method=source_only", "backbone=resnet50", "backbone.pretrained=false",
                    "backbone.mode=frozen", "augment=plain", "optim.steps=2", "augment.side=68", "augment.size=64")  # fmt: skip
    folder = tmp_path / "cache" / "features"
    chunk = features.CHUNK * 2048 * 4
    killed(words, lambda: sizes(folder, "*.part") >= chunk)
    (part,) = folder.glob("*.part")
    kept = part.read_bytes()[:chunk]
    assert part.stat().st_size < 200 * 2048 * 4
    with part.open("r+b") as file:
        file.write(b"\0" * 8)
    run(words)
    (final,) = (path for path in folder.glob("*.bin") if path.stem == part.stem)
    assert final.read_bytes()[:chunk] == b"\0" * 8 + kept[8:]
    assert final.stat().st_size == 200 * 2048 * 4


def test_while_training_and_the_result_is_that_of_an_uninterrupted_run(tmp_path):
    root = image_folder(tmp_path / "own")
    more = ["method=dann", "backbone=timm", "backbone.name=test_resnet", "backbone.pretrained=false", "optim.steps=60",
            "augment=randaugment",
            "trainer.checkpoint_steps=10", "classifier.dropout=0.3"]  # fmt: skip
    run(command(root, tmp_path / "whole", *more))
    words = command(root, tmp_path / "killed", *more)
    run(command(root, tmp_path / "killed", *more, "method=source_only"))  # the reference is finished
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "killed").glob("??/*.zip")}
    state = tmp_path / "killed" / ".resume"
    killed(words, lambda: bool(list(state.glob("*.ckpt"))))
    assert len(RunStore(tmp_path / "killed").run_keys()) == 1
    run(words)
    assert not list(state.glob("*"))
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    one, two = RunStore(tmp_path / "whole"), RunStore(tmp_path / "killed")
    assert one.run_keys() == two.run_keys()
    assert len(one.run_keys()) == 2
    for key in one.run_keys():
        for rule in ("last", "oracle"):
            pd.testing.assert_frame_equal(one.predictions(key, rule), two.predictions(key, rule), check_exact=True)
        pd.testing.assert_frame_equal(one.history(key), two.history(key), check_exact=True)


COUNTING = """
import sys
from dataclasses import replace
from pathlib import Path
from tlbench.data.images.cache import Storage, open_cache
from tlbench.data.images.decode import squash
from tlbench.data.images.image_files import from_paths, in_folder

root, log = Path(sys.argv[1]), Path(sys.argv[2])
images = from_paths(root, [name for names in in_folder(root).values() for name in names])
def read(i):
    with log.open("a") as file:
        file.write(f"{i}\\n")
    return images.read(i)
print("ready", flush=True)
sys.stdin.readline()
open_cache(replace(images, read=read), Storage(squash(16), "squash 16", 95, 8.0, 768), "x")
"""


def test_two_processes_build_a_cache_once(tmp_path):
    root = image_folder(tmp_path / "own", each=100) / "photo"
    words = [sys.executable, "-c", COUNTING, str(root), str(tmp_path / "log")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment()}
    both = [subprocess.Popen(words, **pipes) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait() for process in both] == [0, 0]
    for process in both:
        process.stdin.close()
        process.stdout.close()
    reads = (tmp_path / "log").read_text().split()
    assert len(reads) == 300 + 8  # the first eight tell how large records are
    assert len(list((tmp_path / "cache" / "images").glob("*/pixels.bin"))) == 1


def test_two_processes_that_start_one_run_at_once_leave_one_run(tmp_path):
    root = image_folder(tmp_path / "own")
    words = command(
        root, tmp_path / "store", "method=dann", "backbone=resnet18", "backbone.pretrained=false", "optim.steps=3"
    )
    both = [subprocess.Popen([*TLBENCH, *words], env=environment(), stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert len(RunStore(tmp_path / "store").run_keys()) == 2
    assert len(list((tmp_path / "cache" / "images").glob("*/pixels.bin"))) == 2
    assert not list((tmp_path / "cache" / "images").glob("*.part"))
