import numpy as np
import pytest
import scipy.sparse as sp
import torch

from tests.support import config_of, gaussian_task, rehearsed, settled
from tlbench.backbones import kept_fits, msda
from tlbench.backbones.msda import MSDA, denoising_map, stacked_maps
from tlbench.errors import TlbenchError
from tlbench.running.backbone import built_backbone
from tlbench.running.setup import Setup
from tlbench.training.frozen import Frozen, on_features


def counts(n=12, d=5, seed=0) -> np.ndarray:
    """Rows of small whole numbers, many of them 0, as counts of words are."""
    return np.random.default_rng(seed).poisson(0.8, (n, d)).astype(np.float64)


def gradients(map_DE, x_ND, corruption, ridge, copies=20_000) -> np.ndarray:
    """Half the slope of |x - W [x~; 1]|^2 + ridge |W|^2 in W, one (D, D + 1) for each explicitly corrupted copy of the data."""
    rng, (n, d) = np.random.default_rng(1), x_ND.shape
    kept_KND = rng.random((copies, n, d)) >= corruption
    noisy_KNE = np.concatenate([kept_KND * x_ND, np.ones((copies, n, 1))], axis=2)
    errors_KND = noisy_KNE @ map_DE.T - x_ND
    penalty_DE = ridge * np.column_stack([map_DE[:, :-1], np.zeros(d)])
    return errors_KND.transpose(0, 2, 1) @ noisy_KNE + penalty_DE


@pytest.mark.parametrize("corruption", [0.5, 0.2])
def test_the_slope_over_explicitly_corrupted_copies_is_zero_at_the_closed_form(corruption):
    """The law of large numbers: no entry of the mean slope is further from 0 than five standard errors."""
    x_ND = counts()

    def worst(map_DE) -> float:
        slopes = gradients(map_DE, x_ND, corruption, ridge=0.3)
        error_DE = slopes.std(axis=0, ddof=1) / np.sqrt(len(slopes))
        return float(np.abs(slopes.mean(axis=0) / error_DE).max())

    assert worst(denoising_map(x_ND, corruption, 0.3)) < 5
    assert worst(denoising_map(x_ND, corruption + 0.05, 0.3)) > 8
    assert worst(denoising_map(x_ND, corruption, 0.6)) > 8


def by_moments(x_ND, corruption, ridge) -> np.ndarray:
    """The same from E[x x~'] and E[x~ x~'], row by row, and a general solver."""
    d = x_ND.shape[1]
    moment, cross = np.zeros((d + 1, d + 1)), np.zeros((d, d + 1))
    for x in x_ND:
        mean = np.append((1 - corruption) * x, 1.0)
        variance = np.append(corruption * (1 - corruption) * x**2, 0.0)
        moment += np.outer(mean, mean) + np.diag(variance)
        cross += np.outer(x, mean)
    return np.linalg.solve(moment + np.diag([ridge] * d + [0.0]), cross.T).T


@pytest.mark.parametrize(("n", "d"), [(30, 7), (6, 11)])
def test_it_is_the_solution_by_moments_also_with_more_features_than_rows(n, d):
    x_ND = counts(n, d)
    x_ND[:, 0] = 0  # a word that no review has
    for corruption in (0.0, 0.3, 0.9):
        map_DE = denoising_map(x_ND, corruption, 1e-3)
        np.testing.assert_allclose(map_DE, by_moments(x_ND, corruption, 1e-3), atol=1e-9)
        np.testing.assert_allclose(map_DE[0], 0, atol=1e-12)


def test_without_corruption_every_row_is_reconstructed():
    x_ND = counts(30, 7)
    map_DE = denoising_map(x_ND, 0.0, 1e-9)
    np.testing.assert_allclose(x_ND @ map_DE[:, :-1].T + map_DE[:, -1], x_ND, atol=1e-8)


def test_each_layer_is_fitted_to_the_outputs_of_the_one_before_and_all_stand_side_by_side():
    x_ND, new_MD = counts(20, 6), counts(4, 6, seed=3)
    net = MSDA(input_shape=(6,), layers=3, corruption=0.4, ridge=1e-5)
    net.fit_inputs(x_ND[:12], x_ND[12:])
    h_ND, g_MD, want = x_ND, new_MD, [new_MD]
    for _ in range(3):
        map_DE = by_moments(h_ND, 0.4, 1e-5)
        h_ND, g_MD = (np.tanh(np.column_stack([rows, np.ones(len(rows))]) @ map_DE.T) for rows in (h_ND, g_MD))
        want.append(g_MD)
    got = net(torch.from_numpy(new_MD.astype(np.float32)))
    assert got.shape == (4, net.out_dim) == (4, 24)
    np.testing.assert_allclose(got.numpy(), np.concatenate(want, axis=1), atol=2e-5)


def fitted(source, target) -> MSDA:
    net = MSDA(input_shape=(6,), layers=2, corruption=0.5, ridge=1e-5)
    net.fit_inputs(source, target)
    return net


def test_neither_the_order_of_rows_nor_that_of_domains_moves_a_bit():
    one, two = counts(20, 6), counts(15, 6, seed=1)
    there, back = fitted(one, two), fitted(two[::-1], one[::-1])
    assert torch.equal(there.maps, back.maps)
    assert there.fitted_to == back.fitted_to != fitted(one, two[1:]).fitted_to


def test_sparse_rows_and_images_are_as_good_as_dense_rows():
    one, two = counts(20, 6), counts(15, 6, seed=1)
    want = fitted(one, two).maps
    assert torch.equal(fitted(sp.csr_matrix(one), sp.csr_matrix(two)).maps, want)
    assert torch.equal(fitted(one.reshape(20, 1, 2, 3), two.reshape(15, 1, 2, 3)).maps, want)


def test_it_is_fitted_anew_for_other_rows():
    net = fitted(counts(20, 6), counts(15, 6, seed=1))
    before = net.maps
    net.fit_inputs(counts(20, 6), counts(15, 6, seed=2))
    assert not torch.equal(net.maps, before)
    assert torch.equal(net.maps, fitted(counts(20, 6), counts(15, 6, seed=2)).maps)


def test_training_inputs_alone_decide():
    """Other rows for the test and for validation, and other labels everywhere, leave the features of the training as they are."""
    config = config_of("dataset=mini_digits", "pair=H-P", "backbone=msda", "classifier=logistic", "method=source_only")
    (task, held_out), (other, other_held_out) = gaussian_task(), gaussian_task(seed=1)
    frozen, device = (
        Frozen.of(built_backbone(Setup.of(config), 0, task.input_shape), config.backbone),
        torch.device("cpu"),
    )
    one, tested = on_features(frozen, task, held_out.test.inputs, device, "msda")
    object.__setattr__(task, "source_val", other.source_val)
    object.__setattr__(task.source, "labels", 1 - task.source.labels)
    two, tested_too = on_features(frozen, task, other_held_out.test.inputs, device, "msda")
    np.testing.assert_array_equal(one.source.inputs, two.source.inputs)
    np.testing.assert_array_equal(one.target, two.target)
    assert one.target.shape == (50, 18)
    assert not np.array_equal(tested, tested_too)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"layers": 0}, "layers must be 1"), ({"corruption": 1.0}, "corruption must be in"), ({"corruption": -0.1}, "corruption"),
     ({"ridge": -1e-9}, "ridge 0 or more"), ({"input_shape": (3, 224, 224)}, "takes up to 20000")],
)  # fmt: skip
def test_what_is_out_of_range_is_refused(change, words):
    allowed = {"input_shape": (6,), "layers": 1, "corruption": 0.0, "ridge": 0.0}
    MSDA(**allowed)
    with pytest.raises(TlbenchError, match=words):
        MSDA(**{**allowed, **change})


def test_a_singular_system_asks_for_a_ridge():
    x_ND = counts()
    x_ND[:, 2] = 0
    denoising_map(x_ND, 0.5, 1e-5)
    with pytest.raises(TlbenchError, match=r"larger backbone\.ridge"):
        denoising_map(x_ND, 0.5, 0.0)


def test_without_a_fit_it_gives_nothing():
    with pytest.raises(TlbenchError, match="not fitted"):
        MSDA(input_shape=(6,), layers=1, corruption=0.5, ridge=0.1)(torch.zeros(2, 6))


def test_a_run_that_would_train_it_or_change_its_inputs_is_told_before_any_data_is_read():
    mini = ("dataset=mini_digits", "pair=H-P", "backbone=msda", "classifier=head", "method=dann")
    config = config_of(*mini)
    with pytest.raises(TlbenchError, match=r"Use backbone\.mode=frozen"):
        rehearsed(config.model_copy(update={"backbone": {**config.backbone, "mode": "finetune"}}))
    images = ("dataset=digits", "pair=mnist-usps", "backbone=msda", "method=dann", "augment.size=32")
    rehearsed(settled(*images, "augment=digits", "classifier=head"))
    with pytest.raises(TlbenchError, match=r"Use augment=plain"):
        rehearsed(settled(*images, "augment=random_crop", "classifier=head"))


def test_a_wide_fit_is_made_once_and_read_from_then_on(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(msda, "WORTH_KEEPING", 6)
    first = fitted(counts(20, 6), counts(15, 6, seed=1)).maps
    monkeypatch.setattr(msda, "stacked_maps", None)
    assert torch.equal(fitted(counts(15, 6, seed=1), counts(20, 6)).maps, first)
    with pytest.raises(TypeError):
        fitted(counts(20, 6), counts(15, 6, seed=2))


def test_of_many_fits_the_last_used_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kept_fits, "MOST", 2)
    times = iter(range(1, 10))
    monkeypatch.setattr(kept_fits.os, "utime", lambda path, real=kept_fits.os.utime: real(path, (t := next(times), t)))
    made = []

    def fit(key):
        return kept_fits.kept_fit("kind", key, lambda: (made.append(key), np.ones(1))[1])

    for key in ("a", "b", "a", "c", "a", "b"):
        assert fit(key).tolist() == [1.0]
    assert made == ["a", "b", "c", "b"]
    assert len(list((tmp_path / "cache" / "kind").glob("*.npy"))) == 2


def test_a_cache_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TLBENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(TlbenchError, match=r"Set \$TLBENCH_CACHE"):
        kept_fits.kept_fit("kind", "key", lambda: np.ones(1))


def test_maps_are_kept_in_32_bits():
    assert stacked_maps(counts(), 1, 0.5, 1e-5).dtype == np.float32
