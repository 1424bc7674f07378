"""A fitted learner as a file without pickles: a network's tensors, or an estimator's arrays, and back again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlbench.errors import TlbenchError
from tlbench.method.base import is_gradient
from tlbench.method.estimator import EstimatorMethod
from tlbench.store.records import ESTIMATOR, NETWORK

if TYPE_CHECKING:
    from tlbench.method.gradient import GradientMethod
    from tlbench.running.stage_values import Learner
    from tlbench.store.reading import StoreReader

OURS = ("tlbench", "baselines", "sklearn", "numpy", "scipy")
"""Packages whose classes a file of an estimator may name; with that of the run's own method. Nothing else is made from it."""


def save_learner(learner: Learner, folder: Path) -> Path:
    """Write a learner as it predicts now, after its last step; training examples that it does not predict with are left out.

    A network goes into a safetensors file; an estimator into skops' format, a zip of arrays and names. A method with a kernel
    predicts with its training rows, and they are in its file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if is_gradient(learner):
        from safetensors.torch import save

        state = {name: tensor for name, tensor in learner.state_dict().items() if name not in learner.task_state}
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
        (folder / NETWORK).write_bytes(save(tensors))  # `save_file` leaves a file that only its owner reads
        return folder / NETWORK
    from skops.io import dump

    learner.forget()
    dump(learner, folder / ESTIMATOR)
    return folder / ESTIMATOR


def model_of(store: StoreReader, key: str) -> Path:
    """Return the file of a run's model. Raises TlbenchError where it kept none, or where the file is not what was written."""
    record, path = store.record(key), store.model_file(key)
    if record is None or path is None:
        raise TlbenchError(
            f"Run {key} kept no model. The same command with keep_model=true does it once more for its model alone."
        )
    if store.checksum(key, path.name) != record.get("files", {}).get(path.name):
        raise TlbenchError(f"{path} is not what was written (checksum). Delete it, and run again with keep_model=true.")
    return path


def start_from(learner: GradientMethod, path: Path) -> None:
    """Let a network start as that of a kept model of the same recipe. Raises TlbenchError where it does not fit."""
    from safetensors.torch import load_file

    own = "network."
    state = {name.removeprefix(own): tensor for name, tensor in load_file(path).items() if name.startswith(own)}
    try:
        learner.network.load_state_dict(state)
    except RuntimeError as error:
        raise TlbenchError(f"{path} does not fit the run's network ({str(error).splitlines()[0]}).") from error
    learner.network.hand_over_statistics()
    learner.started = True


def load_network(learner: GradientMethod, path: Path) -> None:
    """Put a file's tensors into a network of the same make. Raises TlbenchError where they do not fit."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        learner.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise TlbenchError(
            f"{path} does not fit the run's config ({str(error).splitlines()[0]}). Run it again."
        ) from error


def load_estimator(path: Path, method: type[Any]) -> EstimatorMethod:
    """Make the estimator of a file; nothing of it is executed. Raises TlbenchError where it names a class that none should."""
    from skops.io import get_untrusted_types, load
    from skops.io.exceptions import UntrustedTypesFoundException

    own = (*OURS, method.__module__.partition(".")[0])
    try:
        named = get_untrusted_types(file=path)
        trusted = [name for name in named if name.partition(".")[0] in own]
        found = load(path, trusted=trusted)
    except (UntrustedTypesFoundException, OSError, ValueError, KeyError) as error:
        raise TlbenchError(f"{path} cannot be read as an estimator ({str(error).splitlines()[0]}).") from error
    if not isinstance(found, EstimatorMethod):
        raise TlbenchError(f"{path} holds a {type(found).__name__} and no estimator method.")
    return found
