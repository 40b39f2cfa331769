"""What the models of this package that are networks share: settings, white-box access, the release of classifiers."""

import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor
from torch.nn import functional

from infocore.errors import ParameterError
from infocore.torch.layers import linear
from mid.attacks.predictor import check_release
from mid.attacks.protocols import Access, Output
from mid.torch._answers import AnswersWithLabels, Rng
from mid.torch._training import Loss, Schedule, array_batches, split, train
from mid.torch.bottleneck import BottleneckOutput, divergence
from mid.torch.networks import MLP, Architecture, Bottlenecked, Plain, with_bottleneck
from mid.torch.optimizers import SGD, Adam

validate: Any = validate_data  # scikit-learn types its `X` as the string that is its default

Network = Plain | Bottlenecked

DEFAULT_HIDDEN = (128, 64)
_ROWS = 4096  # answered at a time


class NetworkModel(BaseEstimator, abc.ABC):
    """A network behind scikit-learn's words, that an attacker with white-box access can differentiate."""

    hidden: Sequence[int]
    network: Architecture | None
    optimizer: Adam | SGD | None
    epochs: int
    batch_size: int
    learning_rate: float
    validation: float
    patience: int
    random_state: Any
    device: str
    progress: bool
    module_: Network
    n_features_in_: int
    _noise: np.random.Generator

    def draws(self, x: Tensor, count: int | None, generator: torch.Generator | None) -> Tensor:
        """Answers of several draws of the release's noise, differentiable in `x` (`mid.torch.protocols.WhiteBox`).

        Parameters
        ----------
        x : tensor of shape (B, dx)
            Records.
        count : int or None
            Number of draws; None for the answer without noise (the mean latent), as one draw.
        generator : torch.Generator or None
            Source of the noise; needed when there is noise to draw.

        Returns
        -------
        tensor of shape (count, B, C)
            Logits, or the value of a regressor as the one column; ``(1, B, C)`` if `count` is None. A network without
            noise answers with equal draws.

        Raises
        ------
        ParameterError
            If `count` is less than 1, or noise is to be drawn and no generator came.
        """
        check_is_fitted(self)
        name = type(self).__name__
        if count is not None and count < 1:
            raise ParameterError(f"{name}.draws: `count` must be at least 1, or None; got {count}.")
        if not self._noisy:
            return self._scaled(self.module_(x)).expand(count or 1, -1, -1)
        if count is not None and generator is None:
            raise ParameterError(
                f"{name}.draws: `generator` must be given when noise is drawn; pass "
                "torch.Generator().manual_seed(...), or count=None for the mean latent."
            )
        return torch.stack(list(self._each(x, count or 1, None if count is None else generator)))

    def features(self, x: Tensor) -> Tensor:
        """Input of the last layer without noise, differentiable in `x` (`mid.torch.protocols.WhiteBox`).

        Parameters
        ----------
        x : tensor of shape (B, dx)
            Records.

        Returns
        -------
        tensor of shape (B, k) or (B, F)
            The mean latent of a bottleneck; without one, the features.
        """
        check_is_fitted(self)
        h = self.module_.features(x)
        return self.module_.head.encode(h)[0] if isinstance(self.module_, Bottlenecked) else h

    def release_law(self, X: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Law of the noisy latent, of which every sampled answer is a function: what an audit's certificates rest on.

        Parameters
        ----------
        X : array of shape (n, dx)
            Records.

        Returns
        -------
        tuple of two arrays of shape (n, k), or None
            Mean and standard deviation of the Gaussian latent; None without a bottleneck.
        """
        check_is_fitted(self)
        if not isinstance(self.module_, Bottlenecked):
            return None
        with torch.no_grad():
            mu, std = self.module_.head.encode(self.module_.features(self._tensor(X)))
        return mu.double().cpu().numpy(), std.double().cpu().numpy()

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
        if not isinstance(self.module_, Bottlenecked):
            return None
        with torch.no_grad():
            parts = [self.module_(part, sample=False) for part in self._tensor(X).split(_ROWS)]
        return np.concatenate([_divergence(part) for part in parts])

    def _schedule(self) -> Schedule:
        schedule = Schedule(
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            optimizer=Adam() if self.optimizer is None else self.optimizer,
            validation=self.validation,
            patience=self.patience,
            device=self.device,
            progress=self.progress,
        )
        schedule.check(type(self).__name__)
        return schedule

    def _architecture(self) -> Architecture:
        name = type(self).__name__
        if self.network is not None:
            if tuple(self.hidden) != DEFAULT_HIDDEN:
                raise ParameterError(
                    f"{name}: `hidden` is short for network=MLP(hidden) and must be left alone when `network` is "
                    f"given; got {self.hidden!r}."
                )
            return self.network
        if len(self.hidden) == 0 or min(self.hidden) < 1:
            raise ParameterError(
                f"{name}: `hidden` must hold at least one width, each at least 1; got {self.hidden!r}."
            )
        return MLP(tuple(self.hidden))

    def _seeds(self) -> tuple[int, int, int, int]:
        """Seeds of weights, batches, training noise and rows held out; the stream of release noise starts here."""
        rng = np.random.default_rng(self.random_state)
        weights, order, noise, release = (int(s) for s in rng.integers(2**63, size=4))
        self._noise = np.random.default_rng(release)
        return weights, order, noise, int(rng.integers(2**63))

    def _build(
        self, in_features: int, out_features: int, seed: int, *, noisy: bool, bottleneck: int | None = None
    ) -> Network:
        generator = torch.Generator().manual_seed(seed)
        stack = self._architecture().build(in_features, generator)
        width = stack.out_features
        if noisy:
            return with_bottleneck(stack, width, out_features, bottleneck, generator=generator).to(self.device)
        return Plain(stack, linear(width, out_features, generator)).to(self.device)

    def _train(
        self, x: NDArray[Any], y: NDArray[Any], loss: Loss, schedule: Schedule, seeds: tuple[int, int, int]
    ) -> None:
        """Train `module_` on all rows, or on those that are not held out to choose when to stop."""
        order, noise, held = seeds
        held_out = None
        if schedule.validation > 0:
            kept, aside = split(len(x), schedule.validation, held)
            if min(len(kept), len(aside)) < 1:
                raise ParameterError(
                    f"{type(self).__name__}: `validation` {schedule.validation!r} of {len(x)} records leaves none to "
                    f"{'train on' if len(kept) < 1 else 'validate on'}."
                )
            held_out = tuple(torch.from_numpy(a[aside]).to(self.device) for a in (x, y))
            x, y = x[kept], y[kept]
        batches = array_batches(x, y, schedule.batch_size, order)
        train(
            self.module_,
            batches,
            loss,
            max_steps=schedule.epochs * batches.per_epoch,
            schedule=schedule,
            noise=noise,
            held_out=cast("tuple[Tensor, Tensor] | None", held_out),
            per_epoch=batches.per_epoch,
        )

    @property
    def _noisy(self) -> bool:
        return isinstance(self.module_, Bottlenecked)

    def _tensor(self, X: ArrayLike) -> Tensor:
        return torch.tensor(validate(self, X, dtype=np.float32, reset=False), device=self.device)

    def _scaled(self, outputs: Tensor) -> Tensor:
        """Turn outputs of the network into answers; those of a classifier are answers already."""
        return outputs

    def _each(self, x: Tensor, count: int, generator: torch.Generator | None) -> Iterator[Tensor]:
        """Yield `count` answers with noise, or the one without."""
        if not isinstance(self.module_, Bottlenecked):
            yield self._scaled(self.module_(x))
            return
        h, head = self.module_.features(x), self.module_.head  # the features carry no noise: once is enough
        for _ in range(count if generator is not None else 1):
            yield self._scaled(head(h, generator, sample=generator is not None).logits)

    def _release(
        self,
        X: ArrayLike,
        queries: int,
        access: Access,
        rng: Rng,
        reading: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Mean over queries of what `reading` makes of an answer; one seed per call."""
        x = self._tensor(X)
        generator = None
        if self._noisy and access == "sampled":
            # given, drawn, or next in the stream that started at `fit`
            source = self._noise if rng is None else np.random.default_rng(rng)
            generator = torch.Generator().manual_seed(int(source.integers(2**63)))
        parts: list[Tensor] = []
        with torch.no_grad():
            for part in x.split(_ROWS):
                total, seen = torch.zeros((), device=x.device), 0
                for answer in self._each(part, queries, generator):
                    total, seen = total + reading(answer), seen + 1
                parts.append(total / seen)
        return torch.cat(parts)


def writable(x: NDArray[Any]) -> NDArray[Any]:
    """Copy records that may only be read, such as a memory map: torch cannot hold them otherwise."""
    return np.require(x, requirements="W")


def _divergence(out: BottleneckOutput) -> NDArray[np.float64]:
    return divergence(out.mu.double(), out.std.double()).cpu().numpy()


class NetworkClassifierModel(AnswersWithLabels, NetworkModel, abc.ABC):
    """A network that answers with labels, probabilities or logits."""

    def release(
        self,
        X: ArrayLike,
        *,
        output: Output = "logits",
        queries: int = 1,
        access: Access = "sampled",
        rng: Rng = None,
    ) -> NDArray[Any]:
        """Answer a batch of queries, as an attacker meets the model (`mid.attacks.Target`).

        Parameters
        ----------
        X : array of shape (n, dx)
            Records asked about.
        output : {"logits", "probabilities", "labels"}
            What is released.
        queries : int
            How often each record is asked; the answers are averaged, of labels the most frequent one is taken.
        access : {"sampled", "mean"}
            Noisy answers, or the answer of the mean latent (white box). A model without a bottleneck has no noise, so
            both are the same.
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
        caller = f"{type(self).__name__}.release"
        check_release(caller, output, queries, access)
        if output == "values":
            raise ParameterError(
                f'{caller}: `output` must be "logits", "probabilities" or "labels" for a classifier; got {output!r}.'
            )
        answers = self._release(X, queries, access, rng, _READINGS[output]).cpu().numpy()
        return self.classes_[answers.argmax(1)] if output == "labels" else answers

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

    def _read_data(self, X: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Check records and labels; the labels come back as class numbers."""
        x, y = validate(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, labels = np.unique(np.asarray(y), return_inverse=True)
        if len(self.classes_) < 2:
            raise ParameterError(
                f"{type(self).__name__}.fit: `y` must hold at least two classes; got {len(self.classes_)} class."
            )
        return writable(x), labels.astype(np.int64)


def _votes(logits: Tensor) -> Tensor:
    return functional.one_hot(logits.argmax(1), logits.shape[1]).float()


_READINGS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "logits": lambda logits: logits,
    "probabilities": lambda logits: torch.softmax(logits, 1),
    "labels": _votes,  # their mean is largest at the most frequent label, at the first of equals
}
