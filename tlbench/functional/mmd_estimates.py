"""Estimates of the squared maximum mean discrepancy (Gretton et al., JMLR 2012)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from tlbench.functional.kernels import Kernel


def unbiased_mmd(kernel: Kernel, xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Compute the unbiased quadratic-time estimate of MMD^2 (Gretton et al., lemma 6): same-example pairs left out.

    Args:
        kernel: k(x, y), its width set.
        xs_ND: source features, (N, D) with N >= 2.
        xt_MD: target features, (M, D) with M >= 2.

    Raises:
        ValueError: a domain has fewer than two samples.
    """
    _smaller(xs_ND, xt_MD)

    def within(x_ND: Tensor) -> Tensor:
        k = kernel.of_all(x_ND, x_ND)
        return (k.sum() - k.diagonal().sum()) / (len(x_ND) * (len(x_ND) - 1))

    return within(xs_ND) + within(xt_MD) - 2 * kernel.of_all(xs_ND, xt_MD).mean()


def biased_mmd(kernel: Kernel, xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Compute the biased estimate (Gretton et al., eq. 5), |difference of mean embeddings|^2: all pairs. Never below 0."""
    _smaller(xs_ND, xt_MD)
    within = kernel.of_all(xs_ND, xs_ND).mean() + kernel.of_all(xt_MD, xt_MD).mean()
    return within - 2 * kernel.of_all(xs_ND, xt_MD).mean()


def linear_mmd(kernel: Kernel, xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Compute the linear-time estimate (Gretton et al., lemma 14): mean over disjoint pairs of examples of each domain, unbiased.

    The first 2 * floor(min(N, M) / 2) examples of each domain are used; otherwise as `unbiased_mmd`.
    """
    half = _smaller(xs_ND, xt_MD) // 2
    return _paired(kernel, xs_ND[:half], xs_ND[half : 2 * half], xt_MD[:half], xt_MD[half : 2 * half])


def cyclic_mmd(kernel: Kernel, xs_ND: Tensor, xt_MD: Tensor) -> Tensor:
    """Do as `linear_mmd`, but each of the first min(N, M) examples is paired with the next, the last with the first: TLlib's."""
    n = _smaller(xs_ND, xt_MD)
    s, t = xs_ND[:n], xt_MD[:n]
    return _paired(kernel, s, s.roll(-1, 0), t, t.roll(-1, 0))


def _paired(kernel: Kernel, s1: Tensor, s2: Tensor, t1: Tensor, t2: Tensor) -> Tensor:
    k = kernel.of_rows
    return (k(s1, s2) + k(t1, t2) - k(s1, t2) - k(s2, t1)).mean()


ESTIMATORS: dict[str, Callable[[Kernel, Tensor, Tensor], Tensor]] = {
    "unbiased": unbiased_mmd,
    "biased": biased_mmd,
    "linear": linear_mmd,
    "cyclic": cyclic_mmd,
}


def _smaller(xs_ND: Tensor, xt_MD: Tensor) -> int:
    if min(len(xs_ND), len(xt_MD)) < 2:
        raise ValueError(f"MMD needs two or more samples per domain, got {len(xs_ND)} and {len(xt_MD)}.")
    return min(len(xs_ND), len(xt_MD))
