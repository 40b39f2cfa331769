"""`NetworkClassifier`: the networks of `MIDClassifier` with other defences, or none."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from infocore.errors import ParameterError
from mid.torch._network import NetworkClassifierModel
from mid.torch.defences import Defence, Undefended
from mid.torch.networks import Architecture, Plain
from mid.torch.optimizers import SGD, Adam
from mid.torch.private import DPSGD, PrivacySpent, train_privately

__all__ = ["NetworkClassifier"]


class NetworkClassifier(NetworkClassifierModel):
    """Network trained with a defence that changes its loss or its training; the release has no noise.

    Parameters
    ----------
    defence : BiDO, LabelSmoothing, Freezing, RandomErasing, DPSGD or None
        None trains with cross-entropy alone.
    hidden, epochs, learning_rate, random_state, device, progress, network, optimizer, validation, patience
        As in `MIDClassifier`.
    batch_size : int
        Records per step; their expected number with `DPSGD`.

    Attributes
    ----------
    classes_ : array of shape (C,)
        Labels.
    module_ : torch.nn.Module
        The trained network.
    n_features_in_ : int
        Number of columns of `X`.
    epsilon_, delta_ : float
        The guarantee of differential privacy, by the accountant; with `DPSGD` only.
    privacy_ : PrivacySpent
        The guarantee with the noise and the sampling it comes from; with `DPSGD` only.

    See Also
    --------
    MIDClassifier : The noisy bottleneck.

    Examples
    --------
    >>> import numpy as np
    >>> from mid.torch.bido import BiDO
    >>> y = np.arange(150) % 3
    >>> x = np.eye(3)[y] + 0.2 * np.random.default_rng(0).standard_normal((150, 3))
    >>> model = NetworkClassifier(BiDO(0.05, 0.5), hidden=(16, 8), epochs=20, learning_rate=1e-2).fit(x, y)
    >>> bool(model.score(x, y) > 0.9)
    True
    """

    def __init__(
        self,
        defence: Defence | None = None,
        hidden: Sequence[int] = (128, 64),
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
        self.defence = defence
        self.hidden = hidden
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

    def fit(self, X: ArrayLike, y: ArrayLike) -> "NetworkClassifier":
        """Train the network.

        Parameters
        ----------
        X : array of shape (n, dx)
            Records; scale them to about unit range first.
        y : array of shape (n,)
            Labels, of at least two classes.

        Returns
        -------
        NetworkClassifier
            Itself.

        Raises
        ------
        ParameterError
            If a setting is outside its range, the defence does not fit the network or the data, or there is one class.

        Warns
        -----
        TrainingWarning
            If label smoothing is positive, or the epsilon of DP-SGD is above 50.
        """
        defence = Undefended() if self.defence is None else self.defence
        if not isinstance(defence, Defence):
            raise ParameterError(
                f"NetworkClassifier: `defence` must be a Defence such as BiDO(...), or None; got {self.defence!r}."
            )
        schedule = self._schedule()
        self._architecture()
        x, labels = self._read_data(X, y)
        weights, order, noise, held = self._seeds()
        module = self._build(x.shape[1], len(self.classes_), weights, noisy=False)
        assert isinstance(module, Plain)
        defence.prepare(module)
        self.module_ = module
        for name in ("epsilon_", "delta_", "privacy_"):
            if hasattr(self, name):
                delattr(self, name)  # of an earlier fit with another defence
        if isinstance(defence, DPSGD):
            self.privacy_: PrivacySpent = train_privately(module, x, labels, defence, schedule, (order, noise))
            self.epsilon_, self.delta_ = self.privacy_.epsilon, self.privacy_.delta
        else:
            self._train(x, labels, defence.loss, schedule, (order, noise, held))
        return self

    def __str__(self) -> str:
        """The settings; after private training, the guarantee too."""
        if not hasattr(self, "privacy_"):
            return repr(self)
        return f"{self!r}: ({self.epsilon_:.3g}, {self.delta_:.3g})-differentially private training"
