"""Contract of an estimator as functions that anybody can run on theirs, and hypothesis strategies for its data.

A check runs on two continuous columns; on a class and a continuous column if the estimator refuses those with a
`KindError`; on counts if it refuses these too.

>>> from infocore.estimators import GaussianMI
>>> for check in CHECKS:
...     check(GaussianMI())
"""

# pytest and hypothesis come late, with no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import functools
import importlib
import math
import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any, get_args

import numpy as np

from infocore._validate import Floats
from infocore.errors import KindError, MissingExtraError, NonFiniteError, ShapeError
from infocore.result import Direction, MIEstimate, Strength

__all__ = [
    "CHECKS",
    "check_fields",
    "check_independence",
    "check_leaves_everything_unchanged",
    "check_nan_is_named",
    "check_order_of_rows",
    "check_pairing",
    "check_seed",
    "check_symmetry",
    "check_units",
    "coverage",
    "paired_samples",
    "parametrize_with_checks",
]

# The smallest sample every estimator here has something to say about, trained ones included.
N = 400


def _on_what_it_reads(check: Callable[[Any, Floats, Floats], None]) -> Callable[[Any], None]:
    """Run a check on the first of three pairs whose kinds the estimator does not refuse."""

    @functools.wraps(check)
    def run(estimator: Any) -> None:
        for pair in (_continuous(), _classes()):
            try:
                return check(estimator, *pair)
            except KindError:
                pass
        return check(estimator, *_counts())

    del run.__wrapped__  # the signature is that of one argument
    return run


@_on_what_it_reads
def check_pairing(estimator: Any, x: Floats, y: Floats) -> None:
    """Samples of different length, and arrays with three axes, are refused by name."""
    _raises(ShapeError, "[xy]", lambda: estimator.fit_estimate(x[:-1], y))
    _raises(ShapeError, "[xy]", lambda: estimator.fit_estimate(np.zeros((N, 2, 2)), y))


@_on_what_it_reads
def check_nan_is_named(estimator: Any, x: Floats, y: Floats) -> None:
    """NaN and infinity are refused, with the name of the argument and the number of rows."""
    y[3], y[5] = np.nan, np.inf
    _raises(NonFiniteError, f"`y`.* 2 of {N}", lambda: estimator.fit_estimate(x, y))


@_on_what_it_reads
def check_fields(estimator: Any, x: Floats, y: Floats) -> None:
    """The fields of the estimate are there and fit together."""
    e: MIEstimate = estimator.fit_estimate(x, y, rng=0, ci_level=0.8)
    assert isinstance(e, MIEstimate), f"{_name(estimator)}: the answer is a MIEstimate, not {type(e).__name__}"
    assert math.isfinite(e.value), f"{_name(estimator)}: value {e.value}"
    assert e.units == "nats", f"{_name(estimator)}: nats inside"
    assert e.direction in get_args(Direction), f"{_name(estimator)}: direction {e.direction!r}"
    assert e.strength in get_args(Strength), f"{_name(estimator)}: strength {e.strength!r}"
    assert e.method, f"{_name(estimator)}: the estimate names no method"
    assert e.n is not None and 0 < e.n <= N, f"{_name(estimator)}: n = {e.n} of {N}"
    if e.standard_error is not None:
        assert e.standard_error >= 0, f"{_name(estimator)}: standard error {e.standard_error}"
    if e.ci is not None:
        assert e.ci_level == 0.8, f"{_name(estimator)}: asked for level 0.8, got {e.ci_level}"
        assert e.ci[0] <= e.value <= e.ci[1], f"{_name(estimator)}: {e.value} outside {e.ci}"
    if e.cap is not None:
        assert e.value <= e.cap + 1e-9, f"{_name(estimator)}: value {e.value} above the cap {e.cap}"


@_on_what_it_reads
def check_units(estimator: Any, x: Floats, y: Floats) -> None:
    """Bits are nats over log 2, and back."""
    e: MIEstimate = estimator.fit_estimate(x, y, rng=0)
    bits = e.to("bits")
    assert math.isclose(bits.value * math.log(2), e.value, abs_tol=1e-12), f"{_name(estimator)}: {bits} is not {e}"
    assert math.isclose(bits.to("nats").value, e.value, abs_tol=1e-12), f"{_name(estimator)}: no way back"


@_on_what_it_reads
def check_leaves_everything_unchanged(estimator: Any, x: Floats, y: Floats) -> None:
    """`estimate` changes neither the arrays nor the estimator, nor numpy's global generator."""
    fitted = estimator.fit(x, y)
    before = x.copy(), y.copy(), repr(vars(fitted)), _global_state()
    first = fitted.estimate(x, y).value
    second = fitted.estimate(x, y).value
    assert first == second, f"{_name(estimator)}: {first} then {second} on the same data"
    assert np.array_equal(before[0], x) and np.array_equal(before[1], y), f"{_name(estimator)}: inputs changed"
    assert before[2] == repr(vars(fitted)), f"{_name(estimator)}: `estimate` changed the estimator"
    assert before[3] == _global_state(), f"{_name(estimator)}: drew from the global generator"


@_on_what_it_reads
def check_seed(estimator: Any, x: Floats, y: Floats) -> None:
    """One seed, one answer."""
    first, second = (estimator.fit_estimate(x, y, rng=7).value for _ in range(2))
    assert first == second, f"{_name(estimator)}: {first} then {second} with one seed"


@_on_what_it_reads
def check_order_of_rows(estimator: Any, x: Floats, y: Floats) -> None:
    """The order of the pairs says nothing: up to rounding where nothing is drawn, else up to the error.

    A split that is drawn by place is another split of shuffled rows, so that no more can be asked of it.
    """
    order = np.random.default_rng(1).permutation(N)
    _close(estimator, (x, y), (x[order], y[order]), "the rows were shuffled together")


@_on_what_it_reads
def check_symmetry(estimator: Any, x: Floats, y: Floats) -> None:
    """I(X; Y) = I(Y; X), in the same sense."""
    _close(estimator, (x, y), (y, x), "x and y were exchanged")


@_on_what_it_reads
def check_independence(estimator: Any, x: Floats, y: Floats) -> None:
    """Independent samples give about zero: a lower bound no more, the rest within four standard errors."""
    e: MIEstimate = estimator.fit_estimate(x, np.random.default_rng(2).permutation(y), rng=0)
    room = 4 * (e.standard_error or 0.0) + 0.02
    assert e.value <= room, f"{_name(estimator)}: {e.value} nats on independent samples, error {e.standard_error}"
    if e.direction == "consistent":
        assert e.value >= -room, f"{_name(estimator)}: {e.value} nats on independent samples, error {e.standard_error}"


CHECKS: tuple[Callable[[Any], None], ...] = (
    check_pairing,
    check_nan_is_named,
    check_fields,
    check_units,
    check_leaves_everything_unchanged,
    check_seed,
    check_order_of_rows,
    check_symmetry,
    check_independence,
)


def parametrize_with_checks(estimators: Iterable[Any]) -> Any:
    """Return a pytest mark that runs every check on every estimator.

    Parameters
    ----------
    estimators : iterable of estimators
        With ``fit``, ``estimate`` and ``fit_estimate``.

    Returns
    -------
    pytest mark
        For ``def test(estimator, check): check(estimator)``.

    Raises
    ------
    MissingExtraError
        If pytest is not installed.
    """
    pytest = _import("pytest")
    cases = [(estimator, check) for estimator in estimators for check in CHECKS]
    return pytest.mark.parametrize(
        ("estimator", "check"), cases, ids=[f"{estimator}-{check.__name__}" for estimator, check in cases]
    )


def paired_samples(*, min_samples: int = 10, max_samples: int = 60, max_columns: int = 2) -> Any:
    """Return a hypothesis strategy for pairs of float arrays of shapes (n, dx) and (n, dy), with some dependence.

    Parameters
    ----------
    min_samples, max_samples : int
        Range of n.
    max_columns : int
        Largest dx and dy.

    Returns
    -------
    hypothesis strategy

    Raises
    ------
    MissingExtraError
        If hypothesis is not installed.
    """
    st = _import("hypothesis.strategies")

    def draw(seed: int, n: int, dx: int, dy: int, strength: float) -> tuple[Floats, Floats]:
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((n, dx)), rng.standard_normal((n, dy))
        y[:, 0] += strength * x[:, 0]
        return x, y

    columns = st.integers(1, max_columns)
    return st.builds(
        draw, st.integers(0, 2**32 - 1), st.integers(min_samples, max_samples), columns, columns, st.floats(-3, 3)
    )


def coverage(
    estimator: Any,
    law: Callable[[np.random.Generator], tuple[Any, Any]],
    truth: float,
    *,
    repetitions: int = 200,
    first_seed: int = 0,
    ci_level: float = 0.9,
) -> dict[str, float]:
    """Measure bias, spread and coverage of an estimator on a law of known information.

    Parameters
    ----------
    estimator : estimator
        With ``fit_estimate``.
    law : callable
        ``law(rng) -> (x, y)``, a fresh sample.
    truth : float
        Its information, nats.
    repetitions : int
        Number of samples.
    first_seed : int
        The samples have the seeds from here on; where a rule was chosen by looking at some, measure it on others.
    ci_level : float
        Nominal coverage.

    Returns
    -------
    dict
        ``bias`` and ``sd`` of the value and the mean standard error ``se``, nats, and ``coverage``, a share.

    Examples
    --------
    >>> from infocore.estimators import GaussianMI
    >>> found = coverage(GaussianMI(), lambda rng: rng.standard_normal((2, 500)), 0.0, repetitions=50)
    >>> found["coverage"] > 0.8
    True
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [
            estimator.fit_estimate(*law(np.random.default_rng(seed)), rng=seed, ci_level=ci_level)
            for seed in range(first_seed, first_seed + repetitions)
        ]
    values = np.array([e.value for e in found])
    return {
        "bias": float(values.mean()) - truth,
        "sd": float(values.std(ddof=1)),
        "se": float(np.mean([e.standard_error for e in found])),
        "coverage": float(np.mean([e.ci[0] <= truth <= e.ci[1] for e in found])),
    }


def _continuous() -> tuple[Floats, Floats]:
    """A normal pair."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, 1))
    return x, 0.8 * x + 0.6 * rng.standard_normal((N, 1))


def _classes() -> tuple[Floats, Floats]:
    """The same with x in three classes."""
    x, y = _continuous()
    return np.digitize(x, [-0.5, 0.5]).astype(np.float64), y


def _counts() -> tuple[Floats, Floats]:
    """The same in whole numbers."""
    x, y = _continuous()
    return np.round(x), np.round(y)


def _global_state() -> bytes:
    state: Any = np.random.get_state(legacy=True)  # noqa: NPY002 - the legacy state is what is watched
    return state[1].tobytes()


def _name(estimator: Any) -> str:
    return type(estimator).__name__


def _close(estimator: Any, one: tuple[Any, Any], other: tuple[Any, Any], what: str) -> None:
    a: MIEstimate = estimator.fit_estimate(*one, rng=0)
    b: MIEstimate = estimator.fit_estimate(*other, rng=0)
    drawn = estimator.fit_estimate(*one, rng=1).value != a.value
    error = math.hypot(a.standard_error or 0.0, b.standard_error or 0.0)
    room = 1e-8 if a.direction == "consistent" and not drawn else 4 * error
    assert abs(a.value - b.value) <= room, f"{_name(estimator)}: {a.value} became {b.value} when {what}"


def _raises(error: type[Exception], pattern: str, call: Callable[[], Any]) -> None:
    message = None
    try:
        call()
    except error as e:
        message = str(e)
    assert message is not None, f"{error.__name__} was not raised"
    assert re.search(pattern, message), f"the message of {error.__name__} does not match {pattern!r}: {message}"


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as e:
        package = name.split(".")[0]
        raise MissingExtraError(f"infocore.testing needs {package} here: pip install {package}") from e
