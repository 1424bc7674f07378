"""Configs, examples and Markdown: small functions with known answers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tlbench.config.shipped import shipped
from tlbench.dashboard.configs import ABSENT, changed_keys
from tlbench.dashboard.examples import changed_examples, images_of, target_domain, trusted
from tlbench.dashboard.parts import file_of, literal
from tlbench.dashboard.views.aggregates import means
from tlbench.data.domain import Domain
from tlbench.errors import TlbenchError
from tlbench.reporting.figures.style import as_file


def predictions(predicted, confidence=0.5):
    n = len(predicted)
    return pd.DataFrame(
        {"row": np.arange(n), "id": [f"t/{i}" for i in range(n)], "label": [0, 1, 2, 0][:n], "prediction": predicted,
         "confidence": confidence}
    )  # fmt: skip


def test_changed_keys_are_those_that_differ_or_lack():
    table = changed_keys({"a": {"x": 1, "y": [1]}, "b": 0, "e": {}}, {"a": {"x": 1.0, "y": [2]}, "b": False, "c": None})
    assert table.to_numpy().tolist() == [
        ["a.y", "[1]", "[2]"], ["b", "0", "False"], ["e", "{}", ABSENT], ["c", ABSENT, "None"],
    ]  # fmt: skip
    assert changed_keys({"a": {"b": 1}}, {"a": {"b": 1}}).empty


def test_examples_that_are_lost_and_won():
    mine, other = predictions([0, 0, 2, 1], [0.2, 0.3, 0.4, 0.9]), predictions([1, 1, 2, 0])
    assert changed_examples(mine, other, "lost")["row"].tolist() == [3, 1]  # the surest first
    assert changed_examples(mine, other, "won")["row"].tolist() == [0]
    with pytest.raises(ValueError, match="different examples"):
        changed_examples(mine, other.assign(row=other["row"] + 1), "won")


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_the_rows_of_the_domain(channels):
    pixels = np.zeros((4, channels, 2, 4), np.uint8)
    pixels[3, :, 0, 0] = 255
    domain = Domain("t", pixels, np.array([0, 1, 2, 0]), np.arange(4))
    (image,) = images_of(domain, predictions([0, 1, 2, 0]).iloc[[3]])
    assert image.size == (96, 48)
    assert np.array(image.convert("L"))[0, 0] == 255
    assert np.array(image.convert("L")).sum() == 255 * 24 * 24
    with pytest.raises(TlbenchError, match="not the one"):
        images_of(domain, predictions([0, 1, 2, 0]).assign(label=1))


PICKLE = {"_target_": "builtins.open", "_args_": ["called", "w"]}


@pytest.mark.parametrize(
    "hostile",
    [
        {"_target_": "builtins.open", "name": "x"},
        {"_target_": "builtins.open", "_args_": ["called", "w"], "name": "mini_digits"},
        {**shipped("dataset", "mini_digits"), "name": "mini_digits", "transforms": [PICKLE]},
        {
            **shipped("dataset", "mini_digits"),
            "name": "mini_digits",
            "classes": ["${oc.create:{_target_:builtins.open}}"],
        },
        {**shipped("dataset", "image_folder"), "name": "mine", "root": "r", "about": {"homepage": PICKLE}},
        {**shipped("dataset", "office_caltech10"), "name": "office_caltech10", "reader": {**PICKLE, "_partial_": True}},
    ],
)
def test_code_that_is_named_by_a_store_is_never_called(hostile):
    with pytest.raises(TlbenchError, match="is read by code"):
        target_domain({"dataset": hostile, "pair": "H-P", "data_dir": "d"})
    assert not Path("called").exists()


def test_data_sets_that_tlbench_brings_are_read_with_the_plain_values_of_a_store():
    own = {**shipped("dataset", "mini_digits"), "name": "mini_digits"}
    domain = target_domain({"dataset": own, "pair": "H-P", "data_dir": "d"})
    assert (domain.name, domain.inputs.shape[1:]) == ("photo", (3, 16, 16))
    mine = {**shipped("dataset", "image_folder"), "name": "mine", "root": "elsewhere", "classes": ["a"]}
    assert trusted(mine) == mine
    assert trusted({**mine, "_recursive_": True, "strange": 1}) == mine
    fewer = {**shipped("dataset", "mini_digits"), "name": "mini_digits", "transforms": []}
    assert trusted(fewer)["transforms"] == []


@pytest.mark.parametrize("text", ["a`b", "``", "<img src=x>", "$x$", "a\nb"])
def test_markdown_sees_a_span_of_code(text):
    found = literal(text)
    fence = found[: len(found) - len(found.lstrip("`"))]
    assert found.endswith(fence)
    assert fence not in found[len(fence) : -len(fence)]
    assert "\n" not in found


def test_means_over_done_runs_greatest_loss_first():
    rows = pd.DataFrame(
        {"run_key": list("abcd"), "status": ["done", "done", "done", "failed"], "dataset": "d", "pair": "p", "protocol": "r",
         "backbone": "b", "method": ["x", "x", "y", "y"], "score": [0.5, 0.7, 0.4, np.nan], "gain": [1.0, 4.0, -3.0, np.nan],
         "gain_flag": ["inconclusive", "positive", "negative", None], "warning": [None, 0.3, None, None]}
    )  # fmt: skip
    found = means(rows)
    assert found[["method", "runs", "mean_score", "mean_gain", "runs_negative", "runs_positive"]].to_numpy().tolist() == [
        ["y", 1, 40.0, -3.0, 1, 0], ["x", 2, 60.0, 2.5, 0, 1],
    ]  # fmt: skip
    assert found["mean_warning"].tolist() == pytest.approx([np.nan, 0.3], nan_ok=True)
    assert "mean_warning" not in means(rows.assign(warning=None))


@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
def test_a_figure_s_download_has_the_bytes_of_the_report_s_file(kind):
    def draw():
        figure = Figure()
        figure.subplots().plot([0, 1], [1, 0])
        return figure

    assert file_of(draw, kind) == as_file(draw(), kind)
    assert b"CreationDate" not in file_of(draw, kind)
