"""ttl: the loss and its updates against loops, what the updates come to, and classes that go over a bridge."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp

from baselines.ttl import Ttl
from tlbench.classifiers.closed_forms import NearestMean
from tlbench.classifiers.estimators import Logistic
from tlbench.errors import Refused, TlbenchError
from tlbench.functional.coupled_factors import CoupledFactors, Term, memberships
from tlbench.tasks import Labelled, Task

C, WIDTH = 3, 6
WORDS = np.random.default_rng(3).gamma(0.5, size=(4, C, WIDTH))
WORDS /= WORDS.sum(axis=2, keepdims=True)


def domain(blocks, seed, n=60):
    """Rows of counts, over their sum, in four blocks of words; a domain uses two of them."""
    rng = np.random.default_rng(seed)
    labels, x = np.arange(n) % C, np.zeros((n, 4 * WIDTH))
    for block in blocks:
        x[:, block * WIDTH : (block + 1) * WIDTH] = rng.poisson(30 * WORDS[block][labels])
    return x / x.sum(axis=1, keepdims=True), labels


(XS, YS), (XB, YB), (XT, YT), (TEST, TEST_Y) = (
    domain(blocks, seed) for seed, blocks in enumerate([(0, 1), (1, 2), (2, 3), (2, 3)])
)
CHAIN = Task(Labelled(XS, YS), XT, None, None, C, (4 * WIDTH,), bridges=(XB,))


def ttl(seed=0, n_classes=C, **changed):
    settings = {"shared_source": 8, "shared_target": 7, "own": 4, "rounds": 40, **changed}
    return Ttl(**settings, classifier=NearestMean(n_classes=n_classes, seed=seed))


def right(method, x=TEST, labels=TEST_Y):
    return (method.predict_proba(x).argmax(axis=1) == labels).mean()


# ---- the factorisation


def small(seed=0):
    """Two terms with one membership in common and one block in common, a third of its own; sizes differ everywhere."""
    rng = np.random.default_rng(seed)
    x = [rng.gamma(1.0, size=(n, 4)) for n in (5, 7)]
    terms = [Term(x[0], 0.7, 0, (0, 1)), Term(x[1], 1.3, 1, (0, 2)), Term(x[1], 0.4, 1, (2,))]
    return CoupledFactors(terms, [rng.uniform(size=(n, 2)) for n in (5, 7)], {0}, (3, 2, 2), rng)


def naive_parts(found, term):
    f = np.concatenate([found.f[k] for k in term.blocks], axis=1)
    a = np.concatenate([found.a[k] for k in term.blocks], axis=0)
    return f, a, found.g[term.members]


def naive_loss(found):
    total = 0.0
    for term in found.terms:
        f, a, g = naive_parts(found, term)
        for i, d in product(range(len(term.x_ND)), range(4)):
            made = sum(g[i, c] * a[k, c] * f[d, k] for c in range(a.shape[1]) for k in range(len(a)))
            total += term.weight * (term.x_ND[i, d] - made) ** 2
    return total


def naive_steps(found, kind):
    """Each entry times [slope of what is to be made] / [slope of what is made], entry by entry from the loss."""
    new = [v.copy() for v in getattr(found, kind)]
    for place, values in enumerate(getattr(found, kind)):
        for at in np.ndindex(values.shape):
            seen = made = 0.0
            for term in found.terms:
                if place not in (term.blocks if kind != "g" else (term.members,)):
                    continue
                f, a, g = naive_parts(found, term)
                start = sum(found.f[k].shape[1] for k in term.blocks[: term.blocks.index(place)]) if kind != "g" else 0
                slope = np.zeros((len(term.x_ND), 4))  # of G A' F' by this entry
                if kind == "f":
                    slope[:, at[0]] = g @ a[start + at[1]]
                elif kind == "a":
                    slope = np.outer(g[:, at[1]], f[:, start + at[0]])
                else:
                    slope[at[0]] = f @ a[:, at[1]]
                seen += term.weight * (slope * term.x_ND).sum()
                made += term.weight * (slope * (g @ a.T @ f.T)).sum()
            new[place][at] = values[at] * seen / made
    return new


def test_the_loss_by_hand_and_against_a_loop():
    one = CoupledFactors(
        [Term(np.array([[2.0, 0.0]]), 3.0, 0, (0,))], [np.ones((1, 1))], (), (1,), np.random.default_rng()
    )
    one.f, one.a = [np.array([[0.5], [0.5]])], [np.array([[2.0]])]
    assert one.objective() == pytest.approx(3 * ((2 - 1) ** 2 + (0 - 1) ** 2))
    assert small().objective() == pytest.approx(naive_loss(small()))


@pytest.mark.parametrize("kind", ["f", "a", "g"])
def test_each_update_against_a_loop_over_its_entries(kind):
    found = small()
    want = naive_steps(found, kind)
    if kind == "g":
        want[0] = found.g[0].copy()  # fixed
    getattr(found, f"update_{kind}")()
    for got, wanted in zip(getattr(found, kind), want, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9)


def test_no_update_raises_the_loss_and_rescaling_leaves_it():
    for seed in range(5):
        found = small(seed)
        before = found.objective()
        for step in ["update_f", "rescale", "update_a", "update_g"] * 40:
            getattr(found, step)()
            now = found.objective()
            assert now <= before * (1 + 1e-9), step
            assert step != "rescale" or now == pytest.approx(before, rel=1e-12)
            before = now
        assert all(np.allclose(f.sum(axis=0), 1) for f in found.f[:1])
        assert all((v >= 0).all() for v in (*found.f, *found.a, *found.g))


def test_of_one_domain_with_its_labels_the_profiles_are_the_class_means():
    term = Term(XS, 1.0, 0, (0,))
    found = CoupledFactors([term], [np.eye(C)[YS]], {0}, (6,), np.random.default_rng(0))
    for _ in range(3000):
        found.round()
    np.testing.assert_allclose(
        found.profiles(term), np.stack([XS[c == YS].mean(axis=0) for c in range(C)], 1), atol=2e-3
    )


def test_a_block_of_zeros_and_an_empty_one_stay():
    found = small()
    found.f[1] = np.zeros_like(found.f[1])
    for _ in range(3):
        found.round()
    assert (found.f[1] == 0).all()
    assert np.isfinite(found.objective())
    none = CoupledFactors([Term(XS, 1.0, 0, (0, 1))], [np.eye(C)[YS]], {0}, (4, 0), np.random.default_rng(0))
    none.round()
    assert none.profiles(none.terms[0]) == pytest.approx(none.f[0] @ none.a[0])


def test_memberships_are_the_minimum_by_its_conditions():
    h = np.random.default_rng(0).gamma(1.0, size=(4 * WIDTH, C))
    g = memberships(TEST, h)
    slope = (g @ h.T - TEST) @ h
    assert (g >= 0).all()
    assert slope.min() > -1e-9
    assert np.abs(slope * g).max() < 1e-9
    assert 0 < (g == 0).mean() < 1
    np.testing.assert_allclose(memberships(sp.csr_matrix(TEST), h), g, atol=1e-12)
    more_classes = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]])  # than features: (3, 1) is made without rest
    g = memberships(np.array([[3.0, 1.0]]), more_classes)
    assert (g >= 0).all()
    np.testing.assert_allclose(g @ more_classes.T, [[3.0, 1.0]], atol=1e-9)


# ---- the method


def test_classes_go_over_the_bridge_where_source_and_target_have_no_word_in_common():
    assert not ((XS.sum(axis=0) > 0) & (XT.sum(axis=0) > 0)).any()
    direct = NearestMean(n_classes=C, seed=0).fit(XS, YS)
    assert (direct.predict_proba(TEST).argmax(axis=1) == TEST_Y).mean() < 0.5
    method = ttl().fit(CHAIN)
    assert right(method) > 0.95
    assert (method.predict_proba(XS, "source").argmax(axis=1) == YS).mean() > 0.95
    left = [row["left"] for row in method.history]
    assert len(left) == 40
    assert left == sorted(left, reverse=True)
    assert right(ttl().fit(replace(CHAIN, bridges=(XB[:, np.random.default_rng(0).permutation(4 * WIDTH)],)))) < 0.7


def test_a_planted_factorisation_is_fitted_and_its_classes_are_found():
    rng = np.random.default_rng(5)
    profiles = {name: rng.gamma(0.3, size=(4 * WIDTH, C)) for name in "sbt"}
    profiles["b"], profiles["t"] = (
        (0.7 * profiles["s"] + 0.3 * profiles["b"]),
        0.5 * profiles["s"] + 0.5 * profiles["t"],
    )
    x = {name: np.eye(C)[np.arange(30) % C] @ h.T for name, h in profiles.items()}
    method = ttl(rounds=300).fit(
        Task(Labelled(x["s"], np.arange(30) % C), x["t"], None, None, C, (24,), bridges=(x["b"],))
    )
    assert method.history[-1]["left"] < 0.01
    assert right(method, x["t"], np.arange(30) % C) == 1


def test_what_is_common_to_which_domains_what_is_fixed_and_what_each_counts(monkeypatch):
    kept = []

    class Kept(CoupledFactors):
        def __init__(self, *given):
            super().__init__(*given)
            kept.append(self)

    monkeypatch.setattr("baselines.ttl.CoupledFactors", Kept)
    shots = Labelled(XT[:5], YT[:5])
    ttl().fit(replace(CHAIN, shots=shots, source=Labelled(4 * XS, YS)))
    (found,) = kept
    source, by_source, by_target, target, shot = found.terms
    blocks = [set(term.blocks) for term in found.terms]
    assert [len(f.T) for f in found.f] == [8, 7, 4, 4, 4, 4]
    assert blocks[0] & blocks[1] == {0}
    assert blocks[2] & blocks[3] == {1}
    assert not (blocks[0] | blocks[1]) & (blocks[2] | blocks[3])
    assert [len(b) for b in blocks] == [2] * 5
    assert shot.blocks == target.blocks
    assert by_source.members == by_target.members
    assert len({source.members, by_source.members, target.members, shot.members}) == 4
    np.testing.assert_array_equal(found.g[source.members], np.eye(C)[YS])
    np.testing.assert_array_equal(found.g[shot.members], np.eye(C)[YT[:5]])
    length = np.sqrt(np.square(4 * XS).sum() / 60)
    for term, x in zip(found.terms, (4 * XS, XB, XB, XT, XT[:5]), strict=True):
        np.testing.assert_allclose(term.x_ND, x / length)
        assert term.weight == pytest.approx(length**2 / np.square(XT if x.shape == (5, 24) else x).sum())


def test_each_term_is_over_its_own_size():
    many = replace(CHAIN, bridges=(np.tile(XB, (5, 1)),), source=Labelled(np.tile(XS, (3, 1)), np.tile(YS, 3)))
    np.testing.assert_allclose(ttl().fit(many).predict_proba(TEST), ttl().fit(CHAIN).predict_proba(TEST), atol=1e-6)


def test_the_start_is_half_that_of_the_nearest_mean_walking_the_chain():
    starts = ttl()._starts(CHAIN)
    bridge = NearestMean(n_classes=C, seed=0).fit(XS, YS).predict_proba(XB).argmax(axis=1)
    target = NearestMean(n_classes=C, seed=0).fit(XB, bridge).predict_proba(XT).argmax(axis=1)
    for got, want in zip(
        starts, (np.eye(C)[YS], np.eye(C)[bridge] / 2 + 1 / 6, np.eye(C)[target] / 2 + 1 / 6), strict=True
    ):
        np.testing.assert_allclose(got, want)


def test_the_order_of_rows_the_scale_and_sparse_rows_change_nothing():
    want = ttl().fit(CHAIN).predict_proba(TEST)
    p = np.random.default_rng(1).permutation(60)
    mixed = replace(CHAIN, source=Labelled(XS[p], YS[p]), bridges=(XB[::-1],), target=XT[p])
    np.testing.assert_allclose(ttl().fit(mixed).predict_proba(TEST), want, atol=1e-6)
    sparse = replace(
        CHAIN, source=Labelled(sp.csr_matrix(XS), YS), bridges=(sp.csr_matrix(XB),), target=sp.csr_matrix(XT)
    )
    np.testing.assert_allclose(ttl().fit(sparse).predict_proba(sp.csr_matrix(TEST)), want, atol=1e-6)
    for scale in (1e-6, 1e6):
        large = replace(CHAIN, source=Labelled(scale * XS, YS), bridges=(scale * XB,), target=scale * XT)
        np.testing.assert_allclose(ttl().fit(large).predict_proba(scale * TEST), want, atol=1e-6)


def test_other_names_of_the_classes_give_the_same_accuracy_and_features_may_be_put_in_another_order():
    names = np.array([2, 0, 1])
    assert right(ttl().fit(replace(CHAIN, source=Labelled(XS, names[YS]))), labels=names[TEST_Y]) > 0.95
    p = np.random.default_rng(2).permutation(4 * WIDTH)
    turned = Task(Labelled(XS[:, p], YS), XT[:, p], None, None, C, (4 * WIDTH,), bridges=(XB[:, p],))
    assert right(ttl().fit(turned), TEST[:, p]) > 0.95


def test_the_seed_decides_the_start_of_the_clusters_and_nothing_else_is_drawn():
    one, again, two = (ttl(seed).fit(CHAIN).predict_proba(TEST) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - two).max() > 1e-6


@pytest.mark.parametrize("changed", [{"own": 0}, {"own": 1}, {"shared_source": 1}, {"shared_target": 1}, {"rounds": 3}])
def test_every_parameter_matters(changed):
    got = ttl(**changed).fit(CHAIN).predict_proba(TEST)
    assert np.isfinite(got).all()
    assert np.abs(got - ttl().fit(CHAIN).predict_proba(TEST)).max() > 1e-3


def test_a_class_without_source_rows_gets_nothing_and_a_row_of_zeros_says_nothing():
    method = ttl(n_classes=5).fit(replace(CHAIN, source=Labelled(XS, np.array([0, 2, 4])[YS]), n_classes=5))
    p = method.predict_proba(np.concatenate([TEST, np.zeros((1, 4 * WIDTH))]))
    assert p.sum(axis=1) == pytest.approx(np.ones(61))
    assert (p[:, [1, 3]] == 0).all()
    assert p[-1, [0, 2, 4]] == pytest.approx(np.full(3, 1 / 3))
    assert (p[:60].argmax(axis=1) == np.array([0, 2, 4])[TEST_Y]).mean() > 0.95


def test_shots_are_rows_of_the_target_with_their_labels():
    # classes of the shots against those that come over the bridge: 0 and 1 are exchanged
    other = np.array([1, 0, 2])
    shots = Labelled(np.tile(XT[:30], (20, 1)), np.tile(other[YT[:30]], 20))
    assert (
        right(ttl(rounds=200).fit(replace(CHAIN, shots=shots)), labels=other[TEST_Y])
        > right(ttl(rounds=200).fit(CHAIN), labels=other[TEST_Y]) + 0.3
    )
    late = ttl(n_classes=4).fit(replace(CHAIN, n_classes=4, shots=Labelled(XT[YT == 0][:9], np.full(9, 3))))
    assert late.predict_proba(TEST)[:, 3].max() > 0


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"shared_source": 0}, r"method\.shared_source must be 1 or more"),
        ({"shared_target": 0}, r"method\.shared_target must be 1 or more"),
        ({"own": -1}, r"method\.own must be 0 or more"),
        ({"rounds": 0}, r"method\.rounds must be 1 or more"),
    ],
)
def test_values_out_of_range_are_refused(changed, told):
    with pytest.raises(TlbenchError, match=told):
        ttl(**changed)


@pytest.mark.parametrize("part", ["source", "bridge", "target", "shots"])
def test_a_negative_number_is_refused_with_its_domain(part):
    bad = XS.copy()
    bad[3, 2] = -0.5
    task = {
        "source": replace(CHAIN, source=Labelled(bad, YS)),
        "bridge": replace(CHAIN, bridges=(sp.csr_matrix(bad),)),
        "target": replace(CHAIN, target=bad),
        "shots": replace(CHAIN, shots=Labelled(bad, YS)),
    }[part]
    with pytest.raises(Refused, match=rf"the {part} has -0\.5\. Set dataset\.transforms"):
        ttl().fit(task)


@pytest.mark.parametrize("bridges", [(), (XB, XB)])
def test_no_bridge_and_two_of_them_are_refused(bridges):
    with pytest.raises(Refused, match=rf"exactly one bridge, and this one has {len(bridges)}"):
        ttl().fit(replace(CHAIN, bridges=bridges))


def test_it_is_built_on_the_nearest_mean():
    assert Ttl.built_on is NearestMean
    assert not issubclass(Logistic, Ttl.built_on)
