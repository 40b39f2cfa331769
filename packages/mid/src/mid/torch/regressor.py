"""`MIDRegressor`: a network with a noisy bottleneck that releases a value."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from infocore.errors import ParameterError
from mid.attacks.predictor import check_release
from mid.attacks.protocols import Access, Output
from mid.torch._answers import Rng
from mid.torch._network import NetworkModel, validate, writable
from mid.torch._training import Moment
from mid.torch.bottleneck import BottleneckOutput
from mid.torch.networks import Architecture
from mid.torch.optimizers import SGD, Adam

__all__ = ["MIDRegressor"]


class MIDRegressor(RegressorMixin, NetworkModel):
    r"""Network for regression whose release passes a noisy bottleneck.

    The bottleneck and its price are those of `MIDClassifier` (eqs 30 to 34), with the squared error in place of the
    cross-entropy: :math:`E(y - \hat y)^2 + \beta\, E\, KL`. The MID paper has no such network; this one is **derived**.

    Parameters
    ----------
    beta : float or None
        Price of a nat of the bound on ``I(X; Z)``, in units of squared target as `lam` of `mid.MIDLinearRegression`.
        None is the undefended network, with a plain linear layer in place of the bottleneck.
    hidden, bottleneck, epochs, batch_size, learning_rate, random_state, device, progress
        As in `MIDClassifier`.
    network, optimizer, validation, patience
        As in `MIDClassifier`.

    Attributes
    ----------
    module_ : torch.nn.Module
        The trained network; it answers in standard units.
    location_, scale_ : float
        Mean and standard deviation of the training targets, the units of the network.
    n_features_in_ : int
        Number of columns of `X`.

    Notes
    -----
    Where target and records are jointly Gaussian the optimum is that of `mid.MIDLinearRegression` with
    ``variant="learned_sigma"``: :math:`\tfrac12\log(2 v_0/\beta)` nats at an error of :math:`\beta/2` above least
    squares, :math:`v_0` the variance of the regression function.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((300, 2))
    >>> model = MIDRegressor(beta=0.02, hidden=(32, 16), epochs=60, learning_rate=5e-3).fit(x, x[:, 0])
    >>> bool(model.score(x, x[:, 0]) > 0.9), model.information(x).shape
    (True, (300,))
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

    def fit(self, X: ArrayLike, y: ArrayLike) -> "MIDRegressor":
        """Train the network.

        Parameters
        ----------
        X : array of shape (n, dx)
            Records; scale them to about unit range first.
        y : array of shape (n,)
            Targets, of any scale.

        Returns
        -------
        MIDRegressor
            Itself.

        Raises
        ------
        ParameterError
            If a setting is outside its range.
        """
        if self.beta is not None and not 0 <= self.beta < np.inf:
            raise ParameterError(f"MIDRegressor: `beta` must be finite and not negative, or None; got {self.beta!r}.")
        schedule = self._schedule()
        self._architecture()
        x, y = validate(self, X, y, dtype=np.float32, y_numeric=True)
        targets = np.asarray(y, dtype=np.float64)
        self.location_ = float(targets.mean())
        self.scale_ = float(targets.std()) or 1.0  # a constant target is learned by the mean alone
        weights, order, noise, held = self._seeds()
        self.module_ = self._build(x.shape[1], 1, weights, noisy=self.beta is not None, bottleneck=self.bottleneck)
        standard = ((targets - self.location_) / self.scale_).astype(np.float32)
        self._train(writable(x), standard, self._loss, schedule, (order, noise, held))
        return self

    def release(
        self,
        X: ArrayLike,
        *,
        output: Output = "values",
        queries: int = 1,
        access: Access = "sampled",
        rng: Rng = None,
    ) -> NDArray[np.float32]:
        """Answer a batch of queries, as an attacker meets the model (`mid.attacks.Target`).

        Parameters
        ----------
        X : array of shape (n, dx)
            Records asked about.
        output : {"values"}
            What is released.
        queries, access, rng
            As in `MIDClassifier.release`.

        Returns
        -------
        array of shape (n,)
            The mean of the answers, in the units of the target.

        Raises
        ------
        ParameterError
            If `output` is not "values", `access` is not one of its values, or `queries` is less than 1.
        """
        check_is_fitted(self)
        check_release("MIDRegressor.release", output, queries, access)
        if output != "values":
            raise ParameterError(f'MIDRegressor.release: `output` must be "values" for a regressor; got {output!r}.')
        return self._release(X, queries, access, rng, lambda answer: answer[:, 0]).cpu().numpy()

    def predict(
        self, X: ArrayLike, queries: int = 1, access: Access = "sampled", rng: Rng = None
    ) -> NDArray[np.float32]:
        """Value, averaged over `queries` draws.

        Parameters
        ----------
        X, queries, access, rng
            As in `release`.

        Returns
        -------
        array of shape (n,)
            Values in the units of the target.
        """
        return self.release(X, queries=queries, access=access, rng=rng)

    def _scaled(self, outputs: Tensor) -> Tensor:
        return self.location_ + self.scale_ * outputs

    def _loss(self, network: nn.Module, x: Tensor, y: Tensor, moment: Moment) -> Mapping[str, Tensor]:
        """Squared error and price over the variance of the target: the same optimum in units that train well."""
        if self.beta is None:
            return {"loss": (network(x)[:, 0] - y).square().mean()}
        out: BottleneckOutput = network(x, moment.generator)
        error, information = (out.logits[:, 0] - y).square().mean(), out.information
        loss = error + self.beta / self.scale_**2 * information
        return {"loss": loss, "squared_error": error, "information": information}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.beta is not None
        return tags
