"""A step of several updates: who moves, in what order, and what a bare loop with an optimiser for each would do."""

import copy

import pytest
import torch
from torch import nn

from tests.support import config_of, gaussian_task, last_of, trained
from tlbench.backbones.small import Identity
from tlbench.classifiers.head import Head
from tlbench.classifiers.network import Network
from tlbench.errors import TlbenchError
from tlbench.method import GradientMethod
from tlbench.method.average import Average, early_decay
from tlbench.method.phases import Ascent, Phase, climb, descend, gradients, still_statistics, without_chance
from tlbench.running.rehearse import rehearse
from tlbench.running.setup import Setup
from tlbench.training.batches import PairedBatches
from tlbench.training.module import make_optimizer

TASK, HELD_OUT = gaussian_task()


class Alternating(GradientMethod):
    """The head climbs the target's spread, the features go down it; the step itself is the classification loss of all."""

    passes = 3

    def __init__(self, **base):
        super().__init__(**base)
        self.seen: list[dict[str, torch.Tensor]] = []

    def spread(self, target):
        return self.network(target.train)[1].softmax(dim=1).var(dim=0).sum()

    def plain_loss(self, labelled):
        return self.losses(labelled, None)["classification"]

    def phases(self, labelled, target):
        own = {name: list(part.parameters()) for name, part in self.parts().items()}

        def looked(terms):
            self.seen.append({n: p.detach().clone() for n, p in self.named_parameters()})
            return terms

        return [
            Phase(lambda: looked({"apart": -self.spread(target)}), own["head"]),
            Phase(lambda: looked({"together": self.spread(target)}), own["features"]),
            Phase(lambda: looked({"classification": self.plain_loss(labelled)})),
        ]

    def parts(self):
        return {
            "head": self.network.head.last,
            "features": nn.ModuleList([self.network.backbone, self.network.head.bottleneck]),
        }


def small(method=Alternating, **given):
    torch.manual_seed(0)
    head = Head(in_dim=3, n_classes=2, bottleneck=5, norm="batch", dropout=0.0)
    return method(network=Network(Identity(input_shape=(3,)), head), **given)


def settings(*words):
    return config_of("dataset=mini_digits", "pair=H-P", "method=source_only", "backbone=lenet", "classifier=head",
                     *last_of("optim.steps=6", "optim.batch_size=8", "optim.lr=0.1", "trainer=cpu", *words))  # fmt: skip


def names_in(parameters, method):
    kept = {id(p) for p in parameters}
    return {n for n, p in method.named_parameters() if id(p) in kept}


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_parameters_outside_a_phase_do_not_move_by_a_bit(kind):
    method = small()
    trained(method, TASK, HELD_OUT.test.inputs, settings(f"optim.kind={kind}"))
    head, features = (names_in(part.parameters(), method) for part in method.parts().values())
    looks = method.seen  # before each phase: three a step
    assert len(looks) == 18
    for before, after, moving in ((looks[k], looks[k + 1], (head, features)[k % 3]) for k in range(18) if k % 3 < 2):
        moved = {n for n in before if not torch.equal(before[n], after[n])}
        assert moved == moving


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_one_optimiser_does_what_a_bare_loop_does_with_the_gradients_of_each_phase(kind):
    config = settings(f"optim.kind={kind}", "optim.weight_decay=0.01")
    method, bare = small(), small()
    trained(method, TASK, HELD_OUT.test.inputs, config)
    optim = config.optim
    optimiser = make_optimizer(optim, [{"params": list(bare.parameters()), "lr": optim.lr}])
    from tlbench.training.schedules import learning_rate

    rate = learning_rate(optim.schedule, optim.annealing)
    batches = PairedBatches([TASK.source], TASK.target, batch_size=8, steps=6, seed=0)
    for step, (labelled, target) in enumerate(batches):
        optimiser.param_groups[0]["lr"] = optim.lr * rate(step / 6)
        for part in ("head", "features", None):
            sign = {"head": -1.0, "features": 1.0}.get(part)
            loss = sign * bare.spread(target) if sign else bare.plain_loss(labelled)
            optimiser.zero_grad()
            loss.backward()
            for other, module in bare.parts().items():
                if part not in (None, other):
                    for parameter in module.parameters():
                        parameter.grad = None
            optimiser.step()
    for one, other in zip(method.parameters(), bare.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


def test_terms_of_all_phases_are_logged_once_a_step():
    _, history = trained(small(), TASK, HELD_OUT.test.inputs, settings())
    assert [sorted(step) for step in history] == [["apart", "classification", "together"]] * 6


class Quadratic(GradientMethod):
    """theta^2 / 2, which is also what is climbed."""

    passes = 2
    needs_target = False

    def __init__(self, rho, adaptive=False, **base):
        super().__init__(**base)
        self.theta, self.rho, self.adaptive = nn.Parameter(torch.tensor([3.0, -4.0])), rho, adaptive
        self.where = []

    def losses(self, labelled, target):
        self.where.append(self.theta.detach().clone())
        return {"half": self.theta.square().sum() / 2}

    def ascent(self, labelled, target):
        return Ascent(lambda: self.theta.square().sum() / 2, [self.theta], self.rho, self.adaptive)


@pytest.mark.parametrize(
    ("adaptive", "climbed"),
    [
        (False, [3.3, -4.4]),  # rho g / |g| = 0.5 (3, -4) / 5
        (
            True,
            [3 + 0.5 * 27 / 337**0.5, -4 - 0.5 * 64 / 337**0.5],
        ),  # rho theta^2 g / | |theta| g | = 0.5 (27, -64) / |(9, -16)|
    ],
)
def test_the_gradient_is_taken_after_a_climb_and_the_step_from_before_it(adaptive, climbed):
    method = small(Quadratic, rho=0.5, adaptive=adaptive)
    config = settings(
        "optim.steps=1", "optim.evaluations=1", "optim.momentum=0.0", "optim.weight_decay=0.0", "optim.nesterov=false"
    )
    trained(method, TASK, HELD_OUT.test.inputs, config)
    assert method.where[0].tolist() == pytest.approx(climbed)
    want = torch.tensor([3.0, -4.0]) - config.optim.lr * torch.tensor(climbed)
    torch.testing.assert_close(method.theta.detach(), want)


def test_at_rho_zero_nothing_is_climbed_and_after_a_climb_nothing_is_left():
    torch.manual_seed(1)
    layer, x = nn.Linear(4, 2), torch.randn(5, 4)
    before = [p.detach().clone() for p in layer.parameters()]
    ascent = Ascent(lambda: layer(x).square().sum(), list(layer.parameters()), 0.3)
    kept = climb(gradients(ascent.loss(), ascent.moves), ascent)
    moved = torch.cat([(p - b).flatten() for p, b in zip(layer.parameters(), before, strict=True)])
    assert moved.norm().item() == pytest.approx(0.3, rel=1e-4)
    descend(kept)
    assert all(torch.equal(p, b) for p, b in zip(layer.parameters(), before, strict=True))
    still = small(Quadratic, rho=0.0)
    trained(still, TASK, HELD_OUT.test.inputs, settings("optim.steps=1", "optim.evaluations=1"))
    assert still.where[0].tolist() == [3.0, -4.0]


def test_batch_norms_keep_their_statistics_and_use_the_batch_s():
    norm, x = nn.BatchNorm1d(3), torch.randn(6, 3) + 5
    want = nn.BatchNorm1d(3)(x)
    with still_statistics(norm):
        torch.testing.assert_close(norm(x), want)
    assert norm.running_mean.tolist() == [0.0, 0.0, 0.0]
    assert norm.num_batches_tracked.item() == 0
    norm(x)
    assert norm.num_batches_tracked.item() == 1


def test_nothing_is_dropped_while_batch_norms_use_the_batch_and_all_is_as_before():
    module, x = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.9))), torch.randn(6, 3) + 5
    module[2].eval()
    before = [m.training for m in module.modules()]
    with without_chance(module):
        torch.testing.assert_close(module(x), nn.BatchNorm1d(3)(x))
    assert [m.training for m in module.modules()] == before


class Taught(GradientMethod):
    """Predicts by a teacher that follows the network."""

    needs_target = False

    def __init__(self, decay, **base):
        super().__init__(**base)
        self.decay, self.teacher = decay, Average(self.network)

    def losses(self, labelled, target):
        return super().losses(labelled, None)

    def after_step(self):
        self.teacher.follow(self.network, self.decay)

    def outputs(self, x):
        features, logits = self.teacher.module(x)
        return features, logits.softmax(dim=1)


def test_a_teacher_follows_after_each_update_and_before_anyone_looks():
    """Decay 0: what predicts at a checkpoint is the network as it is after the step."""
    test = HELD_OUT.test.inputs
    method, plain = small(Taught, decay=0.0), small(GradientMethod)
    plain.needs_target = False
    own, other = (trained(m, TASK, test, settings())[0] for m in (method, plain))
    for one, two in zip(own, other, strict=True):
        assert one.test == pytest.approx(two.test, abs=1e-6)
    stays = small(Taught, decay=1.0)
    before = copy.deepcopy(stays.teacher.state_dict())
    trained(stays, TASK, test, settings())
    moved = {name for name, value in stays.teacher.state_dict().items() if not torch.equal(before[name], value)}
    assert moved == {"module.head.bottleneck.1.num_batches_tracked"}  # a counter is copied


def test_an_average_is_of_weights_and_of_batch_norm_statistics_and_counters_are_copied():
    norm = nn.BatchNorm1d(2)
    average = Average(norm)
    with torch.no_grad():
        norm.weight.fill_(3.0)
    norm.running_mean.fill_(8.0)
    norm.num_batches_tracked.fill_(7)
    average.follow(norm, 0.75)
    assert average.module.weight.tolist() == [1.5, 1.5]  # 0.75 * 1 + 0.25 * 3
    assert average.module.running_mean.tolist() == [2.0, 2.0]
    assert average.module.num_batches_tracked.item() == 7
    assert not any(p.requires_grad for p in average.parameters())


def test_an_average_begins_as_the_mean_of_all_weights_so_far():
    assert [early_decay(0.9, done) for done in (1, 2, 9, 10, 100)] == pytest.approx([1 / 2, 2 / 3, 0.9, 0.9, 0.9])
    norm, values = nn.BatchNorm1d(1), [1.0, 4.0, 7.0, -2.0]  # the first is what it starts from
    average = Average(norm)
    for done, value in enumerate(values[1:], start=1):
        with torch.no_grad():
            norm.weight.fill_(value)
        average.follow(norm, early_decay(0.9, done))
    assert average.module.weight.item() == pytest.approx(2.5)


class Both(Alternating):
    """Phases, a climb and a teacher at once, with draws of its own."""

    def __init__(self, **base):
        super().__init__(**base)
        self.teacher = Average(self.network)

    def ascent(self, labelled, target):
        return Ascent(lambda: self.plain_loss(labelled), list(self.network.parameters()), 0.1)

    def spread(self, target):
        return super().spread(target.each(lambda x: x + 0.1 * torch.randn_like(x)))

    def after_step(self):
        self.teacher.follow(self.network, 0.9)

    def outputs(self, x):
        features, logits = self.teacher.module(x)
        return features, logits.softmax(dim=1)


def test_an_interrupted_run_with_phases_a_climb_and_a_teacher_goes_on_as_if_it_had_not_been(tmp_path):
    test, path = HELD_OUT.test.inputs, tmp_path / "state.ckpt"
    config = settings("trainer.checkpoint_steps=2", "optim.evaluations=3", "optim.momentum=0.9")
    whole, history = trained(small(Both), TASK, test, config)

    class Stopped(Exception):
        pass

    class Stops(Both):
        done = 0

        def after_step(self):
            super().after_step()
            self.done += 1
            if self.done == 5:
                raise Stopped

    with pytest.raises(Stopped):
        trained(small(Stops), TASK, test, config, resume=path)
    assert path.is_file()
    again, rest = trained(small(Both), TASK, test, config, resume=path)
    assert rest == history
    for one, two in zip(whole, again, strict=True):
        assert (one.test == two.test).all()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("trainer.accumulate=2", "trainer.accumulate=2 would take apart. Set trainer.accumulate=1"),
        ("trainer.devices=2", "trainer.devices=2 would take apart"),
        ("trainer.precision=16-mixed", "scales the gradient of one. Use trainer.precision=bf16-mixed"),
    ],
)
def test_a_step_of_several_updates_is_not_spread_or_scaled(word, message):
    words = ["dataset=mini_digits", "pair=H-P", "backbone=lenet", "classifier=head"]
    rehearse(Setup.of(config_of(*words, "method=mcd")))
    rehearse(Setup.of(config_of(*words, "method=mcd", "method.variant=reversal", word)))
    with pytest.raises(TlbenchError, match=message.replace(".", r"\.")):
        rehearse(Setup.of(config_of(*words, "method=mcd", word)))


class Rough(GradientMethod):
    """A climb, and a look at the target that passes by itself."""

    target_views = ("train", "again")

    def __init__(self, **base):
        super().__init__(**base)
        self.climbed, self.alone = [], []

    def losses(self, labelled, target):
        terms = super().losses(labelled, target)
        self.climbed.append(terms["classification"].detach())
        return terms

    def adaptation_terms(self, source, target):
        self.alone.append(self.seen(target.inputs["again"])[0])
        return {"none": 0 * target.features.sum()}

    def ascent(self, labelled, target):
        def loss():
            return self.losses(labelled, target)["classification"]

        return Ascent(loss, list(self.parameters()), 3.0)


def test_bf16_counts_for_what_passes_by_itself_and_for_weights_that_have_climbed():
    method = small(Rough)
    trained(method, TASK, HELD_OUT.test.inputs, settings("optim.steps=1", "trainer.precision=bf16-mixed"))
    before, after = (
        method.climbed
    )  # of one batch; a cast of the weights that was kept from before the climb would give it twice
    assert after > before + 0.1
    for features in method.alone:
        assert torch.equal(features, features.bfloat16().float())


def test_a_climb_leaves_the_statistics_of_batch_norms_to_the_step():
    method = small(Rough)
    trained(method, TASK, HELD_OUT.test.inputs, settings("optim.steps=1"))
    passes = [m.num_batches_tracked.item() for m in method.modules() if isinstance(m, nn.BatchNorm1d)]
    assert passes == [2]  # both domains at once and the other look, of the step; none of the climb before it
