"""SWAD: where the valley begins and ends by arithmetic, what is averaged, and what predicts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from baselines.swad import Swad, equal_shares
from tests.baselines.tiny import C, D, network, softmax
from tests.support import config_of, ensure_run, gaussian_task, identity_of, last_of, prepared, trained
from tests.training.test_resume import same, train
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.method.pools import Pools
from tlbench.method.valley import Valley
from tlbench.running.kept_model import load_network, save_learner
from tlbench.store.runs import RunStore

GIVEN = {"checks": 5, "n_converge": 3, "n_tolerance": 6, "tolerance_ratio": 1.3}
EACH = 2
"""Steps of a part in these tests."""


def at(net, value):
    """All weights are this number."""
    with torch.no_grad():
        for p in net.parameters():
            p.fill_(value)
    return net


def read(valley):
    """The one number that all weights of the average are."""
    flat = torch.cat([p.flatten() for p in valley.network.parameters()])
    assert flat.min() == flat.max()
    return flat[0].item()


def after(losses, n_converge=3, n_tolerance=6, ratio=1.3, more=0):
    """A valley after these looks and some more steps; the weights after step t are t, for t from 1 on."""
    valley, net = Valley(network(), n_converge=n_converge, n_tolerance=n_tolerance, ratio=ratio), network()
    valley.make_room()
    for i, loss in enumerate(losses):
        for t in range(EACH * i + 1, EACH * (i + 1) + 1):
            valley.follow(at(net, t))
        valley.look(torch.tensor(loss))
    for t in range(EACH * len(losses) + 1, EACH * len(losses) + 1 + more):
        valley.follow(at(net, t))
    return valley


def parts(first, last, more=0):
    """Number and mean of the weights of steps EACH (first - 1) + 1 to EACH last + more."""
    steps = np.arange(EACH * (first - 1) + 1, EACH * last + more + 1)
    return len(steps), steps.mean()


@pytest.mark.parametrize(("losses", "how", "more", "first", "last"), [
    # no loss is the least of the three that it begins: the mean of the part under way
    ([5, 4, 3, 2, 1], {}, 1, 6, 5), ([5, 4, 3, 2, 1], {}, 2, 6, 5), ([3, 3], {}, 1, 3, 2),
    # 1 <= 2, 3: part 3 begins it. The limit is 1.3 * 2 = 2.6, and it goes on
    ([3, 2, 1, 2, 3], {}, 0, 3, 5), ([3, 2, 1, 2, 3], {}, 1, 3, 5),
    # five losses above 2.6 do not end it, six do, with the last before them, part 6. The sixth below 2.6: it goes on
    ([3, 2, 1, 2, 3, 2.5, 3, 3, 3, 3, 3], {}, 1, 3, 11), ([3, 2, 1, 2, 3, 2.5, 3, 3, 3, 3, 3, 2.7], {}, 1, 3, 6),
    ([3, 2, 1, 2, 3, 2.5, 3, 3, 3, 3, 3, 2.5], {}, 1, 3, 12),
    # equal losses: the first begins it
    ([2, 2, 2], {}, 0, 1, 3),
    # limit 2.6: parts 3 to 8 are above it; a second valley is none of its business
    ([1, 2, 3, 9, 9, 9, 9, 9, 9, 0.1, 0.1, 0.1], {}, 2, 1, 2),
    # limit 1.3 * 4 = 5.2; parts 3 to 8 are above it, of which part 3 was among those that found the valley
    ([1, 2, 9, 9, 9, 9, 9, 9], {}, 3, 1, 2),
    # one look above the limit: 1.3 * 1.5 = 1.95, which part 4 is above
    ([3, 1, 2, 4, 1], {"n_converge": 2, "n_tolerance": 1}, 1, 2, 3),
    # any first look begins it; ratio 1: limit 2, which part 3 is above and part 4 is not
    ([2, 1, 3, 1], {"n_converge": 1, "n_tolerance": 1, "ratio": 1.0}, 1, 1, 2),
    ([2, 1, 3, 1], {"n_converge": 1, "n_tolerance": 2, "ratio": 1.0}, 1, 1, 4),
])  # fmt: skip
def test_the_window_by_arithmetic(losses, how, more, first, last):
    """`first` above `last` is a part that is under way."""
    valley = after(losses, **how, more=more)
    count, mean = parts(first, last, more=0 if valley.closed else more)
    assert valley.averaged.item() == count
    assert read(valley) == pytest.approx(mean, rel=1e-6)


def by_algorithm_one(losses, n_converge, n_tolerance, ratio):
    """First and last part, from 1 on, as the paper's algorithm finds them in a whole list; None before the valley."""
    start, limit = None, None
    for i in range(1, len(losses) + 1):
        if start is None:
            window = losses[i - n_converge : i] if i >= n_converge else None
            if window and window[0] == min(window):
                start, limit = i - n_converge + 1, ratio * sum(window) / n_converge
        elif min(losses[max(0, i - n_tolerance) : i]) > limit and i > n_tolerance:
            return start, i - n_tolerance
    return None if start is None else (start, len(losses))


@pytest.mark.parametrize("seed", range(40))
def test_windows_of_random_losses_are_those_of_the_algorithm_on_the_whole_list(seed):
    rng = np.random.default_rng(seed)
    how = {"n_converge": rng.integers(1, 5), "n_tolerance": rng.integers(1, 6), "ratio": rng.choice([1.0, 1.1, 1.3])}
    losses = rng.integers(2, 9, 15) / 2 + np.linspace(2, 0, 15) * rng.integers(0, 2)
    for n in range(1, 16):
        got, want = after(losses[:n].tolist(), **how), by_algorithm_one(losses[:n].tolist(), **how)
        if want is not None:
            assert got.averaged.item() == parts(*want)[0]
            assert read(got) == pytest.approx(parts(*want)[1], rel=1e-6)
        else:
            assert (got.averaged.item(), got.limit.item()) == (0, np.inf)


def test_weights_that_stay_are_the_average_to_the_bit():
    valley, net = Valley(network(), n_converge=3, n_tolerance=2, ratio=1.3), network()
    valley.make_room()
    for loss in (1.0, 1.1, 1.2, 1.0, 7.0, 7.0, 7.0):
        for _ in range(3):
            valley.follow(net)
        valley.look(torch.tensor(loss))
    assert valley.closed
    assert all(torch.equal(a, b) for a, b in zip(valley.network.parameters(), net.parameters(), strict=True))


# the method


def ready(net=None, val_of=None, **how):
    torch.manual_seed(0)
    method = Swad(**GIVEN | how, network=net or network())
    task, _ = gaussian_task()
    of = np.arange(len(task.source_val)) % 3 if val_of is None else val_of
    task = replace(task, source_names=("a", "b", "c"), source_of=np.arange(60) % 3, source_val_of=of)
    method.prepare(task)
    method.steps = 10
    return method, task


def test_the_loss_is_of_the_trained_network_and_each_source_counts_as_much():
    """Of 20 held-out examples 5, 12 and 3: a naive mean of means in float64."""
    of = np.repeat([0, 1, 2], [5, 12, 3])
    method, task = ready(val_of=of)
    logits = torch.randn(20, C, generator=torch.Generator().manual_seed(1))
    asked = []
    pools = Pools(None, None, lambda net: asked.append(net) or logits)
    method.refresh(pools)
    assert not asked  # nothing was trained yet
    method.progress = 0.2
    method.refresh(pools)
    assert asked == [method.network]
    p = softmax(logits.double().numpy())[np.arange(20), task.source_val.labels]
    want = np.mean([-np.log(p[of == e]).mean() for e in range(3)])
    assert method.valley.losses[-1].item() == pytest.approx(want, rel=1e-6)
    np.testing.assert_allclose(equal_shares(None, 4), 0.25)


def test_it_predicts_by_the_average_and_trains_the_network():
    method, _ = ready()
    x = torch.randn(3, D)
    at(method.valley.network, 0.5)
    torch.testing.assert_close(method.predict_proba(x), method.valley.network(x)[1].softmax(dim=1))
    terms = method.losses([(torch.randn(4, D), torch.arange(4) % C)] * 2, None)
    terms["classification"].backward()
    assert set(terms) == {"classification"}
    assert all(p.grad is None for p in method.valley.parameters())
    assert all(p.grad is not None for p in method.network.parameters())


@pytest.mark.parametrize("batch_norm", ["shared", "per_domain"])
def test_statistics_are_of_the_average_and_nothing_is_dropped_or_drawn(batch_norm):
    head = Head(in_dim=D, n_classes=C, bottleneck=4, norm="batch", dropout=0.5)
    method, _ = ready(Network(Identity(input_shape=(D,)), head, batch_norm=batch_norm))
    average = at(method.double().valley.network, 0.5)  # as on a device, names of one tensor are then of two
    batches = [(torch.randn(6, D, dtype=torch.float64), torch.arange(6) % C) for _ in range(2)]
    torch.manual_seed(3)
    method.losses(batches, None)
    drawn = torch.rand(1)
    norm = average.head.bottleneck[1]
    # before the norm each of four numbers is 0.5 * sum x + 0.5; momentum 0.1 from a mean of 0
    rows = torch.cat([x for x, _ in batches]).sum(dim=1) * 0.5 + 0.5
    average.eval().see("target")
    torch.testing.assert_close(norm.running_mean, (0.1 * rows.mean()).expand(4), rtol=1e-5, atol=1e-6)
    torch.manual_seed(3)
    plain, _ = ready(
        Network(Identity(input_shape=(D,)), Head(in_dim=D, n_classes=C, bottleneck=4, norm="batch", dropout=0.5))
    )
    torch.manual_seed(3)
    plain.double().valley.eval()
    plain.losses(batches, None)
    assert torch.equal(torch.rand(1), drawn)


def words(*extra):
    own = ["dataset=toy", "pair=L+T-R", "method=swad", "optim.batch_size=10", "trainer=cpu", "optim.steps=13"]
    return last_of(*own, "optim.evaluations=3", "trainer.checkpoint_steps=4", "method.checks=6", "validators=0", *extra)


BRIEF = ["method.n_converge=1", "method.n_tolerance=1", "method.tolerance_ratio=1", "optim.lr=3"]
"""What makes a valley end in few steps."""


@pytest.mark.parametrize(
    ("kill_at", "more"),
    [(4, []), (9, []), (9, ["method.n_converge=1"]), (12, BRIEF)],
    ids=["at", "in", "valley", "after"],
)
def test_interrupted_it_goes_on_to_equal_values(kill_at, more, toy, tmp_path, monkeypatch):
    """Before a valley, in it, and after it; a look each two steps, so that states lie before a look and within a part."""
    config = config_of(*words("classifier.norm=batch", "classifier.dropout=0.5", *more), config_dir=toy)
    whole = train(config)
    assert bool(whole[0].valley.limit.isinf()) == (not more)
    assert bool(whole[0].valley.closed) == (more == BRIEF)
    train(config, tmp_path / "s.ckpt", kill_at, monkeypatch)
    same(whole, train(config, tmp_path / "s.ckpt"))


def test_what_is_averaged_in_a_run(toy, tmp_path):
    """Every step's weights from the first part on, as any first look begins the valley; a kept model predicts the same."""
    run, _ = prepared(config_of(*words("method.n_converge=1", "method.tolerance_ratio=9"), config_dir=toy))
    assert run.task.source_val_of.tolist() == [0] * 12 + [1] * 12  # of 60 each
    learner, seen = run.learner, []
    step = learner.after_step
    learner.after_step = lambda: step() or seen.append([p.detach().double() for p in learner.network.parameters()])
    _, history = trained(learner, run.task, run.test, config_of(*words(), config_dir=toy))
    for i, p in enumerate(learner.valley.network.parameters()):
        torch.testing.assert_close(p.double(), torch.stack([now[i] for now in seen]).mean(dim=0), rtol=1e-5, atol=1e-6)
    assert [row["averaged"] for row in history] == list(range(13))
    assert ["held_out" in row for row in history] == [False] * 2 + [True] * 11
    again, _ = prepared(config_of(*words(), config_dir=toy))
    load_network(again.learner, save_learner(learner, tmp_path / "kept"))
    x = torch.randn(5, 4)
    torch.testing.assert_close(again.learner.eval().predict_proba(x), learner.eval().predict_proba(x))
    assert learner.task_state == {"valley.ends", "valley.counts"}


def test_at_each_steps_weights_alone_it_is_the_reference(toy, tmp_path):
    """A look a step and more looks to begin with than there are: the mean of one step's weights."""
    config = config_of(*words("method.checks=13", "method.n_converge=14"), config_dir=toy)
    config = config.model_copy(update={"store": str(tmp_path)})
    assert ensure_run(config) == "done"
    store, key = RunStore(str(tmp_path)), identity_of(config)["run_key"]
    reference = store.record(key)["selections"]["last"]["gains"]["source_only"]["run_key"]
    for rule in ("last", "source_val"):
        pd.testing.assert_frame_equal(
            store.predictions(key, rule), store.predictions(reference, rule), check_exact=True
        )


def test_without_held_out_examples_it_is_refused(toy, tmp_path):
    for protocol in ("protocol=transductive", "protocol.source_val=0"):
        config = config_of(*words(protocol), config_dir=toy).model_copy(update={"store": str(tmp_path)})
        assert ensure_run(config) == "skipped"
        told = RunStore(str(tmp_path)).record(identity_of(config)["run_key"])["reason"]
        assert "swad looks at the loss of held-out source examples, and there are none" in told


@pytest.mark.parametrize("bad", [{"checks": 0}, {"n_converge": 0}, {"n_tolerance": 0}, {"tolerance_ratio": 0.9}])
def test_refuses_what_makes_no_sense(bad):
    Swad(**GIVEN, network=network())
    with pytest.raises(TlbenchError, match=f"method.{next(iter(bad))} must be 1 or more"):
        Swad(**GIVEN | bad, network=network())
