r"""Control of a normal outcome towards a Gaussian goal, in closed form."""

import dataclasses
import math

from gtheory.information import nats_per_unit, unit_name
from infocore.errors import ParameterError

__all__ = ["GaussianControl", "gaussian_control"]


@dataclasses.dataclass(frozen=True)
class GaussianControl:
    """Control of a normal outcome towards a Gaussian goal, in closed form.

    Parameters
    ----------
    mean, sd : float
        Of the outcome under control.
    G, R : float
        Purposive information and cost, in the unit of `base`.
    s : float
        Strength.
    base : float
        Base of the logarithms: 2 for bits.
    """

    mean: float
    sd: float
    G: float
    R: float
    s: float
    base: float

    @property
    def unit(self) -> str:
        """Name of the unit of `G` and `R`."""
        return unit_name(self.base)

    @property
    def efficiency(self) -> float:
        """``G / R``; NaN where nothing is controlled (R below 1e-12 nats)."""
        return self.G / self.R if self.R * math.log(self.base) > 1e-12 else math.nan


def gaussian_control(
    mean: float, sd: float, goal: float, width: float, s: float = 1.0, *, base: float = 2
) -> GaussianControl:
    r"""Control of :math:`x \sim N(\mu_0, \sigma_0^2)` towards :math:`T = e^{-(x - c)^2 / 2\tau^2}`.

    Parameters
    ----------
    mean, sd : float
        Of the outcome without control.
    goal, width : float
        c and tau: what is wanted and how exactly.
    s : float
        Strength, positive.
    base : float
        Base of the logarithms: 2 for bits.

    Returns
    -------
    GaussianControl

    Raises
    ------
    ParameterError
        If a number is not finite, or `sd`, `width` or `s` not positive.

    Notes
    -----
    Derived: the variance under control is ``1 / (1/sd^2 + s/width^2)``, the mean its sum of the two weighted means.

    Examples
    --------
    >>> point = gaussian_control(50.0, 10.0, 65.0, 5.0, s=2.0)
    >>> round(point.G, 5), round(point.R, 5)
    (2.05864, 2.22616)
    """
    caller = "gaussian_control"
    nats = nats_per_unit(base, caller)
    for name, value, low in (("mean", mean, -math.inf), ("goal", goal, -math.inf), ("sd", sd, 0), ("width", width, 0),
                             ("s", s, 0)):  # fmt: skip
        if not (math.isfinite(value) and value > low):
            what = "finite" if low < 0 else "positive and finite"
            raise ParameterError(f"{caller}: `{name}` must be {what}; got {value!r}.")
    v = 1 / (1 / sd**2 + s / width**2)
    m = v * (mean / sd**2 + s * goal / width**2)
    both = width**2 + sd**2
    log_lp = math.log(width) - 0.5 * math.log(both) - (mean - goal) ** 2 / (2 * both)
    g = -((m - goal) ** 2 + v) / (2 * width**2) - log_lp
    r = math.log(sd) - 0.5 * math.log(v) + (v + (m - mean) ** 2) / (2 * sd**2) - 0.5
    return GaussianControl(m, math.sqrt(v), g / nats, r / nats, float(s), float(base))
