"""Data sets of images, messages and letters in small, in the layout in which each is really distributed: check, run, report."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.trees import grow, letters, messages
from tlbench.cli import main
from tlbench.data.images.dataset import ImageDataset
from tlbench.data_commands import composed
from tlbench.listing import describe

pytestmark = pytest.mark.slow

LAYOUTS = {
    "office31": "office31/amazon/images/back_pack/frame_0001.jpg",
    "office_home": "office_home/OfficeHomeDataset_10072016/Real World/Alarm_Clock/frame_0000.jpg",
    "pacs": "pacs/kfold/photo/dog/frame_0000.jpg",
    "visda2017": "visda2017/validation/image_list.txt",
    "domainnet": "domainnet/clipart_train.txt",
    "digits": "digits/svhn/train_32x32.mat",
}
SMALL = ["augment.side=40", "augment.size=32", "optim.steps=2", "optim.evaluations=1", "optim.batch_size=8", "seed=0"]
MODELS = {
    "resnet18": ["backbone=resnet18", "backbone.pretrained=false"],
    "vit_tiny": ["backbone=timm", "backbone.name=vit_tiny_patch16_224", "backbone.pretrained=false"],
}
SMALLEST = ["backbone=timm", "backbone.name=test_resnet", "backbone.pretrained=false"]
PAGES = ("office31", "visda2017", "office_caltech10_images_open_set")
"""One set for each metric: these get all models and the whole page, which know a data set only by its names and numbers."""


def image_sets() -> list[str]:
    """Names of the configs that hold published images."""
    own = ("image_folder", "image_list", "hub")
    names = [name for name, _ in describe("dataset") if name not in (*own, "arrays")]
    return [name for name in names if isinstance(composed(name, [], None)[0], ImageDataset)]


IMAGE_SETS = image_sets()


def test_the_layouts_are_looked_at_here():
    assert {"office_caltech10_images", "domainnet126", "imageclef_da", *LAYOUTS} <= set(IMAGE_SETS)


def test_each_metric_has_its_page():
    metrics = {name: composed(name, [], None)[0].metric.name for name in IMAGE_SETS}
    assert {metrics[name] for name in PAGES} == set(metrics.values())


@pytest.mark.parametrize("name", IMAGE_SETS)
def test_check_run_and_report(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    data, store = tmp_path / "data", tmp_path / "store"
    dataset = composed(name, [f"data_dir={data}"], None)[0]
    counts = grow(dataset, data, each=1 if len(dataset.file_classes) > 60 else 2)
    if name in LAYOUTS:
        assert (data / LAYOUTS[name]).exists(), sorted(p.relative_to(data) for p in data.rglob("*"))[:20]
    here = [f"data_dir={data}", f"dataset.counts={json.dumps(counts).replace(chr(34), '')}"]
    assert main(["data", "check", name, *here]) == 0, capsys.readouterr().out
    assert main(["data", "check", name, f"data_dir={data}"]) == 1  # the real counts are others
    assert f"says {dataset.counts[dataset.domains[0]]}" in capsys.readouterr().out
    models = [*MODELS.values()] if name in PAGES else [SMALLEST]
    for model in models:
        run = [
            "run",
            f"dataset={name}",
            f"pair={dataset.pairs[0]}",
            "method=dann",
            f"store={store}",
            *here,
            *model,
            *SMALL,
        ]
        assert main(run) == 0, capsys.readouterr().err
    formats = [] if name in PAGES else ["--format", "csv"]
    assert main(["report", "--store", str(store), "--out", str(tmp_path / "out"), *formats]) == 0
    table = pd.read_csv(tmp_path / "out" / "runs.csv")
    assert set(table["status"]) == {"done"}
    assert len(table) == 2 * len(models) * table["selection"].nunique()
    assert set(table["metric"]) == {dataset.metric.name}
    assert set(table["dataset"]) == {name}
    assert formats or name in Path(tmp_path / "out" / "report.html").read_text()


NUMBERS = {
    "newsgroups_rec_talk": messages,
    "newsgroups_rec_sci": messages,
    "newsgroups_sci_talk": messages,
    "mushroom": letters,
}
"""Sets of words and letters, and what makes a small one."""


def test_all_sets_of_newsgroups_are_looked_at_here():
    assert {name for name, _ in describe("dataset") if name.startswith("newsgroups")} == set(NUMBERS) - {"mushroom"}


@pytest.mark.parametrize("name", NUMBERS)
def test_check_run_and_report_of_numbers(name, tmp_path, capsys):
    data, store = tmp_path / "data", tmp_path / "store"
    dataset = composed(name, [f"data_dir={data}"], None)[0]
    counts = NUMBERS[name](dataset, data)
    here = [f"data_dir={data}", f"dataset.counts={json.dumps(counts).replace(chr(34), '')}"]
    assert main(["data", "check", name, *here]) == 0, capsys.readouterr().out
    assert main(["data", "get", name, *here]) == 0
    assert main(["data", "check", name, f"data_dir={data}"]) == 1  # the real counts are others
    assert f"says {dataset.counts[dataset.domains[0]]}" in capsys.readouterr().out
    run = [
        f"dataset={name}",
        f"pair={dataset.pairs[0]}",
        "method=tradaboost",
        "method.rounds=4",
        "protocol.shots=1",
        "seed=0",
    ]
    assert main(["run", *run, f"store={store}", *here]) == 0, capsys.readouterr().err
    assert main(["report", "--store", str(store), "--out", str(tmp_path / "out"), "--format", "csv"]) == 0
    table = pd.read_csv(tmp_path / "out" / "runs.csv")
    assert set(table["status"]) == {"done"}
    assert set(table["dataset"]) == {name}
    assert set(table["method"]) == {"tradaboost", "target_only", "source_only", "source_and_target"}
    if name != "mushroom":
        source_only = table[table["method"] == "source_only"]["accuracy"]
        assert (source_only == 1).all()  # words of the class are in either domain


def test_a_text_recipe_of_few_labels_runs_from_end_to_end(tmp_path, capsys):
    data, out = tmp_path / "data", tmp_path / "out"
    counts = messages(composed("newsgroups_rec_talk", [], None)[0], data, each=7)
    own = [
        f"dataset.counts={json.dumps(counts).replace(chr(34), '')}",
        f"data_dir={data}",
        "seed=0,1",
        "hydra/launcher=basic",
    ]
    part = ["--part", "rec vs talk 1", "--store", str(tmp_path / "store"), "--out", str(out)]
    assert main(["reproduce", "tradaboost_icml07_text", *part, *own]) == 0, capsys.readouterr().err
    said = pd.read_csv(out / "claims.csv")
    assert said["over_what"].tolist() == [
        "seeds",
        "seeds",
    ]  # above the target alone, above pooling; nothing of other parts
    assert "2 seeds" in (out / "README.md").read_text("utf-8")
