"""What a logger is told of a run: pure functions of its record, config, history and predictions.

The live logger and a later export both get their words and numbers here, so they cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from tlbench.metrics import REPORTED
from tlbench.store.content_keys import NAMES, NOT_DATA, TAG_LENGTH
from tlbench.store.records import COSTS, warning_of

NOT_LOGGED = NAMES | {"references"}
"""Of a config: paths, and what is no part of the run."""
POINTS = 200
"""Points of a curve, about; a longer history is thinned evenly."""
ORACLE_CURVE = "ORACLE/target_score"


@dataclass(frozen=True)
class RunContent:
    """A run as a logger sees it.

    Args:
        record: `record.json`; at the start of a run only what is known by then.
        config: the resolved config.
        history: step (from 0), name, value; None or empty where there is none.
        predictions: as the store keeps them, under every step that some selection picks.
        model: file of the network's weights after the last step, where it was kept.
    """

    record: Mapping[str, Any]
    config: Mapping[str, Any]
    history: pd.DataFrame | None = None
    predictions: pd.DataFrame | None = None
    model: Path | None = None

    @property
    def key(self) -> str:
        return str(self.record["run_key"])

    @property
    def done(self) -> bool:
        return self.record.get("status") == "done"

    @property
    def oracle(self) -> bool:
        """Whether target labels went into the numbers, by the method or by the selection."""
        return bool(self.record["oracle"]) or self.record["selection"] == "oracle"

    @property
    def name(self) -> str:
        r = self.record
        return f"{'ORACLE ' if self.oracle else ''}{r['method']} {r['dataset']} {r['pair']} seed {r['seed']}"

    @property
    def group(self) -> str:
        """The sweep's name; runs of no sweep are grouped by what they have in common."""
        r = self.record
        return r["group"] or f"{r['dataset']} {r['protocol']} {r['backbone']}"

    @property
    def tags(self) -> list[str]:
        """Data set, pair, protocol, backbone, selection, the user's tags, and at the end the flag; ORACLE where target labels
        were used."""
        words = [self.record[axis] for axis in ("dataset", "pair", "protocol", "backbone", "selection")]
        words += self.record.get("tags", [])
        words += [self.gain["flag"]] if self.gain else []
        words += ["ORACLE"] if self.oracle else []
        return list(dict.fromkeys(str(word)[:TAG_LENGTH] for word in words))

    @property
    def parameters(self) -> dict[str, Any]:
        """The resolved config without paths."""
        values = {name: value for name, value in self.config.items() if name not in NOT_LOGGED}
        values["dataset"] = {k: v for k, v in values["dataset"].items() if k not in NOT_DATA | {"files", "reader"}}
        if values["backbone"].get("weights"):
            values["backbone"] = {**values["backbone"], "weights": Path(values["backbone"]["weights"]).name}
        return values

    @cached_property
    def result(self) -> Mapping[str, Any]:
        """The reported selection's entry of the record; empty for a run that is not done."""
        return self.record["selections"][self.record["selection"]] if self.done else {}

    @property
    def gain(self) -> Mapping[str, Any]:
        """The gain over the primary reference; empty where there is none."""
        return self.result.get("gains", {}).get(self.record["reference"], {})

    @property
    def warning(self) -> Mapping[str, Any]:
        """The warning of the reported checkpoint and the primary reference's: probability, version; empty where there is none."""
        gain = self.gain
        return (gain and warning_of(self.record, self.result["step"], gain["reference_step"])) or {}

    def terms(self) -> list[dict[str, float]]:
        """Return the history as one {name: value} a step."""
        if self.history is None:
            return []
        steps: dict[int, dict[str, float]] = {}
        for step, name, value in self.history[["step", "name", "value"]].itertuples(index=False):
            steps.setdefault(int(step), {})[name] = float(value)
        return [steps[step] for step in sorted(steps)]

    def checkpoints(self) -> list[tuple[int, dict[str, float]]]:
        """Return (step, values) of each checkpoint: what validators say of it, and its score on target labels (ORACLE)."""
        found = self.record.get("checkpoints", []) if self.done else []
        return [
            (c["step"], {**{f"validator/{k}": v for k, v in c["scores"].items()}, ORACLE_CURVE: c["oracle_score"]})
            for c in found
        ]

    def summary(self) -> dict[str, Any]:
        """Return the numbers and words that hold for the run as a whole."""
        values = {name: self.record[name] for name in ("status", "run_key", "created")}
        if not self.done:
            return values | {"reason": self.record["reason"]}
        values |= {"selection/rule": self.record["selection"], "selection/step": self.result["step"]}
        values["uses_target_labels"] = self.oracle
        values |= {
            f"target/{name}": found for name in REPORTED if (found := self.result["metrics"].get(name)) is not None
        }
        values |= {f"transfer/gain_over_{name}": gain["gain"] for name, gain in self.result["gains"].items()}
        if gain := self.gain:
            keys = {"gain": "gain", "gain_low": "low", "gain_high": "high", "p": "p", "flag": "flag"}
            values |= {f"transfer/{name}": gain[key] for name, key in keys.items()}
            values |= {f"transfer/{flag}": float(gain["flag"] == flag) for flag in ("negative", "positive")}
            values |= {"transfer/reference": self.record["reference"], "transfer/reference_run": gain["run_key"]}
        if warning := self.warning:
            values |= {"transfer/warning": warning["probability"], "transfer/warning_version": warning["version"]}
        costs = self.record["costs"]
        values |= {f"costs/{name}": costs[name] for name in COSTS if name in costs}
        return values | {f"costs/{phase}_seconds": value for phase, value in costs.get("phases", {}).items()}

    def numbers(self) -> dict[str, float]:
        """Return the numbers of the summary."""
        return {k: float(v) for k, v in self.summary().items() if isinstance(v, int | float)}

    def words(self) -> dict[str, str]:
        """Return the words of the summary."""
        return {k: v for k, v in self.summary().items() if isinstance(v, str)}

    def prediction_rows(self, most: int) -> tuple[pd.DataFrame, int]:
        """Return up to `most` predictions of the reported selection, spread evenly over the test part, and how many there are."""
        if self.predictions is None or not self.done:
            return pd.DataFrame(), 0
        rows = self.predictions[self.predictions["step"] == self.result["step"]].drop(columns="step")
        n = len(rows)
        if n > most:
            rows = rows.iloc[[i * n // most for i in range(most)]]
        right = rows["label"] == rows["prediction"]
        return rows.assign(correct=right).reset_index(drop=True), n


def stride(n: int) -> int:
    """Return k where every k-th of `n` steps is logged."""
    return max(1, -(-n // POINTS))
