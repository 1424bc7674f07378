"""A run as built from its config: what it is made of, before any data is read.

The one place where configs become objects. What a stage needs it gets from here as a value; `config` itself is the run's
serialised form.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from tlbench.backbones.found_weights import found_weights, own_digest
from tlbench.backbones.how_trained import is_given
from tlbench.config.build import build, classifier_shape, method_class
from tlbench.config.keys import HARNESS as HARNESS
from tlbench.config.keys import cell_key, recipe_key, run_key
from tlbench.config.schema import Group, RunConfig, checked_config
from tlbench.config.short_words import with_transforms
from tlbench.config.targets import located
from tlbench.config.typed_values import typed
from tlbench.data.base_dataset import Dataset, Pair
from tlbench.errors import TlbenchError
from tlbench.method.base import Method
from tlbench.method.reference import Reference
from tlbench.protocols import Protocol
from tlbench.running.rejection import Rejection

if TYPE_CHECKING:
    from tlbench.data.images.augment import Augment

DIRECT = "direct"
"""What a chain's run is compared with besides: the same method without the bridges."""


@dataclass(frozen=True)
class Setup:
    """What a run is made of.

    Attributes:
        augment: what is done to images in files; None where the data set holds arrays.
        method: its class; it is built once there is a network or a classifier for it.
        shape: of the recipe's classifier, `gradient` or `estimator`.
    """

    config: RunConfig
    dataset: Dataset
    pair: Pair
    protocol: Protocol
    augment: Augment | None
    method: type[Method]
    shape: str

    @classmethod
    def of(cls, config: RunConfig) -> Setup:
        """Set up a config. Raises TlbenchError where a part of it names nothing, or refuses its values."""
        dataset = shared_dataset(json.dumps(config.dataset), config.data_dir)
        return cls(
            config=config,
            dataset=dataset,
            pair=dataset.pair(config.pair),
            protocol=build("protocol", config.protocol),
            augment=build("augment", config.augment),
            method=method_class(config.method),
            shape=classifier_shape(config.classifier),
        )

    @classmethod
    def of_stored(cls, values: dict[str, Any]) -> Setup:
        """Set up a config as a store keeps it. Raises TlbenchError where this version does not take it."""
        return cls.of(checked_config(values))

    def made(
        self, kind: str, *, drop: tuple[str, ...] = (), changed: Mapping[str, Any] | None = None, **given: Any
    ) -> Any:
        """Make the object that a group of the config names.

        Args:
            drop: keys that are not its own.
            changed: values in place of the config's.
            given: what it is built with besides.
        """
        return build(kind, {**getattr(self.config, kind), **(changed or {})}, drop=drop, **given)

    def learner(self, **given: Any) -> Any:
        """Make the method, no reference, round its network or classifier; one with a rule is told whether to apply it, one with
        parts for each source how many there are."""
        if self.method.counts_sources:
            given["n_sources"] = len(self.pair.sources)
        found = self.made("method", **given)
        if self.own_rule:
            found.open_set = True
        return found

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example as the backbone gets it. Raises TlbenchError where data set and augment do not fit."""
        config = self.config
        if self.dataset.input_shape and self.augment is not None:
            raise TlbenchError(
                f"augment={config.augment['name']} is for images in files, but dataset={config.dataset['name']} holds arrays. "
                "Use augment=none."
            )
        if not self.dataset.input_shape and self.augment is None:
            raise TlbenchError(
                f"dataset={config.dataset['name']} holds images in files: choose an augment, such as augment=office."
            )
        return self.dataset.input_shape if self.augment is None else self.augment.input_shape

    @property
    def changes_images(self) -> bool:
        """Whether training images are changed at random, so that a frozen backbone has other features at each step."""
        return self.shape == "gradient" and self.augment is not None and not self.augment.is_plain

    @property
    def classifier(self) -> type:
        """Class of the recipe's classifier, or head."""
        return located("classifier", self.config.classifier)

    @property
    def rejection(self) -> Rejection | None:
        """The protocol's rule that says what is of no known class; None where there is none, or the method says it itself."""
        return None if self.protocol.reject is None or self.says_unknown else Rejection(self.protocol.reject)

    @property
    def says_unknown(self) -> bool:
        """Whether the method itself can say what is of no known class: by an output, by a rule, or as an oracle, which has
        examples of it."""
        return self.method.has_unknown_output or self.method.has_rule or self.method.oracle

    @property
    def own_rule(self) -> bool:
        """Whether a rule of the method's own is what says it; where there is no unknown class there is nothing to say."""
        return self.method.has_rule and self.dataset.unknown_class is not None

    @property
    def n_outputs(self) -> int:
        """Classes that the network or classifier tells apart."""
        return len(self.dataset.classes) - (self.rejection is not None or self.own_rule)

    @property
    def draws(self) -> bool:
        """Whether another seed could give other predictions: no, where protocol, backbone, classifier and method draw nothing."""
        backbone = self.config.backbone
        fixed = backbone["name"] == "identity" or bool(backbone.get("pretrained") or backbone.get("weights"))
        searched = bool(self.config.classifier.get("search"))
        still = self.shape == "estimator" and fixed and not searched and not _may_draw(self.classifier)
        return not still or _may_draw(self.method) or self.protocol.draws

    @property
    def needs_torch(self) -> bool:
        """Whether torch has a part in the run: a network has, or images, or code of the user's own that does not deny it.

        Without it nothing of torch is imported, seeded or set.
        """
        network = self.shape == "gradient" or not is_given(self.config.backbone)
        return network or self.augment is not None or any(map(_may_use_torch, (self.method, self.classifier)))

    @property
    def sees_source(self) -> bool:
        """Whether source examples are in a method's reach; what its `source_model` makes of them is another thing."""
        return issubclass(self.method, Reference) or ("source" in self.method.sees and not self.protocol.hides_source)

    @property
    def sees_target(self) -> bool:
        """Whether unlabelled target examples are in a method's reach."""
        return issubclass(self.method, Reference) or "target" in self.method.sees

    @property
    def takes_weights(self) -> bool:
        """Whether the recipe's classifier can be fitted with weights of the examples."""
        return bool(getattr(self.classifier, "takes_weights", True))

    @cached_property
    def keys(self) -> dict[str, str]:
        """Run key, recipe key, cell key and data fingerprint. Reads (or makes) the data of the pair."""
        fingerprint, revision = self.dataset.fingerprint(self.pair.domains), self.method.revision
        found = found_weights(self.config.backbone, self.config.data_dir)
        weights = None if found is None else own_digest(found.described)
        start = {} if self.source_model is None else self.source_model.keys
        return {
            "run_key": run_key(self.config, fingerprint, revision, weights, start.get("run_key")),
            "recipe_key": recipe_key(self.config, fingerprint, weights),
            "cell_key": cell_key(self.config, fingerprint, revision, weights, start.get("cell_key")),
            "data_fingerprint": fingerprint,
        }

    @property
    def key(self) -> str:
        return self.keys["run_key"]

    @cached_property
    def source_model(self) -> Setup | None:
        """The run whose network this one starts from: the reference without shots on the same recipe; None for none."""
        if self.method.starts_from(self.config.method) == "backbone":
            return None
        config = self.config.as_reference(self.config.references.without_shots[0])
        return Setup.of(config.model_copy(update={"keep_model": True}))

    @cached_property
    def references(self) -> dict[str, Setup]:
        """What the run is compared with, by name, primary reference first: other methods on the same recipe; then the method that
        this one adds to; of a chain also the same method on the direct pair (`direct`), if it can be without a bridge."""
        found = {name: Setup.of(self.config.as_reference(name)) for name in self.config.reference_names}
        if (plain := self.method.plain) is not None:
            config = self.config.as_plain(plain)
            method = typed(
                f"references.methods.{plain}", config.method
            )  # no reference of most runs, so not checked before
            found[plain] = Setup.of(config.model_copy(update={"method": method}))
        if self.pair.bridges and not (issubclass(self.method, Reference) or self.method.needs_bridge):
            found[DIRECT] = Setup.of(self.config.on_pair(str(self.pair.direct)))
        return found


def _may_draw(made: Any) -> bool:
    """Tell whether a class draws by seed; one of the user's own has to deny it itself, whatever it inherits."""
    return bool(getattr(made, "draws", True) if _is_ours(made) else vars(made).get("draws", True))


def _may_use_torch(made: Any) -> bool:
    """Tell whether an estimator's class may compute or draw with torch; one of the user's own has to deny it itself."""
    return bool(getattr(made, "uses_torch", False) if _is_ours(made) else vars(made).get("uses_torch", True))


def _is_ours(made: Any) -> bool:
    return getattr(made, "__module__", "").partition(".")[0] in ("tlbench", "baselines")


def shared_dataset(group: str, data_dir: str) -> Dataset:
    """Return the data set of a group (as JSON), the same object for all runs of a process that have it."""
    given = _GIVEN.get((group, data_dir))
    return _dataset(group, data_dir, os.getcwd()) if given is None else given


_GIVEN: dict[tuple[str, str], Dataset] = {}


def give_dataset(group: str, data_dir: str, dataset: Dataset) -> None:
    """Let the runs of this process have this object as a group's data set, whether its files are here or not."""
    _GIVEN[group, data_dir] = dataset


@lru_cache(maxsize=64)
def _dataset(group: str, data_dir: str, _folder: str) -> Dataset:
    """Build a data set once a process and working folder (where relative paths start): a sweep asks for it hundreds of times."""
    return dataset_named(json.loads(group), data_dir)


def dataset_named(group: Group, data_dir: str, name: str | None = None) -> Dataset:
    """Return the data set of a config group, for its names, its recipe or its data; none are read yet."""
    group = with_transforms(group)
    return build("dataset", group, name=group["name"] if name is None else name, data_dir=data_dir)


def logger_of(group: Group, **given: Any) -> Any:
    """Make the logger of a config group; None for no log."""
    return build("logger", group, **given)
