"""`MIDClassifier`: a small network with a noisy bottleneck, behind scikit-learn's words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import ParameterError
from mid.torch._network import NetworkClassifierModel
from mid.torch._training import Moment
from mid.torch.bottleneck import bottleneck_objective
from mid.torch.networks import Architecture
from mid.torch.optimizers import SGD, Adam

__all__ = ["MIDClassifier"]


class MIDClassifier(NetworkClassifierModel):
    r"""Network whose release passes a noisy bottleneck (MID, eqs 30 to 35).

    Parameters
    ----------
    beta : float or None
        Price of a nat of the bound on ``I(X; Z)``. 0 keeps the bottleneck and its starting noise, but asks no price;
        None is the undefended network, with a plain linear layer in place of the bottleneck.
    hidden : sequence of int
        Widths of the feature layers (ReLU); the last is F. Short for ``network=MLP(hidden)``.
    bottleneck : int, optional
        Latent dimensions k; ``F // 2`` if left out.
    epochs : int
        Passes through the training data.
    batch_size : int
        Records per step.
    learning_rate : float
        Step size.
    random_state : int or numpy.random.Generator
        Seed of weights, batches, training noise and of the stream of release noise.
    device : str
        Where to train and answer.
    progress : bool
        Whether to show a progress bar while fitting.
    network : MLP, CNN or other architecture, optional
        Feature layers, in place of `hidden`.
    optimizer : Adam or SGD, optional
        Adam if left out.
    validation : float
        Share of the training data that is held out to choose when to stop; 0 trains for all epochs.
    patience : int
        Epochs without a smaller loss on the rows held out before training stops.

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
        *,
        network: Architecture | None = None,
        optimizer: Adam | SGD | None = None,
        validation: float = 0.0,
        patience: int = 10,
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
        self.network = network
        self.optimizer = optimizer
        self.validation = validation
        self.patience = patience

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
            If `beta` is negative or not finite, `hidden` is empty, `epochs` is less than 1, another setting is outside
            its range, or there is one class.
        """
        if self.beta is not None and not 0 <= self.beta < np.inf:
            raise ParameterError(f"MIDClassifier: `beta` must be finite and not negative, or None; got {self.beta!r}.")
        schedule = self._schedule()
        self._architecture()
        x, labels = self._read_data(X, y)
        weights, *seeds = self._seeds()
        self.module_ = self._build(
            x.shape[1], len(self.classes_), weights, noisy=self.beta is not None, bottleneck=self.bottleneck
        )
        order, noise, held = seeds
        self._train(x, labels, self._loss, schedule, (order, noise, held))
        return self

    def _loss(self, network: nn.Module, x: Tensor, y: Tensor, moment: Moment) -> Mapping[str, Tensor]:
        if self.beta is None:
            return {"loss": functional.cross_entropy(network(x), y)}
        return bottleneck_objective(network, (x, y), self.beta, generator=moment.generator)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.beta is not None
        return tags
