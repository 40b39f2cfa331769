"""`MIDClassifier`: a small network with a noisy bottleneck, behind scikit-learn's words."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import ParameterError
from infocore.torch.layers import linear, mlp
from infocore.torch.training import ArrayBatches, TrainState, fit
from mid.attacks.protocols import Access, Output
from mid.torch.bottleneck import BottleneckHead, BottleneckOutput, bottleneck_objective, divergence

_validate: Any = validate_data  # scikit-learn types its `X` as the string that is its default

__all__ = ["MIDClassifier"]

Rng = int | np.random.Generator | None


class MIDClassifier(ClassifierMixin, BaseEstimator):
    r"""Multilayer perceptron whose release passes a noisy bottleneck (MID, eqs 30 to 35).

    Parameters
    ----------
    beta : float or None
        Price of a nat of the bound on ``I(X; Z)``. 0 keeps the bottleneck and its starting noise, but asks no price;
        None is the undefended network, with a plain linear layer in place of the bottleneck.
    hidden : sequence of int
        Widths of the feature layers (ReLU); the last is F.
    bottleneck : int, optional
        Latent dimensions k; ``F // 2`` if left out.
    epochs : int
        Passes through the training data.
    batch_size : int
        Records per step.
    learning_rate : float
        Step size of Adam.
    random_state : int or numpy.random.Generator
        Seed of weights, batches, training noise and of the stream of release noise.
    device : str
        Where to train and answer.
    progress : bool
        Whether to show a progress bar while fitting.

    Attributes
    ----------
    classes_ : array of shape (C,)
        Labels.
    module_ : torch.nn.Module
        The trained network. Called as ``module_(x, generator)`` with a bottleneck, ``module_(x)`` without.
    n_features_in_ : int
        Number of columns of `X`.

    Notes
    -----
    With a bottleneck every answer is a draw: `predict`, `predict_proba`, `logits` and `release` use fresh noise at each
    call, from `rng` or from a stream that starts at `fit`. ``access="mean"`` shows what a white-box attacker sees.

    Examples
    --------
    >>> y = np.arange(150) % 3
    >>> x = np.eye(3)[y] + 0.2 * np.random.default_rng(0).standard_normal((150, 3))
    >>> model = MIDClassifier(beta=1e-3, hidden=(16, 8), epochs=60, learning_rate=1e-2).fit(x, y)
    >>> bool((model.predict(x) == y).mean() > 0.9), model.information(x).shape
    (True, (150,))
    """

    def __init__(
        self,
        beta: float | None = 1e-2,
        hidden: Sequence[int] = (128, 64),
        bottleneck: int | None = None,
        epochs: int = 80,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        random_state: Any = 0,
        device: str = "cpu",
        progress: bool = False,
    ) -> None:
        self.beta = beta
        self.hidden = hidden
        self.bottleneck = bottleneck
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.device = device
        self.progress = progress

    def fit(self, X: ArrayLike, y: ArrayLike) -> "MIDClassifier":
        """Train the network.

        Parameters
        ----------
        X : array of shape (n, dx)
            Records; scale them to about unit range first.
        y : array of shape (n,)
            Labels, of at least two classes.

        Returns
        -------
        MIDClassifier
            Itself.

        Raises
        ------
        ParameterError
            If `beta` is negative or not finite, `hidden` is empty, `epochs` is less than 1, or there is one class.
        """
        self._check_settings()
        x, y = _validate(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ParameterError(
                f"MIDClassifier.fit: `y` must hold at least two classes; got {len(self.classes_)} class."
            )
        rng = np.random.default_rng(self.random_state)
        weights, order, noise, release = (int(s) for s in rng.integers(2**63, size=4))
        self._noise = np.random.default_rng(release)
        self.module_ = self._build(x.shape[1], weights).to(self.device)
        batches = ArrayBatches(x, labels.astype(np.int64), batch_size=min(self.batch_size, len(x)), seed=order)

        def seeded(step: int) -> tuple[Tensor, ...]:
            # the noise of a step depends on (seed, step) alone
            seed = int(np.random.SeedSequence([noise, step]).generate_state(1, np.uint64)[0] >> np.uint64(1))
            return (*(t.to(self.device) for t in batches(step)), torch.tensor(seed))

        def objective(model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
            records, labels, seed = batch
            if self.beta is None:
                return {"loss": functional.cross_entropy(model(records), labels)}
            generator = torch.Generator().manual_seed(int(seed))
            return bottleneck_objective(model, (records, labels), self.beta, generator=generator)

        state = TrainState(self.module_, torch.optim.Adam(self.module_.parameters(), lr=self.learning_rate))
        fit(state, seeded, objective, max_steps=self.epochs * batches.per_epoch, progress=self.progress)
        self.module_.eval()
        return self

    def release(
        self,
        X: ArrayLike,
        *,
        output: Output = "logits",
        queries: int = 1,
        access: Access = "sampled",
        rng: Rng = None,
    ) -> NDArray[np.float32]:
        """Answer a batch of queries, as an attacker meets the model (`mid.attacks.Target`).

        Parameters
        ----------
        X : array of shape (n, dx)
            Records asked about.
        output : {"logits", "probabilities"}
            What is released.
        queries : int
            How often each record is asked; the answers are averaged.
        access : {"sampled", "mean"}
            Noisy answers, or the answer of the mean latent (white box). An undefended model has no noise, so both are
            the same.
        rng : int, numpy.random.Generator or None
            Seed of the noise; None goes on with the stream that started at `fit`.

        Returns
        -------
        array of shape (n, C)
            The mean of the answers.

        Raises
        ------
        ParameterError
            If `output` or `access` is not one of its values, or `queries` is less than 1.
        """
        check_is_fitted(self)
        for name, value, allowed in (
            ("output", output, ("logits", "probabilities")),
            ("access", access, ("sampled", "mean")),
        ):
            if value not in allowed:
                raise ParameterError(f"MIDClassifier.release: `{name}` must be one of {allowed}; got {value!r}.")
        if queries < 1:
            raise ParameterError(f"MIDClassifier.release: `queries` must be at least 1; got {queries}.")
        seed = self._seed(rng) if self._noisy and access == "sampled" else None
        with torch.no_grad():
            return self._answers(self._tensor(X), output, queries, seed).cpu().numpy()

    def logits(
        self, X: ArrayLike, queries: int = 1, access: Access = "sampled", rng: Rng = None
    ) -> NDArray[np.float32]:
        """Class scores, averaged over `queries` draws.

        Parameters
        ----------
        X, queries, access, rng
            As in `release`.

        Returns
        -------
        array of shape (n, C)
            Logits.
        """
        return self.release(X, output="logits", queries=queries, access=access, rng=rng)

    def predict_proba(
        self, X: ArrayLike, queries: int = 1, access: Access = "sampled", rng: Rng = None
    ) -> NDArray[np.float32]:
        """Class probabilities, averaged over `queries` draws.

        Parameters
        ----------
        X, queries, access, rng
            As in `release`.

        Returns
        -------
        array of shape (n, C)
            Rows sum to 1.
        """
        return self.release(X, output="probabilities", queries=queries, access=access, rng=rng)

    def predict(self, X: ArrayLike, queries: int = 1, access: Access = "sampled", rng: Rng = None) -> NDArray[Any]:
        """Label with the largest averaged logit.

        Parameters
        ----------
        X, queries, access, rng
            As in `release`.

        Returns
        -------
        array of shape (n,)
            Labels.
        """
        best = self.logits(X, queries, access, rng).argmax(1)
        return self.classes_[best]

    def information(self, X: ArrayLike) -> NDArray[np.float64] | None:
        """Divergence of each record's latent from the prior, eq. 34 before its mean.

        Parameters
        ----------
        X : array of shape (n, dx)
            Records; take held-out ones to say something about fresh data.

        Returns
        -------
        array of shape (n,) or None
            In nats; the mean is an upper bound on ``I(X; Z)``. None without a bottleneck: no finite bound is known.
        """
        check_is_fitted(self)
        if not self._noisy:
            return None
        with torch.no_grad():
            out: BottleneckOutput = self.module_(self._tensor(X), sample=False)
            return divergence(out.mu.double(), out.std.double()).cpu().numpy()

    def _check_settings(self) -> None:
        if self.beta is not None and not 0 <= self.beta < np.inf:
            raise ParameterError(f"MIDClassifier: `beta` must be finite and not negative, or None; got {self.beta!r}.")
        if len(self.hidden) == 0:
            raise ParameterError("MIDClassifier: `hidden` must hold at least one width; got none.")
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ParameterError(f"MIDClassifier: `{name}` must be at least 1; got {getattr(self, name)}.")

    def _build(self, in_features: int, seed: int) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        features = mlp((in_features, *self.hidden), generator, last_activation=True)
        if self.beta is None:
            return nn.Sequential(features, linear(self.hidden[-1], len(self.classes_), generator))
        return _Bottlenecked(
            features, BottleneckHead(self.hidden[-1], len(self.classes_), self.bottleneck, generator=generator)
        )

    @property
    def _noisy(self) -> bool:
        return isinstance(self.module_, _Bottlenecked)

    def _tensor(self, X: ArrayLike) -> Tensor:
        return torch.tensor(_validate(self, X, dtype=np.float32, reset=False), device=self.device)

    def _seed(self, rng: Rng) -> int:
        """One seed per call: given, drawn, or next in the stream that started at `fit`."""
        source = self._noise if rng is None else np.random.default_rng(rng)
        return int(source.integers(2**63))

    def _answers(self, x: Tensor, output: Output, queries: int, seed: int | None) -> Tensor:
        """Mean answer over `queries` draws with noise from `seed`, or the one answer without noise."""

        def answer(logits: Tensor) -> Tensor:
            return logits if output == "logits" else torch.softmax(logits, 1)

        if not isinstance(self.module_, _Bottlenecked):
            return answer(self.module_(x))
        h, head = self.module_.features(x), self.module_.head  # the features carry no noise: once is enough
        if seed is None:
            return answer(head(h, sample=False).logits)
        generator = torch.Generator().manual_seed(seed)
        return sum((answer(head(h, generator).logits) for _ in range(queries)), torch.zeros(())) / queries

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.beta is not None
        return tags


class _Bottlenecked(nn.Module):
    """Features, then a bottleneck."""

    def __init__(self, features: nn.Module, head: BottleneckHead) -> None:
        super().__init__()
        self.features = features
        self.head = head

    def forward(self, x: Tensor, generator: torch.Generator | None = None, sample: bool = True) -> BottleneckOutput:
        return self.head(self.features(x), generator, sample)
