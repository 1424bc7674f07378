"""What the dashboard shows, as a value: filters and places, to and from the query of a link, and applied to tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from tlbench.selection.rules import LAST, ORACLE

SCOPE = ("dataset", "pair", "protocol", "setting", "backbone", "sweep", "tag")
"""Filters that choose what is analysed together."""
SHOWN = ("method", "status")
"""Filters of what is shown of it: another method on the same pair is evidence of a cause, and must be looked at."""
MANY = (*SCOPE, *SHOWN)
Members = Mapping[str, Mapping[str, frozenset[str]]]
"""Filter to its values to the keys of their runs."""
VIEWS = ("overview", "cells", "compare", "run")
PLACES = ("view", "selection", "block", "cell", "run", "other", "kind", "first", "second")
"""One value each: the view, the rule, and what is picked in the views."""
DEFAULTS = {"view": "overview", "selection": LAST}


@dataclass(frozen=True)
class Filters:
    """The state of a link.

    Attributes:
        many: name of MANY to the chosen values; a name that is not there lets everything through.
        places: name of PLACES to its value; defaults are left out.
    """

    many: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)

    def place(self, name: str) -> str | None:
        return self.places.get(name, DEFAULTS.get(name))

    @property
    def selection(self) -> str:
        return self.places.get("selection", LAST)


def filters_of(many: Mapping[str, Sequence[str] | None], places: Mapping[str, str | None]) -> Filters:
    """Return filters without what is empty or by default, so that equal states are equal values."""
    return Filters(
        {name: tuple(sorted(set(found))) for name in MANY if (found := many.get(name))},
        {name: v for name in PLACES if (v := places.get(name)) and v != DEFAULTS.get(name)},
    )


def from_query(query: Mapping[str, Sequence[str]]) -> Filters:
    """Read a link's query; keys that it does not know, and views that there are not, are left out."""
    places = {name: query[name][-1] for name in PLACES if query.get(name)}
    if places.get("view") not in VIEWS:
        places.pop("view", None)
    return filters_of(query, places)


def to_query(filters: Filters) -> dict[str, list[str]]:
    """Return the query that `from_query` reads, in a fixed order."""
    query = {name: list(filters.many[name]) for name in MANY if name in filters.many}
    return query | {name: [filters.places[name]] for name in PLACES if name in filters.places}


def chosen_rows(table: pd.DataFrame, filters: Filters, members: Members, names: Iterable[str] = MANY) -> pd.DataFrame:
    """Return the rows of a table (run_key and the columns of `names`) that the filters of these names let through.

    Args:
        members: of the filters that go by run key (`sweep`, `tag`, `setting`): the runs of each of their values.
    """
    kept = pd.Series(True, index=table.index)
    for name in names:
        values = filters.many.get(name)
        if not values:
            continue
        if name in members:
            keys = frozenset[str]().union(*(members[name].get(value, frozenset()) for value in values))
            kept &= table["run_key"].isin(keys)
        else:
            kept &= table[name].isin(values)
    return table[kept]


def selection_names(runs: pd.DataFrame) -> list[str]:
    """Return the rules of a tidy table, `last` first and ORACLE last."""
    found = {str(s) for s in runs["selection"].dropna().unique()} | {LAST}
    return sorted(found, key=lambda name: (name == ORACLE, name != LAST, name))
