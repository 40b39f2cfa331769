"""How good an embedding is, in numbers with intervals."""

import dataclasses
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import infocore
from infocore.errors import NonFiniteError, ParameterError, ShapeError
from infocore.result import MIEstimate

__all__ = [
    "Accuracy",
    "EmbeddingScores",
    "Information",
    "evaluate_all",
    "evaluate_embeddings",
    "information",
    "wilson",
]

K_NEIGHBOURS = 5
MLP_UNITS = 400
MLP_EPOCHS = 100

Split = tuple[NDArray[np.float64], NDArray[Any], NDArray[np.float64], NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class Accuracy:
    """Share of test samples that are right, with its binomial interval.

    Parameters
    ----------
    value : float
        The share.
    low, high : float
        Wilson's interval: what the size of the test set leaves open, not the variation between trainings.
    n : int
        Test samples.
    level : float
        Nominal coverage of the interval.
    """

    value: float
    low: float
    high: float
    n: int
    level: float


@dataclasses.dataclass(frozen=True)
class EmbeddingScores:
    """Accuracies of simple classifiers on an embedding.

    Parameters
    ----------
    knn_euclidean, knn_cosine : Accuracy
        Of the `k` nearest training samples, by distance and by angle.
    linear : Accuracy
        Of logistic regression on standardised features.
    k : int
        Neighbours.
    mlp : Accuracy or None
        Of a network with one hidden layer on standardised features, if it was asked for.
    mlp_converged : bool or None
        Whether the network's training loss stopped falling before the limit of its epochs.
    """

    knn_euclidean: Accuracy
    knn_cosine: Accuracy
    linear: Accuracy
    k: int
    mlp: Accuracy | None = None
    mlp_converged: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain nested dictionaries, for JSON.

        Returns
        -------
        dict
            All fields.
        """
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Information:
    """Mutual information of codes with labels and with data.

    Parameters
    ----------
    label : MIEstimate
        I(z; y).
    data : MIEstimate or None
        I(x; z), if x was given.
    """

    label: MIEstimate
    data: MIEstimate | None


def wilson(right: int, n: int, level: float = 0.95) -> Accuracy:
    """Wilson's interval for a share.

    Parameters
    ----------
    right, n : int
        Successes and trials.
    level : float
        Nominal coverage.

    Returns
    -------
    Accuracy
        The share and its interval.

    Raises
    ------
    ParameterError
        If the counts or the level cannot be.

    References
    ----------
    .. [1] E. Wilson, JASA 22:209, 1927.

    Examples
    --------
    >>> a = wilson(9, 10)
    >>> round(a.low, 4), round(a.high, 4)
    (0.5958, 0.9821)
    """
    if n < 1 or not 0 <= right <= n:
        raise ParameterError(f"wilson: `right` must be in 0..n with `n` at least 1; got {right!r} of {n!r}.")
    if not 0 < level < 1:
        raise ParameterError(f"wilson: `level` must be between 0 and 1; got {level!r}.")
    z2 = float(ndtri(0.5 + level / 2)) ** 2
    share = right / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return Accuracy(share, max(0.0, centre - half), min(1.0, centre + half), n, level)  # but for rounding, inside


def evaluate_embeddings(
    train_z: ArrayLike,
    train_y: ArrayLike,
    test_z: ArrayLike,
    test_y: ArrayLike,
    *,
    level: float = 0.95,
    mlp: bool = False,
    seed: int = 0,
) -> EmbeddingScores:
    """Classify by nearest neighbours, by a linear probe and by a small network.

    Parameters
    ----------
    train_z, test_z : array of shape (n, D), (m, D)
        Embeddings; torch tensors on the CPU will do.
    train_y, test_y : array of shape (n,), (m,)
        Labels, numbers or text.
    level : float
        Nominal coverage of the intervals.
    mlp : bool
        Whether to train the network too, which takes longer than the rest together.
    seed : int
        Of the network's starting weights and batches.

    Returns
    -------
    EmbeddingScores
        k-NN with k = 5 (Euclidean, and cosine), and logistic regression with C = 1 on standardised features. With
        `mlp`, also one hidden layer of 400 rectified units on standardised features, Adam with rate 1e-3, at most 100
        epochs.

    Raises
    ------
    ShapeError
        If the shapes do not fit together, or there are fewer than 5 training samples.
    NonFiniteError
        If an embedding holds NaN or infinity.
    ParameterError
        If `level` or `seed` is out of range.

    Notes
    -----
    Nothing is tuned, so no validation set is needed; the numbers are for comparing embeddings with each other.

    Examples
    --------
    >>> z = np.repeat(np.eye(2), 20, axis=0) + np.linspace(0, 0.1, 40)[:, None]
    >>> y = np.repeat([0, 1], 20)
    >>> evaluate_embeddings(z[::2], y[::2], z[1::2], y[1::2]).linear.value
    1.0
    """
    check_seed(seed, "evaluate_embeddings")
    return _scores(_split(train_z, train_y, test_z, test_y, "evaluate_embeddings"), level, mlp, seed)


def evaluate_all(
    features: Mapping[str, tuple[ArrayLike, ArrayLike]],
    train_y: ArrayLike,
    test_y: ArrayLike,
    *,
    level: float = 0.95,
    mlp: bool = True,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, EmbeddingScores]:
    """Evaluate several embeddings of the same samples, one like the other.

    Parameters
    ----------
    features : mapping of str to pair of arrays of shape (n, D), (m, D)
        Training and test features by name; D may differ between names. See `cmim.baselines.baseline_features`.
    train_y, test_y : array of shape (n,), (m,)
        Labels, numbers or text.
    level, mlp, seed
        As of `evaluate_embeddings`.
    progress : callable, optional
        Called as ``progress(name, done, total)`` after each.

    Returns
    -------
    dict of str to EmbeddingScores
        By name, in the order of `features`.

    Raises
    ------
    ShapeError, NonFiniteError, ParameterError
        As `evaluate_embeddings`, with the name; all features are checked before the first classifier is trained.

    Examples
    --------
    >>> z = np.repeat(np.eye(2), 20, axis=0) + np.linspace(0, 0.1, 40)[:, None]
    >>> y = np.repeat(["a", "b"], 20)
    >>> features = {"good": (z[::2], z[1::2]), "blank": (0 * z[::2], 0 * z[1::2])}
    >>> {name: s.linear.value for name, s in evaluate_all(features, y[::2], y[1::2], mlp=False).items()}
    {'good': 1.0, 'blank': 0.5}
    """
    check_seed(seed, "evaluate_all")
    splits: dict[str, Split] = {}
    for name, pair in features.items():
        if len(pair) != 2:
            raise ShapeError(f"evaluate_all: features[{name!r}] must be a pair (train, test); got {len(pair)} items.")
        splits[name] = _split(pair[0], train_y, pair[1], test_y, f"evaluate_all: features[{name!r}]")
    scores: dict[str, EmbeddingScores] = {}
    for name, split in splits.items():
        scores[name] = _scores(split, level, mlp, seed)
        if progress is not None:
            progress(name, len(scores), len(splits))
    return scores


def check_seed(seed: int, caller: str) -> None:
    """Refuse what scikit-learn and torch do not both take as a seed.

    Parameters
    ----------
    seed : int
        In 0 .. 2**32 - 1.
    caller : str
        Who asks.

    Raises
    ------
    ParameterError
        If it is anything else.
    """
    if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ParameterError(f"{caller}: `seed` must be an integer in 0 .. 2**32 - 1; got {seed!r}.")


def _split(train_z: ArrayLike, train_y: ArrayLike, test_z: ArrayLike, test_y: ArrayLike, caller: str) -> Split:
    a, b = np.asarray(train_z, np.float64), np.asarray(test_z, np.float64)
    c, d = np.asarray(train_y), np.asarray(test_y)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or c.shape != a.shape[:1] or d.shape != b.shape[:1]:
        raise ShapeError(
            f"{caller}: need `train_z` (n, D), `train_y` (n,), `test_z` (m, D), `test_y` (m,); got "
            f"{a.shape}, {c.shape}, {b.shape}, {d.shape}."
        )
    if len(a) < K_NEIGHBOURS or len(b) < 1:
        raise ShapeError(
            f"{caller}: need at least {K_NEIGHBOURS} training samples and 1 test sample; got {len(a)} and {len(b)}."
        )
    for name, z in (("train_z", a), ("test_z", b)):
        bad = int((~np.isfinite(z).all(1)).sum())
        if bad:
            raise NonFiniteError(
                f"{caller}: `{name}` holds NaN or infinity in {bad} of {len(z)} rows. Mend the embedding: without "
                "those rows another set would be measured."
            )
    return a, c, b, d


def _scores(split: Split, level: float, mlp: bool, seed: int) -> EmbeddingScores:
    a, c, b, d = split

    def score(classifier: Any) -> Accuracy:
        return wilson(int((classifier.fit(a, c).predict(b) == d).sum()), len(d), level)

    scores = EmbeddingScores(
        knn_euclidean=score(KNeighborsClassifier(K_NEIGHBOURS, algorithm="brute")),
        knn_cosine=score(KNeighborsClassifier(K_NEIGHBOURS, algorithm="brute", metric="cosine")),
        linear=score(make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))),
        k=K_NEIGHBOURS,
    )
    if not mlp:
        return scores
    network = MLPClassifier(
        (MLP_UNITS,),
        solver="adam",
        learning_rate_init=1e-3,
        max_iter=MLP_EPOCHS,
        early_stopping=False,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said in the result
        accuracy = score(make_pipeline(StandardScaler(), network))
    return dataclasses.replace(scores, mlp=accuracy, mlp_converged=network.n_iter_ < MLP_EPOCHS)


def information(
    z: ArrayLike,
    y: ArrayLike,
    x: ArrayLike | None = None,
    *,
    ci_level: float = 0.9,
    rng: int | np.random.Generator = 0,
) -> Information:
    """Mutual information of codes with labels, and with the data they came from, by `infocore.mutual_information`.

    Parameters
    ----------
    z : array of shape (n, D)
        Codes. For I(x; z) use posterior *samples*: with means, z is a function of x and the information is infinite.
    y : array of shape (n,)
        Discrete labels.
    x : array of shape (n, ...), optional
        The data, flattened.
    ci_level : float
        Nominal coverage of the intervals.
    rng : int or numpy Generator
        Seed.

    Returns
    -------
    Information
        I(z; y) by nearest neighbours (``method="mixed"``), biased down when D is large; I(x; z), if `x` is given, as a
        held-out lower bound (``method="infonce"``), which cannot exceed the logarithm of its number of columns.

    Raises
    ------
    InfoError
        As `infocore.mutual_information`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, 1000)
    >>> z = y[:, None] + 0.01 * rng.standard_normal((1000, 1))
    >>> round(information(z, y).label.value, 2)  # log 2
    0.69
    """
    codes = np.asarray(z)
    label = infocore.mutual_information(
        codes, np.asarray(y), method="mixed", ci_level=ci_level, rng=rng
    )  # fmt: skip
    if x is None:
        return Information(label, None)
    flat = np.asarray(x).reshape(len(codes), -1)
    return Information(label, infocore.mutual_information(flat, codes, method="infonce", ci_level=ci_level, rng=rng))
