"""The config of one run, range-checked before any data is read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from tlbench.errors import TlbenchError
from tlbench.store.content_keys import TAG_LENGTH
from tlbench.strict import Strict, Whole
from tlbench.training.settings import OptimConfig, TrainerConfig

MODES = ("finetune", "frozen", "last_k")
Group = dict[str, Any]
"""A group that is built from its `_target_`, with the name of its file under `name`."""


class SelectionConfig(Strict):
    """Which rule's checkpoint is reported; all rules are evaluated and stored in any case."""

    name: str
    rule: Literal[
        "last", "source_val", "oracle", "iwv", "dev", "entropy", "diversity", "im", "bnm", "snd", "class_cluster", "mixval",
        "circular",
    ]  # fmt: skip


class References(Strict):
    """Methods to compare with, the first being the one whose gain is flagged; `methods` holds their configs."""

    without_shots: Annotated[list[str], Field(min_length=1)]
    with_shots: Annotated[list[str], Field(min_length=1)]
    methods: dict[str, Group]

    @model_validator(mode="after")
    def _are_known(self) -> References:
        for name in [*self.without_shots, *self.with_shots]:
            if name not in self.methods:
                raise ValueError(f"reference {name!r} is none of {', '.join(sorted(self.methods))}")
        return self


TAKEN = ("ORACLE", "summary", "negative", "positive", "no_effect", "inconclusive", "few_seeds")
"""Tags that tlbench gives; tables join tags by commas."""


class RunConfig(Strict):
    """Everything that one run needs."""

    dataset: Group
    pair: str
    protocol: Group
    augment: Group
    backbone: Group
    classifier: Group
    method: Group
    optim: OptimConfig
    trainer: TrainerConfig
    selection: SelectionConfig
    references: References
    logger: Group
    group: str
    tags: list[str]
    seed: Whole
    alpha: Annotated[float, Field(gt=0, lt=1)]
    margin: Annotated[float, Field(ge=0)]
    validators: Whole
    distances: Whole
    embeddings: Whole
    keep_model: bool = False
    data_dir: str
    store: str
    sweep: Group | None = None

    @field_validator("embeddings")
    @classmethod
    def _enough_for_a_map(cls, embeddings: int) -> int:
        if embeddings == 1:
            raise ValueError("must be 0, or 2 or more")
        return embeddings

    @field_validator("data_dir", "store")
    @classmethod
    def _is_a_folder(cls, folder: str) -> str:
        if not folder.strip():
            raise ValueError("must name a folder")
        return folder

    @field_validator("tags", mode="before")
    @classmethod
    def _words(cls, tags: Any) -> Any:
        if not isinstance(tags, list):
            raise ValueError("must be a list such as [draft] or [draft,paper]")
        words = [str(tag) for tag in tags]
        for word in words:
            if word != word.strip() or not 0 < len(word) <= TAG_LENGTH or "," in word or word in TAKEN:
                allowed = f"1 to {TAG_LENGTH} letters, no comma, no space at its ends, none of {', '.join(TAKEN)}"
                raise ValueError(f"{word!r} is no tag: {allowed}")
        return words

    @field_validator("backbone")
    @classmethod
    def _known_mode(cls, backbone: Group) -> Group:
        if backbone.get("mode") not in MODES:
            raise ValueError(f"backbone.mode must be {' or '.join(MODES)}, got {backbone.get('mode')!r}")
        return backbone

    @property
    def shots(self) -> int | str:
        """Labelled target examples per class, or the word `all`."""
        shots = self.protocol["shots"]
        return shots if isinstance(shots, str) else int(shots)

    @property
    def reference_names(self) -> list[str]:
        """What this run is compared with, primary reference first. A reference is compared with those before it."""
        names = self.references.with_shots if self.shots else self.references.without_shots
        own = self.method["name"]
        return names[: names.index(own)] if own in names else names

    def as_reference(self, name: str) -> RunConfig:
        """Return the same recipe with a reference as its method."""
        return self.model_copy(update={"method": {**self.references.methods[name], "name": name}})

    def as_plain(self, name: str) -> RunConfig:
        """Return the same recipe with the method that this one adds to, which has the parameters that both have.

        Raises:
            TlbenchError: `references.methods` has no such entry.
        """
        if name not in self.references.methods:
            known = ", ".join(sorted(self.references.methods))
            raise TlbenchError(
                f"method={self.method['name']} is compared with {name}, and references.methods has {known}. Set by "
                f"method@references.methods.{name}={name} in conf/config.yaml."
            )
        other = self.as_reference(name).method
        shared = {k: v for k, v in self.method.items() if k in other and k not in ("_target_", "name")}
        return self.model_copy(update={"method": {**other, **shared}})

    def on_pair(self, pair: str) -> RunConfig:
        """Return the same on another pair."""
        return self.model_copy(update={"pair": pair})


def checked_config(values: dict[str, Any]) -> RunConfig:
    """Turn values into a RunConfig; the first thing out of range becomes a one-line error."""
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise TlbenchError(first_line(error)) from error


def first_line(error: ValidationError, prefix: str = "") -> str:
    """Tell the first finding of a ValidationError in one line: key, what is allowed, what was given."""
    first = error.errors()[0]
    key = ".".join([*([prefix] if prefix else []), *map(str, first["loc"])])
    given = "" if isinstance(first["input"], dict) else f", got {first['input']!r}"
    allowed = first["msg"].removeprefix("Value error, ")
    return f"{key or 'config'}: {allowed}{given}. Set by {key or 'the config'}=... on the command line or in conf/."
