"""What kind of shift lies between two labelled domains: which of p(x), p(y), p(x | y), p(y | x) are others. ORACLE throughout.

Each is tested by permutations of the domains; two of them within strata:

p(x)      two samples by the maximum mean discrepancy (`distances.mmd`)
p(y)      the chi-squared statistic of domains and classes
p(x | y)  the discrepancy inside each class, summed; domains are permuted inside the classes (Gretton et al., JMLR 2012, for one)
p(y | x)  given x, the domain says nothing of y. Then it says nothing given any function of x that tells the domain's chance
          (Rosenbaum & Rubin, Biometrika 1983): strata of that chance and of a source classifier's guess, both cross-fitted by
          kernel ridge regression, and a chi-squared statistic inside them. It has power only where the domains overlap

The directions along which classes differ are compared by the similarity of the two scatters of class means, from halves of the
examples, so that noise adds nothing to it on average.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from tlbench.seeds import stream
from tlbench.transfer.distances import pooled_kernel, unbiased_mmd2
from tlbench.transfer.domain_probe import FOLDS, stratified_folds

PERMUTATIONS = 200
BINS = 10
"""Of the chance to be of the target."""
PENALTY = 1.0
"""Of the ridge regressions, in units of the kernel's value of an example with itself."""


def shift_tests(
    xs_ND: np.ndarray, ys_N: np.ndarray, xt_MD: np.ndarray, yt_M: np.ndarray, *, n_classes: int, seed: int,
    kernel_PP: np.ndarray | None = None,
) -> dict[str, float | None]:  # fmt: skip
    """Compute what SHIFT_NAMES names, from features in one scale.

    Args:
        xs_ND, xt_MD: (N, D) and (M, D), two or more examples each.
        ys_N, yt_M: (N,) and (M,) labels 0 to n_classes - 1.
        seed: draws folds and permutations; each quantity has a stream of its own.
        kernel_PP: `pooled_kernel` of both, where it is known.

    Returns:
        p-values of at least 1 / 201 and the similarity; None for what cannot be told: no class that both domains have twice.
    """
    x_PD, y_P = np.concatenate([xs_ND, xt_MD]), np.concatenate([ys_N, yt_M])
    domain_P = np.repeat([0, 1], [len(xs_ND), len(xt_MD)])
    counts_2C = np.stack([np.bincount(y, minlength=n_classes) for y in (ys_N, yt_M)])
    kernel_PP = pooled_kernel(xs_ND, xt_MD) if kernel_PP is None else kernel_PP
    shared = (counts_2C >= 2).all(axis=0)
    return {
        "oracle_labels_p": association_p(np.zeros_like(y_P), y_P, domain_P, stream(seed, "labels")),
        "oracle_inside_p": inside_p(kernel_PP, y_P, domain_P, stream(seed, "inside")) if shared.any() else None,
        "oracle_outputs_p": outputs_p(kernel_PP, y_P, domain_P, stream(seed, "outputs")),
        "oracle_directions": direction_similarity(x_PD, y_P, domain_P, stream(seed, "directions")),
    }


def inside_p(kernel_PP: np.ndarray, y_P: np.ndarray, domain_P: np.ndarray, rng: np.random.Generator) -> float:
    """Test whether p(x | y) is the same: the classes' unbiased squared discrepancies, each times its smaller number of examples.

    Args:
        kernel_PP: (P, P) kernel of the pooled examples.
        y_P, domain_P: (P,) labels, and 0 or 1 for the domain.
    """
    in_source_KP = 1.0 - permuted_within(y_P, domain_P, rng)
    whole_K = np.zeros(len(in_source_KP))
    for label in np.unique(y_P):
        rows = np.flatnonzero(y_P == label)
        fewest = np.bincount(domain_P[rows], minlength=2).min()
        if fewest >= 2:
            whole_K += fewest * unbiased_mmd2(kernel_PP[np.ix_(rows, rows)], in_source_KP[:, rows])
    return float((whole_K >= whole_K[0] - 1e-12).mean())


def outputs_p(kernel_PP: np.ndarray, y_P: np.ndarray, domain_P: np.ndarray, rng: np.random.Generator) -> float:
    """Test whether p(y | x) is the same where both domains are; see `inside_p`."""
    stratum_P = _strata(kernel_PP, y_P, domain_P, rng)
    return association_p(stratum_P, y_P, domain_P, rng)


def association_p(stratum_P: np.ndarray, y_P: np.ndarray, domain_P: np.ndarray, rng: np.random.Generator) -> float:
    """Test whether, inside strata 0, 1, ..., the labels tell of the domain: the strata's chi-squared statistics, summed."""
    in_target_KP = permuted_within(stratum_P, domain_P, rng)
    # cells that hold examples: with hundreds of classes most of the others are empty
    cells_Z, cell_P = np.unique(stratum_P * (y_P.max() + 1) + y_P, return_inverse=True)
    stratum_Z, whole_Z = cells_Z // (y_P.max() + 1), np.bincount(cell_P)
    share_Z = (np.bincount(stratum_P, weights=domain_P) / np.bincount(stratum_P))[stratum_Z]
    spread_Z = whole_Z * share_Z * (1.0 - share_Z)
    seen_KZ = in_target_KP @ np.eye(len(cells_Z))[cell_P]
    whole_K = (np.square(seen_KZ - whole_Z * share_Z) / np.where(spread_Z > 0, spread_Z, 1.0)).sum(axis=1)
    return float((whole_K >= whole_K[0] * (1 - 1e-9)).mean())


def direction_similarity(
    x_PD: np.ndarray, y_P: np.ndarray, domain_P: np.ndarray, rng: np.random.Generator
) -> float | None:
    """Compare the scatters B_d = M_d' M_d of class means in two domains: <B_s, B_t> / (|B_s| |B_t|), about 0 to 1.

    Within a domain every product is of means from one half of the examples with means from the other, so that noise adds next
    to nothing, in wide features with few examples a class too. None where fewer than two classes have two examples in each
    domain, or a domain's halves do not agree that its means differ.
    """
    half_P = stratified_folds(domain_P * (y_P.max() + 1) + y_P, 2, rng)
    classes = [
        c for c in np.unique(y_P) if min(np.bincount(2 * domain_P[y_P == c] + half_P[y_P == c], minlength=4)) > 0
    ]
    if len(classes) < 2:
        return None

    def means(domain: int, half: int) -> np.ndarray:
        rows_P = (domain_P == domain) & (half_P == half)
        means_CD = np.stack([x_PD[rows_P & (y_P == c)].mean(axis=0) for c in classes])
        return means_CD - means_CD.mean(axis=0)

    source, target = ([means(domain, half) for half in (0, 1)] for domain in (0, 1))

    across = ((source[0] @ target[0].T) * (source[1] @ target[1].T)).sum()
    sizes = [float((gram_CC * gram_CC.T).sum()) for gram_CC in (m[0] @ m[1].T for m in (source, target))]
    return float(across / np.sqrt(sizes[0] * sizes[1])) if min(sizes) > 0 else None


def permuted_within(stratum_P: np.ndarray, domain_P: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return (1 + PERMUTATIONS, P) domains: as they are, then exchanged among the examples of each stratum."""
    found_KP = np.empty((1 + PERMUTATIONS, len(domain_P)))
    found_KP[0] = domain_P
    place_P = np.argsort(stratum_P, kind="stable")
    drawn_KP = rng.random((PERMUTATIONS, len(domain_P)))
    # the strata's examples one stratum after the other, in drawn order inside
    found_KP[1:, place_P] = domain_P[np.argsort(drawn_KP + stratum_P, axis=1)]
    return found_KP


def _strata(kernel_PP: np.ndarray, y_P: np.ndarray, domain_P: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return (P,) strata 0, 1, ... of the chance to be of the target and of a source classifier's guess, both cross-fitted."""
    n_classes = int(y_P.max()) + 1
    fold_P = stratified_folds(domain_P * n_classes + y_P, FOLDS, rng)
    chance_P = _held_out(kernel_PP, domain_P[:, None].astype(np.float64), fold_P, np.ones(len(y_P), dtype=bool))[:, 0]
    guess_P = _held_out(kernel_PP, np.eye(n_classes)[y_P], fold_P, domain_P == 0).argmax(axis=1)
    edges = np.quantile(chance_P, np.linspace(0, 1, BINS + 1)[1:-1])
    bin_P = np.searchsorted(edges, chance_P, side="right")
    return np.unique(bin_P * n_classes + guess_P, return_inverse=True)[1]


def _held_out(kernel_PP: np.ndarray, target_PC: np.ndarray, fold_P: np.ndarray, used_P: np.ndarray) -> np.ndarray:
    """Return (P, C) kernel ridge regressions of each fold's examples, fitted on the used ones of the other folds."""
    found_PC = np.zeros_like(target_PC)
    for fold in np.unique(fold_P):
        fit, told = np.flatnonzero((fold_P != fold) & used_P), np.flatnonzero(fold_P == fold)
        mean_C = target_PC[fit].mean(axis=0)
        inside = kernel_PP[np.ix_(fit, fit)]
        np.fill_diagonal(inside, inside.diagonal() + PENALTY)
        factor = cho_factor(inside.T, overwrite_a=True, check_finite=False)  # symmetric: the columns as they lie
        weights = cho_solve(factor, target_PC[fit] - mean_C, check_finite=False)
        found_PC[told] = kernel_PP[np.ix_(told, fit)] @ weights + mean_C
    return found_PC
