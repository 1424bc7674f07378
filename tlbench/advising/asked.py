"""What `tlbench advise` is asked: a pair of a data set or of the user's own, and methods on one recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.advising.looking import reference_of
from tlbench.advising.own_pair import pair_of_own
from tlbench.errors import TlbenchError
from tlbench.running.setup import Setup
from tlbench.sweeping.commands import planned_runs

DEFAULT_METHODS = "method=coral_linear,sa,self_training"


@dataclass(frozen=True)
class Asked:
    """What a command asks: methods on one recipe, their reference, and what the target's examples are called."""

    setups: list[Setup]
    reference: Setup
    names: dict[str, str]


def asked_for(words: Sequence[str], config_dir: str | None) -> Asked:
    """Return what is to be fitted. Raises TlbenchError where a word is wrong, or the methods are on several recipes."""
    paths = [word for word in words if "=" not in word or Path(word).exists()]  # a path may hold a sign of equality
    own = [word for word in words if word not in paths]
    names: dict[str, str] = {}
    if paths:
        if len(paths) != 2:
            raise TlbenchError(f"advise takes SOURCE TARGET, or none and dataset=... pair=..., got {' '.join(paths)}.")
        pair, names = pair_of_own(Path(paths[0]), Path(paths[1]), own)
        own = (
            [*pair, *own]
            if any(word.startswith("protocol=") for word in own)
            else [*pair, "protocol=transductive", *own]
        )
    if not any(word.startswith("method=") for word in own):
        own.append(DEFAULT_METHODS)
    setups = [job.setup for job in planned_runs(own, config_dir)]
    if len(recipes := {str(setup.pair) for setup in setups}) > 1 or len({s.config.seed for s in setups}) > 1:
        raise TlbenchError(f"advise is on one pair and one seed, got {len(recipes)} pairs and {len(setups)} runs.")
    if paths and (shots := setups[0].config.shots):
        raise TlbenchError(
            f"Target labels are not read from SOURCE TARGET, so there are none for protocol.shots={shots}. Use 0."
        )
    return Asked(setups, reference_of(setups), names)
