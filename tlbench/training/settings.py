"""How a gradient method is trained, and on what: values that the stages of a run pass on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from tlbench.strict import Positive, Strict

MOST_THREADS, MOST_IN_A_BATCH = 4096, 10**6


class OptimConfig(Strict):
    """Optimiser, schedule and budget of gradient methods; part of the recipe.

    `batch_size` is per domain and over all devices; `evaluations` are the checkpoints among which a selection chooses.
    `backbone_lr` times lr is the rate of backbone weights that are pretrained or a source model's; those from scratch have lr
    itself. `balanced`: all classes of the labelled sets come equally often. `shares`: the labelled sets part a batch by their
    sizes, or evenly, and so do the sources of one. `label_smoothing`: share of each label that is spread over all classes, in
    every method's classification loss. `annealing` is the a of (1 + a p)^-0.75, 10 where a config has no such key.
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
    shares: Literal["proportional", "equal"] = "proportional"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    steps: Positive
    evaluations: Positive

    @model_validator(mode="before")
    @classmethod
    def _no_more_evaluations_than_steps(cls, values: Any) -> Any:
        """Take as many checkpoints as there are steps, where there would be more: `optim.steps=2` is a trial, and no mistake."""
        steps, evaluations = (
            (values.get(name) for name in ("steps", "evaluations")) if isinstance(values, dict) else (0, 0)
        )
        if type(steps) is int and type(evaluations) is int and 0 < steps < evaluations:
            return {**values, "evaluations": steps}
        return values

    @model_validator(mode="after")
    def _annealing_is_for_annealed(self) -> OptimConfig:
        if self.annealing is not None and self.schedule != "annealed":
            raise ValueError(f"annealing={self.annealing:g} has no say with schedule={self.schedule}")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_unset(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # run keys are hashes of this: those of configs that do not know a setting stay what they were
        values: dict[str, Any] = handler(self)
        plain = {"annealing": None, "shares": "proportional", "label_smoothing": 0.0}
        return {name: value for name, value in values.items() if name not in plain or value != plain[name]}


class TrainerConfig(Strict):
    """Hardware. `precision`, `devices`, `accumulate` and `tf32` move numbers by design, so these are part of the run key.

    `accumulate`: parts in which the batch of a step is worked through. `checkpoint_steps`: steps between two states that
    are kept, from which an interrupted run goes on. `threads` are the processor's. `stack`: runs that are trained as one
    program, where their methods allow it; `auto` as many as have been measured to pay.
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
    stack: Literal["auto", "off"] | Positive = "off"
