"""Every method config, with what a toy run of it needs. A new method is picked up by its YAML alone."""

from __future__ import annotations

import importlib
import os
from functools import cache
from pathlib import Path

from tests.support import config_of
from tlbench.config.build import method_class
from tlbench.config.schema import RunConfig
from tlbench.method.fine_tuned import FineTuned
from tlbench.method.online import OnlineMethod
from tlbench.paths import conf_dir

METHODS = sorted(path.stem for path in (conf_dir() / "method").glob("*.yaml"))
SHORTENED = {"rounds": "method.rounds=4"}
"""Parameters that only set how long a method takes."""


SMALLER = {
    "bss": ["method.k=6"],  # all of them: a unit that is dead for all shots is a singular value of 0
    "cdac": ["method.top=2"],
    "mic": ["method.block=1"],
}
"""What fits six features, and images of 2 x 2 pixels."""
NORMED = {"stochnorm"}
"""What changes batch norms, of which the toy recipe has none."""
KEENER = {name: ["method.threshold=0.3"] for name in ("cdac", "cst", "pseudo_label", "self_ensembling")}
KEENER |= {"dance": ["method.margin=0.1"], "swad": ["method.n_converge=1"]}
"""What lets a method have its say in the few steps of a toy run, whose guesses are never sure."""


def toy_config(method: str, conf: Path, *extra: str) -> RunConfig:
    """A run of `method` on the toy data set, with shots, a bridge, images, an unknown class and no negative number only where it
    must; in this test's own store."""
    return composed(method, conf, *extra).model_copy(deep=True, update={"store": os.environ["TLBENCH_STORE"]})


@cache
def composed(method: str, conf: Path, *extra: str) -> RunConfig:
    text = (conf_dir() / "method" / f"{method}.yaml").read_text("utf-8")
    shorter = [override for key, override in SHORTENED.items() if f"{key}:" in text]
    kind = "_images" if class_of(method).needs_images else "_open" if class_of(method).has_unknown_output else ""
    dataset = f"dataset=toy{kind}"
    needs = [
        *KEENER.get(method, []),
        *SMALLER.get(method, []),
        *(["protocol.shots=2"] if class_of(method).needs_shots else []),
        *(["classifier.norm=batch"] if method in NORMED or issubclass(class_of(method), OnlineMethod) else []),
    ]
    if not class_of(method).takes_negative:
        needs.append("dataset.transforms=[{rescale:{low:-20,high:0}}]")  # x / 10 + 1
    of = class_of(method)
    pair = "pair=L-T-R" if of.needs_bridge else "pair=L+T-R" if of.needs_sources else "pair=L-R"
    return config_of(dataset, pair, f"method={method}", *shorter, *needs, *extra, config_dir=conf)


NEUTRAL = {
    "bitfit": None,
    "delta": ["method.weight=0", "method.head=0"],
    "fine_tune": [],
    "l2_sp": ["method.alpha=0", "method.beta=0"],
    "linear_probe": None,
    "lora": None,
    "lp_ft": ["method.share=0", "method.second_lr=1"],
    "stochnorm": ["method.p=1"],
    "bsp": ["method.weight=0", "method.beta=0"],
    "cdac": ["method.clustering=0", "method.pseudo=0", "method.consistency=0"],
    "cst": ["method.pseudo=0", "method.cycle=0", "method.tsallis=0", "method.rho=0"],
    "aad": None,
    "dance": None,
    "groupdro": ["method.eta=0"],
    "iwan": ["method.weight=0", "method.entropy=0"],
    "m3sda": None,
    "mcd": None,
    "mfsan": None,
    "mixup": None,
    "rsc": ["method.features=0"],
    "mic": ["method.weight=0", "method.rho=0", "method.confusion=0", "method.masked=0"],
    "nrc": None,
    "ovanet": ["method.weight=0", "method.entropy=0"],
    "pada": None,
    "sdat": ["method.weight=0", "method.rho=0"],
    "self_ensembling": ["method.weight=0", "method.decay=0"],
    "shot": None,
    "surgical": None,
    "swad": None,
}
"""What makes a method the one that it adds to (`falls_back_on`) where that is not its weight at 0 alone; None: nothing does (mcd
has two classifiers, m3sda and mfsan some for each source, pada weighs the classification loss, the rows of dance's last layer
have length 1, those that start from a source model go on from it, some train few weights, and swad's own test has the looks at
which it is)."""
WITHOUT_TERMS = {"bitfit", "fine_tune", "groupdro", "linear_probe", "lora", "lp_ft", "mixup", "rsc", "stochnorm"} | {
    "surgical", "swad"
}  # fmt: skip
"""What differs in which weights learn, or in what the classification loss is of, and adds no term to it."""


def falls_back_on(method: str) -> str:
    """The method that this one is without what it adds."""
    return class_of(method).plain or ("target_only" if fine_tunes(method) else "source_only")


def fine_tunes(method: str) -> bool:
    return issubclass(class_of(method), FineTuned)


def terms_of_step(learner, batch) -> dict:
    """The terms of all phases of one step, at the weights as they are."""
    return {name: term for phase in learner.phases(*batch) for name, term in phase.terms().items()}


def variants(method: str) -> tuple[str, ...]:
    """Losses that bear the method's name, the names in its file's VARIANTS; ("",) where there is but one."""
    return tuple(getattr(importlib.import_module(f"baselines.{method}"), "VARIANTS", ("",)))


def learns_by_gradient(method: str) -> bool:
    of = class_of(method)
    return of.learner == "gradient" and not issubclass(of, OnlineMethod)


def takes_stream(method: str) -> bool:
    return issubclass(class_of(method), OnlineMethod) and "target" not in class_of(method).sees


def is_oracle(method: str) -> bool:
    return class_of(method).oracle


def class_of(method: str):
    import yaml

    return method_class(
        {**yaml.safe_load((conf_dir() / "method" / f"{method}.yaml").read_text("utf-8")), "name": method}
    )
