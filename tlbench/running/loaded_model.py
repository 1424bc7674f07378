"""A run's kept model, ready for new examples: read as the run's data set reads its own, and passed as its target's are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import scipy.sparse as sp

from tlbench.classifiers.network import Network
from tlbench.data.images.image_files import from_array, from_paths
from tlbench.data.images.rows import in_cache
from tlbench.data.inputs import Inputs, as_rows, stack
from tlbench.errors import TlbenchError
from tlbench.method import GradientMethod, Reference
from tlbench.method.supervised_network import SupervisedNetwork
from tlbench.metrics import metric_named
from tlbench.running.backbone import backbone_parts
from tlbench.running.describe import weights_of
from tlbench.running.kept_model import load_estimator, load_network, model_of
from tlbench.running.setup import Setup
from tlbench.store.reading import StoreReader
from tlbench.training.device import device_of
from tlbench.training.predict import frozen_features, in_batches

if TYPE_CHECKING:
    import torch
    from torch import nn

    from tlbench.running.stage_values import Learner

Examples: TypeAlias = "np.ndarray | sp.csr_matrix | Sequence[str | Path] | Inputs"


@dataclass(frozen=True, repr=False)
class LoadedModel:
    """What a run has trained, after its last step.

    Attributes:
        record: the run's, with what it was trained on and its gain.
        classes: names of the classes, in the order of the columns of `predict_proba`.
        learner: the method itself.
    """

    record: dict[str, Any]
    setup: Setup
    learner: Learner
    still: nn.Module | None

    @property
    def classes(self) -> tuple[str, ...]:
        return self.setup.dataset.classes

    def __repr__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Tell what it was trained on, how well it does on the target's test examples, and whether transfer helped it."""
        r, sizes = self.record, self.record["sizes"]
        found = r["selections"]["last"]
        parts = [f"{sizes['source']} labelled source", f"{sizes['target_unlabelled']} unlabelled target"]
        parts += [f"{sizes['shots']} labelled target"] if sizes["shots"] else []
        oracle = "ORACLE " if r["oracle"] else ""
        score = f"{100 * found['metrics'][r['metric']]:.1f} % target {metric_named(r['metric']).title}"
        recipe = [r[name] for name in ("protocol", "backbone", "classifier")]
        lines = [
            f"{oracle}{r['method']}, {r['dataset']} {r['pair']}, {', '.join(recipe)}, seed {r['seed']}",
            f"trained on {', '.join(parts)} examples; {score} of {sizes['target_test']} after the last step",
        ]
        if (gain := found["gains"].get(r["reference"])) is not None:
            interval = f"[{gain['low']:+.1f}, {gain['high']:+.1f}]"
            lines.append(
                f"{gain['gain']:+.1f} points over {r['reference']} {interval}, {gain['flag'].replace('_', ' ')}"
            )
        return "\n".join(lines)

    def predict_proba(self, examples: Examples, domain: str = "target", *, seen: bool = False) -> np.ndarray:
        """Return (N, C) class probabilities.

        Args:
            examples: (N, ...) numbers as the data set's files hold them, before its transforms; for images in files paths, or
                (N, H, W) or (N, H, W, 3) uint8 pixels.
            domain: `target` or `source`, whose preparation the examples get. Transforms that count over a domain take the
                numbers of the run's own, so its data must be there.
            seen: the examples are as a method sees them, `tlbench.task(...).target` say, and not as files hold them.

        Raises:
            TlbenchError: examples of another kind or shape than the run's, or an image that cannot be read.
        """
        if domain not in ("source", "target"):
            raise TlbenchError(f"domain must be source or target, got {domain!r}.")
        inputs: Inputs = examples if seen else self._transformed(self._read(examples), domain)
        trained = self.setup.config.trainer.accelerator
        device = device_of(
            "cpu" if trained == "cpu" else "auto"
        )  # a model trained on a GPU is asked where there is none, too
        if self.still is not None:
            inputs = frozen_features(self.still, inputs, device)
        rule = self.setup.rejection
        found = self._outputs(inputs, domain, device)
        return found if rule is None else rule(found)

    def _outputs(self, inputs: Inputs, domain: str, device: torch.device) -> np.ndarray:
        if isinstance(self.learner, GradientMethod):
            learner = self.learner.to(device).eval()
            learner.see(domain)
            return in_batches(learner.predict_proba, inputs, device)
        return self.learner.predict_proba(as_rows(inputs), domain)

    def predict(self, examples: Examples, domain: str = "target", *, seen: bool = False) -> np.ndarray:
        """Return (N,) names of classes; arguments as `predict_proba`."""
        return np.array(self.classes, dtype=object)[self.predict_proba(examples, domain, seen=seen).argmax(axis=1)]

    def _read(self, examples: Examples) -> Inputs:
        augment, shape = self.setup.augment, self.setup.input_shape
        if augment is None:
            rows = sp.csr_matrix(examples) if sp.issparse(examples) else np.asarray(examples)
            if rows.ndim != 1 + len(shape) or rows.shape[1:] != shape or rows.dtype.kind not in "biuf":
                raise TlbenchError(
                    f"The model takes numbers of shape (N, {', '.join(map(str, shape))}), got {rows.dtype} {rows.shape}."
                )
            return rows
        if isinstance(examples, np.ndarray) and examples.dtype.kind != "U":
            return in_cache(from_array(examples, "given"), augment, "given images")
        paths = [Path(path).resolve() for path in examples]  # type: ignore[union-attr]
        if missing := next((path for path in paths if not path.is_file()), None):
            raise TlbenchError(f"Image '{missing}' does not exist.")
        return in_cache(
            from_paths(Path(paths[0].anchor), [str(p.relative_to(p.anchor)) for p in paths]), augment, "given images"
        )

    def _transformed(self, inputs: Inputs, domain: str) -> Inputs:
        dataset, pair = self.setup.dataset, self.setup.pair
        if not dataset.transforms:
            return inputs
        if self.setup.keys["data_fingerprint"] != self.record["data_fingerprint"]:
            raise TlbenchError(
                f"The data of {dataset.name} {pair} are not those that the model was trained on; its transforms count over them."
            )
        if domain == "source" and len(pair.sources) > 1:
            raise TlbenchError(
                "Examples of several sources are transformed each by its own numbers. Use domain='target'."
            )
        sources, target = (
            [dataset.load_as(name, "source") for name in pair.sources],
            dataset.load_as(pair.target, "target"),
        )
        rows = self.setup.protocol.rows(sources, target, self.setup.config.seed)
        own, fit = (target, rows.target_fit) if domain == "target" else (sources[0], rows.source_fit[0])
        whole = stack([own.inputs, inputs])
        for transform in dataset.transforms:
            whole = transform(whole, fit)
        return whole[len(own) :]


def load_model(store: StoreReader, key: str) -> LoadedModel:
    """Load the model of a run. Raises TlbenchError where it kept none, or where it does not fit its config."""
    record = store.record(key)
    if record is None:
        raise TlbenchError(f"Store '{store.where}' has no run {key}. Set by --store or $TLBENCH_STORE.")
    path = model_of(store, key)
    setup = Setup.of_stored(store.config(key))
    if record.get("weights") and record["weights"].get("sha256") != (weights_of(setup) or {}).get("sha256"):
        raise TlbenchError(
            f"Run {key} was trained from other pretrained weights {record['weights']['name']} than are here."
        )
    sizes = record["sizes"]
    held = sum(sizes[name] for name in ("source", "target_unlabelled", "target_test"))
    parts = backbone_parts(setup, setup.input_shape, held)
    still = None if parts.still is None else parts.still.backbone
    if setup.shape != "gradient":
        return LoadedModel(record, setup, load_estimator(path, setup.method), still)
    head = setup.made("classifier", in_dim=parts.left.out_dim, n_classes=setup.n_outputs)
    network = Network(parts.left, head, fixed=parts.fixed, batch_norm=setup.config.backbone.get("batch_norm", "shared"))
    if issubclass(setup.method, Reference):
        learner: GradientMethod = SupervisedNetwork(network=network, examples=[])
    else:
        learner = setup.learner(network=network)
    load_network(learner, path)
    return LoadedModel(record, setup, learner, still)
