"""What may stand as a bridge between a run's source and target: the other domains, as a method of that run would see them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tlbench.backbones.how_trained import is_frozen
from tlbench.data.inputs import Rows, as_rows
from tlbench.errors import TlbenchError
from tlbench.running.backbone import trained_part
from tlbench.running.setup import Setup
from tlbench.tasks import load_task
from tlbench.training.device import set_arithmetic


@dataclass(frozen=True)
class Candidates:
    """Unlabelled rows.

    Attributes:
        source, target: of the pair's domains, those of a method's training.
        bridges: of every other domain that is on this machine, by its name.
        of: what the rows are: `features of resnet50`, or `rows as they are after the data set's transforms`.
    """

    source: Rows
    target: Rows
    bridges: dict[str, Rows]
    of: str


def candidates(setup: Setup) -> Candidates:
    """Read a pair and all domains that could stand between; no label is looked at.

    A frozen backbone gives its features; arrays before one that is to be trained, or none, are taken as they are.

    Raises:
        TlbenchError: the pair has bridges already, there is no other domain here, or images have no frozen backbone.
    """
    pair, dataset, backbone = setup.pair, setup.dataset, setup.config.backbone
    if pair.bridges:
        raise TlbenchError(f"pair={pair} has bridges already, and they are to be found. Use pair={pair.direct}.")
    names = tuple(name for name in dataset.domains if name not in pair.domains and dataset.is_here(name))
    if not names:
        raise TlbenchError(
            f"{dataset.name} has no further domain here that could stand between those of pair={pair}. "
            f"It has {', '.join(dataset.domains)}."
        )
    frozen = is_frozen(backbone) and not setup.changes_images
    if setup.augment is not None and not frozen:
        raise TlbenchError(
            f"Images are compared by the features of a frozen backbone, but backbone={backbone['name']} "
            f"{'sees changed images' if is_frozen(backbone) else 'is to be trained'}. "
            "Use backbone.mode=frozen augment=plain."
        )
    whole = replace(setup, pair=replace(pair, bridges=names))
    task, test, _ = load_task(dataset, whole.pair, setup.protocol, setup.config.seed, setup.augment)
    if frozen:
        set_arithmetic(setup.config.trainer)
        _, _, task, _ = trained_part(setup, task, test[:1])
    source, target, *bridges = (as_rows(rows) for rows in (task.source.inputs, task.target, *task.bridges))
    of = f"features of {backbone['name']}" if frozen else "rows as they are after the data set's transforms"
    return Candidates(source, target, dict(zip(names, bridges, strict=True)), of)
