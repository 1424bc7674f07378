"""What `tlbench advise` is asked: a pair of a data set or of the user's own, and methods on one recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tlbench.advising.looking import reference_of
from tlbench.advising.own_pair import pair_of_own
from tlbench.errors import TlbenchError
from tlbench.running.setup import Setup

DEFAULT_METHODS = "method=jda,tca,ot_linear,self_training"
"""Of the methods that an atlas of many data sets puts first, those that need no extra and agree in their reference."""


@dataclass(frozen=True)
class Asked:
    """What a command asks: methods on one recipe, their reference, and what the target's examples are called."""

    setups: list[Setup]
    reference: Setup
    names: dict[str, str]


def overrides_of(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the overrides of a command, and what its user calls each target example of a pair of the user's own; {}: of none.

    Raises:
        TlbenchError: there are other than two paths, or they make no pair.
    """
    paths = [word for word in words if "=" not in word or Path(word).exists()]  # a path may hold a sign of equality
    own, names = [word for word in words if word not in paths], dict[str, str]()
    if paths:
        if len(paths) != 2:
            raise TlbenchError(f"advise takes SOURCE TARGET, or none and dataset=... pair=..., got {' '.join(paths)}.")
        pair, names = pair_of_own(Path(paths[0]), Path(paths[1]), own)
        chosen = [] if any(word.startswith("protocol=") for word in own) else ["protocol=transductive"]
        own = [*pair, *chosen, *own]
    elif not any(word.startswith(("dataset=", "pair=")) for word in own):
        raise TlbenchError("advise takes SOURCE TARGET, two files or two folders of images, or dataset=... pair=...")
    if not any(word.startswith("method=") for word in own):
        own.append(DEFAULT_METHODS)
    return own, names


def asked_for(setups: list[Setup], names: dict[str, str]) -> Asked:
    """Return what is to be fitted. Raises TlbenchError where the methods are on several recipes, or need labels of the user's."""
    if len(recipes := {str(setup.pair) for setup in setups}) > 1 or len({s.config.seed for s in setups}) > 1:
        raise TlbenchError(f"advise is on one pair and one seed, got {len(recipes)} pairs and {len(setups)} runs.")
    if names and (shots := setups[0].config.shots):
        raise TlbenchError(
            f"Target labels are not read from SOURCE TARGET, so there are none for protocol.shots={shots}. Use 0."
        )
    return Asked(setups, reference_of(setups), names)
