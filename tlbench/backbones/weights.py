"""Weights from a file of the user's own."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tlbench.errors import TlbenchError

if TYPE_CHECKING:
    from torch import Tensor, nn

NESTED = ("state_dict", "model", "model_state_dict", "teacher")
PREFIXES = ("module.", "model.", "backbone.")
Adapt: TypeAlias = "Callable[[dict[str, Tensor], nn.Module], dict[str, Tensor]]"


def load_weights(model: nn.Module, path: str, classifier: Sequence[str], adapt: Adapt | None = None) -> None:
    """Load a safetensors file, or a torch file that holds tensors only, into a model without classifier.

    A classifier in the file is dropped; wrappers (`{"state_dict": ...}`, `module.`, `backbone.`) are taken off.

    Args:
        classifier: the model family's names of its classifier, such as `fc`.
        adapt: the model family's way to fit weights to another input size (position embeddings, say).

    Raises:
        TlbenchError: no such file, no weights in it, or keys or shapes that differ; they are named.
    """
    given, wanted = _unwrapped(read_weights(path)), model.state_dict()
    if adapt is not None:
        # it fails on weights of another model, which are told below
        with contextlib.suppress(KeyError, RuntimeError, AttributeError, ValueError):
            given = adapt(given, model)
    heads = tuple(f"{name}." for name in (*classifier, "fc", "head", "classifier", "head_dist") if name)
    given = {k: v for k, v in given.items() if k in wanted or not k.startswith(heads)}
    lacking = [k for k in wanted if k not in given and not k.endswith("num_batches_tracked")]
    strange = [k for k in given if k not in wanted]
    both = [(k, tuple(given[k].shape), tuple(wanted[k].shape)) for k in wanted if k in given]
    shapes = [f"{k} {own} for {right}" for k, own, right in both if own != right]
    if lacking or strange or shapes:
        parts = [("lacking", lacking), ("not in the model", strange), ("of another shape", shapes)]
        told = "; ".join(f"{len(keys)} {what}: {_some(keys)}" for what, keys in parts if keys)
        raise TlbenchError(f"Weights '{path}' do not fit the model: {told}. Set backbone.weights or another model.")
    model.load_state_dict(given, strict=False)


def not_loaded(what: str, error: Exception) -> TlbenchError:
    """Return the error of weights that could not be downloaded."""
    return TlbenchError(
        f"{what} could not be loaded ({type(error).__name__}). Check the network, name a file by backbone.weights=FILE, or set "
        "backbone.pretrained=false for random weights."
    )


def read_weights(path: str) -> Mapping[str, Any]:
    """Return what a file of weights holds; nothing in it is executed."""
    import torch  # here, as elsewhere in this module: a run's key may name such a file, and does not read it
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not Path(path).is_file():
        raise TlbenchError(f"Weights '{path}' do not exist. Set by backbone.weights=...")
    with open(path, "rb") as file:
        begin = file.read(8)
    if not path.endswith(".safetensors") and not begin.startswith((b"PK", b"\x80")):
        raise TlbenchError(f"Weights '{path}' cannot be read: no torch file (safetensors files end in .safetensors).")
    try:
        if path.endswith(".safetensors"):
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise TlbenchError(f"Weights '{path}' cannot be read: {str(error).splitlines()[0]}") from error
    except Exception as error:  # pickle.UnpicklingError and its kin: the file holds more than tensors
        raise TlbenchError(
            f"Weights '{path}' hold more than tensors and are not loaded: saved code could run. Save model.state_dict()."
        ) from error
    if not isinstance(found, Mapping):
        raise TlbenchError(f"Weights '{path}' hold a {type(found).__name__}, not a state dict.")
    return found


def _unwrapped(given: Mapping[str, Any]) -> dict[str, Tensor]:
    from torch import Tensor

    for name in NESTED:
        if isinstance(given.get(name), Mapping):
            given = given[name]
    tensors = {k: v for k, v in given.items() if isinstance(v, Tensor)}
    for prefix in PREFIXES:
        if tensors and any(k.startswith(prefix) for k in tensors):
            tensors = {k.removeprefix(prefix): v for k, v in tensors.items()}
    return tensors


def _some(keys: Sequence[str]) -> str:
    return ", ".join(keys[:4]) + (", ..." if len(keys) > 4 else "")


def file_hash(path: str) -> str:
    """Compute the SHA-256 of a file of weights; "missing" where there is none, which is told when it is loaded."""
    try:
        stat = Path(path).stat()
    except OSError:
        return "missing"
    return _file_hash(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=32)
def _file_hash(path: str, _size: int, _changed: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_hash(model: nn.Module) -> str:
    """Compute the SHA-256 over names and values of all parameters and buffers."""
    import torch

    whole = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        whole.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        whole.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return whole.hexdigest()
