"""What every method says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from tlbench.method.gradient import GradientMethod
    from tlbench.method.online import OnlineMethod
    from tlbench.tasks import Labelled, Task

Start = Literal["backbone", "source_model"]
PARTS = frozenset({"source", "target", "shots"})
"""Of a task."""


class Method:
    """Base of all methods.

    Attributes:
        learner: "gradient" (trained by Lightning, classifier=head), "estimator" (fitted on feature arrays), or
            "either" (references).
        family: reference, instance, feature, adversarial, self-training or parameter.
        revision: raise it when a change moves the method's numbers; it is part of the run key.
        draws: fitting it draws something by seed. False where one seed says all; only said of estimators.
        weighs: it fits the recipe's classifier with weights of the examples, which not every classifier takes.
        sees: the parts of a task that it is given; what is not among them is hidden from it (`tlbench.running.shown`).
        setting: name of the setting that it is for, where that is none of `tlbench list settings`.
        needs_shots: the method makes no sense without labelled target examples.
        needs_sources: the method makes no sense with a single source.
        counts_sources: its network has parts for each source, so it is built with their number, `n_sources`.
        source_free: a model of the source is all that the method takes of it, so that it can run where the source is private.
        uses_bridges: the method can use the unlabelled bridges of a chain; another is refused there.
        needs_bridge: the method makes no sense but on a chain over exactly one bridge; it is compared with no direct pair.
        takes_negative: its rows may hold negative numbers.
        needs_images: it changes images within a step; arrays of another kind, and features worked out beforehand, are refused.
        later: parameters that came when runs were kept already, each with the value at which the method is as without it;
            there it is in no key, so that the keys of those runs stay what they were.
        has_unknown_output: it learns to say `unknown` itself, so its network has an output more than there are known classes, and
            `protocol.reject` is not for it.
        has_rule: it is trained on the known classes and says `unknown` by a rule of its own (`tlbench.method.rejecting`), in
            place of `protocol.reject`: its network has an output for each known class, its predictions have a column more.
        online: it takes the target as a stream and predicts it batch after batch, by `OnlineMethod`.
        uses_torch: torch has a part in an estimator, and is imported and seeded for it; one of the user's own has to deny it.
        plain: the entry of `references.methods` that this method is without what it adds; the gain over it comes after those over
            the references. None for none.
        stacks: names of its numbers (parameters and attributes alike) in which runs may differ that are trained as one program;
            () for none, None where it cannot be trained so. Only what a class says itself counts, not what it inherits.
        oracle: the method uses target labels that no method has; printed with the word ORACLE.
        open_set: set by the harness for a method with a rule of its own: there is an unknown class to be said.
    """

    learner: ClassVar[Literal["gradient", "estimator", "either"]]
    family: ClassVar[str] = "other"
    revision: ClassVar[int] = 1
    draws: ClassVar[bool] = True
    weighs: ClassVar[bool] = False
    sees: ClassVar[frozenset[str]] = PARTS
    setting: ClassVar[str | None] = None
    needs_shots: ClassVar[bool] = False
    needs_sources: ClassVar[bool] = False
    counts_sources: ClassVar[bool] = False
    source_free: ClassVar[bool] = False
    uses_bridges: ClassVar[bool] = False
    needs_bridge: ClassVar[bool] = False
    takes_negative: ClassVar[bool] = True
    needs_images: ClassVar[bool] = False
    later: ClassVar[Mapping[str, Any]] = {}
    has_unknown_output: ClassVar[bool] = False
    has_rule: ClassVar[bool] = False
    online: ClassVar[bool] = False
    uses_torch: ClassVar[bool] = False
    plain: ClassVar[str | None] = None
    stacks: ClassVar[tuple[str, ...] | None] = None
    oracle: ClassVar[bool] = False
    open_set: bool = False

    def labelled(self, task: Task) -> list[Labelled]:
        """Return the labelled sets that the method trains on, pooled: the source, and the shots where there are any."""
        return [task.source] if task.shots is None else [task.source, task.shots]

    @classmethod
    def starts_from(cls, parameters: Mapping[str, Any]) -> Start:
        """Return where its network starts under these parameters: at the backbone as it comes, with a fresh head, or at the
        source model, the network that the reference without shots was trained to on the same recipe."""
        return "backbone"

    @classmethod
    def image_refusal(cls, parameters: Mapping[str, Any], height: int, width: int) -> str | None:
        """Return why a method that `needs_images` cannot work with these parameters on images of this size; None if it can."""
        return None


def is_gradient(learner: Method) -> TypeIs[GradientMethod]:
    """Tell whether a learner is a network that is trained; asked in place of `isinstance`, which would bring torch."""
    return learner.learner == "gradient"


def is_online(learner: Method) -> TypeIs[OnlineMethod]:
    """Tell whether a learner adapts to a stream while it predicts it."""
    return learner.online
