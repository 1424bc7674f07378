"""What of a run is torch's: the backbone, and with a head on it the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlbench.classifiers.network import Network
from tlbench.running.backbone import trained_part
from tlbench.seeds import torch_seed
from tlbench.training.device import set_arithmetic

if TYPE_CHECKING:
    from tlbench.data.inputs import Inputs
    from tlbench.running.setup import Setup
    from tlbench.tasks import Task


def build_network(setup: Setup, task: Task, test: Inputs) -> tuple[Network | None, Task, Inputs]:
    """Build backbone and head, with torch seeded for each and at last for the method.

    Returns:
        The network, None where an estimator is fitted on what the backbone gives; task and test inputs, with the features of
        what of the backbone is frozen.
    """
    config = setup.config
    set_arithmetic(config.trainer)
    backbone, fixed, task, test = trained_part(setup, task, test)
    if setup.shape != "gradient":
        return None, task, test
    torch_seed(config.seed, "head")
    head = setup.made("classifier", in_dim=backbone.out_dim, n_classes=task.n_classes)
    network = Network(backbone, head, fixed=fixed, batch_norm=config.backbone.get("batch_norm", "shared"))
    torch_seed(config.seed, "method")
    return network, task, test
