"""Distances of two sets of features by their means and covariances."""

from __future__ import annotations

from torch import Tensor


def coral_loss(xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Compute the squared Frobenius distance of the sample covariances, over 4 D^2 (eq. 1).

    Args:
        xs_ND: source features, (N, D) with N >= 2.
        xt_MD: target features, (M, D) with M >= 2. M may differ from N.

    Returns:
        Scalar >= 0, zero iff the covariances agree; blind to the domains' means.

    Raises:
        ValueError: a domain has fewer than two samples, or the widths differ.
    """
    _check(xs_ND, xt_MD)
    difference_DD = covariance(xs_ND) - covariance(xt_MD)
    return difference_DD.square().sum() / (4 * xs_ND.shape[1] ** 2)


def moment_loss(xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Compute the mean over entries of the squared difference of covariances, plus that of means. Arguments as `coral_loss`.

    Source: the losses named CORAL in TLlib (domain generalisation), DomainBed and WILDS. Zero iff means and covariances agree.
    """
    _check(xs_ND, xt_MD)
    means_D = xs_ND.mean(dim=0) - xt_MD.mean(dim=0)
    return (covariance(xs_ND) - covariance(xt_MD)).square().mean() + means_D.square().mean()


def scatter_loss(xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Compute the mean over entries of the squared difference of the scatters, over 4 D^2. Arguments as `coral_loss`.

    Source: the loss named CORAL in AdaTime. A scatter is (n - 1) times a covariance, so the value grows with the square of
    the batch, and domains with equal covariances but different numbers of samples are far apart.
    """
    _check(xs_ND, xt_MD)
    difference_DD = scatter(xs_ND) - scatter(xt_MD)
    return difference_DD.square().mean() / (4 * xs_ND.shape[1] ** 2)


def scatter(x_ND: Tensor) -> Tensor:
    """Return (D, D) sums of products of the centred features."""
    centred_ND = x_ND - x_ND.mean(dim=0)
    return centred_ND.T @ centred_ND


def covariance(x_ND: Tensor) -> Tensor:
    """Return the (D, D) sample covariance, centred, divided by N - 1 (torch.cov also takes D = 1 to a scalar; this does not)."""
    return scatter(x_ND) / (len(x_ND) - 1)


def _check(xs_ND: Tensor, xt_MD: Tensor) -> None:
    if min(len(xs_ND), len(xt_MD)) < 2 or xs_ND.shape[1] != xt_MD.shape[1]:
        raise ValueError(
            "coral_loss needs two or more samples per domain and one feature width, got "
            f"source {tuple(xs_ND.shape)} and target {tuple(xt_MD.shape)}."
        )
