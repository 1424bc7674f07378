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
        self.values = {row.tobytes(): value for row, value in zip(rows_MD, values_MC, strict=True)}

    def __len__(self) -> int:
        return len(self.values)

    def put_into(self, out_NC: np.ndarray, x_ND: np.ndarray) -> np.ndarray:
        """Return `out` with the known values in the place of those rows of x that are known."""
        if not self.values:
            return out_NC
        out_NC = out_NC.copy()
        for place, row in enumerate(x_ND):
            if (value := self.values.get(row.tobytes())) is not None:
                out_NC[place] = value
        return out_NC
