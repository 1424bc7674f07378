"""Large tables for every figure: thirty methods with names of forty letters, up to sixty pairs, sixty-five classes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tlbench.findings.calibration import reliability_table
from tlbench.findings.confusion import confusion_table
from tlbench.findings.costs import COSTS, pareto
from tlbench.findings.embeddings import NUMBERS, About
from tlbench.findings.rule import Rule
from tlbench.findings.warned_cells import warning_bins
from tlbench.reporting.figures.claimed_and_got import claimed_and_got
from tlbench.reporting.figures.class_gains import class_gains
from tlbench.reporting.figures.confusion_change import confusion_change
from tlbench.reporting.figures.cost import gain_over_cost
from tlbench.reporting.figures.distance import gain_over_distance
from tlbench.reporting.figures.embedding_maps import embedding_maps
from tlbench.reporting.figures.forest import gain_forest
from tlbench.reporting.figures.glance import glance
from tlbench.reporting.figures.heat_map import gain_heat_map
from tlbench.reporting.figures.label_efficiency import label_efficiency
from tlbench.reporting.figures.leaderboard import leaderboard
from tlbench.reporting.figures.learning_curves import learning_curves
from tlbench.reporting.figures.rank_diagram import critical_difference
from tlbench.reporting.figures.reliability import reliability
from tlbench.reporting.figures.selection_rules import selection_rules
from tlbench.reporting.figures.settings_scatter import parallel, scatter
from tlbench.reporting.figures.warning_reliability import warning_reliability
from tlbench.selection.rules import LAST, ORACLE, SOURCE_VAL
from tlbench.transfer.ranks import rank_methods

FLAGS = ["negative", "positive", "no_effect", "inconclusive", "few_seeds"]
VALIDATORS = ["iwv", "dev", "entropy", "diversity", "im", "bnm", "snd", "class_cluster", "mixval", "circular"]
RULE = Rule()


def methods(k: int, letters: int = 40) -> list[str]:
    """Names as methods with variants have them, the longest of `letters` letters."""
    return [f"ORACLE method_{i:02d} [method.weight=0.{'5' * 40}"[: letters - 1] + "]" for i in range(k)]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def gains(k: int = 30, p: int = 12) -> pd.DataFrame:
    rows = [(f"clipart{i}-realworld{i}", m) for i in range(p) for m in methods(k)]
    gain = rng().normal(0, 6, len(rows))
    flags = [FLAGS[i % 5] for i in range(len(rows))]
    return pd.DataFrame(rows, columns=["pair", "method"]).assign(
        gain=gain, gain_half=np.abs(gain) / 2 + 1, flag=flags, n_seeds=3, reference="source_only",
        seed_gains=[[g - 2, g, g + 2] for g in gain],
    )  # fmt: skip


def board(k: int = 30, p: int = 60) -> pd.DataFrame:
    scores = rng().normal(60, 8, (k, p))
    missing = np.arange(k) % 7 == 3
    return pd.DataFrame(
        {"method": methods(k), "mean": np.where(missing, np.nan, scores.mean(axis=1)), "half": 1.5,
         "average_rank": 1.0 + np.arange(k),
         "n_pairs": p - missing, "n_missing": missing.astype(int), "n_seeds": 3, "pair_scores": scores.tolist()}
    )  # fmt: skip


def curve(k: int = 30) -> pd.DataFrame:
    rows = [(m, x, i) for m in methods(k) for i, x in enumerate(["0", "1", "3", "10", "all"])]
    score = 50 + 5 * np.arange(len(rows)) % 40
    return pd.DataFrame(rows, columns=["method", "x", "x_order"]).assign(
        score=score, score_half=2.0, gain=score - 60.0, gain_half=1.0, seeds=[[s - 1.0, s + 1.0] for s in score]
    )


def checkpoints() -> tuple[pd.DataFrame, pd.DataFrame]:
    steps = np.arange(10, 110, 10)
    parts = [
        pd.DataFrame({"rule": rule, "step": steps, "score": rng().normal(60, 10, 10), "chosen": steps == 10 * (i + 1),
                      "kind": "score" if rule in (ORACLE, SOURCE_VAL) else "step" if rule == LAST else "validator"})
        for i, rule in enumerate([ORACLE, SOURCE_VAL, LAST, *VALIDATORS[:7]])
    ]  # fmt: skip
    terms = [
        pd.DataFrame({"name": n, "step": np.arange(100), "value": 10.0**-i})
        for i, n in enumerate(["loss", *methods(4)])
    ]
    return pd.concat(parts, ignore_index=True), pd.concat(terms, ignore_index=True)


def classes(n: int = 65) -> pd.DataFrame:
    gain = rng().normal(0, 10, n)
    return pd.DataFrame(
        {"class": names(n), "class_gain": gain, "class_half": 4.0, "class_flag": [FLAGS[i % 5] for i in range(n)],
         "n_class_tests": 130, "gain": gain.mean(), "n_seeds": 3, "reference": "source_only",
         "seed_gains": [[g - 3, g, g + 3] for g in gain]}
    )  # fmt: skip


def names(n: int) -> list[str]:
    return [f"printed_circuit_board_class_{i}" for i in range(n)]


def predictions(n_classes: int = 65, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    label = np.arange(20 * n_classes) % n_classes
    wrong = draw.random(len(label)) < 0.4
    return pd.DataFrame(
        {"label": label, "prediction": np.where(wrong, draw.integers(n_classes, size=len(label)), label),
         "confidence": draw.uniform(0.2, 1.0, len(label))}
    )  # fmt: skip


def over_distance(k: int = 30, p: int = 12) -> pd.DataFrame:
    table = gains(k, p).assign(dataset="office_home", n=p)
    far = dict(zip(table["pair"].unique(), np.linspace(0.5, 2, p), strict=True))
    rho = dict(zip(table["method"].unique(), np.linspace(-1, 1, k), strict=True))
    return table.assign(
        distance=table["pair"].map(far), rho=table["method"].map(rho), low=-0.9, high=0.95, p_corrected=0.0132
    )


def costs(k: int = 30) -> pd.DataFrame:
    draw, gain = rng(), np.linspace(-3, 8, k)
    spent = {cost: 10.0 ** (np.arange(k) / k + draw.uniform(0, 0.05, k)) for cost in COSTS}
    return pd.DataFrame(
        {"method": methods(k), "role": "method", "gain": gain, "gain_half": 1.0, "n_pairs": 12, "n_seeds": 3,
         "reference": "source_only", **spent, **{f"front_{c}": pareto(v, gain) for c, v in spent.items()}}
    )  # fmt: skip


def rules(k: int = 30) -> pd.DataFrame:
    rows = [(rule, m) for rule in [ORACLE, LAST, SOURCE_VAL, *VALIDATORS] for m in methods(k)]
    gap = np.abs(rng().normal(0, 3, len(rows))) * [rule != ORACLE for rule, _ in rows]
    return pd.DataFrame(rows, columns=["rule", "method"]).assign(score=70 - gap, gap=gap, n_pairs=12)


def claims(k: int = 30, p: int = 12) -> pd.DataFrame:
    printed = rng().uniform(30, 90, k * p)
    return pd.DataFrame(
        {"row": np.repeat(methods(k), p), "published": printed, "got": printed + 2, "got_sd": 1.0, "n": 5}
    )


def maps(n_classes: int = 65, kinds: tuple[str, ...] = ("raw", "trained")) -> tuple[pd.DataFrame, pd.DataFrame]:
    n, draw = 4 * n_classes, rng()
    parts = [
        pd.DataFrame({"kind": kind, "domain": domain, "row": range(n),
                      "label": [names(n_classes)[i % n_classes] for i in range(n)],
                      "x": draw.normal(size=n), "y": draw.normal(size=n)})
        for kind in kinds for domain in ("source", "target")
    ]  # fmt: skip
    found = {"raw": (0.99, 1.9, n, n, 2048), "reference": (0.8, 1.4, n, n, 256), "trained": (0.6, 0.4, n, n, 256)}
    numbers = pd.DataFrame([(kind, *found[kind]) for kind in kinds], columns=NUMBERS)
    return pd.concat(parts, ignore_index=True), numbers


def ranking(k: int = 30, p: int = 60) -> Figure:
    scores = pd.DataFrame(rng().normal(60, 3, (p, k)) + np.arange(k), columns=methods(k))
    found = critical_difference(rank_methods(scores, alpha=0.05))
    assert found is not None
    return found


def two_confusions(most: int = 15) -> Figure:
    pairs = [(predictions(seed=1), predictions(seed=2))]
    return confusion_change(confusion_table(pairs, names(65)), "source_only", "last", most=most)


def two_reliabilities() -> Figure:
    both = {methods(1)[0]: [predictions(seed=1)], "ORACLE source_and_target [x]": [predictions(seed=2)]}
    return reliability(reliability_table(both), "oracle")


def warnings(n: int = 4000) -> pd.DataFrame:
    said = rng().uniform(0, 1, n)
    return pd.DataFrame({"warning": said, "gain": rng().normal(0, 2, n) - said})


def settings(k: int) -> pd.DataFrame:
    """Cells with eight settings, some of which only a part of the methods has."""
    names = [
        "method.weight",
        "method.gamma",
        "optim.lr",
        "optim.weight_decay",
        "optim.kind",
        "classifier.bottleneck",
        "backbone.last_k",
    ]
    table = pd.DataFrame(rng().normal(0, 3, (k, len(names))), columns=names).assign(
        method=methods(k), gain=rng().normal(0, 6, k)
    )
    table["optim.kind"] = np.where(np.arange(k) % 2, "sgd", "adam")
    table["method.gamma"] = table["method.gamma"].where(np.arange(k) % 3 > 0, None)
    return table


FIGURES: dict[str, Callable[[], Figure]] = {
    "heat_map_4": lambda: gain_heat_map(gains(30, 4), RULE),
    "heat_map_few": lambda: gain_heat_map(gains(2, 2), RULE),
    "heat_map_60": lambda: gain_heat_map(gains(3, 60), RULE),
    "forest_by_pair": lambda: gain_forest(gains(30, 2), RULE),
    "forest_by_method": lambda: gain_forest(gains(3, 12), RULE, by="method"),
    "forest_cut": lambda: gain_forest(gains(30, 60), RULE, most=40),
    "glance": lambda: glance(gains(12, 10), RULE),
    "glance_few": lambda: glance(gains(1, 1), RULE),
    "leaderboard": lambda: leaderboard(board(), RULE),
    "leaderboard_few": lambda: leaderboard(board(3, 4), RULE),
    "rank_diagram": ranking,
    "label_efficiency": lambda: label_efficiency(curve()),
    "learning_curves": lambda: learning_curves(*checkpoints(), "last"),
    "class_gains": lambda: class_gains(classes(), RULE),
    "class_gains_few": lambda: class_gains(classes(5), RULE),
    "confusion_change": two_confusions,
    "confusion_change_few": lambda: two_confusions(3),
    "distance": lambda: gain_over_distance(over_distance(), RULE, "proxy A-distance of the raw features (0 to 2)"),
    "cost": lambda: gain_over_cost(costs(15), RULE),
    "cost_few": lambda: gain_over_cost(costs(4), RULE),
    "selection_rules": lambda: selection_rules(rules()),
    "selection_rules_few": lambda: selection_rules(rules(2)),
    "claimed_and_got": lambda: claimed_and_got(claims()),
    "embedding_maps": lambda: embedding_maps(
        *maps(kinds=("raw", "reference", "trained")),
        about=About("office_home, a-b, inductive", methods(1)[0], methods(2)[1], 10, "last"),
    ),
    "reliability": two_reliabilities,
    "warning_reliability": lambda: warning_reliability(warning_bins(warnings(), 0.05), "last", 0.05),
    "warning_reliability_of_one_bin": lambda: warning_reliability(warning_bins(warnings(12), 0.05), "oracle", 0.05),
    "settings_scatter": lambda: scatter(settings(30), "method.weight", "gain"),
    "settings_scatter_words": lambda: scatter(settings(3), "optim.kind", "gain"),
    "settings_scatter_parallel": lambda: parallel(settings(30), [name for name in settings(2) if "." in name]),
}
