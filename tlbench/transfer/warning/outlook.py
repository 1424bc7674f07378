"""What a fitted model says of a run's unlabelled target examples, as far as signals look at it. No target label is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

PARTS = ("target", "source", "source_labels", "val", "val_labels", "val_weights", "near")
PLACES = ("target_NC", "source_S", "source_labels_S", "val_VC", "val_labels_V", "val_weights_V", "near_NK")
VOTE, NUMBERS = "vote ", "numbers"


@dataclass(frozen=True)
class Outlook:
    """One model's word on the same examples as its reference's.

    Attributes:
        target_NC: class probabilities of N unlabelled target training examples, float16.
        source_S, source_labels_S: predicted and true classes of source training examples; empty where they are private.
        val_VC, val_labels_V: class probabilities (float16) and classes of source examples kept from training; empty where none
            were.
        val_weights_V: how much more often each of these turns up in the target, estimated in the model's features.
        near_NK: rows of the K target examples that are nearest to each in the model's features.
        votes: by name, the class (N,) that another classifier, learnt from labelled source examples in the model's own features,
            gives to each target example; see `voters`.
        numbers: by name, what validators and critics say of the model.
    """

    target_NC: np.ndarray
    source_S: np.ndarray
    source_labels_S: np.ndarray
    val_VC: np.ndarray
    val_labels_V: np.ndarray
    val_weights_V: np.ndarray
    near_NK: np.ndarray
    votes: Mapping[str, np.ndarray]
    numbers: Mapping[str, float]

    @cached_property
    def said_N(self) -> np.ndarray:
        """(N,) predicted class of each target example."""
        return self.target_NC.argmax(axis=1)

    @property
    def n_classes(self) -> int:
        return self.target_NC.shape[1]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all of it as plain arrays by name; `of_arrays` takes them back."""
        parts = [getattr(self, place) for place in PLACES]
        votes = {VOTE + name: classes for name, classes in self.votes.items()}
        numbers = np.frombuffer(json.dumps(dict(self.numbers)).encode(), np.uint8).copy()
        return dict(zip(PARTS, parts, strict=True)) | votes | {NUMBERS: numbers}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Outlook:
        """Make one of its arrays. Raises KeyError where a part is not there."""
        votes = {name.removeprefix(VOTE): array for name, array in arrays.items() if name.startswith(VOTE)}
        numbers = json.loads(arrays[NUMBERS].tobytes())
        return cls(
            **{place: arrays[name] for place, name in zip(PLACES, PARTS, strict=True)}, votes=votes, numbers=numbers
        )


def made_small(
    target_NC: np.ndarray,
    near_NK: np.ndarray,
    source: tuple[np.ndarray, np.ndarray] | None,
    val: tuple[np.ndarray, np.ndarray, np.ndarray] | None,
    votes: Mapping[str, np.ndarray],
    numbers: Mapping[str, float],
) -> Outlook:
    """Make an outlook of few bytes; see `Outlook` for its parts.

    Args:
        target_NC: (N, C) class probabilities.
        source: predicted and true classes of source examples; None where there are none.
        val: class probabilities, true classes and weights of source examples kept from training; None where there are none.
    """
    said_S, labels_S = source or (np.empty(0), np.empty(0))
    says_VC, labels_V, weights_V = val or (np.empty((0, target_NC.shape[1])), np.empty(0), np.empty(0))
    return Outlook(
        target_NC=target_NC.astype(np.float16),
        source_S=said_S.astype(np.int16),
        source_labels_S=labels_S.astype(np.int16),
        val_VC=says_VC.astype(np.float16),
        val_labels_V=labels_V.astype(np.int16),
        val_weights_V=weights_V.astype(np.float32),
        near_NK=near_NK.astype(np.int16),
        votes={name: classes.astype(np.int16) for name, classes in votes.items()},
        numbers=numbers,
    )
