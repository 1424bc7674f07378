"""Rows that are recognised by their values: what was worked out for a training row is said of it wherever it stands."""

from __future__ import annotations

import numpy as np


class KnownRows:
    """Values of some rows.

    Args:
        rows_MD: equal rows share the values of the last of them.
        values_MC: of each row.
    """

    def __init__(self, rows_MD: np.ndarray, values_MC: np.ndarray) -> None:
        self.rows_MD, self.values_MC = rows_MD, values_MC  # arrays alone: a kept model holds nothing else

    def __len__(self) -> int:
        return len(self.rows_MD)

    def put_into(self, out_NC: np.ndarray, x_ND: np.ndarray) -> np.ndarray:
        """Return `out` with the known values in the place of those rows of x that are known."""
        place_of = {row.tobytes(): place for place, row in enumerate(self.rows_MD)}
        out_NC = out_NC.copy()
        for place, row in enumerate(x_ND):
            if (known := place_of.get(row.tobytes())) is not None:
                out_NC[place] = self.values_MC[known]
        return out_NC
