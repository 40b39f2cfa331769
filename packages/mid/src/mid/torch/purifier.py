r"""Purifier: an autoencoder between a classifier and its users, that answers with what answers usually look like.

.. math:: \min_G E \|G(p) - p\|^2 + \lambda\, \mathrm{CE}(G(p), \arg\max p)

References
----------
- Z. Yang, L. Wang, D. Yang, J. Wan, Z. Zhao, E.-C. Chang, F. Zhang, K. Ren, "Purifier: Defending Data Inference Attacks
  via Transforming Confidence Scores", AAAI 2023.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import ParameterError, TooFewSamplesError
from infocore.torch.layers import mlp
from mid.attacks.predictor import Predictor, check_release
from mid.attacks.protocols import Access, Output
from mid.torch._answers import AnswersWithLabels, Rng
from mid.torch._training import Moment, Schedule, array_batches, train
from mid.torch.optimizers import Adam

__all__ = ["Purifier"]


class Purifier(AnswersWithLabels, BaseEstimator):
    r"""A fitted classifier that answers through an autoencoder of its probabilities.

    Parameters
    ----------
    classifier : fitted classifier
        One of this package, or any of scikit-learn with `predict_proba`. It is not trained further.
    lam : float
        Weight of the cross-entropy with the classifier's own label, not negative: how firmly labels are kept.
    hidden : sequence of int, optional
        Widths between the C probabilities (ReLU); if left out 7/10, 4/10 and 7/10 of C, at least 2.
    epochs : int
        Passes through the held-out records.
    batch_size : int
        Records per step.
    learning_rate : float
        Step size of Adam.
    random_state : int or numpy.random.Generator
        Seed of weights, batches, and of the noise of the classifier's answers in training and from then on.
    device : str
        Where to train and answer; that of `classifier`.
    progress : bool
        Whether to show a progress bar while fitting.

    Attributes
    ----------
    classes_ : array of shape (C,)
        Labels, those of the classifier.
    module_ : torch.nn.Module
        The autoencoder, from probabilities to logits.

    Notes
    -----
    Who has the parameters of the classifier bypasses this: it is a defence of answers only. Noise of the classifier is
    drawn before the autoencoder, once for each query.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> y = np.arange(300) % 3
    >>> x = np.eye(3)[y] + 0.2 * np.random.default_rng(0).standard_normal((300, 3))
    >>> plain = LogisticRegression().fit(x[:100], y[:100])
    >>> purified = Purifier(plain, hidden=(8, 2, 8), epochs=60, learning_rate=1e-2).fit(x[100:200])
    >>> bool(purified.score(x[200:], y[200:]) > 0.9)
    True
    """

    _scores: ClassVar[Output] = "probabilities"

    def __init__(
        self,
        classifier: Any,
        lam: float = 0.2,
        hidden: Sequence[int] | None = None,
        epochs: int = 100,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        random_state: Any = 0,
        device: str = "cpu",
        progress: bool = False,
    ) -> None:
        self.classifier = classifier
        self.lam = lam
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.device = device
        self.progress = progress

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> "Purifier":
        """Train the autoencoder on answers of the classifier.

        Parameters
        ----------
        X : array of shape (n, dx)
            Records that the classifier was **not** trained on: answers about training records are what is to be hidden.
        y : array of shape (n,), optional
            Not used.

        Returns
        -------
        Purifier
            Itself.

        Raises
        ------
        ParameterError
            If `lam` is negative or not finite, or another setting is outside its range.
        TooFewSamplesError
            If there are fewer records than classes.
        """
        del y
        if not 0 <= self.lam < np.inf:
            raise ParameterError(f"Purifier: `lam` must be finite and not negative; got {self.lam!r}.")
        schedule = Schedule(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            optimizer=Adam(),
            validation=0.0,
            patience=1,
            device=self.device,
            progress=self.progress,
        )
        schedule.check("Purifier")
        check_is_fitted(self.classifier)
        self.classes_ = np.asarray(self.classifier.classes_)
        count = len(self.classes_)
        hidden = self.hidden
        if hidden is None:
            hidden = tuple(max(round(share * count), 2) for share in (0.7, 0.4, 0.7))
        if len(hidden) == 0 or min(hidden) < 1:
            raise ParameterError(f"Purifier: `hidden` must hold at least one width, each at least 1; got {hidden!r}.")
        rng = np.random.default_rng(self.random_state)
        weights, order, noise, asked, release = (int(s) for s in rng.integers(2**63, size=5))
        self._noise = np.random.default_rng(release)
        p = self._asked(X, "sampled", asked).astype(np.float32)
        if len(p) < count:
            raise TooFewSamplesError(
                f"Purifier.fit: `X` must hold at least as many records as there are classes, {count}; got {len(p)}."
            )
        module = mlp((count, *hidden, count), torch.Generator().manual_seed(weights)).to(self.device)
        batches = array_batches(p, p.argmax(1).astype(np.int64), schedule.batch_size, order)
        steps = schedule.epochs * batches.per_epoch
        train(module, batches, self._loss, max_steps=steps, schedule=schedule, noise=noise)
        self.module_ = module
        return self

    def release(
        self,
        X: ArrayLike,
        *,
        output: Output = "probabilities",
        queries: int = 1,
        access: Access = "sampled",
        rng: Rng = None,
    ) -> NDArray[Any]:
        """Answer a batch of queries, as an attacker meets the model (`mid.attacks.Target`).

        Parameters
        ----------
        X : array of shape (n, dx)
            Records asked about.
        output : {"probabilities", "labels"}
            What is released. There are no logits: the classifier's own would bypass the defence.
        queries : int
            How often each record is asked; the answers are averaged, of labels the most frequent one is taken.
        access : {"sampled", "mean"}
            Noisy answers of the classifier, or those without noise.
        rng : int, numpy.random.Generator or None
            Seed of the noise; None goes on with the stream that started at `fit`.

        Returns
        -------
        array of shape (n, C), or (n,) for labels
            The averaged answers.

        Raises
        ------
        ParameterError
            If `output` or `access` is not one of its values, or `queries` is less than 1.
        """
        check_is_fitted(self)
        check_release("Purifier.release", output, queries, access)
        if output not in ("probabilities", "labels"):
            raise ParameterError(
                f'Purifier.release: `output` must be "probabilities" or "labels"; got {output!r}. Logits are not '
                "released: they would bypass the defence."
            )
        source = self._noise if rng is None else np.random.default_rng(rng)
        total = 0.0
        for _ in range(queries if access == "sampled" else 1):
            p = self._asked(X, access, int(source.integers(2**63)))
            with torch.no_grad():
                purified = torch.softmax(self.module_(torch.tensor(p, dtype=torch.float32, device=self.device)), 1)
            answer = purified.cpu().numpy()
            total = total + (np.eye(len(self.classes_))[answer.argmax(1)] if output == "labels" else answer)
        if output == "labels":
            return self.classes_[np.asarray(total).argmax(1)]
        return np.asarray(total) / (queries if access == "sampled" else 1)

    def _asked(self, X: ArrayLike, access: Literal["sampled", "mean"], seed: int) -> NDArray[Any]:
        return Predictor(self.classifier).release(X, output="probabilities", access=access, rng=seed)

    def _loss(self, module: nn.Module, p: Tensor, label: Tensor, moment: Moment) -> Mapping[str, Tensor]:
        del moment
        logits = cast("Tensor", module(p))
        error = (torch.softmax(logits, 1) - p).square().sum(1).mean()
        cross_entropy = functional.cross_entropy(logits, label)
        return {"loss": error + self.lam * cross_entropy, "error": error, "cross_entropy": cross_entropy}
