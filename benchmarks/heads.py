"""Seconds of 200 head runs (`source_only` and `coral`, two pairs, fifty seeds, 200 steps each, start-up included) on kept
features of a frozen backbone."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from images import make_files

AIM = 120.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--images", type=int, default=1000)
    options.add_argument("--seeds", type=int, default=50)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "files"
        make_files(root, given.images)
        environment = {**os.environ, "TLBENCH_CACHE": f"{folder}/cache", "TLBENCH_STORE": f"{folder}/store"}
        chosen = ["dataset=image_folder", f"dataset.root={root}", "pair=all", "backbone=resnet18", "augment=plain",
                  "backbone.pretrained=false", "backbone.mode=frozen", "classifier=head", "optim=sgd",
                  "optim.steps=200"]  # fmt: skip
        # random weights differ from seed to seed; a file of weights is one for all, as pretrained ones are
        weights = f"{folder}/weights.pth"
        save = f"import timm, torch; torch.save(timm.create_model('resnet18', num_classes=0).state_dict(), '{weights}')"
        subprocess.run([sys.executable, "-c", save], check=True)
        chosen.append(f"backbone.weights={weights}")
        for label, seeds in (("first run, with features", 1), ("runs on kept features", given.seeds)):
            words = [
                sys.executable,
                "-m",
                "tlbench",
                "sweep",
                *chosen,
                "method=source_only,coral",
                f"seed=range({seeds})",
            ]
            started = time.perf_counter()
            subprocess.run(words, check=True, env=environment, capture_output=True)
            seconds = time.perf_counter() - started
            print(f"{4 * seeds} {label}: {seconds:.0f} s" + (f" (aim: {AIM:.0f} or less)" if seeds > 1 else ""))


if __name__ == "__main__":
    main()
