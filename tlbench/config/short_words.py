"""Short words in a data set's config, written out as what builds it takes: `transforms: [row_l2]`."""

from __future__ import annotations

from typing import Any

from tlbench.data import transforms
from tlbench.errors import TlbenchError, unknown

MODULE = transforms.__name__
SET_BY = "dataset.transforms, such as [row_l2] or [zscore,{rescale:{low:0,high:255}}]"


def with_transforms(dataset: dict[str, Any]) -> dict[str, Any]:
    """Return a data set's config with each of its transforms as a `_target_`; one that is so already stays as it is.

    A name stands for a function of `tlbench.data.transforms`, a dotted name for one of the user's own; `{NAME: {KEY: VALUE}}`
    gives it parameters.

    Raises:
        TlbenchError: no such transform, or what is given is no list of such.
    """
    given = dataset.get("transforms")
    if given is None:
        return dataset
    if not isinstance(given, list):
        raise TlbenchError(f"dataset.transforms must be a list, got {given!r}. Set by {SET_BY}.")
    return {**dataset, "transforms": [_written_out(item) for item in given]}


def _written_out(item: Any) -> Any:
    if isinstance(item, dict) and "_target_" not in item and len(item) == 1:
        ((name, options),) = item.items()
        if not isinstance(options, dict):
            raise TlbenchError(
                f"dataset.transforms: the parameters of {name} must be KEY: VALUE, got {options!r}. Set by {SET_BY}."
            )
        return {"_target_": _target(str(name)), "_partial_": True, **options}
    return {"_target_": _target(item), "_partial_": True} if isinstance(item, str) else item


def _target(name: str) -> str:
    if "." in name:
        return name
    known = [
        key for key, value in vars(transforms).items() if getattr(value, "__module__", "") == MODULE and key[0] != "_"
    ]
    if name not in known:
        raise unknown("transform", name, known, SET_BY)
    return f"{MODULE}.{name}"
