"""Whether the runs of somebody's store may become rows of the atlas: one rule a function, a sentence for each that is broken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from tlbench.config.keys import HARNESS, key_of_stored
from tlbench.errors import TlbenchError
from tlbench.running.setup import method_class
from tlbench.store.check_run import lost_references, wrong_files
from tlbench.store.reading import Damaged, StoreReader

DATA = ["dataset", "data_words", "pair"]
SCORES = ["score", "gain"]
CLOSE = 1e-4
"""Up to which two numbers of one run are one: the atlas keeps 32 bits."""

Records = Mapping[str, Mapping[str, Any]]


def broken_rules(store: StoreReader, key: str, records: Records) -> Iterator[str]:
    """Yield what keeps one finished run out, as far as its own store tells.

    Args:
        records: all finished runs of the store, by key.
    """
    record = records[key]
    yield from (problem.text for problem in wrong_files(store, key, dict(record)))
    yield from (problem.text for problem in lost_references(store, key, dict(record), records))
    try:
        config = store.config(key)
    except Damaged:  # told already
        return
    yield from _other_key(key, config, record)
    yield from _other_method(config, record)


def _other_key(key: str, config: Mapping[str, Any], record: Mapping[str, Any]) -> Iterator[str]:
    if record.get("harness") != HARNESS:
        yield f"was made by revision {record.get('harness') or 1} of the harness, and this is {HARNESS}; run it again"
        return
    found = key_of_stored(config, record)
    if found is None:
        yield "has a config that this version does not take; run it again"
    elif found != key:
        yield f"has the config of run {found}; run it again"


def _other_method(config: Mapping[str, Any], record: Mapping[str, Any]) -> Iterator[str]:
    try:
        current = method_class(dict(config["method"])).revision
    except TlbenchError as error:
        yield f"is of a method that is not at hand ({error})"
        return
    if record.get("method_revision") != current:
        made = record.get("method_revision")
        yield f"was made by revision {made} of {config['method']['name']}, and this version has {current}; run it again"


def other_data(new: pd.DataFrame, atlas: pd.DataFrame) -> pd.Series:
    """Return a sentence for each row whose data are not those that the atlas has under that name, by the rows' index."""
    known = atlas.groupby(DATA)["data_fingerprint"].agg(set).to_dict()
    told = {}
    for row in new[[*DATA, "data_fingerprint"]].itertuples():
        had = known.get((row.dataset, row.data_words, row.pair))
        if had and row.data_fingerprint not in had:
            told[row.Index] = (
                f"has other data than {row.dataset} {row.pair} in the atlas (fingerprint {row.data_fingerprint}, there "
                f"{', '.join(sorted(had))}); `tlbench data check {row.dataset}` says which files differ"
            )
    return pd.Series(told, dtype=object)


def other_numbers(new: pd.DataFrame, atlas: pd.DataFrame) -> pd.Series:
    """Return a sentence for each row whose run the atlas has with other numbers, by the rows' index."""
    had = atlas.drop_duplicates("run_key").set_index("run_key")[SCORES].astype(float)
    own = new.loc[new["run_key"].isin(had.index), ["run_key", *SCORES]].set_index("run_key", append=True).astype(float)
    old = had.loc[own.index.get_level_values("run_key")]
    gaps = pd.Series(
        (own - old.to_numpy()).abs().div([1.0, 100.0]).max(axis=1).to_numpy(), own.index.get_level_values(0)
    )
    far = gaps[gaps > CLOSE]
    return pd.Series({i: f"has other numbers than the atlas has for it (by {100 * gap:.2g} points)" for i, gap in far.items()},
                     dtype=object)  # fmt: skip
