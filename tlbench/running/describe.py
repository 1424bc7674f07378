"""What a record says beside its results: what the run is, how large, and what it cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tlbench import environment
from tlbench.backbones.found_weights import found_weights
from tlbench.backbones.weights import file_hash
from tlbench.method.base import is_gradient, is_online
from tlbench.method.code import code_fingerprint
from tlbench.method.reference import Reference
from tlbench.running.comparison import compared_with
from tlbench.running.setup import HARNESS, Setup
from tlbench.running.stage_values import Prepared
from tlbench.store.records import SCHEMA
from tlbench.stream_protocol import Online
from tlbench.transfer.setting import setting_of


def described(setup: Setup) -> dict[str, Any]:
    """Return what a record says of a run whatever becomes of it."""
    config, method = setup.config, setup.method
    names = {group: getattr(config, group)["name"] for group in ("dataset", "classifier", "method")}
    return {
        "schema": SCHEMA,
        **names,
        "pair": config.pair,
        "protocol": setup.protocol.label,
        "metric": setup.dataset.metric.name,
        "unknown_class": setup.dataset.unknown_class,
        "backbone": backbone_label(config.backbone),
        "weights": weights_of(setup),
        "family": method.family,
        "setting": setting_name(setup),
        "oracle": method.oracle,
        "harness": HARNESS,
        "method_revision": method.revision,
        "method_code": code_fingerprint(method),  # type: ignore[arg-type]
        "seed": config.seed,
        "draws": setup.draws,
        "selection": config.selection.rule,
        **compared_with(setup),
        "group": config.group,
        "tags": config.tags,
        "embeddings": config.embeddings,
        "versions": environment.versions(),
        "code": environment.code_version(),
    }


def setting_name(setup: Setup) -> str:
    """Return the name of a run's setting of transfer: what its method sees, and what is asked of it."""
    method, pair, dataset = setup.method, setup.pair, setup.dataset
    if method.setting is not None:
        return method.setting
    return setting_of(
        sees=method.sees, reference=issubclass(method, Reference), online=isinstance(setup.protocol, Online),
        private=setup.protocol.hides_source, bridges=bool(pair.bridges), several=len(pair.sources) > 1,
        shots=bool(setup.config.shots), unknown=dataset.unknown_class is not None, lacks_classes=dataset.lacks_classes,
    )  # fmt: skip


def backbone_label(backbone: dict[str, Any]) -> str:
    """Return what tables print: the backbone, and what of it is trained where that is not all."""
    name, mode = backbone["name"], backbone["mode"]
    if mode == "finetune" or name == "identity":
        return name
    return f"{name} frozen" if mode == "frozen" else f"{name} last {backbone['last_k']}"


def weights_of(setup: Setup) -> dict[str, str] | None:
    """Name, origin and hash of the pretrained weights that a run starts from; None where it starts from none."""
    backbone = setup.config.backbone
    if backbone.get("weights"):
        return {"name": Path(backbone["weights"]).name, "origin": "file", "sha256": file_hash(backbone["weights"])}
    if not backbone.get("pretrained"):
        return None
    found = found_weights(backbone, setup.config.data_dir)
    if found is not None:
        return found.described
    if backbone.get("checkpoint"):
        return {"name": str(backbone["checkpoint"]), "origin": "not here"}
    return {"name": str(backbone.get("model") or backbone["name"]), "origin": "download"}


def sizes_of(run: Prepared) -> dict[str, int]:
    """Count the examples of each part; `labelled` are those that the learner learns from."""
    task = run.task
    return {
        "labelled": sum(len(part) for part in run.learner.labelled(task)),
        "source": len(task.source),
        "source_val": len(task.source_val) if task.source_val is not None else 0,
        "target_unlabelled": int(task.target.shape[0]),
        **({"bridges": sum(int(bridge.shape[0]) for bridge in task.bridges)} if task.bridges else {}),
        "shots": len(task.shots) if task.shots is not None else 0,
        "target_test": int(run.test.shape[0]),
    }


def examples_seen(run: Prepared) -> int:
    """Count the examples that pass in training: batches of both domains, the stream once, or the labelled ones once."""
    optim = run.setup.config.optim
    if is_online(run.learner):
        return int(run.test.shape[0])
    if is_gradient(run.learner):
        return run.learner.batches_per_step * optim.batch_size * optim.steps
    return sizes_of(run)["labelled"]


def costs_of(seconds: dict[str, float], seen: int) -> dict[str, Any]:
    """Return seconds in all and by phase, peak memory (MiB, of the process so far), and examples a second of training."""
    return {
        "seconds": round(sum(seconds.values()), 4),
        "train_seconds": round(seconds["fit"], 4),
        "phases": {phase: round(value, 4) for phase, value in seconds.items()},
        "peak_memory_mb": round(environment.peak_memory_mb(), 1),
        "examples_per_second": round(seen / max(seconds["fit"], 1e-9), 1),
    }
