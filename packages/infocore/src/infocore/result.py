"""`MIEstimate`: one frozen answer, which says what its number certifies."""

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, cast

from infocore.errors import ParameterError

__all__ = ["Direction", "MIEstimate", "Strength", "Units", "plain"]

Units = Literal["nats", "bits"]
Direction = Literal["lower", "upper", "consistent", "none"]
Strength = Literal["expectation", "high-probability", "asymptotic", "heuristic"]

_SIGN: dict[str, str] = {"lower": ">= ", "upper": "<= ", "consistent": "", "none": "~ "}
_STRENGTHS = ("expectation", "high-probability", "asymptotic", "heuristic")
_NATS_PER: dict[str, float] = {"nats": 1.0, "bits": math.log(2.0)}


def _no_diagnostics() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class MIEstimate:
    """An estimate of information, with what it certifies.

    Parameters
    ----------
    value : float
        The estimate, in `units`. May be negative: it is never clipped.
    units : {"nats", "bits"}
        Unit of `value`, `standard_error`, `ci` and `cap`.
    direction : {"lower", "upper", "consistent", "none"}
        What the expected value is of the true information: a lower bound, an upper bound, the quantity itself
        as n grows, or none of these.
    strength : {"expectation", "high-probability", "asymptotic", "heuristic"}
        In what sense `direction` holds.
    standard_error : float, optional
        Standard error of `value`, over fresh samples of the same size.
    ci : tuple of two floats, optional
        Interval for the quantity that `value` estimates, at level `ci_level`.
    ci_level : float, optional
        Nominal coverage of `ci`, in (0, 1).
    cap : float, optional
        Largest value the method could have given here, such as ``log K`` for InfoNCE.
    n : int, optional
        Number of samples the value was evaluated on.
    method : str
        Name of the method.
    diagnostics : mapping
        Whatever else the method has to say: settings, flags, terms, losers of a choice.

    Raises
    ------
    ParameterError
        If `units`, `direction` or `strength` is not one of its values, `value` is NaN without a reason in
        ``diagnostics["notes"]``, `standard_error` is below 0, `n` below 1, `ci` has its ends exchanged or comes without
        `ci_level`, or a bound is only heuristic, which is no bound. Nothing in a sample bounds information
        from above, so that "upper" needs a known channel, entropy or alphabet behind it.

    Examples
    --------
    >>> e = MIEstimate(value=0.25, direction="lower", strength="expectation", n=2000, ci=(0.21, 0.29), ci_level=0.9)
    >>> print(e.to("bits"))
    >= 0.361 bits (90% CI 0.303 to 0.418, n=2000)
    """

    value: float
    units: Units = "nats"
    direction: Direction = "none"
    strength: Strength = "heuristic"
    standard_error: float | None = None
    ci: tuple[float, float] | None = None
    ci_level: float | None = None
    cap: float | None = None
    n: int | None = None
    method: str = ""
    diagnostics: Mapping[str, Any] = dataclasses.field(default_factory=_no_diagnostics)

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("units", self.units, tuple(_NATS_PER)),
            ("direction", self.direction, tuple(_SIGN)),
            ("strength", self.strength, _STRENGTHS),
        ):
            if value not in allowed:
                raise ParameterError(f"MIEstimate: `{name}` must be one of {', '.join(allowed)}; got {value!r}.")
        undefined = self.direction == "none" and self.diagnostics.get("notes")
        reason = 'a number, or where none is defined NaN with direction="none" and the reason in diagnostics["notes"]'
        for name, value, fits, allowed in (
            ("value", self.value, not math.isnan(self.value) or undefined, reason),
            ("standard_error", self.standard_error, self.standard_error is None or self.standard_error >= 0, ">= 0"),
            ("ci", self.ci, self.ci is None or self.ci[0] <= self.ci[1], "a lower and an upper end, in this order"),
            ("n", self.n, self.n is None or self.n >= 1, "at least 1"),
        ):
            if not fits:
                raise ParameterError(f"MIEstimate: `{name}` must be {allowed}; got {value!r}.")
        if (self.ci is None) != (self.ci_level is None):
            raise ParameterError("MIEstimate: `ci` and `ci_level` come together or not at all.")
        if self.direction in ("lower", "upper") and self.strength == "heuristic":
            raise ParameterError(
                f'MIEstimate: direction "{self.direction}" with strength "heuristic" is no {self.direction} bound; say '
                'direction="none", or state in what sense the bound holds by `strength`.'
            )
        object.__setattr__(self, "diagnostics", MappingProxyType(dict(self.diagnostics)))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy: a mapping proxy cannot be pickled, so the diagnostics travel as a dict."""
        values = [getattr(self, field.name) for field in dataclasses.fields(self)]
        return (type(self), (*values[:-1], dict(self.diagnostics)))

    def to(self, units: Units) -> "MIEstimate":
        """Return the same estimate in other units.

        Parameters
        ----------
        units : {"nats", "bits"}
            The unit wanted.

        Returns
        -------
        MIEstimate
            `value`, `standard_error`, `ci` and `cap` converted; `diagnostics` left in nats.
        """
        if units not in _NATS_PER:
            raise ParameterError(f"MIEstimate.to: `units` must be one of {', '.join(_NATS_PER)}; got {units!r}.")
        k = _NATS_PER[self.units] / _NATS_PER[units]
        return dataclasses.replace(
            self,
            value=self.value * k,
            units=units,
            standard_error=None if self.standard_error is None else self.standard_error * k,
            ci=None if self.ci is None else (self.ci[0] * k, self.ci[1] * k),
            cap=None if self.cap is None else self.cap * k,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; infinities and NaN become the strings "inf", "-inf", "nan"."""
        return cast(
            "dict[str, Any]",
            plain({field.name: getattr(self, field.name) for field in dataclasses.fields(self)}),
        )

    def __str__(self) -> str:
        """One line: sign of the direction, value, unit, interval, n, method."""
        notes: list[str] = []
        if self.ci is not None and self.ci_level is not None:
            notes.append(f"{100 * self.ci_level:g}% CI {self.ci[0]:.3f} to {self.ci[1]:.3f}")
        if self.n is not None:
            notes.append(f"n={self.n}")
        if self.method:
            notes.append(self.method)
        tail = f" ({', '.join(notes)})" if notes else ""
        return f"{_SIGN[self.direction]}{self.value:.3f} {self.units}{tail}"


def plain(value: Any) -> Any:
    """Return a value in JSON's types.

    Parameters
    ----------
    value : object
        Mappings, sequences, arrays, numbers, text, `MIEstimate`; anything else becomes its `str`.

    Returns
    -------
    object
        Non-finite numbers are the strings "inf", "-inf" and "nan".

    Examples
    --------
    >>> plain({"a": (1, float("inf"))})
    {'a': [1, 'inf']}
    """
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {str(key): plain(item) for key, item in items}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, MIEstimate):
        return value.to_dict()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
