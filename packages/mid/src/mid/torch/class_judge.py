"""Judging reconstructions of classes: by another classifier, in its own feature space, with intervals over classes.

The evaluator must be independent of the target: other training records, another architecture, another start. An image
that only fools the target (an adversarial example) scores with the target and not here.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infocore.errors import NonFiniteError, ParameterError, ShapeError
from mid.attacks.metrics import bootstrap_over_classes, squared_error
from mid.torch.attacks.reconstructions import ClassReconstructions

__all__ = ["ClassVerdict", "Interval", "judge_classes"]

Scores = Callable[[NDArray[np.float32]], ArrayLike]


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean over reconstructions, with its bootstrap interval over classes.

    Parameters
    ----------
    value : float
        The mean.
    low, high : float
        Ends of the interval.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """The mean and its interval."""
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclasses.dataclass(frozen=True)
class ClassVerdict:
    """How much of the classes reconstructions show.

    Parameters
    ----------
    accuracy : Interval
        Share of reconstructions that the evaluator takes for their class (AttAcc@1).
    accuracy_top5 : Interval or None
        Share with their class among its five best; None with five classes or fewer, where it would always be 1.
    knn_squared_distance : Interval
        Squared distance to the nearest private record of the class, in feature space.
    feature_squared_distance : Interval
        Squared distance to the mean of the class's private records, in feature space.
    nearest_mse : Interval
        Mean squared pixel error to the nearest private record of the class.
    class_mean_mse : Interval
        Mean squared pixel error to the mean image of the class's private records.
    evaluator_accuracy : float or None
        Accuracy of the evaluator on records held out from it, which bounds what `accuracy` can mean; None if none came.
    chance : float
        One over the number of the evaluator's classes.
    target_score : float
        The target's own mean score of the reconstructions: far above `accuracy`, it was fooled rather than read.
    n, classes : int
        Reconstructions, and classes among them: the units of the bootstrap.
    queries, steps : int
        The price of the attack.
    ci_level : float
        Nominal coverage of the intervals; with few classes they cover less.
    """

    accuracy: Interval
    accuracy_top5: Interval | None
    knn_squared_distance: Interval
    feature_squared_distance: Interval
    nearest_mse: Interval
    class_mean_mse: Interval
    evaluator_accuracy: float | None
    chance: float
    target_score: float
    n: int
    classes: int
    queries: int
    steps: int
    ci_level: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types.

        Returns
        -------
        dict
            Fields by name; intervals as mappings.
        """
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        """Two lines: accuracy beside chance and the evaluator's own, and the distances."""
        own = "unknown" if self.evaluator_accuracy is None else f"{self.evaluator_accuracy:.3f}"
        return (
            f"attack accuracy {self.accuracy} at {100 * self.ci_level:g}% over {self.classes} classes, n={self.n}; "
            f"chance {self.chance:.3f}, evaluator's own accuracy {own}, target's score {self.target_score:.3f}.\n"
            f"KNN distance {self.knn_squared_distance}, feature distance {self.feature_squared_distance}, nearest MSE "
            f"{self.nearest_mse}, MSE to the class mean {self.class_mean_mse}; {self.queries} queries."
        )


def judge_classes(
    reconstructions: ClassReconstructions,
    *,
    evaluator: Scores,
    x_private: ArrayLike,
    y_private: ArrayLike,
    features: Scores | None = None,
    x_held_out: ArrayLike | None = None,
    y_held_out: ArrayLike | None = None,
    ci_level: float = 0.9,
    rng: int | np.random.Generator = 0,
) -> ClassVerdict:
    """Judge reconstructions of classes.

    Parameters
    ----------
    reconstructions : ClassReconstructions
        The answer of an attack.
    evaluator : callable
        From images (n, dx) to scores (n, C), columns numbered as the target's classes; independent of the target.
    x_private, y_private : array of shape (m, dx), array of int of shape (m,)
        The records the target was trained on, and their classes.
    features : callable, optional
        From images (n, dx) to features (n, F) of the evaluator; pixels if left out.
    x_held_out, y_held_out : array of shape (h, dx), array of shape (h,), optional
        Records the evaluator was not trained on, for its own accuracy.
    ci_level : float
        Nominal coverage of the intervals.
    rng : int or numpy.random.Generator
        Seed of the bootstrap.

    Returns
    -------
    ClassVerdict
        The verdict.

    Raises
    ------
    ShapeError
        If arrays do not fit together.
    ParameterError
        If a reconstructed class has no private record or no column of the evaluator, or one of the two held-out
        arrays is missing.
    NonFiniteError
        If the evaluator's scores hold NaN.

    Examples
    --------
    >>> x = np.eye(2, dtype=np.float32)
    >>> found = ClassReconstructions(x, np.array([0, 1]), np.ones(2, np.float32), 10, 5, {"kind": "none"})
    >>> verdict = judge_classes(found, evaluator=lambda a: a, x_private=x, y_private=[0, 1])
    >>> verdict.accuracy.value, verdict.nearest_mse.value
    (1.0, 0.0)
    """
    images, classes = reconstructions.images, reconstructions.classes
    x, y = np.asarray(x_private, np.float32), np.asarray(y_private)
    if x.ndim != 2 or x.shape[1] != images.shape[1] or y.shape != (len(x),):
        raise ShapeError(
            f"judge_classes: `x_private` must have the {images.shape[1]} columns of the reconstructions and "
            f"`y_private` a class for each row; got {x.shape} and {y.shape}."
        )
    absent = sorted(set(classes.tolist()) - set(y.tolist()))
    if absent:
        raise ParameterError(f"judge_classes: `y_private` has no record of class {absent}, which was reconstructed.")
    if (x_held_out is None) != (y_held_out is None):
        raise ParameterError("judge_classes: `x_held_out` and `y_held_out` must come together; got one of them.")
    scores = _scores(evaluator, images)
    if classes.max() >= scores.shape[1]:
        raise ParameterError(
            f"judge_classes: `evaluator` must have a column for class {classes.max()}; it answers with "
            f"{scores.shape[1]}."
        )
    # classes that beat the own one, ties split evenly: an evaluator of equal scores is at chance
    own = scores[np.arange(len(classes)), classes][:, None]
    above, equal = (scores > own).sum(1), (scores == own).sum(1)
    describe = features if features is not None else _pixels
    of_images, of_private = (np.asarray(describe(a), np.float64) for a in (images, x))
    rng = np.random.default_rng(rng)

    def interval(each: NDArray[Any]) -> Interval:
        low, high = bootstrap_over_classes(each, classes, rng, ci_level=ci_level)
        return Interval(float(np.mean(each)), low, high)

    def top(k: int) -> Interval:
        return interval(np.clip((k - above) / equal, 0.0, 1.0))

    held_out = None
    if x_held_out is not None:
        guesses = _scores(evaluator, np.asarray(x_held_out, np.float32)).argmax(1)
        held_out = float((guesses == np.asarray(y_held_out)).mean())
    means = np.stack([x[y == c].mean(0) for c in classes])
    return ClassVerdict(
        accuracy=top(1),
        accuracy_top5=top(5) if scores.shape[1] > 5 else None,
        knn_squared_distance=interval(_nearest(of_images, classes, of_private, y)),
        feature_squared_distance=interval(
            np.array([((f - of_private[y == c].mean(0)) ** 2).sum() for f, c in zip(of_images, classes, strict=True)])
        ),
        nearest_mse=interval(_nearest(images.astype(np.float64), classes, x, y) / x.shape[1]),
        class_mean_mse=interval(squared_error(means, images)),
        evaluator_accuracy=held_out,
        chance=1.0 / scores.shape[1],
        target_score=float(reconstructions.scores.mean()),
        n=len(images),
        classes=len(np.unique(classes)),
        queries=reconstructions.queries,
        steps=reconstructions.steps,
        ci_level=ci_level,
    )


def _pixels(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return x


def _scores(evaluator: Scores, images: NDArray[np.float32]) -> NDArray[np.float64]:
    scores = np.asarray(evaluator(images), np.float64)
    if scores.ndim != 2 or len(scores) != len(images):
        raise ShapeError(
            f"judge_classes: `evaluator` must answer with scores of shape ({len(images)}, C); got {scores.shape}."
        )
    if np.isnan(scores).any():
        raise NonFiniteError("judge_classes: `evaluator` answers with NaN; look at the images it was given.")
    return scores


def _nearest(
    a: NDArray[np.floating[Any]], classes: NDArray[Any], x: NDArray[np.floating[Any]], y: NDArray[Any]
) -> NDArray[np.float64]:
    """Squared distance of each row to the nearest record of its class."""
    return np.array([((x[y == c] - row) ** 2).sum(1).min() for row, c in zip(a, classes, strict=True)], np.float64)
