"""Settings of transfer: what a method may see, what is asked of it, and what it is compared with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """One setting; `docs/settings/NAME.md` is its page.

    Attributes:
        name: as records and tables have it.
        title: as pages print it.
        sees: what a method is given, in words.
        reference: what its gain is over.
        how: the words of a command that make it.
    """

    name: str
    title: str
    sees: str
    reference: str
    how: str


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("closed_set", "closed set", "labelled source, unlabelled target, one set of classes", "source_only", "pair=A-B"),
        Setting(
            "semi_supervised", "semi-supervised", "labelled source, few labelled target examples, unlabelled target",
            "target_only; source_only and source_and_target beside", "protocol.shots=3",
        ),
        Setting(
            "source_free", "source-free", "a model of the source, unlabelled target", "source_only, which is that model",
            "method=shot,nrc,aad,adabn, or protocol.source=private",
        ),
        Setting(
            "test_time", "test-time", "a model of the source, each batch of the target on its arrival",
            "source_only, which is that model", "protocol=online method=tent,...",
        ),
        Setting(
            "fine_tuning", "fine-tuning", "labelled target examples, weights of another task or of the source",
            "target_only; fine_tune from the same start beside", "protocol.shots=3 and a method of fine-tuning",
        ),
        Setting(
            "partial", "partial", "as closed set; the target lacks classes, and nobody says which", "source_only",
            "dataset=..._partial",
        ),
        Setting(
            "open_set", "open set", "as closed set; the target has classes of which the source knows nothing",
            "source_only under the same rule that says unknown", "dataset=..._open_set",
        ),
        Setting(
            "universal", "universal", "as open set, and the target lacks classes, too",
            "source_only under the same rule that says unknown", "dataset=..._universal",
        ),
        Setting(
            "multi_source", "several sources", "labelled sources, each known as such, unlabelled target", "source_only, pooled",
            "pair=A+B-C, rest-C, leave_one_out",
        ),
        Setting(
            "domain_generalisation", "domain generalisation", "labelled sources, each known as such; no target",
            "source_only with equal shares of each source (ERM)", "pair=leave_one_out and a method of it",
        ),
        Setting(
            "chain", "chain", "as closed set, and unlabelled domains in between", "source_only; the direct pair beside",
            "pair=A-B-C",
        ),
    )
}  # fmt: skip
"""By name, in the order in which pages have them."""


def setting_of(
    *, sees: Collection[str], reference: bool, online: bool, private: bool, bridges: bool, several: bool, shots: bool,
    unknown: bool, lacks_classes: bool,
) -> str:  # fmt: skip
    """Return the name of a run's setting.

    What the method itself does not see comes first, then what the data are; a reference has that of the data.

    Args:
        sees: parts of a task that the method is given.
        reference: the method is one.
        online, private: of the protocol: the target is a stream; no source example is shown.
        bridges, several, shots: the pair has bridges, or several sources; there are labelled target examples.
        unknown, lacks_classes: the target has classes that the source lacks, or lacks some that it has.
    """
    if online:
        return "test_time"
    if not reference:
        if "source" not in sees:
            return "source_free" if "target" in sees else "fine_tuning"
        if "target" not in sees and "shots" not in sees:
            return "domain_generalisation"
        if private:
            return "source_free"
    if bridges:
        return "chain"
    if unknown:
        return "universal" if lacks_classes else "open_set"
    if lacks_classes:
        return "partial"
    if several:
        return "multi_source"
    return "semi_supervised" if shots else "closed_set"


def setting_of_record(record: Mapping[str, Any]) -> str:
    """Return the setting of a record; of those that do not say it what pair, protocol and sizes tell."""
    if "setting" in record:
        return str(record["setting"])
    pair, protocol = str(record.get("pair", "")), str(record.get("protocol", ""))
    return setting_of(
        sees=("source", "target", "shots"), reference=record.get("family") == "reference", online=False,
        private="private source" in protocol, bridges=pair.count("-") > 1, several="+" in pair, shots="shots" in protocol,
        unknown=record.get("unknown_class") is not None, lacks_classes=False,
    )  # fmt: skip
