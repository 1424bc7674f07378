"""Source-free methods: what stage two adds to a source model, and what becomes of the model in it."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from baselines.aad import Aad
from baselines.nrc import VARIANTS, Nrc
from baselines.shot import Shot, cluster_labels
from tests.baselines.tiny import C, D, array, network, softmax
from tests.support import config_of, ensure_run, identity_of, last_of, loaded, prepared
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.method import TargetOutput
from tlbench.method.pools import Pools
from tlbench.running.fit import fit
from tlbench.running.kept_model import model_of, start_from
from tlbench.running.setup import Setup
from tlbench.store.runs import RunStore

N = 9
SURE = 60.0
GENERATOR = torch.Generator().manual_seed(3)
FEATURES = torch.randn(N, D, generator=GENERATOR)
LOGITS = torch.randn(N, C, generator=GENERATOR)
ROWS = torch.tensor([1, 4, 5, 8])
SHOT = {"diversity": 1.0, "pseudo": 0.3, "intervals": 4, "skip_first": False, "threshold": 0}
NRC = {"neighbours": 3, "expanded": 2, "affinity": 0.1, "balance": 1.0}
AAD = {"neighbours": 3, "dispersion": 1.0, "decay": 0.75}


class FewRows:
    target = FEATURES


def made(method, **how):
    learner = method(**how, network=network())
    learner.prepare(FewRows)
    learner.refresh(Pools(lambda: (FEATURES, LOGITS.softmax(dim=1)), lambda i: None))
    return learner


def batch(logits, rows=None):
    rows = torch.arange(len(logits)) if rows is None else rows
    return TargetOutput(torch.zeros(len(logits), D), logits.clone().requires_grad_(), rows)


def one_hot(classes, n_classes=C):
    return SURE * torch.eye(n_classes)[classes]


# SHOT


@pytest.mark.parametrize(("classes", "value"), [
    ([0, 1, 2, 0, 1, 2], -math.log(3)),  # sure and balanced: entropy 0, of the mean log 3
    ([1, 1, 1], 0.0),  # all one class: both are 0
])  # fmt: skip
def test_information_maximisation_by_hand(classes, value):
    terms = made(Shot, **SHOT | {"pseudo": 0.0}).target_terms(batch(one_hot(classes)))
    assert sum(terms.values()).item() == pytest.approx(value, abs=1e-6)
    assert set(terms) == {"entropy", "diversity"}


def test_uniform_predictions_are_worth_nothing():
    terms = made(Shot, **SHOT | {"pseudo": 0.0}).target_terms(batch(torch.zeros(4, C)))
    assert terms["entropy"].item() == pytest.approx(math.log(3))
    assert sum(terms.values()).item() == pytest.approx(0.0, abs=1e-6)


def test_the_pseudo_term_is_the_cross_entropy_with_the_labels_of_the_batchs_rows():
    method = made(Shot, **SHOT)
    logits = LOGITS[ROWS]
    p, labels = softmax(array(logits)), method.labels_M[ROWS].numpy()
    want = 0.3 * np.mean([-math.log(p[i, label]) for i, label in enumerate(labels)])
    assert method.target_terms(batch(logits, ROWS))["pseudo"].item() == pytest.approx(want, rel=1e-5)


def test_the_first_interval_may_be_without_cluster_labels():
    method = made(Shot, **SHOT | {"skip_first": True})
    for progress, there in ((0.0, False), (0.24, False), (0.25, True), (0.9, True)):
        method.progress = progress
        assert ("pseudo" in method.target_terms(batch(LOGITS))) is there


def by_hand(features, p, threshold=0):
    """Rounds of centres with loops, in double precision."""
    rows = [np.append(f, 1.0) / math.sqrt(f @ f + 1) for f in features]
    counts = np.bincount(p.argmax(axis=1), minlength=p.shape[1])
    open_classes, shares = [c for c in range(p.shape[1]) if counts[c] > threshold], p
    for _ in range(2):
        centres = {c: sum(w * r for w, r in zip(shares[:, c], rows, strict=True)) for c in open_classes}
        labels = [max(open_classes, key=lambda c, r=r: r @ centres[c] / np.linalg.norm(centres[c])) for r in rows]
        shares = np.eye(p.shape[1])[labels]
        open_classes = [c for c in open_classes if shares[:, c].any()]
    return labels


@pytest.mark.parametrize("threshold", [0, 2])
@pytest.mark.parametrize("seed", range(4))
def test_cluster_labels_agree_with_loops(seed, threshold):
    rng = np.random.default_rng(seed)
    features, p = rng.normal(size=(40, 5)), softmax(2 * rng.normal(size=(40, 6)))
    got = cluster_labels(torch.tensor(features), torch.tensor(p), threshold=threshold)
    assert got.tolist() == by_hand(features, p, threshold)


def test_a_wrong_label_within_a_cluster_comes_back_right_and_an_empty_class_takes_no_example():
    features = torch.tensor([[4.0, 0.0], [4.1, 0.1], [3.9, -0.1], [0.0, 4.0], [0.1, 4.1], [-0.1, 3.9]])
    p = torch.tensor([[0.9, 0.05, 0.05]] * 3 + [[0.05, 0.9, 0.05]] * 3)
    p[2] = torch.tensor([0.3, 0.5, 0.2])
    assert p.argmax(dim=1).tolist() == [0, 0, 1, 1, 1, 1]
    assert cluster_labels(features, p).tolist() == [0, 0, 0, 1, 1, 1]


def test_cluster_labels_do_not_depend_on_the_order_of_the_target_or_of_its_classes():
    rng = np.random.default_rng(1)
    f, p = torch.tensor(rng.normal(size=(30, 4))), torch.tensor(softmax(2 * rng.normal(size=(30, 5))))
    want, order, names = cluster_labels(f, p), rng.permutation(30), rng.permutation(5)
    assert (cluster_labels(f[order], p[order]) == want[order]).all()
    assert (torch.tensor(names)[cluster_labels(f, p[:, names])] == want).all()


# banks


def test_the_banks_hold_what_the_test_sees_and_then_what_each_step_saw_without_a_gradient():
    method = made(Nrc, **NRC)
    torch.testing.assert_close(method.features_MF, FEATURES / FEATURES.norm(dim=1, keepdim=True))
    torch.testing.assert_close(method.probabilities_MC, LOGITS.softmax(dim=1))
    features, logits = torch.randn(4, D).requires_grad_(), torch.randn(4, C).requires_grad_()
    before = method.features_MF.clone(), method.probabilities_MC.clone()
    method.target_terms(TargetOutput(features, logits, ROWS))
    others = [row for row in range(N) if row not in ROWS]
    for bank, old, new in zip(
        (method.features_MF, method.probabilities_MC), before,
        (features / features.norm(dim=1, keepdim=True), logits.softmax(dim=1)), strict=True,
    ):  # fmt: skip
        assert not bank.requires_grad
        torch.testing.assert_close(bank[ROWS], new.detach())
        assert (bank[others] == old[others]).all()


def nearest_by_hand(bank, row, k):
    return sorted((r for r in range(len(bank)) if r != row), key=lambda r: -float(bank[row] @ bank[r]))[:k]


def nrc_by_hand(bank, q, p, rows, variant, neighbours=3, expanded=2, r=0.1):
    first, second = 0.0, 0.0
    for i, row in enumerate(rows):
        for k in nearest_by_hand(bank, row, neighbours):
            theirs = nearest_by_hand(bank, k, expanded)
            first -= (1.0 if row in theirs and variant == "paper" else r) * (q[k] @ p[i])
            second -= r * sum(q[m] @ p[i] for m in theirs)
    mean = p.mean(axis=0)
    return first / len(rows), second / len(rows), float((mean * np.log(mean)).sum())


@pytest.mark.parametrize("variant", VARIANTS)
def test_nrc_agrees_with_loops(variant):
    method = made(Nrc, **NRC, variant=variant)
    target = TargetOutput(FEATURES[ROWS], LOGITS[ROWS], ROWS)
    terms = method.target_terms(target)
    bank, q = array(method.features_MF).astype(float), array(method.probabilities_MC).astype(float)
    want = nrc_by_hand(bank, q, softmax(array(LOGITS[ROWS]).astype(float)), ROWS.tolist(), variant)
    assert [terms[name].item() for name in ("neighbours", "expanded", "balance")] == pytest.approx(want, rel=1e-5)
    shares = {"paper": lambda share: 0 < share < 1, "visda_script": lambda share: share == 0}
    assert shares[variant](method.told["mutual"].item())


def test_the_gradient_of_nrc_is_that_of_fixed_neighbours():
    """d/dz of - sum w q . p at constant q: the bank, which holds the batch's own p, passes none."""
    method, logits = made(Nrc, **NRC | {"balance": 0.0}), LOGITS[ROWS].clone().requires_grad_()
    terms = method.target_terms(TargetOutput(FEATURES[ROWS], logits, ROWS))
    (got,) = torch.autograd.grad(terms["neighbours"] + terms["expanded"], logits)
    bank, q = method.features_MF, method.probabilities_MC
    weight = torch.zeros(4, N)
    for i, row in enumerate(ROWS.tolist()):
        for k in nearest_by_hand(bank, row, 3):
            theirs = nearest_by_hand(bank, k, 2)
            weight[i, k] += 1.0 if row in theirs else 0.1
            for m in theirs:
                weight[i, m] += 0.1
    p, pull = logits.detach().softmax(dim=1), weight @ q
    want = -p * (pull - (p * pull).sum(dim=1, keepdim=True)) / 4
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-7)


def test_aad_agrees_with_loops_at_any_progress():
    method = made(Aad, **AAD)
    for progress in (0.0, 0.5):
        method.progress = progress
        terms = method.target_terms(TargetOutput(FEATURES[ROWS], LOGITS[ROWS], ROWS))
        bank, q, p = method.features_MF, array(method.probabilities_MC), softmax(array(LOGITS[ROWS]).astype(float))
        near = -sum(q[k] @ p[i] for i, row in enumerate(ROWS.tolist()) for k in nearest_by_hand(bank, row, 3)) / 4
        apart = sum(p[i] @ p[j] for i in range(4) for j in range(4) if i != j) / 4
        assert terms["attraction"].item() == pytest.approx(near, rel=1e-5)
        assert terms["dispersion"].item() == pytest.approx((1 + 10 * progress) ** -0.75 * apart, rel=1e-5)


def test_a_batch_of_one_sure_class_by_hand():
    """B equal rows: each is at 1 with B - 1 others, and with each of its K neighbours."""
    method = made(Aad, **AAD)
    method.probabilities_MC[:] = torch.eye(C)[1]
    terms = method.target_terms(batch(one_hot([1] * N)))
    assert terms["attraction"].item() == pytest.approx(-3.0)
    assert terms["dispersion"].item() == pytest.approx(N - 1.0)
    assert method.told["classes"] == 1


def test_the_gradient_of_the_dispersion_passes_through_both_sides():
    """Through one side alone it would be half as long: the sum is symmetric."""
    method, logits = made(Aad, **AAD), LOGITS.clone().requires_grad_()
    (got,) = torch.autograd.grad(
        method.target_terms(TargetOutput(FEATURES, logits, torch.arange(N)))["dispersion"], logits
    )
    p = logits.detach().softmax(dim=1)
    pull = 2 * (p.sum(dim=0) - p) / N
    torch.testing.assert_close(got, p * (pull - (p * pull).sum(dim=1, keepdim=True)), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("method", "good", "bad", "told"), [
    (Shot, SHOT, {"diversity": -1.0}, "method.diversity must be 0 or more"),
    (Shot, SHOT, {"pseudo": -1.0}, "method.pseudo must be 0 or more"),
    (Shot, SHOT, {"threshold": -1}, "method.threshold must be 0 or more"),
    (Shot, SHOT, {"intervals": 0}, "method.intervals must be 1 or more"),
    (Nrc, NRC, {"neighbours": 0}, "method.neighbours must be 1 or more"),
    (Nrc, NRC, {"expanded": 0}, "method.expanded must be 1 or more"),
    (Nrc, NRC, {"affinity": 1.5}, "method.affinity must be from 0 to 1"),
    (Nrc, NRC, {"balance": -0.1}, "method.balance must be 0 or more"),
    (Nrc, NRC, {"variant": "office"}, "method.variant must be paper or visda_script"),
    (Aad, AAD, {"dispersion": -1.0}, "method.dispersion must be 0 or more"),
    (Aad, AAD, {"decay": -1.0}, "method.decay must be 0 or more"),
])  # fmt: skip
def test_refuses_what_makes_no_sense(method, good, bad, told):
    with pytest.raises(TlbenchError, match=told):
        method(**good | bad, network=network())


# runs


def words(method, *extra):
    own = [f"method={method}", "optim.steps=12", "optim.evaluations=1", "trainer=cpu", "validators=10"]
    return last_of("dataset=toy", "pair=L-R", *own, *extra)


def at(toy, store, method, *extra):
    return config_of(*words(method, *extra), config_dir=toy).model_copy(update={"store": str(store)})


@pytest.mark.parametrize("method", ["shot", "nrc", "aad"])
def test_stage_one_is_the_reference_run_and_its_key_enters_the_runs(method, toy, tmp_path):
    config = at(toy, tmp_path, method)
    assert ensure_run(config) == "done"
    store, setup = RunStore(str(tmp_path)), Setup.of(config)
    record = store.record(setup.key)
    model = setup.source_model
    assert model.key == setup.references["source_only"].key == record["source_model"]["run_key"]
    assert record["source_model"]["train_seconds"] == store.record(model.key)["costs"]["train_seconds"]
    assert model_of(store, model.key).name == "model.safetensors"
    assert set(record["selections"]["last"]["gains"]) == {"source_only"}
    assert (record["sizes"]["source"], record["sizes"]["labelled"]) == (0, 0)
    other = dataclasses.replace(setup)
    other.__dict__["source_model"] = Setup.of(model.config.model_copy(update={"seed": 5}))
    assert other.key != setup.key


def test_the_last_layer_is_that_of_the_source_model_to_the_bit_and_what_is_before_it_moves(toy, tmp_path):
    config = at(toy, tmp_path, "shot", "keep_model=true")
    assert ensure_run(config) == "done"
    from safetensors.torch import load_file

    store, setup = RunStore(str(tmp_path)), Setup.of(config)
    one, two = (load_file(model_of(store, key)) for key in (setup.source_model.key, setup.key))
    last = [name for name in one if ".last." in name]
    assert len(last) == 3
    assert set(one) == set(two)
    assert all(torch.equal(one[name], two[name]) for name in last)
    assert not any(torch.equal(one[name], two[name]) for name in one if name.endswith("weight") and name not in last)


def test_stage_two_starts_where_stage_one_ended(toy, tmp_path):
    """With nothing to do in it the predictions are those of the reference; batch norms keep the statistics of a run of rate 0."""
    config = at(toy, tmp_path, "shot", "method.pseudo=0", "classifier=head", "optim.steps=12")
    assert ensure_run(config.as_reference("source_only").model_copy(update={"keep_model": True})) == "done"
    setup = Setup.of(config)
    run, _ = prepared(config)
    start_from(run.learner, model_of(RunStore(str(tmp_path)), setup.source_model.key))
    still = config.optim.model_copy(update={"lr": 1e-30})
    run = dataclasses.replace(run, setup=dataclasses.replace(setup, config=config.model_copy(update={"optim": still})))
    (after,) = fit([run])
    want = RunStore(str(tmp_path)).predictions(setup.source_model.key, "last").sort_values("row")
    _, _, hidden = loaded(config)
    got = after.checkpoints[-1].test[hidden.file_order].max(axis=1)
    np.testing.assert_allclose(got, want["confidence"], rtol=1e-6)


def test_a_target_that_was_never_seen_begins_with_the_sources_statistics(tmp_path):
    """Of batch norms with statistics of each domain; what has seen the target keeps its own."""
    from safetensors.torch import save_file

    def made(seen):
        torch.manual_seed(0)
        head = Head(in_dim=D, n_classes=C, bottleneck=3, dropout=0.0, norm="batch")
        net = Network(Identity(input_shape=(D,)), head, batch_norm="per_domain")
        net.each([torch.randn(8, D) + 3 * i for i in range(len(seen))], seen)
        return net

    for seen, handed in ((["source"], True), (["source", "target"], False)):
        source = made(seen)
        save_file({f"network.{k}": v.clone() for k, v in source.state_dict().items()}, tmp_path / "model.safetensors")
        learner = Aad(**AAD, network=made([]))
        start_from(learner, tmp_path / "model.safetensors")
        norm = learner.network.head.bottleneck[1]
        assert torch.equal(norm.target_running_mean, norm.source_running_mean) is handed
        assert torch.equal(norm.source_running_mean, source.head.bottleneck[1].source_running_mean)


def test_an_old_network_has_the_rate_of_pretrained_weights(toy, tmp_path):
    from tlbench.training.module import AdaptationModule

    config = at(toy, tmp_path, "nrc", "optim.lr=0.1", "optim.backbone_lr=0.01")
    run, _ = prepared(config)
    rates = []
    for started in (False, True):
        run.learner.started = started
        groups = AdaptationModule(run.learner, config.optim).configure_optimizers()["optimizer"].param_groups
        rates.append([group["initial_lr"] for group in groups])
    assert rates == [[0.1, 0.1], [0.1, pytest.approx(0.001)]]


def test_shots_are_learnt_from_where_there_are_any(toy, tmp_path):
    config = at(toy, tmp_path, "nrc", "protocol.shots=2")
    run, _ = prepared(config)
    (fitted,) = fit([run])
    assert len(run.learner.labelled(run.task)[0]) == 6
    assert "classification" in fitted.history[0]
    run, _ = prepared(at(toy, tmp_path, "nrc"))
    assert "classification" not in fit([run])[0].history[0]


def test_the_recipe_smooths_the_labels_of_reference_and_method_alike(toy, tmp_path):
    config = at(toy, tmp_path, "shot")
    assert (
        config.optim.label_smoothing == Setup.of(config).references["source_only"].config.optim.label_smoothing == 0.1
    )
    run, _ = prepared(config.as_reference("source_only"))
    method = run.learner
    logits, labels = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([0])
    method.label_smoothing = 0.1
    p = softmax(logits.numpy())[0]
    want = -(0.9 * math.log(p[0]) + 0.1 / 3 * np.log(p).sum())  # 0.9 + 0.1 / 3 on the label, 0.1 / 3 on each other
    assert method.classification(logits, labels).item() == pytest.approx(want, rel=1e-5)


@pytest.mark.parametrize("rule", ["source_val", "iwv", "dev", "circular"])
def test_a_validator_that_looks_at_the_source_is_refused_with_words(rule, toy, tmp_path):
    from tests.support import rehearsed

    with pytest.raises(TlbenchError, match=f"selection={rule} looks at source examples, and shot is not given any"):
        rehearsed(at(toy, tmp_path, "shot", f"selection={rule}"))
    rehearsed(at(toy, tmp_path, "shot", "selection=im"))


def test_a_failed_or_damaged_stage_one_is_told(toy, tmp_path):
    config = at(toy, tmp_path, "aad")
    setup, store = Setup.of(config), RunStore(str(tmp_path))
    assert ensure_run(setup.source_model.config) == "done"
    model_of(store, setup.source_model.key).write_bytes(b"other")
    assert ensure_run(config) == "failed"
    assert "is not what was written" in store.record(identity_of(config)["run_key"])["reason"]
