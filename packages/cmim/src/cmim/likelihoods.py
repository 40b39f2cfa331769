r"""Laws of the data given the code: negative log-likelihood, mean, and samples.

A decoder gives ``n_params`` numbers a feature, parameter by parameter: ``(B, n_params * n)``, or data-shaped if it is
one. Computed in float32 under mixed precision too.
"""

import dataclasses
import math
from typing import Any, Literal, Protocol, get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cmim.symbols import PAD
from cmim.terms import Samples, precise
from infocore.errors import ParameterError

__all__ = [
    "Bernoulli",
    "Categorical",
    "DiscretisedLogistic",
    "Gaussian",
    "Law",
    "Likelihood",
    "Tokens",
    "bernoulli_nll",
    "gaussian_nll",
    "law",
]

Likelihood = Literal["bernoulli", "gaussian", "logistic", "categorical", "tokens"]

_LOG_2PI = math.log(2.0 * math.pi)
_ALL = slice(None)


class Law(Protocol):
    """What a model needs of a law of x given z; `x` is of shape (B, ...) and `n` its features."""

    n_params: int
    """Numbers a decoder gives for each feature."""
    discrete: bool
    """Whether x has a probability and not a density, so that a sample has no gradient."""

    def nll(self, x: Tensor, params: Tensor) -> Tensor:
        """Return the negative log-likelihood of each sample, summed over features, of shape (B,)."""
        ...

    def mean(self, params: Tensor) -> Tensor:
        """Return the mean of x, of the shape of `params` or (B, n)."""
        ...

    def sample(self, params: Tensor, generator: torch.Generator, size: int | None = None, rows: slice = _ALL) -> Tensor:
        """Draw x, with noise from the CPU generator given; (B, n) or the shape of `params`.

        If the samples are some rows of a larger batch, its size and the rows: the noise of all is drawn.
        """
        ...

    def refusal(self, data: Tensor) -> str | None:
        """Say what is wrong with data, or None."""
        ...


@dataclasses.dataclass(frozen=True)
class Bernoulli:
    """Independent Bernoulli variables; `params` are log-odds. Grey values are read as means, see `bernoulli_nll`."""

    n_params = 1
    discrete = True

    def nll(self, x: Tensor, params: Tensor) -> Tensor:
        """As `Law`."""
        return bernoulli_nll(x.flatten(1), params.flatten(1))

    def mean(self, params: Tensor) -> Tensor:
        """As `Law`."""
        return torch.sigmoid(precise(params))

    def sample(self, params: Tensor, generator: torch.Generator, size: int | None = None, rows: slice = _ALL) -> Tensor:
        """As `Law`."""
        chance = self.mean(params)
        return (_uniform(chance, generator, size, rows).to(chance) < chance).to(chance)

    def refusal(self, data: Tensor) -> str | None:
        """As `Law`."""
        low, high = (float(v) for v in data.aminmax())
        if low >= 0 and high <= 1:
            return None
        return (
            f"with likelihood='bernoulli' the values of `x` must lie in [0, 1]; they go from {low:g} to {high:g}. "
            "Scale them (images: divide by 255), or use likelihood='gaussian'"
        )


@dataclasses.dataclass(frozen=True)
class Gaussian:
    """Independent normal variables of one fixed scale; `params` are means.

    Parameters
    ----------
    sigma : float
        Standard deviation of every feature.
    """

    sigma: float = 1.0
    n_params = 1
    discrete = False

    def nll(self, x: Tensor, params: Tensor) -> Tensor:
        """As `Law`."""
        return gaussian_nll(x.flatten(1), params.flatten(1), self.sigma)

    def mean(self, params: Tensor) -> Tensor:
        """As `Law`."""
        return params

    def sample(self, params: Tensor, generator: torch.Generator, size: int | None = None, rows: slice = _ALL) -> Tensor:
        """As `Law`; differentiable in `params`."""
        shape = (size or len(params), *params.shape[1:])
        return params + self.sigma * torch.randn(shape, generator=generator)[rows].to(params)

    def refusal(self, data: Tensor) -> str | None:  # noqa: ARG002 - every finite value has a density
        """As `Law`."""
        return None


@dataclasses.dataclass(frozen=True)
class DiscretisedLogistic:
    r"""Grey values in equal steps from 0 to 1, each a bin of a logistic variable; the outer two reach to infinity.

    `params` are location and ``log s + 2`` of every feature, (B, 2 n); log s is kept in [-12, 12].

    Parameters
    ----------
    levels : int
        Number of grey values.

    References
    ----------
    .. [1] T. Salimans et al., "PixelCNN++", arXiv:1701.05517, 2017, Sec. 2.1, here with one component.
    """

    levels: int = 256
    n_params = 2
    discrete = True

    def nll(self, x: Tensor, params: Tensor) -> Tensor:
        """As `Law`."""
        x = precise(x).flatten(1)
        mean, log_scale = self._split(params)
        half, inverse = 0.5 / (self.levels - 1), torch.exp(-log_scale)
        upper, lower = (x + half - mean) * inverse, (x - half - mean) * inverse
        # log(sigmoid(a) - sigmoid(b)) = log sigmoid(a) + log sigmoid(-b) + log(1 - e^(b - a))
        between = torch.log(-torch.expm1(-2 * half * inverse))
        left = torch.where(x > half, functional.logsigmoid(-lower), 0.0)
        right = torch.where(x < 1 - half, functional.logsigmoid(upper), 0.0)
        inner = torch.where((x > half) & (x < 1 - half), between, 0.0)
        return -(left + right + inner).sum(1)

    def mean(self, params: Tensor) -> Tensor:
        """As `Law`: the sum of the chances to exceed each bin's edge."""
        mean, log_scale = self._split(params)
        step = 1.0 / (self.levels - 1)
        total = torch.zeros_like(mean)
        for level in range(1, self.levels):
            total += torch.sigmoid((mean - (level - 0.5) * step) * torch.exp(-log_scale))
        return step * total

    def sample(self, params: Tensor, generator: torch.Generator, size: int | None = None, rows: slice = _ALL) -> Tensor:
        """As `Law`."""
        mean, log_scale = self._split(params)
        u = _uniform(mean, generator, size, rows).clamp(1e-12, 1 - 1e-12).to(mean.device)
        x = mean + log_scale.exp() * torch.logit(u).to(mean)
        return torch.round(x.clamp(0, 1) * (self.levels - 1)) / (self.levels - 1)

    def refusal(self, data: Tensor) -> str | None:
        """As `Law`."""
        low, high = (float(v) for v in data.aminmax())
        scaled = data * (self.levels - 1)
        if low >= 0 and high <= 1 and bool(((scaled - scaled.round()).abs() < 1e-3).all()):
            return None
        return (
            f"with likelihood='logistic' and levels={self.levels} the values of `x` must be 0, 1/{self.levels - 1}, "
            f"..., 1; they go from {low:g} to {high:g}. Set `levels` to the number of grey values"
        )

    def _split(self, params: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = precise(params).flatten(1).chunk(2, dim=1)
        return mean, (raw - 2.0).clamp(-12.0, 12.0)


@dataclasses.dataclass(frozen=True)
class Categorical:
    """One of so many values a feature, numbered from 0; `params` are log-odds, (B, levels * n).

    Parameters
    ----------
    levels : int
        Number of values.
    """

    levels: int
    discrete = True

    @property
    def n_params(self) -> int:
        """As `Law`."""
        return self.levels

    def nll(self, x: Tensor, params: Tensor) -> Tensor:
        """As `Law`."""
        return functional.cross_entropy(self._split(params), x.flatten(1).long(), reduction="none").sum(1)

    def mean(self, params: Tensor) -> Tensor:
        """As `Law`: the mean of the numbers that name the values."""
        chance = self._split(params).softmax(1)
        return (chance * torch.arange(self.levels).to(chance)[:, None]).sum(1)

    def sample(self, params: Tensor, generator: torch.Generator, size: int | None = None, rows: slice = _ALL) -> Tensor:
        """As `Law`."""
        logits = self._split(params)
        u = _uniform(logits, generator, size, rows).clamp(1e-300, 1.0)
        return (logits - torch.log(-torch.log(u)).to(logits)).argmax(1).to(logits)  # Gumbel

    def refusal(self, data: Tensor) -> str | None:
        """As `Law`."""
        low, high = (float(v) for v in data.aminmax())
        if low >= 0 and high <= self.levels - 1 and bool((data == data.round()).all()):
            return None
        return (
            f"with likelihood='categorical' and levels={self.levels} the values of `x` must be whole numbers in "
            f"0..{self.levels - 1}; they go from {low:g} to {high:g}"
        )

    def _split(self, params: Tensor) -> Tensor:
        return precise(params).flatten(1).unflatten(1, (self.levels, -1))


@dataclasses.dataclass(frozen=True)
class Tokens:
    """A row of tokens, each drawn given those before it; `params` are log-odds, (B, T, levels). Padding is not counted.

    Parameters
    ----------
    levels : int
        Size of the vocabulary, padding included.
    """

    levels: int
    discrete = True

    @property
    def n_params(self) -> int:
        """As `Law`."""
        return self.levels

    def nll(self, x: Tensor, params: Tensor) -> Tensor:
        """As `Law`, summed over the tokens of a row, its end included."""
        found = functional.cross_entropy(
            precise(params).flatten(0, 1), x.long().flatten(), ignore_index=PAD, reduction="none"
        )
        return found.unflatten(0, (len(x), -1)).sum(1)

    def count(self, x: Tensor) -> Tensor:
        """Return the tokens of each row, of shape (B,); at least 1."""
        return (x != PAD).sum(1).clamp(min=1)

    def mean(self, params: Tensor) -> Tensor:
        """Refuse, since tokens have no mean."""
        raise ParameterError(
            f"Tokens.mean: tokens have no mean, and {tuple(params.shape)} log-odds are of one row given what comes "
            "before each. Write rows by `cmim.generation.generate`."
        )

    def sample(self, params: Tensor, generator: torch.Generator, size: int | None = None, rows: slice = _ALL) -> Tensor:  # noqa: ARG002
        """Refuse, since each token needs those before it."""
        return self.mean(params)

    def refusal(self, data: Tensor) -> str | None:
        """As `Law`."""
        return Categorical(self.levels).refusal(data)


def law(name: Likelihood | Law, *, sigma: float = 1.0, levels: int = 256) -> Law:
    """Return a law by its name.

    Parameters
    ----------
    name : {"bernoulli", "gaussian", "logistic", "categorical", "tokens"} or Law
        A law itself is returned as it is.
    sigma : float
        Scale of the Gaussian.
    levels : int
        Values of a feature under the discretised logistic and the categorical law; size of a vocabulary of tokens.

    Returns
    -------
    Law
        The law.

    Raises
    ------
    ParameterError
        If the name is unknown, `sigma` not positive, or `levels` below 2.

    Examples
    --------
    >>> law("logistic", levels=17).n_params
    2
    """
    if not isinstance(name, str):
        return name
    if not sigma > 0:
        raise ParameterError(f"law: `sigma` must be positive; got {sigma!r}.")
    if levels < 2:
        raise ParameterError(f"law: `levels` must be at least 2; got {levels!r}.")
    made: dict[str, Any] = {
        "bernoulli": Bernoulli, "gaussian": lambda: Gaussian(sigma),
        "logistic": lambda: DiscretisedLogistic(levels), "categorical": lambda: Categorical(levels),
        "tokens": lambda: Tokens(levels),
    }  # fmt: skip
    if name not in made:
        raise ParameterError(f"law: `likelihood` must be one of {', '.join(get_args(Likelihood))}; got {name!r}.")
    return made[name]()


def bernoulli_nll(x: Float[Tensor, "B ..."], logits: Float[Tensor, "B ..."]) -> Samples:
    """Negative log-likelihood of values in [0, 1] under independent Bernoulli variables, summed over features.

    For grey values between 0 and 1 it is a cross-entropy, whose least value is their entropy and not 0.

    Parameters
    ----------
    x, logits : tensor of shape (B, ...)
        Values in [0, 1], and the log-odds of 1.

    Returns
    -------
    tensor of shape (B,)
        In nats.

    Examples
    --------
    >>> round(bernoulli_nll(torch.ones(1, 3), torch.zeros(1, 3)).item(), 4)  # 3 log 2
    2.0794
    """
    return functional.binary_cross_entropy_with_logits(precise(logits), precise(x), reduction="none").flatten(1).sum(1)


def gaussian_nll(x: Float[Tensor, "B ..."], mean: Float[Tensor, "B ..."], sigma: float = 1.0) -> Samples:
    """Negative log-likelihood under independent normal variables of one fixed scale, summed over features.

    Parameters
    ----------
    x, mean : tensor of shape (B, ...)
        Values and their predicted means.
    sigma : float
        Standard deviation of every feature.

    Returns
    -------
    tensor of shape (B,)
        In nats.

    Raises
    ------
    ParameterError
        If `sigma` is not positive.

    Examples
    --------
    >>> round(gaussian_nll(torch.zeros(1, 2), torch.ones(1, 2)).item(), 4)  # 1 + log 2 pi
    2.8379
    """
    if not sigma > 0:
        raise ParameterError(f"gaussian_nll: `sigma` must be positive; got {sigma!r}.")
    square = ((precise(x) - precise(mean)) / sigma).square()
    return (0.5 * square + (math.log(sigma) + 0.5 * _LOG_2PI)).flatten(1).sum(1)


def _uniform(like: Tensor, generator: torch.Generator, size: int | None, rows: slice) -> Tensor:
    """Draw numbers in [0, 1) for a whole batch, and return those of its rows that `like` holds."""
    shape = (size or len(like), *like.shape[1:])
    return torch.rand(shape, generator=generator, dtype=torch.float64)[rows]
