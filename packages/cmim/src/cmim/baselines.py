"""Features that took no learning of the kind that is to be judged: what an embedding must beat."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from cmim._inputs import as_data
from cmim.encoders import MLPEncoder
from cmim.evaluation import check_seed
from infocore.errors import ParameterError, ShapeError

__all__ = ["baseline_features"]

HIDDEN = (256, 256)
ROWS_AT_ONCE = 4096

Floats = NDArray[np.float64]


def baseline_features(train_x: Any, test_x: Any, width: int, *, seed: int = 0) -> dict[str, tuple[Floats, Floats]]:
    """Return the raw data, its principal components and the codes of an encoder that was never trained.

    Parameters
    ----------
    train_x, test_x : array of shape (n, ...), (m, ...)
        Data; rounded to float32, as models read it.
    width : int
        Length D of an embedding to compare with.
    seed : int
        Of the starting weights, and of the components where they are found by random projection.

    Returns
    -------
    dict of str to pair of arrays
        Training and test features, float64: ``"raw"`` of shape (n, d), (m, d), flattened; ``"pca"`` of width
        ``min(D, n, d)``, fitted to `train_x`; ``"random"`` of width D, the mean codes of `cmim.encoders.MLPEncoder`
        with two hidden layers of 256 units at its starting weights.

    Raises
    ------
    ShapeError
        If the samples differ in shape, hold no feature, or there are fewer than two training samples.
    KindError, NonFiniteError
        If the data are not finite real numbers.
    ParameterError
        If `width` or `seed` is out of range.

    Notes
    -----
    The random encoder sees the data as they are. It says what the architecture gives without training: a low bar that
    a trained one sometimes misses.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> x = load_digits().images / 16
    >>> {name: test.shape for name, (train, test) in baseline_features(x[:1000], x[1000:], 16).items()}
    {'raw': (797, 64), 'pca': (797, 16), 'random': (797, 16)}
    """
    caller = "baseline_features"
    check_seed(seed, caller)
    if not isinstance(width, (int, np.integer)) or width < 1:
        raise ParameterError(f"{caller}: `width` must be a positive integer; got {width!r}.")
    train, test = as_data(train_x, f"{caller}: training set"), as_data(test_x, f"{caller}: test set")
    if train.shape[1:] != test.shape[1:] or len(train) < 2:
        raise ShapeError(
            f"{caller}: need `train_x` (n, ...) with n at least 2 and `test_x` (m, ...) of samples of one shape; got "
            f"{tuple(train.shape)} and {tuple(test.shape)}."
        )
    train, test = train.flatten(1).cpu(), test.flatten(1).cpu()
    raw = train.double().numpy(), test.double().numpy()
    with np.errstate(invalid="ignore"):  # shares of the variance, where there is none
        pca = PCA(min(width, *train.shape), random_state=seed).fit(raw[0])
    encoder = MLPEncoder(train.shape[1], width, HIDDEN, torch.Generator().manual_seed(seed))

    def codes(x: torch.Tensor) -> Floats:
        with torch.no_grad():
            return torch.cat([encoder(rows)[0] for rows in x.split(ROWS_AT_ONCE)]).double().numpy()

    return {
        "raw": raw,
        "pca": (pca.transform(raw[0]), pca.transform(raw[1])),
        "random": (codes(train), codes(test)),
    }
