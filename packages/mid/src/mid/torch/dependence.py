r"""Kernel measures of dependence between two batches, differentiable.

With :math:`H = I - 11^\top/B`, kernel matrices K and L of the two batches, :math:`K_c = HKH`:

- HSIC: :math:`\mathrm{tr}(K_c L) / (B-1)^2` [1]_;
- normalised HSIC (CCA form): :math:`\mathrm{tr}(R_K R_L)`, :math:`R_K = K_c (K_c + \varepsilon B I)^{-1}` [2]_;
- COCO in the form of the BiDO code: :math:`\sqrt{\|K_c L_c\|_F} / B`. The constrained covariance of [3]_ has the
  largest singular value in place of the Frobenius norm, so it is never larger than what is returned here.

References
----------
.. [1] A. Gretton, O. Bousquet, A. Smola, B. Schoelkopf, "Measuring Statistical Dependence with Hilbert-Schmidt Norms",
   ALT 2005.
.. [2] K. Fukumizu, A. Gretton, X. Sun, B. Schoelkopf, "Kernel Measures of Conditional Dependence", NIPS 2007.
.. [3] A. Gretton, R. Herbrich, A. Smola, O. Bousquet, B. Schoelkopf, "Kernel Methods for Measuring Independence",
   JMLR 6, 2005.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from infocore.errors import ParameterError, ShapeError

__all__ = ["coco", "gaussian_kernel", "hsic", "linear_kernel"]

_RIDGE = 1e-5


def gaussian_kernel(x: Float[Tensor, "B d"], sigma: float = 5.0) -> Float[Tensor, "B B"]:
    r"""Gaussian kernel with a width that grows with the dimension, as in the BiDO code.

    .. math:: K_{ij} = \exp(-\|x_i - x_j\|^2 / (2 \sigma^2 d))

    Parameters
    ----------
    x : tensor of shape (B, d)
        Rows.
    sigma : float
        Width per dimension, positive.

    Returns
    -------
    tensor of shape (B, B)
        The kernel matrix, ones on the diagonal.

    Raises
    ------
    ShapeError
        If `x` is not a matrix.
    ParameterError
        If `sigma` is not positive.

    Examples
    --------
    >>> gaussian_kernel(torch.tensor([[0.0], [5.0]]))[0, 1].item().__round__(4)  # exp(-1/2)
    0.6065
    """
    _matrix("gaussian_kernel", x)
    if not sigma > 0:
        raise ParameterError(f"gaussian_kernel: `sigma` must be positive; got {sigma!r}.")
    squares = x.square().sum(1)
    # rounding may leave a small negative number where two rows are equal
    distances = (squares[:, None] + squares[None] - 2.0 * x @ x.T).clamp_min(0.0)
    return torch.exp(-distances / (2.0 * sigma**2 * x.shape[1]))


def linear_kernel(x: Float[Tensor, "B d"]) -> Float[Tensor, "B B"]:
    """Inner products of rows.

    Parameters
    ----------
    x : tensor of shape (B, d)
        Rows; one-hot labels for a classification.

    Returns
    -------
    tensor of shape (B, B)
        The kernel matrix.

    Raises
    ------
    ShapeError
        If `x` is not a matrix.

    Examples
    --------
    >>> linear_kernel(torch.eye(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    _matrix("linear_kernel", x)
    return x @ x.T


def hsic(k: Float[Tensor, "B B"], l: Float[Tensor, "B B"], *, normalised: bool) -> Float[Tensor, ""]:  # noqa: E741
    r"""Hilbert-Schmidt independence criterion of two kernel matrices.

    Parameters
    ----------
    k, l : tensor of shape (B, B)
        Kernel matrices of the two batches, in the same order of rows.
    normalised : bool
        The form :math:`\mathrm{tr}(R_K R_L)`, between 0 and B - 1, that does not grow with the kernels; BiDO uses it.
        False for the plain criterion.

    Returns
    -------
    tensor of shape ()
        Not negative up to rounding; 0 if one of the two is constant.

    Raises
    ------
    ShapeError
        If the two are not square matrices of one shape with at least 2 rows.

    Notes
    -----
    The biased estimate: its mean is positive for independent batches too. Compare with permuted rows, not with 0.
    The normalised form solves with a ridge of ``1e-5 B``; use float64.

    Examples
    --------
    >>> k = linear_kernel(torch.tensor([[1.0], [-1.0]], dtype=torch.float64))
    >>> hsic(k, k, normalised=False).item(), round(hsic(k, k, normalised=True).item(), 4)
    (4.0, 1.0)
    """
    _pair("hsic", k, l)
    kc, lc = _centred(k), _centred(l)
    if not normalised:
        return (kc * lc).sum() / (len(k) - 1) ** 2
    return (_shrunk(kc) * _shrunk(lc).T).sum()


def coco(k: Float[Tensor, "B B"], l: Float[Tensor, "B B"]) -> Float[Tensor, ""]:  # noqa: E741
    r"""Constrained covariance in the form of the BiDO code, :math:`\sqrt{\|K_c L_c\|_F} / B`.

    Parameters
    ----------
    k, l : tensor of shape (B, B)
        Kernel matrices of the two batches, in the same order of rows.

    Returns
    -------
    tensor of shape ()
        Not negative; 0, with gradient 0, if one of the two is constant.

    Raises
    ------
    ShapeError
        If the two are not square matrices of one shape with at least 2 rows.

    Examples
    --------
    >>> k = linear_kernel(torch.tensor([[1.0], [-1.0]]))
    >>> coco(k, k).item()  # the product has norm 4
    1.0
    """
    _pair("coco", k, l)
    norm = torch.linalg.matrix_norm(_centred(k) @ _centred(l))
    # the root has no slope at 0, where a layer whose units are all dead would put it
    positive = norm > 0
    return torch.where(positive, torch.where(positive, norm, 1.0).sqrt(), 0.0) / len(k)


def _centred(k: Tensor) -> Tensor:
    return k - k.mean(0, keepdim=True) - k.mean(1, keepdim=True) + k.mean()


def _shrunk(kc: Tensor) -> Tensor:
    """Return ``Kc (Kc + 1e-5 B I)^-1``; the two factors commute."""
    ridge = _RIDGE * len(kc) * torch.eye(len(kc), dtype=kc.dtype, device=kc.device)
    return torch.linalg.solve(kc + ridge, kc)


def _matrix(caller: str, x: Tensor) -> None:
    if x.ndim != 2:
        raise ShapeError(f"{caller}: `x` must be a matrix; got shape {tuple(x.shape)}. Flatten layers first.")


def _pair(caller: str, k: Tensor, l: Tensor) -> None:  # noqa: E741
    if k.ndim != 2 or k.shape[0] != k.shape[1] or k.shape != l.shape or len(k) < 2:
        raise ShapeError(
            f"{caller}: `k` and `l` must be square matrices of one shape with at least 2 rows; got {tuple(k.shape)} "
            f"and {tuple(l.shape)}."
        )
