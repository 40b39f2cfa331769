"""Each check passes a good estimator (elsewhere) and fails one that breaks exactly its promise."""

import dataclasses
import importlib

import numpy as np
import pytest

from infocore import testing
from infocore._validate import paired
from infocore.errors import KindError, MissingExtraError
from infocore.estimators import GaussianMI


class Base:
    """GaussianMI behind a wall, for subclasses to break."""

    def fit(self, x, y):
        return self

    def estimate(self, x, y, *, ci_level=0.9):
        return GaussianMI().estimate(x, y, ci_level=ci_level)

    def fit_estimate(self, x, y, rng=0, ci_level=0.9):
        return self.estimate(x, y, ci_level=ci_level)


def changed(**fields):
    class Changed(Base):
        def estimate(self, x, y, *, ci_level=0.9):
            e = super().estimate(x, y, ci_level=ci_level)
            for name, value in fields.items():
                object.__setattr__(e, name, value)  # past the checks of the constructor, as an own class would be
            return e

    return Changed()


class Cuts(Base):
    def estimate(self, x, y, *, ci_level=0.9):
        n = min(len(x), len(y))
        return super().estimate(x[:n], y[:n], ci_level=ci_level)


class DropsNaN(Base):
    def estimate(self, x, y, *, ci_level=0.9):
        keep = np.isfinite(np.hstack([x, y])).all(1)
        return super().estimate(x[keep], y[keep], ci_level=ci_level)


class Writes(Base):
    def estimate(self, x, y, *, ci_level=0.9):
        x -= x.mean()
        return super().estimate(x, y, ci_level=ci_level)


class Remembers(Base):
    def estimate(self, x, y, *, ci_level=0.9):
        self.last_ = len(x)
        return super().estimate(x, y, ci_level=ci_level)


class DrawsGlobally(Base):
    def estimate(self, x, y, *, ci_level=0.9):
        np.random.random()  # noqa: NPY002 - what the check must find
        return super().estimate(x, y, ci_level=ci_level)


class NoSeed(Base):
    calls = 0

    def fit_estimate(self, x, y, rng=0, ci_level=0.9):
        NoSeed.calls += 1
        return dataclasses.replace(super().fit_estimate(x, y, rng, ci_level), value=NoSeed.calls)


class FirstHalf(Base):
    def estimate(self, x, y, *, ci_level=0.9):
        return super().estimate(x[: len(x) // 2], y[: len(y) // 2], ci_level=ci_level)


class DrawnHalf(Base):
    """Half of the rows, drawn by their place."""

    def fit_estimate(self, x, y, rng=0, ci_level=0.9):
        rows = np.random.default_rng(rng).permutation(len(x))[::2]
        return self.estimate(x[rows], y[rows], ci_level=ci_level)


class DrawnAndLater(DrawnHalf):
    """The same, and noisier the later in the file."""

    def fit_estimate(self, x, y, rng=0, ci_level=0.9):
        later = np.abs(x - x[0]) < np.abs(x[1] - x[0])
        return super().fit_estimate(x, np.where(later, y, 0.1 * y), rng, ci_level)


class OneSided(Base):
    def estimate(self, x, y, *, ci_level=0.9):
        return super().estimate(np.arctan(3 * x), y, ci_level=ci_level)


class Biased(Base):
    def estimate(self, x, y, *, ci_level=0.9):
        e = super().estimate(x, y, ci_level=ci_level)
        return dataclasses.replace(e, value=e.value + 0.1)


class BrokenUnits(Base):
    def estimate(self, x, y, *, ci_level=0.9):
        @dataclasses.dataclass(frozen=True)
        class Wrong(type(GaussianMI().estimate(x, y))):
            def to(self, units):
                return dataclasses.replace(self, units=units)

        e = super().estimate(x, y, ci_level=ci_level)
        return Wrong(**{f.name: getattr(e, f.name) for f in dataclasses.fields(e)})


@pytest.mark.parametrize(
    ("broken", "check", "match"),
    [
        (Cuts(), testing.check_pairing, "ShapeError was not raised"),
        (DropsNaN(), testing.check_nan_is_named, "NonFiniteError was not raised"),
        (changed(value=float("nan")), testing.check_fields, "value nan"),
        (changed(units="bits"), testing.check_fields, "nats inside"),
        (changed(method=""), testing.check_fields, "names no method"),
        (changed(n=10**6), testing.check_fields, "n = 1000000"),
        (changed(standard_error=-1.0), testing.check_fields, "standard error -1"),
        (changed(ci_level=0.95), testing.check_fields, "asked for level 0.8"),
        (changed(ci=(5.0, 6.0)), testing.check_fields, "outside"),
        (changed(cap=0.01), testing.check_fields, "above the cap"),
        (BrokenUnits(), testing.check_units, "is not"),
        (Remembers(), testing.check_leaves_everything_unchanged, "changed the estimator"),
        (Writes(), testing.check_leaves_everything_unchanged, "inputs changed"),
        (NoSeed(), testing.check_seed, "with one seed"),
        (FirstHalf(), testing.check_order_of_rows, "shuffled together"),
        (OneSided(), testing.check_symmetry, "exchanged"),
        (Biased(), testing.check_independence, "on independent samples"),
        (changed(value=-0.3), testing.check_independence, "on independent samples"),
    ],
)
def test_a_broken_promise_is_found(broken, check, match):
    check(Base())
    with pytest.raises(AssertionError, match=match):
        check(broken)


def test_a_drawn_split_is_held_to_the_error_and_not_to_rounding():
    testing.check_order_of_rows(DrawnHalf())
    testing.check_symmetry(DrawnHalf())
    with pytest.raises(AssertionError, match="shuffled together"):
        testing.check_order_of_rows(DrawnAndLater())


class Reads(Base):
    """Reads one kind of columns a side, and is biased."""

    def __init__(self, *kinds):
        self.kinds = kinds

    def estimate(self, x, y, *, ci_level=0.9):
        pair = paired(x, y, "reads")
        if (pair.x.kinds[0], pair.y.kinds[0]) != self.kinds:
            raise KindError("reads: other columns.")
        e = super().estimate(x, y, ci_level=ci_level)
        return dataclasses.replace(e, value=e.value + 0.3, ci=None, ci_level=None)


@pytest.mark.parametrize("kinds", [("continuous", "continuous"), ("discrete", "continuous"), ("discrete", "discrete")])
def test_a_check_runs_on_what_the_estimator_reads(kinds):
    testing.check_fields(Reads(*kinds))
    with pytest.raises(AssertionError, match="on independent samples"):
        testing.check_independence(Reads(*kinds))


def test_an_estimator_that_reads_none_of_the_kinds_is_no_pass():
    with pytest.raises(KindError, match="other columns"):
        testing.check_fields(Reads("mixed", "mixed"))


def test_a_draw_from_the_global_generator_is_found():
    state = np.random.get_state()  # noqa: NPY002
    try:
        with pytest.raises(AssertionError, match="global generator"):
            testing.check_leaves_everything_unchanged(DrawsGlobally())
    finally:
        np.random.set_state(state)  # noqa: NPY002


def test_the_message_must_name_the_argument():
    class Mute(Base):
        def estimate(self, x, y, *, ci_level=0.9):
            try:
                return super().estimate(x, y, ci_level=ci_level)
            except ValueError as e:
                raise type(e)("bad data") from e

    with pytest.raises(AssertionError, match="does not match"):
        testing.check_nan_is_named(Mute())


def test_every_check_is_in_the_list():
    assert {c.__name__ for c in testing.CHECKS} == {n for n in testing.__all__ if n.startswith("check_")}


def test_strategy_gives_pairs():
    from hypothesis import given

    seen = []

    @given(testing.paired_samples(min_samples=12, max_samples=20, max_columns=3))
    def collect(data):
        seen.append(paired(*data, "who").n)
        assert data[0].shape[1] <= 3

    collect()
    assert min(seen) >= 12 and max(seen) <= 20


def test_without_pytest_or_hypothesis(monkeypatch):
    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(MissingExtraError, match="pip install hypothesis"):
        testing.paired_samples()
    with pytest.raises(MissingExtraError, match="pip install pytest"):
        testing.parametrize_with_checks([])
