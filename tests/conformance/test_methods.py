"""What holds for every method, whatever it does."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import baselines
from tests.conformance.cases import (
    METHODS,
    NEUTRAL,
    WITHOUT_TERMS,
    falls_back_on,
    fine_tunes,
    is_oracle,
    learns_by_gradient,
    takes_stream,
    terms_of_step,
    toy_config,
    variants,
)
from tests.support import dataset_of, ensure_run, identity_of, prepared, protocol_of
from tlbench.data.domain import Domain
from tlbench.data.files import FileDataset
from tlbench.paths import conf_dir
from tlbench.protocols import Protocol
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore
from tlbench.training.batches import PairedBatches
from tlbench.training.refresh import pools_of

GRADIENT = [method for method in METHODS if learns_by_gradient(method)]
VARIED = [(method, variant) for method in GRADIENT for variant in variants(method)]
HONEST = [method for method in METHODS if not is_oracle(method)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    """A store for all tests here: what several of them need, references too, is run once."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def blinded(tmp_path_factory) -> Path:
    """A store for all runs on target labels that are not the true ones: those are no part of a run's key."""
    return tmp_path_factory.mktemp("blinded")


def predictions(config, store: Path) -> dict[str, np.ndarray]:
    """Predictions and confidences of a run in this store, under the rules that use no target label."""
    config = config.model_copy(update={"store": str(store)})
    assert ensure_run(config) == "done", RunStore(store).record(identity_of(config)["run_key"])["reason"]
    key, rules = identity_of(config)["run_key"], ["last", "source_val"] if Setup.of(config).sees_source else ["last"]
    table = {rule: RunStore(store).predictions(key, rule) for rule in rules}
    return {
        f"{rule} {name}": t[name].to_numpy() for rule, t in table.items() for name in ("id", "prediction", "confidence")
    }


def signals(config, store: Path) -> dict[str, np.ndarray]:
    """Signals of the warnings of a run in this store."""
    record = RunStore(store).record(identity_of(config.model_copy(update={"store": str(store)}))["run_key"])
    return {
        f"steps {found['step']} {found['reference_step']} {name}": np.array(value)
        for found in record["warnings"]
        for name, value in found["signals"].items()
    }


@pytest.mark.parametrize("method", [method for method in METHODS if is_oracle(method)])
def test_one_seed_gives_equal_predictions_twice(method, toy, tmp_path, shared):
    """The other methods: below, where two runs with one seed agree although even target labels differ."""
    one, two = (predictions(toy_config(method, toy), store) for store in (shared, tmp_path / "again"))
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("method", HONEST)
def test_random_target_labels_change_no_prediction(method, shots, toy, shared, blinded, monkeypatch):
    """Every target label but those of the shots is replaced; the shots are drawn as before. One seed, two runs: they agree."""
    if shots and takes_stream(method):
        pytest.skip("a stream has no labelled examples")
    config = toy_config(method, toy, *([f"protocol.shots={shots}"] if shots else []))
    if not shots and config.shots:
        pytest.skip("this method needs labelled target examples")
    assert_blind_to_target_labels(config, shared, blinded, monkeypatch)


@pytest.mark.parametrize("method", ["dann", "coral_linear"])
def test_nor_do_they_with_a_backbone_that_is_fitted_to_both_domains(method, toy, shared, blinded, monkeypatch):
    msda = yaml.safe_load((conf_dir() / "backbone" / "msda.yaml").read_text("utf-8"))
    config = toy_config(method, toy).model_copy(update={"backbone": {"name": "msda", **msda}})
    assert_blind_to_target_labels(config, shared, blinded, monkeypatch)


def assert_blind_to_target_labels(config, shared, blinded, monkeypatch):
    before = predictions(config, shared) | signals(config, shared)
    dataset = dataset_of(config)
    true = dataset.load("right")
    draw, load = Protocol._draw_shots, FileDataset.load
    pool = protocol_of(config).rows([dataset.load("left")], true, config.seed)
    random = np.random.default_rng(9).integers(0, 3, len(true))
    labels = np.where(np.isin(np.arange(len(true)), pool.target_shots), true.labels, random)
    assert (labels != true.labels).sum() > 20

    def with_random_labels(self, name):
        return Domain(name, true.inputs, labels, true.groups) if name == "right" else load(self, name)

    monkeypatch.setattr(FileDataset, "load", with_random_labels)
    monkeypatch.setattr(Protocol, "_draw_shots", lambda self, _, *a, **k: draw(self, true, *a, **k))
    after = predictions(config, blinded) | signals(config, blinded)
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)


def test_the_oracle_does_use_target_labels(toy, tmp_path, shared, monkeypatch):
    """The test above can fail: what it replaces is what an oracle reads."""
    config = toy_config("oracle", toy)
    before = predictions(config, shared)
    load = FileDataset.load

    def with_other_labels(self, name):
        d = load(self, name)
        return Domain(name, d.inputs, (d.labels + (name == "right")) % 3, d.groups)

    monkeypatch.setattr(FileDataset, "load", with_other_labels)
    assert (before["last prediction"] != predictions(config, tmp_path / "other")["last prediction"]).any()


def one_step(method: str, variant: str, toy: Path, progress: float = 0.5):
    config = toy_config(method, toy, *([f"method.variant={variant}"] if variant else []))
    run, _ = prepared(config)
    learner, task = run.learner, run.task
    learner.prepare(task)
    looks = learner.target_views
    target = task.target if learner.needs_target else None
    (batch,) = PairedBatches(learner.labelled(task), target, batch_size=16, steps=1, seed=0, views=looks)
    learner.progress, learner.steps = progress, 400
    if learner.look_every is not None:
        learner.refresh(pools_of(learner.eval(), task, run.device))
        learner.train()
    with torch.no_grad():
        for name, parameter in learner.named_parameters():
            closed = (
                name.endswith(".up") and not parameter.any()
            )  # a change of low rank, through which no gradient passes
            if closed or not parameter.requires_grad:  # a teacher is no longer what it teaches
                parameter.add_(0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)))
    return learner, terms_of_step(learner, batch)


@pytest.mark.parametrize(("method", "variant"), VARIED)
def test_one_step_has_finite_terms_and_reaches_every_parameter(method, variant, toy):
    learner, terms = one_step(method, variant, toy)
    assert len(terms) > (method not in WITHOUT_TERMS)
    for value in terms.values():
        assert value.shape == ()
        assert torch.isfinite(value)
    sum(terms.values()).backward()
    for name, parameter in learner.named_parameters():
        if not parameter.requires_grad:  # a teacher's
            continue
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def slope(terms, learner, *, anywhere: bool = False) -> torch.Tensor:
    """The gradient in the backbone, or, `anywhere`, in all that is trained."""
    moved = [p for p in learner.parameters() if p.requires_grad] if anywhere else learner.network.backbone.parameters()
    gradients = torch.autograd.grad(terms, list(moved), retain_graph=True, allow_unused=anywhere)
    return torch.cat([g.flatten() for g in gradients if g is not None])


@pytest.mark.parametrize(("method", "variant"), VARIED)
def test_each_added_term_moves_the_network(method, variant, toy):
    learner, terms = one_step(method, variant, toy)
    for name, value in terms.items():
        assert slope(value, learner, anywhere=fine_tunes(method)).abs().sum() > 0, name


@pytest.mark.parametrize("method", [method for method in GRADIENT if len(variants(method)) > 1])
def test_each_variant_moves_the_network_another_way(method, toy):
    slopes = []
    for variant in variants(method):
        learner, terms = one_step(method, variant, toy, progress=0.01)  # schedules meet later on
        slopes.append(slope(sum(terms.values()), learner))
    for i, one in enumerate(slopes):
        assert not any(torch.allclose(one, other, rtol=1e-4, atol=1e-9) for other in slopes[:i])


@pytest.mark.parametrize("method", [method for method in GRADIENT if NEUTRAL.get(method, True) is not None])
def test_at_weight_zero_a_method_is_what_it_adds_to(method, toy, shared):
    config, other = toy_config(method, toy, *NEUTRAL.get(method, ["method.weight=0"])), falls_back_on(method)
    reference = config.as_plain(other) if fine_tunes(method) else config.as_reference(other)
    own, reference = predictions(config, shared), predictions(reference, shared)
    for name in own:
        np.testing.assert_array_equal(own[name], reference[name])


@pytest.mark.parametrize("method", METHODS)
def test_file_config_page_and_test_bear_the_methods_name(method):
    folder = Path(baselines.__file__).parent
    root = folder.parent
    text = (folder / f"{method}.py").read_text("utf-8")
    for path in re.findall(r"(?:conf|docs|tests)/[\w/.]+", ast.get_docstring(ast.parse(text)) or ""):
        assert (root / path).is_file(), path
    assert f"conf/method/{method}.yaml" in text


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_the_harness_knows_no_method_and_methods_do_not_know_one_another():
    root = Path(baselines.__file__).parent.parent
    for path in (root / "tlbench").rglob("*.py"):
        assert not any(name.split(".")[0] == "baselines" for name in imports_of(path)), path
    for path in (root / "baselines").glob("*.py"):
        assert not any(name.split(".")[0] == "baselines" for name in imports_of(path)), path
