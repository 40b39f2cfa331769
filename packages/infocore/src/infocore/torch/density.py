r"""Conditional densities as critics: Barber-Agakov, CLUB and leave-one-out, and what each of them certifies.

A model :math:`q(y|x)` of the channel is trained by likelihood and read on rows it has not seen. With
:math:`\epsilon = E_p \log p(y|x) / q(y|x) \ge 0`, the gap of the model,

- Barber-Agakov, :math:`h(Y) + E_p \log q(y|x) = I - \epsilon`, is a lower bound where h(Y) is known;
- CLUB, :math:`E_p \log q(y|x) - E_{p(x)p(y)} \log q(y|x) = I - \epsilon + KL(p(x)p(y) \,\|\, p(x)q(y|x))`, is an upper
  bound where the last term exceeds :math:`\epsilon`, which is no more than to say that it is one: no sample checks it;
- the leave-one-out value is an upper bound in expectation for the true channel and for no other.

So the word "upper" is given for a channel that is *known*, never for one that was fitted.
"""

# torch types some of what it takes and returns as unknown; the rest of strict holds
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false

import dataclasses
import math
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from infocore import bounds
from infocore._settings import check_whole, check_widths
from infocore._validate import Floats, Ints, Pair, check_level, paired
from infocore.errors import KindError, NonFiniteError, ParameterError, SaturationWarning, ShapeError
from infocore.estimators._base import Doubt
from infocore.intervals import influence_standard_error, normal_interval
from infocore.result import MIEstimate
from infocore.torch.features import Features, RankTransform
from infocore.torch.held_out import Reading, Trained, Training, steps
from infocore.torch.layers import mlp

__all__ = ["DensityMI", "MixtureDensity", "known_channel"]

DensityReading = Literal["barber-agakov", "club", "l1out"]
# Numbers that one block of a score matrix holds at most.
BLOCK = 4_000_000
# Share of rows with the least variance beyond which the value is one of that setting.
AT_FLOOR = 0.1
LOG_2PI = math.log(2 * math.pi)


class MixtureDensity(nn.Module):
    r"""Mixture of normal laws whose weights, means and variances a network makes of x.

    .. math:: q(y | x) = \sum_c w_c(x) \prod_j N\bigl((L y)_j; m_{cj}(x), \sigma^2_{cj}(x)\bigr)

    with L lower triangular with ones on its diagonal, one for all x, so that y may be correlated given x.

    Parameters
    ----------
    inputs, outputs : int
        Features of x and columns of y.
    hidden : tuple of int
        Widths of the hidden layers.
    components : int
        Number of normal laws.
    log_variance : tuple of two floats
        Least and largest :math:`\log \sigma^2`, reached by no input.
    generator : torch.Generator
        Of the starting weights.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: tuple[int, ...],
        components: int,
        log_variance: tuple[float, float],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.components, self.outputs = components, outputs
        self.low, self.high = log_variance
        self.net = mlp((inputs, *hidden, components * (1 + 2 * outputs)), generator, activation=nn.GELU)
        self.mix = nn.Parameter(torch.zeros(outputs, outputs))
        if components == 1 or not hidden:
            # near the standard normal law, as standardised columns and normal scores are; where a network is to find
            # several laws of y given x they must start apart
            with torch.no_grad():
                for weight in self.net[-1].parameters():
                    weight.mul_(0.1)

    def laws(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log weights (B, C), means and log variances (B, C, dy) for inputs of shape (B, inputs)."""
        c = self.components
        raw = self.net(x)
        means, spreads = raw[:, c:].view(len(x), 2, c, self.outputs).unbind(1)
        start = math.log(-self.low / self.high)  # raw zero is variance one
        variance = self.low + (self.high - self.low) * torch.sigmoid(spreads + start)
        return torch.log_softmax(raw[:, :c], 1), means, variance

    def log_prob(self, x: Tensor, y: Tensor) -> Tensor:
        """Log density of each row y given its x, shape (B,)."""
        return self._log_prob(self.laws(x), self._mixed(y)[:, None])

    def all_pairs(self, x: Tensor, y: Tensor) -> Tensor:
        """Log density of every y given every x, shape (B, K)."""
        u = self._mixed(y)[None, :, None]
        size = max(1, BLOCK // (len(y) * self.components * self.outputs))
        blocks = [
            self._log_prob(tuple(a[:, None] for a in self.laws(part)), u)  # pyright: ignore[reportArgumentType]
            for part in x.split(size)
        ]
        return torch.cat(blocks)

    def _mixed(self, y: Tensor) -> Tensor:
        return y + y @ torch.tril(self.mix, -1).T

    @staticmethod
    def _log_prob(laws: tuple[Tensor, Tensor, Tensor], u: Tensor) -> Tensor:
        weights, means, variance = laws
        each = -0.5 * ((u - means).square() * torch.exp(-variance) + variance + LOG_2PI)
        return torch.logsumexp(weights + each.sum(-1), -1)


@dataclasses.dataclass(eq=False)
class DensityMI(Trained):
    r"""Mutual information through a density of y given x.

    Parameters
    ----------
    reading : {"barber-agakov", "club", "l1out"}
        How the density is read on held-out rows, see the module.
    entropy : float, optional
        h(Y) in nats, of y in the units given, where it is *known*; for "barber-agakov" only, whose value then is a
        lower bound in expectation. Without it a second density is fitted to y alone and read on the same rows, and the
        difference of the two likelihoods is no bound.
    components, margin_components : int
        Normal laws in the mixture given x, and in that of y alone.
    hidden : tuple of int
        Widths of the hidden layers.
    log_variance : tuple of two floats
        Least and largest log variance of a component, where y has variance one: around zero, and bounded because a
        likelihood has no largest value where values repeat.
    training : Training
        Settings of the training.

    Notes
    -----
    With a known entropy y is standardised, else each column is replaced by normal scores of its ranks, which changes
    no information. ``diagnostics["likelihood_gain"]`` is the held-out mean log likelihood given x less that of y alone
    with its standard error: where it is not positive, the density has found nothing, and CLUB and leave-one-out say
    something of the density only. ``["at_floor"]`` is the share of rows whose likeliest component has its least
    variance within 1 %: then the value depends on `log_variance`, and a warning says so, as where CLUB or leave-one-out
    exceed what the rows can show.

    References
    ----------
    .. [1] D. Barber, F. Agakov, "The IM Algorithm", NIPS 2003.
    .. [2] P. Cheng et al., "CLUB: A Contrastive Log-ratio Upper Bound of Mutual Information", ICML 2020, Thm. 3.1 and
       3.2.
    .. [3] B. Poole et al., "On Variational Bounds of Mutual Information", ICML 2019, eq. 13.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(1500)
    >>> y = x + rng.standard_normal(1500)  # I = 0.347
    >>> h = 0.5 * math.log(2 * math.pi * math.e * 2)
    >>> e = DensityMI(entropy=h, training=Training(max_steps=200)).fit_estimate(x, y)
    >>> abs(e.value - 0.347) < 0.1, e.direction, e.strength
    (True, 'lower', 'expectation')
    """

    reading: DensityReading = "barber-agakov"
    entropy: float | None = None
    components: int = 1
    margin_components: int = 4
    hidden: tuple[int, ...] = (64, 64)
    log_variance: tuple[float, float] = (-12.0, 3.0)
    training: Training = Training()  # noqa: RUF009 - frozen

    @property
    def method(self) -> str:
        """Name that the estimate carries."""
        return self.reading

    def check(self) -> None:
        """Refuse settings that are none."""
        super().check()
        if self.reading not in get_args(DensityReading):
            raise ParameterError(
                f"DensityMI: `reading` must be one of {', '.join(get_args(DensityReading))}; got {self.reading!r}."
            )
        check_whole(self.components, "DensityMI", "components", 1)
        check_whole(self.margin_components, "DensityMI", "margin_components", 1)
        check_widths(self.hidden, "DensityMI")
        if not -math.inf < self.log_variance[0] < 0 < self.log_variance[1] < math.inf:
            raise ParameterError(
                f"DensityMI: `log_variance` must be finite and hold 0 inside; got {self.log_variance!r}."
            )
        known = isinstance(self.entropy, Real) and math.isfinite(self.entropy)
        if self.entropy is not None and (self.reading != "barber-agakov" or not known):
            raise ParameterError(
                "DensityMI: `entropy` must be a finite number, in nats, and belongs to reading='barber-agakov'; got "
                f"{self.entropy!r} with {self.reading!r}."
            )

    def learn(self, pair: Pair, train: Ints, held: Ints, rng: np.random.Generator) -> Mapping[str, Any]:
        """Fit the density given x, and that of y alone."""
        counted = [n for n, kind in zip(pair.y.names, pair.y.kinds, strict=True) if kind == "discrete"]
        if counted:
            raise KindError(
                f"DensityMI: column(s) {', '.join(counted)} of `y` are discrete and have no density; exchange x and y, "
                'or use method="mixed" or "discrete".'
            )
        y = pair.y.numbers("DensityMI")
        self.shown_ = Features(pair.x, train)
        self.scaled_ = RankTransform(y[train]) if self.entropy is None else _Standard(y[train])
        u, v = self._inputs(pair)
        seeds = rng.integers(2**31, size=4)
        # the few numbers of y alone may take larger steps: what its likelihood lacks would be read as information
        quick = dataclasses.replace(self.training, learning_rate=4 * self.training.learning_rate)
        sizes = (
            (u, self.hidden, self.components, self.training),
            (torch.ones(len(v), 1, device=v.device), (), self.margin_components, quick),
        )
        found: list[Mapping[str, Any]] = []
        models: list[MixtureDensity] = []
        for (given, hidden, components, training), seed, order in zip(sizes, seeds[:2], seeds[2:], strict=True):
            start = torch.Generator().manual_seed(int(seed))
            model = MixtureDensity(given.shape[1], v.shape[1], hidden, components, self.log_variance, start)
            history = training.run(
                model.to(training.device),
                (given, v),
                train,
                held,
                lambda m, batch: {"loss": -m.log_prob(*batch).mean()},
                lambda m, kept: m.log_prob(*kept).mean(),
                int(order),
            )
            models.append(model.eval())
            found.append(steps(history))
        self.given_x_, self.alone_ = models
        return {"given_x": found[0], "y_alone": found[1]}

    def read(self, pair: Pair) -> Reading:
        """Read the density on rows it has not seen."""
        u, v = self._inputs(pair)
        with torch.no_grad():
            given = self.given_x_.log_prob(u, v).double().cpu().numpy()
            alone = self.alone_.log_prob(torch.ones(len(v), 1, device=v.device), v).double().cpu().numpy()
            weights, _, variance = self.given_x_.laws(u)
            scores = None
            if self.reading != "barber-agakov":
                scores = self.given_x_.all_pairs(u, v).double().cpu().numpy()
        likeliest = variance[torch.arange(len(u)), weights.argmax(1)].amin(1)
        near = self.log_variance[0] * 0.99 + self.log_variance[1] * 0.01
        at_floor = float((likeliest < near).float().mean())
        gain = given - alone
        facts = {
            "likelihood_gain": float(gain.mean()),
            "likelihood_gain_error": influence_standard_error(gain),
            "at_floor": at_floor,
            "components": self.components,
        }
        if scores is not None:
            found = _of_scores(scores, self.reading, facts)
        elif self.entropy is None:
            found = Reading(float(gain.mean()), gain, diagnostics=facts)
        else:
            terms = self.entropy + given - self.scaled_.log_scale  # pyright: ignore[reportAttributeAccessIssue]
            found = Reading(float(terms.mean()), terms, "lower", "expectation", facts)
        return dataclasses.replace(found, doubts=self._doubts(found.value, at_floor, facts, len(gain)))

    def _doubts(self, value: float, at_floor: float, facts: Mapping[str, Any], n: int) -> list[Doubt]:
        """Say where the value is one of the settings, or more than rows can show."""
        found: list[Doubt] = []
        if at_floor > AT_FLOOR:
            text = "the variance of y given x is at its floor, so that the value depends on `log_variance`"
            found.append(Doubt(text, SaturationWarning, f"{at_floor:.0%} of the rows"))
        if self.reading != "barber-agakov" and value > math.log(n):
            text = f"above log n = {math.log(n):.2f}, more than {n} rows show: no bound and no estimate"
            gain = f"the likelihood of the same density says {facts['likelihood_gain']:.2f} nats"
            found.append(Doubt(text, SaturationWarning, gain))
        return found

    def _inputs(self, pair: Pair) -> tuple[Tensor, Tensor]:
        device = self.training.device
        y = self.scaled_(pair.y.numbers("DensityMI"))
        return (
            torch.as_tensor(self.shown_(pair.x), device=device),
            torch.as_tensor(y, dtype=torch.float32, device=device),
        )


def known_channel(
    x: Any,
    y: Any,
    log_density: Callable[[Any, Any], Any],
    *,
    reading: Literal["club", "l1out"] = "l1out",
    ci_level: float = 0.9,
) -> MIEstimate:
    r"""Upper bound in expectation from a channel that is known.

    Parameters
    ----------
    x, y : array-like of shape (n,) or (n, d)
        Paired samples of numbers, rows independent.
    log_density : callable
        ``log_density(x, y) -> (n, n)``: entry (i, k) is :math:`\log p(y_k | x_i)` of the channel as it *is* (a noise
        that one adds oneself), never as it was fitted. Gets (n, dx) and (n, dy) float64 arrays.
    reading : {"l1out", "club"}
        "l1out" is never looser than CLUB in expectation (Jensen).
    ci_level : float
        Nominal coverage of the interval.

    Returns
    -------
    MIEstimate
        In nats, direction "upper", strength "expectation". For a bound with a stated probability see
        `infocore.certificates.upper_bound_channel`.

    Raises
    ------
    ShapeError, NonFiniteError, KindError, TooFewSamplesError
        If the data are not two paired samples of numbers, or the densities not a finite (n, n) matrix.
    ParameterError
        If `reading` or `ci_level` cannot be.

    References
    ----------
    .. [1] B. Poole et al., "On Variational Bounds of Mutual Information", ICML 2019, eq. 13.
    .. [2] P. Cheng et al., "CLUB", ICML 2020, Thm. 3.1.

    Examples
    --------
    >>> x, noise = np.random.default_rng(0).standard_normal((2, 1000))
    >>> channel = lambda a, b: -0.5 * (b.T - a) ** 2 - 0.5 * math.log(2 * math.pi)
    >>> print(known_channel(x, x + noise, channel))  # truth 0.347
    <= 0.355 nats (90% CI 0.317 to 0.393, n=1000, l1out, known channel)
    """
    caller = "known_channel"
    check_level(ci_level, caller)
    if reading not in ("club", "l1out"):
        raise ParameterError(f"{caller}: `reading` must be 'club' or 'l1out'; got {reading!r}.")
    pair = paired(x, y, caller, min_samples=8, warn=False)
    scores = np.asarray(log_density(pair.x.numbers(caller), pair.y.numbers(caller)), np.float64)
    if scores.shape != (pair.n, pair.n):
        raise ShapeError(f"{caller}: `log_density` must give ({pair.n}, {pair.n}) numbers; got {scores.shape}.")
    if not np.isfinite(scores).all():
        raise NonFiniteError(f"{caller}: `log_density` gave NaN or infinity.")
    found = _of_scores(scores, reading, {})
    error = influence_standard_error(found.influence)
    return MIEstimate(
        value=found.value,
        direction="upper",
        strength="expectation",
        standard_error=error,
        ci=normal_interval(found.value, error, ci_level),
        ci_level=ci_level,
        n=pair.n,
        method=f"{reading}, known channel",
    )


class _Standard:
    """Columns to mean 0 and variance 1, and what that takes from a log density."""

    def __init__(self, rows: Floats) -> None:
        self.mean, self.scale = rows.mean(axis=0), rows.std(axis=0)
        self.log_scale = float(np.log(self.scale).sum())

    def __call__(self, a: Floats) -> Floats:
        return (a - self.mean) / self.scale


def _of_scores(scores: Floats, reading: str, facts: dict[str, Any]) -> Reading:
    """Value and influence of each row from log densities of every y given every x; claims nothing."""
    n = len(scores)
    own = np.diagonal(scores)
    if reading == "club":
        # a row is in its own term, in all of its row and in all of its column
        rest = (scores.sum(1) + scores.sum(0) - 2 * own) / (n - 1)
        return Reading(float(bounds.club(scores)), own - rest, diagnostics=facts)
    terms = bounds.pointwise(scores, over="x", positive="excluded")
    # weight of x_i among the others that could have sent y_k; their sum over k is what row i adds as a negative
    weights = np.exp(np.minimum(scores - own + terms, 700.0)) / (n - 1)
    np.fill_diagonal(weights, 0.0)
    return Reading(float(bounds.l1out(scores)), terms - weights.sum(1), diagnostics=facts)
