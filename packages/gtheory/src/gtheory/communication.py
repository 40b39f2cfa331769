"""Semantic communication end to end: a sender who chooses labels, a channel, a receiver who knows what labels mean.

Bits are counted where they are sent, meaning where it is received.
"""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr, gammaln, xlogy

from gtheory.information import nats_per_unit, unit_name
from infocore._validate import generator
from infocore.errors import InvalidDistributionError, KindError, NonFiniteError, ParameterError, ShapeError
from infocore.semantic import Floats, channel, distribution, logical_probability, real, semantic_bayes, truth_values

__all__ = ["Channel", "Receiver", "Sender", "Transmission", "expected", "transmit"]

Ints = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, eq=False)
class Sender:
    """Chooses a label for each x.

    Parameters
    ----------
    ch : array of shape (m, n)
        ``P(y_j|x_i)``, such as the `ch` of a `RateFidelityPoint`; rows sum to 1.

    Raises
    ------
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If it is no channel.
    """

    ch: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "ch", channel(self.ch, "Sender", "ch"))

    @classmethod
    def most_informative(cls, information: ArrayLike) -> "Sender":
        """Sender of the label that says most about x, the first of several.

        Parameters
        ----------
        information : array of shape (m, n)
            ``I(x_i; theta_j)``.

        Returns
        -------
        Sender
        """
        gain = real(information, "Sender.most_informative", "information", ndim=2)
        return cls(np.eye(gain.shape[1])[gain.argmax(1)])


@dataclasses.dataclass(frozen=True, eq=False)
class Channel:
    """Carries labels, some of them wrong.

    Parameters
    ----------
    matrix : array of shape (n, k)
        Law of the label received for each one sent; rows sum to 1.

    Raises
    ------
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If it is no channel.
    """

    matrix: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", channel(self.matrix, "Channel", "matrix"))

    @classmethod
    def symmetric(cls, n: int, error: float = 0.0) -> "Channel":
        """Channel in which a label is replaced by another, any, with some probability.

        Parameters
        ----------
        n : int
            Number of labels.
        error : float
            Probability, in [0, 1]; 0 is a channel without noise.

        Returns
        -------
        Channel

        Raises
        ------
        ParameterError
            If `error` is outside [0, 1], or above 0 with a single label.
        """
        if not 0 <= error <= 1 or n < 1 or (n == 1 and error > 0):
            raise ParameterError(
                f"Channel.symmetric: `error` must be in [0, 1] among `n` labels; got {error!r}, {n!r}."
            )
        return cls((1 - error) * np.eye(n) + (error / (n - 1) * (1 - np.eye(n)) if n > 1 else 0.0))


@dataclasses.dataclass(frozen=True, eq=False)
class Receiver:
    """Reads labels as what they mean.

    Parameters
    ----------
    px : array of shape (m,)
        Prior that the receiver believes.
    truth : array of shape (m, k)
        Meaning of the labels.
    values : array of shape (m,), optional
        Values of x, where a number is to be reconstructed.
    log : bool
        Whether `truth` holds log T.
    reading : {"mean", "mode"}
        What is reconstructed: the mean of x under ``P(x|theta_j)``, or its likeliest value, the first of several.

    Raises
    ------
    ShapeError, KindError, NonFiniteError, InvalidDistributionError
        If the arrays do not fit together, `px` is no law, `truth` leaves [0, 1] or a label is false of every x.
    ParameterError
        If `reading` is neither.

    Examples
    --------
    >>> import numpy as np
    >>> receiver = Receiver([0.5, 0.5], np.array([[1.0, 0.25], [0.0, 1.0]]), values=[0.0, 10.0])
    >>> receiver.likelihood.round(6).tolist(), receiver.reconstruction.round(6).tolist()
    ([[1.0, 0.2], [0.0, 0.8]], [0.0, 8.0])
    """

    px: Floats
    truth: Floats
    values: Floats | None = None
    log: bool = False
    reading: Literal["mean", "mode"] = "mean"

    def __post_init__(self) -> None:
        if self.reading not in ("mean", "mode"):
            raise ParameterError(f"Receiver: `reading` must be 'mean' or 'mode'; got {self.reading!r}.")
        p = distribution(self.px, "Receiver", "px")
        log_t = truth_values(self.truth, "Receiver", rows=len(p), log=self.log)
        log_lp = logical_probability(p, log_t, log=True)
        if np.isneginf(log_lp).any():
            raise InvalidDistributionError(
                f"Receiver: label {int(np.argmin(log_lp))} is false of every x, so nothing can be read from it."
            )
        object.__setattr__(self, "px", p)
        object.__setattr__(self, "truth", log_t)
        object.__setattr__(self, "log", True)
        if self.values is not None:
            values = real(self.values, "Receiver", "values", ndim=1)
            if len(values) != len(p):
                raise ShapeError(f"Receiver: `values` must hold {len(p)} numbers, one for each x; got {len(values)}.")
            bad = int(np.count_nonzero(~np.isfinite(values)))
            if bad:
                raise NonFiniteError(f"Receiver: `values` holds NaN or infinity in {bad} of {len(values)} places.")
            object.__setattr__(self, "values", values)

    @property
    def information(self) -> Floats:
        """``I(x_i; theta_j)``, shape (m, k), in nats."""
        return self.truth - logical_probability(self.px, self.truth, log=True)

    @property
    def likelihood(self) -> Floats:
        """Law of x that each label predicts, ``P(x|theta_j)``, shape (m, k); columns sum to 1."""
        return np.exp(semantic_bayes(self.px, self.truth, log=True))

    @property
    def reconstruction(self) -> Floats:
        """What is read for each label, shape (k,): the mean of x or its likeliest value."""
        if self.values is None:
            raise ParameterError("Receiver: a number is reconstructed from `values` of x, which were not given.")
        predicted = self.likelihood
        return self.values @ predicted if self.reading == "mean" else self.values[predicted.argmax(0)]


@dataclasses.dataclass(frozen=True)
class Transmission:
    """What was sent and what arrived, in the unit of `base` per x.

    Parameters
    ----------
    sent : float
        Length of an ideal code of the labels one by one: of the law their entropy, of a sequence the length of an
        adaptive arithmetic code (Krichevsky and Trofimov's), which is told nothing beforehand. Without noise it is
        more than `R` by what the sender leaves to chance: R alone is reached by coding long blocks of x together.
    R : float
        Mutual information of x and the label received. Of a sequence the plug-in value, which is too large by about
        ``(m - 1)(k - 1) / 2N`` nats.
    G : float
        Semantic information that the receiver gets; negative for one who is misled, -inf where a label arrives of an
        x that it is certainly false of.
    mean_squared_error : float
        Of the reconstruction; NaN where the receiver has no `values`.
    base : float
        Base of the logarithms: 2 for bits.
    """

    sent: float
    R: float
    G: float
    mean_squared_error: float
    base: float

    @property
    def unit(self) -> str:
        """Name of the unit of `sent`, `R` and `G`."""
        return unit_name(self.base)


def expected(px: ArrayLike, sender: Sender, link: Channel, receiver: Receiver, *, base: float = 2) -> Transmission:
    """What arrives on average, from the laws.

    Parameters
    ----------
    px : array of shape (m,)
        Law of x, which may differ from the receiver's prior.
    sender, link, receiver : Sender, Channel, Receiver
        The chain.
    base : float
        Base of the logarithms: 2 for bits.

    Returns
    -------
    Transmission

    Raises
    ------
    ShapeError
        If the parts do not fit together.
    ParameterError, KindError, NonFiniteError, InvalidDistributionError
        If `px` is no law, or `base` not above 1.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.array([[1.0, 0.2], [0.2, 1.0]])
    >>> receiver = Receiver([0.5, 0.5], truth, values=[0.0, 1.0])
    >>> found = expected([0.5, 0.5], Sender.most_informative(receiver.information), Channel.symmetric(2, 0.1), receiver)
    >>> found.sent, round(found.R, 3), round(found.G, 3)
    (1.0, 0.531, 0.505)
    """
    nats = nats_per_unit(base, "expected")
    p = distribution(px, "expected", "px")
    _fit(len(p), sender, link, receiver, "expected")
    received = p[:, None] * (sender.ch @ link.matrix)
    return _measured(received, float(entr(p @ sender.ch).sum()), receiver, nats, base)


def transmit(
    x: ArrayLike,
    sender: Sender,
    link: Channel,
    receiver: Receiver,
    *,
    base: float = 2,
    rng: int | np.random.Generator = 0,
) -> Transmission:
    """Send a sequence, and measure what arrives.

    Parameters
    ----------
    x : array of int of shape (N,)
        Indices of x, in 0..m-1.
    sender, link, receiver : Sender, Channel, Receiver
        The chain.
    base : float
        Base of the logarithms: 2 for bits.
    rng : int or Generator
        Seed of the sender's choices and of the noise.

    Returns
    -------
    Transmission

    Raises
    ------
    ShapeError
        If the parts do not fit together, or `x` is empty.
    KindError, ParameterError
        If `x` holds no indices of x, or `base` is not above 1.

    Examples
    --------
    >>> import numpy as np
    >>> receiver = Receiver([0.5, 0.5], np.array([[1.0, 0.2], [0.2, 1.0]]))
    >>> x = np.random.default_rng(0).integers(0, 2, 10_000)
    >>> found = transmit(x, Sender.most_informative(receiver.information), Channel.symmetric(2, 0.1), receiver)
    >>> round(found.sent, 2), round(found.R, 1), round(found.G, 1)
    (1.0, 0.5, 0.5)
    """
    caller = "transmit"
    nats = nats_per_unit(base, caller)
    places = np.asarray(x)
    if places.dtype.kind not in "iu":
        raise KindError(f"{caller}: `x` must hold indices, integers; got {places.dtype}.")
    if places.ndim != 1 or len(places) == 0:
        raise ShapeError(f"{caller}: `x` must be a sequence of at least one index; got shape {places.shape}.")
    m, n = sender.ch.shape
    if places.min() < 0 or places.max() >= m:
        raise ParameterError(f"{caller}: `x` must hold indices in 0..{m - 1}; got {places.min()} to {places.max()}.")
    _fit(m, sender, link, receiver, caller)
    stream = generator(rng, caller)
    labels = _drawn(sender.ch[places], stream)
    arrived = _drawn(link.matrix[labels], stream)
    counts = np.zeros((m, link.matrix.shape[1]))
    np.add.at(counts, (places, arrived), 1.0)
    return _measured(counts / len(places), _code_length(np.bincount(labels, minlength=n)), receiver, nats, base)


def _measured(joint: Floats, sent: float, receiver: Receiver, nats: float, base: float) -> Transmission:
    p, q = joint.sum(1), joint.sum(0)
    rate = float(np.sum(xlogy(joint, joint)) - np.sum(xlogy(p, p)) - np.sum(xlogy(q, q)))
    information = receiver.information
    g = float(np.sum(np.where(joint > 0, joint * np.where(joint > 0, information, 0.0), 0.0)))
    error = math.nan
    if receiver.values is not None:
        error = float(np.sum(joint * (receiver.values[:, None] - receiver.reconstruction) ** 2))
    return Transmission(sent / nats, max(rate, 0.0) / nats, g / nats, error, float(base))


def _code_length(counts: Ints) -> float:
    """Nats a symbol of an adaptive code whose every label starts with a count of 1/2."""
    n, total = len(counts), int(counts.sum())
    log_probability = gammaln(n / 2) - n * gammaln(0.5) + gammaln(counts + 0.5).sum() - gammaln(total + n / 2)
    return -float(log_probability) / total


def _drawn(laws: Floats, rng: np.random.Generator) -> Ints:
    steps = np.cumsum(laws, axis=1)
    return np.minimum((rng.random(len(laws))[:, None] >= steps / steps[:, -1:]).sum(1), laws.shape[1] - 1)


def _fit(m: int, sender: Sender, link: Channel, receiver: Receiver, caller: str) -> None:
    shapes = (sender.ch.shape, link.matrix.shape, receiver.truth.shape)
    if (shapes[0][0], shapes[0][1], shapes[1][1], shapes[2][0]) != (m, shapes[1][0], shapes[2][1], m):
        raise ShapeError(
            f"{caller}: with {m} values of x, the sender's channel (m, n), the link (n, k) and the receiver's truth "
            f"(m, k) must fit; got {shapes[0]}, {shapes[1]}, {shapes[2]}."
        )
