"""Norms by singular values: values by hand and by NumPy, and gradients where singular values are equal or zero."""

import numpy as np
import pytest
import torch

from tlbench.functional.singular_values import nuclear_norm, squared_spectral_norm


def draw(n: int, c: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, c, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def leaf(rows: list[list[float]]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (4, 4), (1, 5)])
def test_agree_with_the_eigenvalues_of_the_gram_matrix(shape):
    x = draw(*shape)
    values = np.sqrt(np.clip(np.linalg.eigvalsh((x @ x.T).numpy()), 0, None))
    assert nuclear_norm(x).item() == pytest.approx(values.sum(), rel=1e-6)
    assert squared_spectral_norm(x).item() == pytest.approx(values.max() ** 2)


def test_by_hand():
    # columns (1, 1, 0, 0) and (0, 0, 1, 1) are orthogonal, each of length sqrt 2; diag(3, 1) has singular values 3 and 1
    assert nuclear_norm(leaf([[1, 0], [1, 0], [0, 1], [0, 1]])).item() == pytest.approx(2 * 2**0.5)
    assert nuclear_norm(leaf([[1, 0]] * 4)).item() == pytest.approx(2)
    assert squared_spectral_norm(leaf([[3, 0], [0, 1]])).item() == pytest.approx(9)


@pytest.mark.parametrize("norm", [nuclear_norm, squared_spectral_norm])
def test_a_rotation_on_either_side_changes_nothing(norm):
    x = draw(5, 3)
    left, right = (torch.linalg.qr(draw(k, k, seed=k)).Q for k in (5, 3))
    assert norm(left @ x @ right).item() == pytest.approx(norm(x).item())


@pytest.mark.parametrize("norm", [nuclear_norm, squared_spectral_norm])
@pytest.mark.parametrize("shape", [(5, 3), (3, 5)])
def test_gradient_where_the_singular_values_differ(norm, shape):
    assert torch.autograd.gradcheck(norm, draw(*shape).requires_grad_())


def test_equal_singular_values_leave_the_gradient_that_is_theirs_alone():
    # U V' of a matrix with orthogonal columns of one length is the matrix over that length
    x = leaf([[1, 0], [1, 0], [0, 1], [0, 1]])
    nuclear_norm(x).backward()
    torch.testing.assert_close(x.grad, x.detach() / 2**0.5)


@pytest.mark.parametrize("rows", [[[1, 0]] * 4, [[0.5, 0.5]] * 3, [[1, 0, 0], [1, 0, 0], [0, 1, 0]]])
def test_singular_values_of_zero_have_no_gradient_whatever_the_order_of_the_rows(rows):
    x = leaf(rows)
    nuclear_norm(x).backward()
    u, s, vt = np.linalg.svd(np.array(rows, dtype=float), full_matrices=False)
    want = sum(np.outer(u[:, k], vt[k]) for k in range(len(s)) if s[k] > 1e-9)
    np.testing.assert_allclose(x.grad.numpy(), want, atol=1e-12)
    turned = leaf(rows[::-1])
    nuclear_norm(turned).backward()
    torch.testing.assert_close(turned.grad.flip(0), x.grad)


def test_the_largest_share_the_gradient_where_they_are_several():
    # sigma^2 has the gradient 2 sigma u v'; three of them that are 1 have a third each
    x = torch.eye(3, dtype=torch.float64).requires_grad_()
    squared_spectral_norm(x).backward()
    torch.testing.assert_close(x.grad, 2 / 3 * torch.eye(3, dtype=torch.float64))


@pytest.mark.parametrize("norm", [nuclear_norm, squared_spectral_norm])
def test_a_matrix_of_zeros_has_a_gradient_of_zeros(norm):
    x = torch.zeros(4, 3, requires_grad=True)
    norm(x).backward()
    assert x.grad.abs().sum() == 0


@pytest.mark.parametrize("norm", [nuclear_norm, squared_spectral_norm])
@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_what_is_not_finite_gives_nan_and_no_error_of_the_decomposition(norm, bad):
    assert torch.isfinite(norm(torch.ones(2, 2)))
    assert torch.isnan(norm(torch.tensor([[1.0, bad], [0.0, 1.0]])))
