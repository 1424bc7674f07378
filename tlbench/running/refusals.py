"""Combinations that cannot be run, told before any data is read."""

from __future__ import annotations

from typing import Any

from tlbench.classifiers.estimators import FeatureClassifier
from tlbench.errors import Refused
from tlbench.method.estimator import EstimatorMethod
from tlbench.method.reference import Reference
from tlbench.running.setup import Setup
from tlbench.stream_protocol import Online


def refuse_impossible(setup: Setup) -> None:
    """Raise Refused with the reason if this method cannot run on this recipe."""
    config, method, name = setup.config, setup.method, setup.config.method["name"]
    if method.needs_shots and config.shots == 0:
        raise Refused(f"{name} needs labelled target examples, but protocol.shots is 0. Set protocol.shots=3, say.")
    if method.needs_sources and len(setup.pair.sources) < 2:
        raise Refused(
            f"{name} compares source domains, and pair={setup.pair} has one. Use pair=leave_one_out, or a pair such as "
            f"rest-{setup.pair.target}."
        )
    if setup.pair.bridges and not method.uses_bridges:
        raise Refused(f"{name} has no use for bridges, and pair={setup.pair} is a chain. Use pair={setup.pair.direct}.")
    if "source" in method.sees and setup.protocol.hides_source and not issubclass(method, Reference):
        _refuse_private(setup)
    if method.needs_bridge and len(setup.pair.bridges) != 1:
        ends = "+".join(setup.pair.sources), setup.pair.target
        raise Refused(
            f"{name} needs a chain over exactly one bridge, and pair={setup.pair} has {len(setup.pair.bridges) or 'none'}. "
            f"Use pair={ends[0]}-BRIDGE-{ends[1]}; `tlbench bridges` ranks what could stand there."
        )
    if not issubclass(method, Reference):
        _refuse_out_of_stream(setup)
    setup.protocol.refuse_impossible()
    if setup.protocol.reject is not None:
        _refuse_rule(setup)
    _refuse_own_unknown(setup)
    if method.oracle and not setup.protocol.target_test_is_held_out:
        raise Refused(
            f"ORACLE {name} would be trained on its own test examples under protocol={config.protocol['name']}. "
            "Use protocol=inductive."
        )
    if method.learner not in ("either", setup.shape):
        fitting = "classifier=head" if method.learner == "gradient" else "classifier=linear_svm, say"
        raise Refused(
            f"{name} is a method of shape '{method.learner}', but classifier={config.classifier['name']} is for "
            f"'{setup.shape}'. Use {fitting}."
        )
    built_on: type[Any] = getattr(method, "built_on", FeatureClassifier)
    if setup.shape == "estimator" and not issubclass(setup.classifier, built_on):
        raise Refused(
            f"{name} is a form of {built_on.config_name}, so that its reference is that classifier alone, but "
            f"classifier={config.classifier['name']}. Use classifier={built_on.config_name}, or leave the classifier open."
        )
    if method.weighs and not setup.takes_weights:
        raise Refused(
            f"{name} weighs its training examples, and classifier={config.classifier['name']} takes no weights. "
            "Use classifier=logistic, say."
        )
    if getattr(method, "needs_graded", False) and not getattr(setup.classifier, "graded", True):
        raise Refused(
            f"{name} works with how sure a classifier is of each class, and classifier={config.classifier['name']} is always "
            "sure. Use classifier=logistic, say."
        )
    frozen = config.backbone["mode"] == "frozen" or config.backbone["name"] == "identity"
    if setup.shape == "estimator" and not frozen:
        raise Refused(
            f"classifier={config.classifier['name']} works on fixed features, but backbone={config.backbone['name']} is "
            "to be trained. Use backbone.mode=frozen or backbone=identity."
        )
    if method.needs_images:
        _refuse_other_than_images(setup)
    if method.learner == "gradient" and frozen and not config.classifier["bottleneck"]:
        raise Refused(f"{name} has no features to adapt: the backbone is fixed and classifier.bottleneck is 0.")


def _refuse_other_than_images(setup: Setup) -> None:
    """Raise Refused where a method that changes images within a step would not get any, or would get images too small for it."""
    config, name, shape = setup.config, setup.config.method["name"], setup.input_shape
    if len(shape) != 3:
        raise Refused(
            f"{name} needs images (channels, height, width), but examples of dataset={config.dataset['name']} have shape "
            f"{tuple(shape)}. Use a data set of images."
        )
    mode = config.backbone["mode"]
    if mode != "finetune" and config.backbone["name"] != "identity" and not setup.changes_images:
        raise Refused(
            f"{name} needs images in each step, but backbone.mode={mode} has features of them worked out once, as training "
            "changes no image at random. Use backbone.mode=finetune, or an augment with random crops."
        )
    if reason := setup.method.image_refusal(config.method, *shape[1:]):
        raise Refused(f"{name} {reason}")


def _refuse_out_of_stream(setup: Setup) -> None:
    """Raise Refused where a method takes a stream and there is none, or the other way round."""
    online, name, method = isinstance(setup.protocol, Online), setup.config.method["name"], setup.method
    takes_stream = method.online and "target" not in method.sees
    if online and not takes_stream:
        raise Refused(
            f"{name} looks at target examples before it predicts them, and under protocol=online there are none. "
            "Use protocol=transductive or protocol=inductive."
        )
    if takes_stream and not online:
        raise Refused(f"{name} adapts to a stream while it predicts it. Use protocol=online.")
    if takes_stream and setup.config.keep_model:
        raise Refused(
            f"{name} is what it is in the middle of a stream, and there is no model to keep. Set keep_model=false."
        )


def _refuse_rule(setup: Setup) -> None:
    """Raise Refused where a rule has nothing to reject, or where it cannot be what says `unknown`."""
    config, classifier, rule = setup.config, setup.config.classifier["name"], setup.protocol.reject
    if setup.dataset.unknown_class is None:
        raise Refused(
            f"protocol.reject={rule} is for open sets, and dataset={config.dataset['name']} has no unknown class. "
            "Use dataset.unknown=true, or protocol.reject=null."
        )
    if setup.rejection is None:
        return
    if config.shots:
        raise Refused(
            f"protocol.shots={config.shots} labels unknown examples, too, and {config.method['name']} has no output for them "
            f"under protocol.reject={rule}. Use protocol.shots=0, or protocol.reject=null."
        )
    if not getattr(setup.classifier, "graded", True):
        raise Refused(
            f"classifier={classifier} is always sure, so protocol.reject={rule} would reject nothing. "
            "Use classifier=logistic, say."
        )


def _refuse_own_unknown(setup: Setup) -> None:
    """Raise Refused where a method says `unknown` itself and there is no such class, or shots would label its examples."""
    config, name = setup.config, setup.config.method["name"]
    if setup.method.has_unknown_output and setup.dataset.unknown_class is None:
        raise Refused(
            f"{name} learns an output for the unknown class, and dataset={config.dataset['name']} has none. Use an open set "
            "(dataset.unknown=true), such as dataset=office31_open_set, or a method for closed sets, such as dann."
        )
    if setup.own_rule and config.shots:
        raise Refused(
            f"protocol.shots={config.shots} labels unknown examples, too, and {name} has no output for them: it says `unknown` "
            "by a rule of its own. Use protocol.shots=0."
        )


def _refuse_private(setup: Setup) -> None:
    """Raise Refused where a method or its model needs source examples, which a private source does not give."""
    name, classifier, method = setup.config.method["name"], setup.config.classifier["name"], setup.method
    if not (method.source_free and issubclass(method, EstimatorMethod)):
        raise Refused(
            f"{name} needs source examples, and protocol.source=private hides them. Use protocol.source=given."
        )
    if reason := method.private_refusal(setup.config.method, shots=bool(setup.config.shots)):
        raise Refused(f"protocol.source=private hides the source's examples, and {name} {reason}")
    if setup.config.embeddings:
        raise Refused("embeddings keep source features, and protocol.source=private hides them. Set embeddings=0.")
    if method.model_keeps_classifier and getattr(setup.classifier, "keeps_examples", True):
        raise Refused(
            f"classifier={classifier} keeps its training examples, so {name} would get them with the model of a private source. "
            "Use classifier=logistic or classifier=nearest_mean."
        )
