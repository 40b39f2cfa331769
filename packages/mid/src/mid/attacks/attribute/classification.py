r"""Attacks on a classifier whose true label is known, black box.

References
----------
- M. Fredrikson, S. Jha, T. Ristenpart, "Model Inversion Attacks that Exploit Confidence Information and Basic
  Countermeasures", CCS 2015: maximum a posteriori with a confusion matrix, eq. 37 (recalled, and agreeing with public
  re-implementations).
- S. Mehnaz et al., "Are Your Sensitive Attributes Private? Novel Model Inversion Attribute Inference Attacks on
  Classification Models", USENIX Security 2022: CSMIA, eq. 39, and LOMIA, eq. 40.
"""

import dataclasses
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from infocore.errors import ParameterError
from mid.attacks.attribute.baselines import PriorName, log_prior_of
from mid.attacks.attribute.population import Imputer
from mid.attacks.attribute.view import View
from mid.attacks.protocols import Access, Needs

__all__ = ["CSMIA", "LOMIA", "ConfidenceMAP", "ConfusionMAP"]

Floats = NDArray[np.float64]

_FLOOR = 1e-30  # probabilities below this are read as this, so that ties are broken by the prior


@dataclasses.dataclass(frozen=True)
class ConfusionMAP:
    r"""Eq. 37: :math:`\arg\max_v C[y, f(x_{ns}, v)]\, p(v)` with C the confusion matrix, its rows summing to 1.

    Parameters
    ----------
    prior : {"marginal", "imputation", "uniform"}
        What is multiplied in.
    queries : int
        How often each question is asked; the most frequent label counts.

    Raises
    ------
    ParameterError
        If `prior` is not one of its values, or `queries` is less than 1.

    Notes
    -----
    C is counted on the attacker's own records, with one imagined record spread over each row.
    """

    prior: PriorName = "marginal"
    queries: int = 1

    def __post_init__(self) -> None:
        _check("ConfusionMAP", self.prior, self.queries)

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return _title("confusion MAP", self.prior, self.queries, "sampled")

    @property
    def needs(self) -> Needs:
        """Labels, the true label, and records of its own."""
        return Needs(interface="labels", response=True, auxiliary=True)

    def scores(self, view: View) -> Floats:
        """Log of eq. 37.

        Parameters
        ----------
        view : View
            What the attacker sees.

        Returns
        -------
        array of shape (n, m)
            Log-scores.
        """
        classes = _known_classes(view, self.name)
        size = len(classes)
        said = _index(classes, view.ask_known("labels", self.queries))
        true = _index(classes, view.known.y)
        counts = np.full((size, size), 1.0 / size)
        np.add.at(counts, (true, said), 1.0)
        log_confusion = np.log(counts / counts.sum(1, keepdims=True))
        answers = _index(classes, view.ask("labels", self.queries))
        return log_confusion[_index(classes, view.response)[:, None], answers] + log_prior_of(view, self.prior)


@dataclasses.dataclass(frozen=True)
class ConfidenceMAP:
    r"""Confidence form of eq. 37: :math:`\arg\max_v f_y(x_{ns}, v)\, p(v)`.

    Parameters
    ----------
    prior : {"marginal", "imputation", "uniform"}
        What is multiplied in.
    queries : int
        How often each question is asked; probabilities are averaged.
    access : {"sampled", "mean"}
        Noisy answers, or those without noise (white box).

    Raises
    ------
    ParameterError
        If `prior` is not one of its values, or `queries` is less than 1.
    """

    prior: PriorName = "marginal"
    queries: int = 1
    access: Access = "sampled"

    def __post_init__(self) -> None:
        _check("ConfidenceMAP", self.prior, self.queries)

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return _title("confidence MAP", self.prior, self.queries, self.access)

    @property
    def needs(self) -> Needs:
        """Probabilities and the true label; records of its own for the prior."""
        interface = "parameters" if self.access == "mean" else "probabilities"
        return Needs(interface=interface, response=True, auxiliary=self.prior != "uniform")

    def scores(self, view: View) -> Floats:
        """Log-confidence for the true label, plus the log-prior.

        Parameters
        ----------
        view : View
            What the attacker sees.

        Returns
        -------
        array of shape (n, m)
            Log-scores.
        """
        confidence = _confidence(view, view.ask("probabilities", self.queries, self.access), self.name)
        return np.log(np.maximum(confidence, _FLOOR)) + log_prior_of(view, self.prior)


@dataclasses.dataclass(frozen=True)
class CSMIA:
    """Confidence-score attack of Mehnaz et al., eq. 39.

    With M the candidates for which the true label is predicted: the one of M; of several the one with the highest
    confidence; where M is empty, the candidate with the **lowest** top confidence.

    Parameters
    ----------
    queries : int
        How often each question is asked; probabilities are averaged.

    Raises
    ------
    ParameterError
        If `queries` is less than 1.
    """

    queries: int = 1

    def __post_init__(self) -> None:
        _check("CSMIA", "uniform", self.queries)

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return _title("CSMIA", None, self.queries, "sampled")

    @property
    def needs(self) -> Needs:
        """Probabilities and the true label; no records."""
        return Needs(interface="probabilities", response=True)

    def scores(self, view: View) -> Floats:
        """One number that orders the candidates by the three cases.

        Parameters
        ----------
        view : View
            What the attacker sees.

        Returns
        -------
        array of shape (n, m)
            ``1 + confidence`` for a candidate of M, ``-confidence`` for one outside.
        """
        answers = view.ask("probabilities", self.queries)
        label = _index(_known_classes(view, self.name), view.response)
        top = answers.max(2)
        return np.where(answers.argmax(2) == label[:, None], 1.0 + top, -top)


@dataclasses.dataclass(frozen=True)
class LOMIA:
    """Label-only attack of Mehnaz et al., eq. 40.

    Records for which one candidate alone gives the true label are taken as solved; an imputer learns from them what the
    attribute depends on, and guesses the others. It needs no records of its own.

    Parameters
    ----------
    queries : int
        How often each question is asked; the most frequent label counts.

    Raises
    ------
    ParameterError
        If `queries` is less than 1.
    """

    queries: int = 1

    def __post_init__(self) -> None:
        _check("LOMIA", "uniform", self.queries)

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return _title("LOMIA", None, self.queries, "sampled")

    @property
    def needs(self) -> Needs:
        """Labels and the true label; no records."""
        return Needs(interface="labels", response=True)

    def scores(self, view: View) -> Floats:
        """Log-probabilities: 1 for a solved record, by the imputer for the others.

        Parameters
        ----------
        view : View
            What the attacker sees.

        Returns
        -------
        array of shape (n, m)
            Log-probabilities; uniform where nothing was solved.
        """
        labels = view.ask("labels", self.queries)
        matches = labels == np.asarray(view.response)[:, None]
        solved = matches.sum(1) == 1
        n, m = matches.shape
        if not solved.any():
            return np.full((n, m), -np.log(m))
        x: Any = view.with_response(view.hidden, view.response)
        codes = matches.argmax(1)
        guesser = Imputer(m, view.seed).fit(x[solved].reset_index(drop=True), codes[solved])
        scores = guesser.log_probabilities(x)
        scores[solved] = np.where(matches[solved], 0.0, np.log(_FLOOR))
        return scores


def _check(caller: str, prior: str, queries: int) -> None:
    if prior not in get_args(PriorName):
        raise ParameterError(f"{caller}: `prior` must be one of {get_args(PriorName)}; got {prior!r}.")
    if queries < 1:
        raise ParameterError(f"{caller}: `queries` must be at least 1; got {queries!r}.")


def _title(name: str, prior: str | None, queries: int, access: str) -> str:
    parts = [f"{prior} prior"] if prior else []
    parts += ["without noise"] if access == "mean" else []
    parts += [f"{queries} queries"] if queries > 1 else []
    return f"{name} ({', '.join(parts)})" if parts else name


def _known_classes(view: View, name: str) -> NDArray[Any]:
    if view.classes is None:
        raise ParameterError(f"{name}: the target must be a classifier with `classes_`; this one is a regressor.")
    return view.classes


def _index(classes: NDArray[Any], labels: Any) -> NDArray[np.int64]:
    """Number the labels; one that the target does not know is refused."""
    values = np.asarray(labels)
    order = np.argsort(classes)
    at = np.searchsorted(classes, values, sorter=order).clip(0, len(classes) - 1)
    found = order[at]
    strange = classes[found] != values
    if strange.any():
        raise ParameterError(
            f"attribute attacks: responses must be labels the target knows, {classes.tolist()}; got "
            f"{np.unique(values[strange]).tolist()}."
        )
    return found.astype(np.int64)


def _confidence(view: View, answers: NDArray[Any], name: str) -> Floats:
    label = _index(_known_classes(view, name), view.response)
    return np.take_along_axis(answers, label[:, None, None], axis=2)[:, :, 0]
