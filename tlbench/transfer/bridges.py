"""Which domain to put between a source and a target: no label is looked at. docs/distances.md tells how to read the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from tlbench.seeds import stream
from tlbench.transfer.distances import proxy_a_distance

EXAMPLES = 300
"""Of each domain, drawn by the seed: as many as a run's own distances look at."""


def rank_bridges(
    source_ND: Any, target_MD: Any, bridges: Mapping[str, Any], *, seed: int, examples: int = EXAMPLES
) -> pd.DataFrame:
    """Rank candidate bridges by the longer of the two steps source-bridge and bridge-target, then by their sum.

    A step is long where a linear classifier tells its domains apart: the proxy A-distance, the mean of both orders of the two
    domains, so that source and target may change places. After the choice of intermediate domains by A-distances in Tan et al.,
    Transitive Transfer Learning, KDD 2015, who learn how to weigh them; here the longest step counts.

    Args:
        source_ND, target_MD: (N, D) and (M, D) rows of the source and the target, dense or scipy sparse.
        bridges: (B, D) rows of each candidate by its name, one or more.
        seed: draws the rows of each domain and the folds.
        examples: rows of each domain that are looked at, all of a smaller one; 2 or more.

    Returns:
        A row a candidate, the best first: `bridge`, `source_to_bridge`, `bridge_to_target`, `source_to_target` (the same in all
        rows), each from 0 to 2, `worst` and `sum` of the two steps, `rank` from 1, equal where both are.

    Raises:
        ValueError: no candidate, fewer than two rows of a domain, other widths, entries that are no finite numbers.
    """
    if not bridges:
        raise ValueError("There is no candidate to rank: bridges names no domain.")
    if examples < 2:
        raise ValueError(f"A distance needs two or more examples of each domain, got examples={examples}.")
    source, target = _some(source_ND, examples, seed), _some(target_MD, examples, seed)
    direct, rows = _distance(source, target, "the target", seed), []
    for name, bridge_BD in bridges.items():
        bridge = _some(bridge_BD, examples, seed)
        steps = _distance(source, bridge, f"bridge '{name}'", seed), _distance(bridge, target, f"bridge '{name}'", seed)
        rows.append((name, *steps, direct, max(steps), sum(steps)))
    names = ["bridge", "source_to_bridge", "bridge_to_target", "source_to_target", "worst", "sum"]
    table = pd.DataFrame(rows, columns=names).sort_values(["worst", "sum"], ignore_index=True)
    return table.assign(rank=table.groupby(["worst", "sum"]).ngroup() + 1)


def _some(x_ND: Any, examples: int, seed: int) -> Any:
    """Return up to so many rows; of two domains of one size the same places, whatever part they play."""
    x_ND = x_ND.tocsr() if sparse.issparse(x_ND) else np.atleast_1d(x_ND)
    n = x_ND.shape[0]
    return x_ND if n <= examples else x_ND[np.sort(stream(seed, "bridges").permutation(n)[:examples])]


def _distance(one_ND: Any, other_MD: Any, what: str, seed: int) -> float:
    try:
        both = [
            proxy_a_distance(*pair, rng=stream(seed, "a distance")) for pair in ((one_ND, other_MD), (other_MD, one_ND))
        ]
    except ValueError as error:
        raise ValueError(f"The distance to {what} cannot be had. {error}") from error
    return sum(both) / 2
