r"""`NeuralTruthClassifier`: truth functions learned by one small network, behind scikit-learn's words."""

# scikit-learn and scipy have no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from gtheory.learning._decisions import Decision, Population, SemanticDecisions
from gtheory.learning._inputs import check_choice, labelled, validate
from gtheory.torch.loss import SemanticInfoLoss
from infocore.errors import InvalidDistributionError, ParameterError
from infocore.semantic import Floats
from infocore.torch.layers import mlp
from infocore.torch.training import ArrayBatches, TrainState, fit

__all__ = ["NeuralTruthClassifier"]

_NAME = "NeuralTruthClassifier"


class NeuralTruthClassifier(SemanticDecisions):
    r"""Classifier that gives the most informative label, with truth functions from a multilayer perceptron.

    The network has one output per label and is trained with `SemanticInfoLoss`: of each label only the rows that carry
    it and everybody take part, none as a negative. What is learned, ``T(theta_j|x)`` up to a factor, is proportional
    to ``P(y_j|x)``, so how often labels are given does not enter what they say, only how well it is known.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the hidden layers (ReLU); none for truth functions whose logarithm (or logit) is linear.
    truth : {"max", "sigmoid"}
        How a score f is read: as ``T = exp(f - max f)`` or as ``1 / (1 + exp(-f))``, which saturates.
    decision : {"auto", "information", "truth", "posterior"}
        What `predict` goes by. "information": of a class vector the label with most ``I(x; theta)``; of an indicator
        matrix the labels with I above 0. "truth": the label with most T; the labels with T at least 1/2. "posterior":
        the label with most ``P(y) exp(I)``, for class vectors only. "auto" is "information".
    population : {"all", "known"}
        Who everybody is for a label that is missing (NaN) in some rows: all rows, which is right if whether it is
        missing does not depend on x among its positives (and needs no negatives: positive and unlabelled data); or
        the rows where it is known, right if whether it is missing depends on x alone.
    epochs : int
        Most passes through the training data.
    batch_size : int
        Rows per step.
    learning_rate, weight_decay : float
        Of AdamW.
    validation_fraction : float
        Share of the rows, in [0, 0.9], on which the semantic information is watched after each pass: the best weights
        are kept. 0 trains for all epochs on all rows.
    patience : int
        Passes without a new best before training stops.
    random_state : int or numpy.random.Generator
        Seed of the weights, the batches and the rows held out.
    device : str
        Where to train and answer.
    progress : bool
        Whether to show a progress bar while fitting.

    Attributes
    ----------
    classes_ : ndarray of shape (L,)
        Labels; 0 to L - 1 for an indicator matrix.
    multilabel_ : bool
        Whether `y` was an indicator matrix.
    module_ : torch.nn.Module
        The trained network; gives a score per label.
    logical_probability_ : ndarray of shape (L,)
        How often each label is true of all rows given to `fit`.
    label_frequency_ : ndarray of shape (L,) or None
        ``P(y)`` of a class vector. None for an indicator matrix: of labels that are learned without negatives,
        ``P(y) exp(I)`` can exceed 1, so there is neither "posterior" nor `predict_proba`.
    held_out_information_ : float
        Mean information of a label about a row held out that it was given to, in bits, with the weights kept: an
        estimate of G, and as it was maximised, a little too high. NaN without rows held out.
    history_ : infocore.torch.training.History
        Losses and, in nats, validations.
    n_features_in_ : int
        Number of columns of `X`.
    feature_names_in_ : ndarray of str
        Names of the columns, if `X` had names.

    Notes
    -----
    Scale the columns of `X` to about unit range first. Training keeps a running mean of each label's truth
    (`SemanticInfoLoss` with its momentum of 0.99); after it, logical probabilities are computed from all rows.

    For classes, cross-entropy corrected for the prior, ``log p(y|x) - log P(y)``, learns the same functions up to a
    term of x that is common to all labels, and there labels serve as each other's negatives. Where each row has one
    label and all are known, expect it to be about as good or better; what is gained here is learning without
    negatives, and what each label says alone.

    With ``truth="max"`` a degree of truth is relative to the one row of `fit` that the network is most certain of, so
    that few others reach 1/2; read degrees of truth with "sigmoid". "max" is the better calibrated in `information`
    and `predict_proba`.

    References
    ----------
    .. [1] C. Lu, "Reviewing Evolution of Learning Functions and Semantic Information Measures for Understanding Deep
       Learning", Entropy 25:802, 2023 (the idea; this estimator is derived).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(-1, 0.5, 1800), rng.normal(1, 0.5, 200)])[:, None]
    >>> y = np.repeat(["common", "rare"], [1800, 200])
    >>> model = NeuralTruthClassifier((16,), batch_size=200, epochs=60, learning_rate=1e-2).fit(X, y)
    >>> model.predict([[-1.0], [0.1], [1.0]]).tolist()  # the most informative
    ['common', 'rare', 'rare']
    >>> str(model.classes_[model.predict_proba([[0.1]]).argmax()])  # the most probable where "common" is common
    'common'
    >>> float(model.information([[1.0]])[0, 1].round(1))  # bits
    3.3
    """

    _rule_of_indicators = "information"

    def __init__(
        self,
        hidden: Sequence[int] = (64,),
        truth: Literal["max", "sigmoid"] = "max",
        decision: Decision = "auto",
        population: Population = "all",
        epochs: int = 200,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-2,
        validation_fraction: float = 0.2,
        patience: int = 30,
        random_state: Any = 0,
        device: str = "cpu",
        progress: bool = False,
    ) -> None:
        self.hidden = hidden
        self.truth = truth
        self.decision = decision
        self.population = population
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.random_state = random_state
        self.device = device
        self.progress = progress

    def fit(self, X: ArrayLike, y: Any) -> "NeuralTruthClassifier":
        """Train the network.

        Parameters
        ----------
        X : array of shape (n, d)
            Records.
        y : array of shape (n,) or (n, L)
            Classes, or for several labels a row an indicator matrix of 0 and 1, with NaN where a label is missing. A
            single column without NaN is a class vector.

        Returns
        -------
        NeuralTruthClassifier
            Itself.

        Raises
        ------
        ParameterError
            If a setting is outside what is listed, or `decision` is "posterior" and `y` an indicator matrix.
        ShapeError, KindError, NonFiniteError, ValueError
            If the arrays do not fit together, are not numbers, or `X` holds NaN or infinity.
        InvalidDistributionError
            If an indicator matrix holds something else, or a label has no positive.
        """
        self._check_settings()
        x, given, known, self.classes_, self.multilabel_ = labelled(self, X, y, f"{_NAME}.fit")
        if self.multilabel_ and self.decision == "posterior":
            raise ParameterError(
                f"{_NAME}.fit: decision='posterior' is for class vectors; `y` is an indicator matrix, of whose labels "
                "only positives are learned from. Use 'truth' or 'information'."
            )
        count = given.sum(0)
        if not count.all():
            raise InvalidDistributionError(
                f"{_NAME}.fit: `y` gives label {self.classes_[np.argmin(count)]} to no row "
                f"({int((count == 0).sum())} of {len(count)} labels), so what it means cannot be learned. Leave it out."
            )
        rng = np.random.default_rng(self.random_state)
        weights, order = (int(seed) for seed in rng.integers(2**32, size=2))
        train, held = self._split(given, rng)
        records = torch.tensor(x, device=self.device)
        targets = torch.tensor(np.where(known, given, np.nan), device=self.device)
        batches = ArrayBatches(records[train], targets[train], batch_size=min(self.batch_size, len(train)), seed=order)
        module = mlp((x.shape[1], *self.hidden, given.shape[1]), torch.Generator().manual_seed(weights))
        module = module.double().to(self.device)
        running, exact = self._make_loss(given.shape[1]), self._make_loss(given.shape[1])

        def objective(model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
            return {"loss": running(model(batch[0]), batch[1])}

        def held_out(model: nn.Module) -> float:
            scores = model(records)
            exact.set_population(scores, targets)
            return float(exact.information(scores[held])[targets[held] == 1].mean())

        optimizer = torch.optim.AdamW(module.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        self.history_ = fit(
            TrainState(module, optimizer),
            batches,
            objective,
            max_steps=self.epochs * batches.per_epoch,
            validate=held_out if len(held) else None,
            validate_every=batches.per_epoch,
            patience=self.patience,
            progress=self.progress,
        )
        self.module_, self._loss = module.eval(), exact
        with torch.no_grad():
            scores = module(records)
            exact.set_population(scores, targets)
            self._log_scale = exact.log_truth(scores).max(0).values
            log_lp = (exact.log_truth(scores[:1]) - exact.information(scores[:1]))[0] - self._log_scale
        self._log_lp = log_lp.cpu().numpy()
        self.logical_probability_ = np.exp(self._log_lp)
        self.held_out_information_ = max((v for _, v in self.history_.validation), default=math.nan) / math.log(2)
        self.label_frequency_: Any = None if self.multilabel_ else count / len(given)
        return self

    def _log_truths(self, X: ArrayLike) -> Floats:
        check_is_fitted(self)
        x = torch.tensor(validate(self, X, dtype=np.float64, reset=False), device=self.device)
        with torch.no_grad():
            log_truth = self._loss.log_truth(self.module_(x)) - self._log_scale
        return log_truth.cpu().numpy()

    def _make_loss(self, n_labels: int) -> SemanticInfoLoss:
        truth: Any = self.truth
        population: Any = self.population
        return SemanticInfoLoss(n_labels, truth=truth, population=population).double().to(self.device)

    def _split(self, given: Floats, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows to train on and rows held out; of classes in proportion, and no label without a positive to train on."""
        n = len(given)
        order = rng.permutation(n)
        if not self.multilabel_:
            order = order[np.argsort(given[order].argmax(1), kind="stable")]
        held = np.zeros(n, np.bool_)
        count = round(self.validation_fraction * n)
        held[order[((np.arange(count) + 0.5) * n / max(count, 1)).astype(np.int64)]] = True
        for j in np.flatnonzero(given[~held].sum(0) == 0):
            held &= given[:, j] == 0
        if count and not given[held].any():
            raise ParameterError(
                f"{_NAME}.fit: of {n} rows too few carry labels to hold some out with `validation_fraction`="
                f"{self.validation_fraction!r}. Set it to 0 to train for all epochs on all rows."
            )
        return np.flatnonzero(~held), np.flatnonzero(held)

    def _check_settings(self) -> None:
        check_choice(self.truth, ("max", "sigmoid"), _NAME, "truth")
        self._check_choices()
        for name in ("epochs", "batch_size", "patience"):
            if getattr(self, name) < 1:
                raise ParameterError(f"{_NAME}: `{name}` must be at least 1; got {getattr(self, name)!r}.")
        if not 0 <= self.validation_fraction <= 0.9:
            raise ParameterError(
                f"{_NAME}: `validation_fraction` must be in [0, 0.9]; got {self.validation_fraction!r}."
            )
