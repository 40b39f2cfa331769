r"""Coarser answers: rounding, truncation, labels only, temperature and mixing around any fitted predictor.

These settings act on what a model answers, not on the model: a white-box attacker passes them by. Those that are
one-to-one (`Temperature`, and `Mixing` with a weight below 1) remove no information at all; they only help against
attacks that read answers at face value.
"""

import dataclasses
import math
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from infocore.errors import KindError, ParameterError
from mid.attacks.predictor import Predictor, check_release, most_frequent
from mid.attacks.protocols import Access, Output

__all__ = ["LabelOnly", "Mixing", "PostProcessed", "Rounding", "Setting", "Temperature", "TopK"]

Floats = NDArray[np.float64]


class Setting(Protocol):
    """One step of post-processing."""

    def apply(self, p: Floats) -> Floats:
        """Change released probabilities.

        Parameters
        ----------
        p : array of shape (n, C)
            Probabilities, or what an earlier step made of them.

        Returns
        -------
        array of shape (n, C)
            What is released instead.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Rounding:
    """Round answers (Fredrikson et al. 2015).

    Parameters
    ----------
    decimals : int
        Digits that are kept; negative, for values of a regressor only, rounds to tens, hundreds and so on.

    Notes
    -----
    Rounded probabilities need not sum to 1; they are not scaled again, because a user would see the same digits.

    References
    ----------
    .. [1] M. Fredrikson, S. Jha, T. Ristenpart, "Model Inversion Attacks that Exploit Confidence Information and Basic
       Countermeasures", CCS 2015.

    Examples
    --------
    >>> Rounding(1).apply(np.array([[0.67, 0.33]]))
    array([[0.7, 0.3]])
    """

    decimals: int

    def __post_init__(self) -> None:
        if isinstance(self.decimals, bool) or not isinstance(self.decimals, (int, np.integer)):
            raise ParameterError(f"Rounding: `decimals` must be an integer; got {self.decimals!r}.")

    def apply(self, p: Floats) -> Floats:
        """Round.

        Parameters
        ----------
        p : array of shape (n, C) or (n,)
            Answers.

        Returns
        -------
        array of the same shape
            Rounded.
        """
        return np.round(p, self.decimals)


@dataclasses.dataclass(frozen=True)
class TopK:
    """Release the k largest probabilities only.

    Parameters
    ----------
    k : int
        How many are kept; of equal ones, those of the first classes.
    rest : {"zero", "uniform"}
        What the other classes are given: nothing, or equal shares of the mass that was cut.

    Examples
    --------
    >>> TopK(1, rest="uniform").apply(np.array([[0.6, 0.3, 0.1]]))
    array([[0.6, 0.2, 0.2]])
    """

    k: int
    rest: Literal["zero", "uniform"] = "zero"

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ParameterError(f"TopK: `k` must be at least 1; got {self.k}.")
        if self.rest not in ("zero", "uniform"):
            raise ParameterError(f"TopK: `rest` must be 'zero' or 'uniform'; got {self.rest!r}.")

    def apply(self, p: Floats) -> Floats:
        """Cut.

        Parameters
        ----------
        p : array of shape (n, C)
            Probabilities.

        Returns
        -------
        array of shape (n, C)
            The k largest of each row, and the rest.

        Raises
        ------
        ParameterError
            If there are fewer than k classes.
        """
        classes = p.shape[1]
        if self.k > classes:
            raise ParameterError(f"TopK: `k` must be at most the number of classes, {classes}; got {self.k}.")
        cut = np.argsort(-p, axis=1, kind="stable")[:, self.k :]
        out = p.copy()
        shared = self.rest == "uniform" and self.k < classes
        fill = np.take_along_axis(p, cut, 1).mean(1, keepdims=True) if shared else 0.0
        np.put_along_axis(out, cut, fill, 1)
        return out


@dataclasses.dataclass(frozen=True)
class LabelOnly:
    """Release the label and nothing else; as probabilities, 1 for the most probable class and 0 for the others.

    Examples
    --------
    >>> LabelOnly().apply(np.array([[0.6, 0.3, 0.1]]))
    array([[1., 0., 0.]])
    """

    def apply(self, p: Floats) -> Floats:
        """Put all mass on the largest entry, the first of equal ones.

        Parameters
        ----------
        p : array of shape (n, C)
            Probabilities.

        Returns
        -------
        array of shape (n, C)
            Ones and zeros.
        """
        return np.eye(p.shape[1])[p.argmax(1)]


@dataclasses.dataclass(frozen=True)
class Temperature:
    r"""Flatten probabilities, :math:`p_c^{1/t} / \sum_k p_k^{1/t}`: one-to-one, so it removes no information.

    Parameters
    ----------
    t : float
        Above 1 flattens, below 1 sharpens. Probability 0 stays 0.

    Examples
    --------
    >>> Temperature(2.0).apply(np.array([[0.8, 0.2]])).round(3)  # roots are 2 : 1
    array([[0.667, 0.333]])
    """

    t: float

    def __post_init__(self) -> None:
        if not (self.t > 0 and math.isfinite(self.t)):
            raise ParameterError(f"Temperature: `t` must be positive and finite; got {self.t!r}.")

    def apply(self, p: Floats) -> Floats:
        """Flatten.

        Parameters
        ----------
        p : array of shape (n, C)
            Probabilities.

        Returns
        -------
        array of shape (n, C)
            Rows sum to 1.

        Raises
        ------
        ParameterError
            If a row is 0 throughout, as after rounding to too few digits.
        """
        empty = int((~(p > 0).any(1)).sum())
        if empty:
            raise ParameterError(
                f"Temperature: {empty} of {len(p)} rows are 0 throughout, so there is nothing to scale. Put it before "
                "`Rounding`, or keep more decimals."
            )
        log_p = np.log(p, out=np.full_like(p, -np.inf), where=p > 0)
        return np.asarray(softmax(log_p / self.t, axis=1))


@dataclasses.dataclass(frozen=True)
class Mixing:
    r"""Mix with the uniform distribution, :math:`(1 - w) p_c + w / C`: one-to-one for a weight below 1.

    Parameters
    ----------
    weight : float
        w, in [0, 1].

    Examples
    --------
    >>> Mixing(0.5).apply(np.array([[1.0, 0.0]]))
    array([[0.75, 0.25]])
    """

    weight: float

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ParameterError(f"Mixing: `weight` must be in [0, 1]; got {self.weight!r}.")

    def apply(self, p: Floats) -> Floats:
        """Mix.

        Parameters
        ----------
        p : array of shape (n, C)
            Probabilities.

        Returns
        -------
        array of shape (n, C)
            Closer to uniform.
        """
        return (1.0 - self.weight) * p + self.weight / p.shape[1]


class PostProcessed:
    """A fitted predictor whose answers are post-processed before they leave.

    Parameters
    ----------
    model : estimator
        Fitted classifier with `predict_proba`, or fitted regressor.
    *settings : Rounding, TopK, LabelOnly, Temperature or Mixing
        Applied in this order. Of a regressor only `Rounding` applies.

    Raises
    ------
    KindError
        If `model` is neither a classifier nor a regressor.
    ParameterError
        If there is no setting, or one does not apply to the kind of model.

    Notes
    -----
    The label is always the model's own, so no setting costs accuracy, also where rounding makes entries equal. It is
    released beside the probabilities: mixing with weight 1 still tells the label.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    >>> PostProcessed(model, TopK(1), Rounding(1)).predict_proba([[0.0]])
    array([[0.8, 0. ]])
    """

    def __init__(self, model: Any, *settings: Setting) -> None:
        if not (is_classifier(model) or is_regressor(model)):
            raise KindError(f"PostProcessed: `model` must be a classifier or a regressor; got {type(model).__name__}.")
        check_is_fitted(model)
        if not settings:
            raise ParameterError("PostProcessed: `settings` needs at least one, such as Rounding(2); got none.")
        for setting in settings:
            if is_regressor(model) and not isinstance(setting, Rounding):
                raise ParameterError(f"PostProcessed: {setting} does not apply to the values of a regressor.")
            if is_classifier(model) and isinstance(setting, Rounding) and setting.decimals < 0:
                raise ParameterError(f"PostProcessed: {setting} would round all probabilities to 0.")
        self.model = model
        self.settings = settings

    @property
    def classes_(self) -> NDArray[Any]:
        """Labels, in the order of the columns of `predict_proba`."""
        return self.model.classes_

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Answer as the model does; values are rounded.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n,)
            Labels or values.
        """
        answers = np.asarray(self.model.predict(X))
        return answers if is_classifier(self.model) else self._applied(answers)

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Post-processed probabilities.

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n, C)
            Rows need not sum to 1 after rounding or cutting.

        Raises
        ------
        ParameterError
            If the model is a regressor.
        """
        if is_regressor(self.model):
            raise ParameterError("PostProcessed.predict_proba: a regressor has no probabilities; use `predict`.")
        return self._applied(self.model.predict_proba(X))

    def release(
        self,
        X: ArrayLike,
        *,
        output: Output,
        queries: int = 1,
        access: Access = "sampled",
        rng: int | np.random.Generator = 0,
    ) -> NDArray[Any]:
        """Answer a batch of queries, as an attacker meets the model (`mid.attacks.Target`).

        Parameters
        ----------
        X : array or data frame of shape (n, dx)
            Records asked about.
        output : {"labels", "values", "probabilities"}
            What is released; logits are not, because they would pass the settings by.
        queries, access, rng
            As in `mid.attacks.Predictor.release`. Each answer is post-processed before the attacker averages.

        Returns
        -------
        array of shape (n,) or (n, C)
            The mean of the answers, or the most frequent label.

        Raises
        ------
        ParameterError
            If `output` is "logits" or not what the model answers with, or another setting does not exist.
        """
        check_release("PostProcessed.release", output, queries, access)
        if output == "logits":
            raise ParameterError(
                'PostProcessed.release: `output` "logits" would pass the post-processing by; ask for probabilities.'
            )
        inner, stream = Predictor(self.model), np.random.default_rng(rng)
        noisy = hasattr(self.model, "release") or get_tags(self.model).non_deterministic
        rounds = queries if access == "sampled" and noisy else 1
        answers = [inner.release(X, output=output, access=access, rng=stream) for _ in range(rounds)]
        if output == "labels":
            return most_frequent(answers) if rounds > 1 else answers[0]
        return np.mean([self._applied(answer) for answer in answers], axis=0)

    def _applied(self, answers: Any) -> Floats:
        out = np.asarray(answers, dtype=np.float64)
        for setting in self.settings:
            out = setting.apply(out)
        return out

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        return get_tags(self.model)
