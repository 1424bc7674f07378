import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from tlbench.transfer.domain_probe import (
    balanced_accuracy,
    domain_accuracy,
    equal_shares,
    gram,
    held_out_predictions,
    stratified_folds,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("width", [3, 200])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_each_fold_is_predicted_as_by_scikit_learns_ridge_classifier_with_the_penalty_of_the_docstring(
    width, n_classes
):
    draw = rng(width + n_classes)
    x, labels = draw.normal(size=(60, width)) * 3 + 1, draw.integers(5, 5 + n_classes, 60)
    x[:, 0] += labels
    fold, weights = draw.integers(0, 3, 60), draw.uniform(0.2, 5, 60)
    got = held_out_predictions(x, labels, fold, weights)
    for k in range(3):
        train, w = fold != k, weights[fold != k] / weights[fold != k].mean()
        mean = np.average(x[train], axis=0, weights=w)
        spread = np.average([((row - mean) ** 2).sum() for row in x[train]], weights=w)
        reference = RidgeClassifier(alpha=spread).fit(x[train], labels[train], sample_weight=w)
        assert got[~train].tolist() == reference.predict(x[~train]).tolist()


def test_without_weights_all_examples_count_the_same():
    draw = rng(3)
    x, labels, fold = draw.normal(size=(40, 5)), draw.integers(0, 3, 40), draw.integers(0, 4, 40)
    assert (held_out_predictions(x, labels, fold) == held_out_predictions(x, labels, fold, np.full(40, 7.0))).all()


@pytest.mark.parametrize(("width", "by_examples"), [(5, False), (40, True)])
def test_known_inner_products_change_nothing_and_are_those_of_examples_where_these_are_fewer(width, by_examples):
    draw = rng(4)
    x, labels, fold = draw.normal(size=(40, width)) + 1, draw.integers(0, 3, 40), draw.integers(0, 4, 40)
    known = gram(x)
    assert (known is not None) == by_examples
    given = held_out_predictions(x, labels, fold, gram_NN=x @ x.T)
    assert (given == held_out_predictions(x, labels, fold)).all()


@pytest.mark.parametrize("width", [2, 30])
def test_examples_that_all_coincide_get_the_heavier_class(width):
    labels = np.array([4, 4, 4, 9, 9, 4, 4, 4, 9, 9])
    fold = np.repeat([0, 1], 5)
    for value in (0.0, 2.0):
        assert set(held_out_predictions(np.full((10, width), value), labels, fold)) == {4}


def test_folds_share_out_every_stratum_and_change_with_the_generator():
    strata = np.repeat([0, 1, 2], [13, 4, 31])[rng().permutation(48)]
    fold = stratified_folds(strata, 5, rng(1))
    for stratum in range(3):
        sizes = np.bincount(fold[strata == stratum], minlength=5)
        assert sizes.max() - sizes.min() <= 1
    assert np.ptp(np.bincount(fold)) <= 1
    assert (fold == stratified_folds(strata, 5, rng(1))).all()
    assert (fold != stratified_folds(strata, 5, rng(2))).any()


def test_balanced_accuracy_by_hand():
    # 3 of 4 right in class 0, 0 of 1 in class 7: (0.75 + 0) / 2, where plain accuracy is 0.6
    assert balanced_accuracy(np.array([0, 0, 0, 7, 0]), np.array([0, 0, 0, 0, 7])) == pytest.approx(0.375)


def test_equal_shares_give_every_group_one_weight():
    assert equal_shares(np.array([0, 0, 0, 1])) == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])
    assert equal_shares(np.array([2, 2])) == pytest.approx([1, 1])  # groups 0 and 1 have nobody


def test_unequal_domains_that_do_not_differ_are_at_chance():
    # without weights the classifier always says "target" (0.5 too); in wide data it would not be fitted by heart either
    found = [
        domain_accuracy(rng(k).normal(size=(20, 300)), rng(99 + k).normal(size=(80, 300)), 5, rng(k)) for k in range(20)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=0.04)


def test_a_small_domain_is_found_among_many_examples_of_the_other():
    # 10 against 190 with means one sd apart: an unweighted fit says "target" nearly always, balanced accuracy near 0.5
    found = [
        domain_accuracy(rng(k).normal(1, 1, (10, 1)), rng(99 + k).normal(-1, 1, (190, 1)), 5, rng(k)) for k in range(10)
    ]
    assert np.mean(found) == pytest.approx(0.841, abs=0.06)  # Phi(1)
