"""The config of one run, range-checked before any data is read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from tlbench.config.parts import TAG_LENGTH
from tlbench.errors import TlbenchError
from tlbench.seeds import LARGEST

MOST_THREADS, MOST_IN_A_BATCH = 4096, 10**6
Positive = Annotated[int, Field(ge=1, le=LARGEST)]
Whole = Annotated[int, Field(ge=0, le=LARGEST)]
MODES = ("finetune", "frozen", "last_k")
Group = dict[str, Any]
"""A group that is built from its `_target_`, with the name of its file under `name`."""


class Strict(BaseModel):
    """Base of what a config says: no key that is not known, no number that is not finite, no truth value for a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
            raise ValueError("must not be true or false")
        return value


class OptimConfig(Strict):
    """Optimiser, schedule and budget of gradient methods; part of the recipe.

    `batch_size` is per domain and over all devices; `evaluations` are the checkpoints among which a selection chooses.
    `backbone_lr` times lr is the rate of pretrained backbone weights; weights from scratch have lr itself. `balanced`: all
    classes of the labelled sets come equally often. `annealing` is the a of (1 + a p)^-0.75, 10 where a config has no such key.
    """

    name: str
    kind: Literal["sgd", "adam", "adamw"]
    lr: Annotated[float, Field(gt=0)]
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    nesterov: bool = False
    weight_decay: Annotated[float, Field(ge=0)]
    backbone_lr: Annotated[float, Field(ge=0)]
    schedule: Literal["constant", "annealed", "cosine", "quarters"]
    annealing: Annotated[float, Field(gt=0)] | None = None
    batch_size: Annotated[int, Field(ge=2, le=MOST_IN_A_BATCH)]
    balanced: bool
    steps: Positive
    evaluations: Positive

    @model_validator(mode="after")
    def _no_more_evaluations_than_steps(self) -> OptimConfig:
        if self.evaluations > self.steps:
            raise ValueError(f"evaluations={self.evaluations} is more than steps={self.steps}")
        return self

    @model_validator(mode="after")
    def _annealing_is_for_annealed(self) -> OptimConfig:
        if self.annealing is not None and self.schedule != "annealed":
            raise ValueError(f"annealing={self.annealing:g} has no say with schedule={self.schedule}")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_unset(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # run keys are hashes of this: those of configs that know no `annealing` stay what they were
        values: dict[str, Any] = handler(self)
        return {name: value for name, value in values.items() if name != "annealing" or value is not None}


class TrainerConfig(Strict):
    """Hardware. `precision`, `devices`, `accumulate` and `tf32` move numbers by design, so these are part of the run key.

    `accumulate`: parts in which the batch of a step is worked through. `checkpoint_steps`: steps between two states that
    are kept, from which an interrupted run goes on. `threads` are the processor's.
    """

    name: str
    accelerator: Literal["cpu", "gpu", "auto"]
    devices: Positive
    precision: Literal["32-true", "bf16-mixed", "16-mixed"]
    tf32: bool
    channels_last: bool
    compile: bool
    accumulate: Positive
    checkpoint_steps: Positive
    threads: Annotated[int, Field(ge=0, le=MOST_THREADS)]
    progress: bool


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
                raise ValueError(f"{word!r} is no tag: 1 to {TAG_LENGTH} letters, no comma, no space at its ends, none of "
                                 f"{', '.join(TAKEN)}")  # fmt: skip
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
        """The same recipe with a reference as its method."""
        return self.model_copy(update={"method": {**self.references.methods[name], "name": name}})


def checked(values: dict[str, Any]) -> RunConfig:
    """Values to a RunConfig; the first thing out of range becomes a one-line error."""
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise TlbenchError(first_line(error)) from error


def first_line(error: ValidationError, prefix: str = "") -> str:
    """The first finding of a ValidationError in one line: key, what is allowed, what was given."""
    first = error.errors()[0]
    key = ".".join([*([prefix] if prefix else []), *map(str, first["loc"])])
    given = "" if isinstance(first["input"], dict) else f", got {first['input']!r}"
    allowed = first["msg"].removeprefix("Value error, ")
    return f"{key or 'config'}: {allowed}{given}. Set by {key or 'the config'}=... on the command line or in conf/."
