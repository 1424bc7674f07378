"""Groups of messages, as Usenet had them, as TF-IDF of their words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from tlbench.data.base_dataset import Dataset
from tlbench.data.domain import Domain
from tlbench.data.messages import STRIPS, Message, hash_of, listed, text_of
from tlbench.errors import TlbenchError, unknown


class Newsgroups(Dataset):
    """Domains are sets of groups, and the class of a message is the first part of its group's name: `rec` of `rec.autos`.

    Vocabulary and document frequencies are those of all messages of all domains, whatever the protocol holds out; no label
    plays a part. A message without words is a row of zeros.

    Args:
        data_dir: folder that holds the others.
        folders: `train` and `test` to the folder below `data_dir` that holds their `GROUP/MESSAGE`.
        groups: groups of each domain; domains share none.
        counts: messages per domain; another number is refused.
        vectoriser: makes scikit-learn's `TfidfVectorizer`, given `max_features`.
        strip: what is left out of a message, of `headers`, `footers`, `quotes`.
        base: see Dataset. `input_shape` is (W,): the W commonest words; where there are fewer, the last columns are zero.
    """

    def __init__(
        self,
        *,
        data_dir: str | Path,
        folders: Mapping[str, str],
        groups: Mapping[str, Sequence[str]],
        counts: Mapping[str, int],
        vectoriser: Callable[..., Any],
        strip: Sequence[str],
        **base: Any,
    ) -> None:
        super().__init__(**base)
        self.data_dir, self.folders, self.groups, self.counts = Path(data_dir), folders, groups, dict(counts)
        self.vectoriser, self.strip = vectoriser, tuple(strip)
        self._kept: tuple[tuple[Message, ...], dict[str, Domain]] | None = None
        for name in self.strip:
            if name not in STRIPS:
                raise unknown("part of a message", name, STRIPS, "dataset.strip")
        owners: dict[str, str] = {}
        for domain, own in groups.items():
            if odd := set(self.classes) ^ set(map(_top, own)):
                raise TlbenchError(
                    f"{self.name}: classes are {', '.join(self.classes)}, but the groups of '{domain}' are of "
                    f"{', '.join(sorted(set(map(_top, own))))}; '{sorted(odd)[0]}' is amiss. Set by dataset.groups."
                )
            for group in own:
                if (first := owners.setdefault(group, domain)) != domain:
                    raise TlbenchError(f"{self.name}: '{first}' and '{domain}' share {group}. Set by dataset.groups.")

    def load(self, domain: str) -> Domain:
        found = {name: self._messages(name) for name in self.domains}
        if len(found[domain]) != self.counts[domain]:
            raise TlbenchError(
                f"{self.name}, {domain}: {len(found[domain])} messages, but conf/dataset/{self.name}.yaml says "
                f"{self.counts[domain]}. Unpack the archive again, or mend `counts`."
            )
        state = tuple(message for own in found.values() for message in own)
        if self._kept is None or self._kept[0] != state:
            self._kept = state, self._read(found)
        return self._kept[1][domain]

    def fingerprint(self, domains: Sequence[str]) -> str:
        """Hash all domains, whichever are asked for: the numbers of each depend on the words of the others."""
        return hash_of(self.data_dir, tuple(message for name in self.domains for message in self._messages(name)))

    def _messages(self, domain: str) -> list[Message]:
        places = [f"{folder}/{group}" for folder in self.folders.values() for group in self.groups[domain]]
        for place in places:
            if not (self.data_dir / place).is_dir():
                raise TlbenchError(
                    f"{self.name}: folder '{place}' is missing in '{self.data_dir}'. Set by data_dir=... or "
                    f"$TLBENCH_DATA. Source: {self.about.get('homepage', '')}"
                )
        return [message for place in places for message in listed(self.data_dir, place)]

    def _read(self, found: Mapping[str, Sequence[Message]]) -> dict[str, Domain]:
        rows, domains, start = self._tf_idf([message.name for own in found.values() for message in own]), {}, 0
        for domain, own in found.items():
            names = tuple(message.name for message in own)
            labels = np.array([self.classes.index(_top(name.split("/")[-2])) for name in names], dtype=np.int64)
            given_test = np.array([name.startswith(f"{self.folders['test']}/") for name in names])
            mine = rows[start : start + len(names)]
            domains[domain] = Domain(domain, mine, labels, np.arange(len(names)), given_test, names)
            start += len(names)
        return domains

    def _tf_idf(self, names: Sequence[str]) -> sp.csr_matrix:
        (width,) = self.input_shape
        texts = [text_of(self.data_dir / name, self.strip) for name in names]
        try:
            rows = sp.csr_matrix(self.vectoriser(max_features=width).fit_transform(texts))
        except ValueError as error:
            raise TlbenchError(f"{self.name}: no words to count ({error}). Set by dataset.vectoriser.") from error
        rows.resize(len(names), width)
        return rows


def _top(group: str) -> str:
    return group.partition(".")[0]
