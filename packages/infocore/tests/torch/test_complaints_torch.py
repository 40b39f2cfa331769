"""What users of trained estimators complain of, and what this library does about it; fit-free: ../test_complaints_*.

Elsewhere: memory of the tiled InfoNCE (test_streamed), saturation at the log of the batch (test_variational), bounds of
the log variance and the readings of CLUB on a normal law (test_density), a loss that is not finite (test_training).
"""

import math
import re
import warnings

import numpy as np
import pytest

from infocore.errors import InfoError, SaturationWarning
from infocore.torch.copula_critic import CopulaCritic
from infocore.torch.density import DensityMI
from infocore.torch.diffusion import DiffusionMI
from infocore.torch.flow import FlowMI
from infocore.torch.held_out import Training
from infocore.torch.latent import LatentMI
from infocore.torch.variational import VariationalMI

SHORT = Training(max_steps=30, validate_every=10)
TRAINED = {
    "infonce": VariationalMI(max_steps=30),
    "donsker_varadhan": VariationalMI("donsker_varadhan", max_steps=30),
    "density": DensityMI(training=SHORT),
    "club": DensityMI("club", training=SHORT),
    "l1out": DensityMI("l1out", training=SHORT),
    "copula-critic": CopulaCritic(training=SHORT),
    "latent": LatentMI(training=SHORT),
    "flow": FlowMI(training=SHORT),
    "diffusion": DiffusionMI(training=SHORT),
}


def normal(n, rho, d=1, seed=0):
    rng = np.random.default_rng(seed)
    x, e = rng.standard_normal((2, n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * e


# ---- "which value of CLUB is the upper bound, why does it turn negative, diverge" (CLUB 2, 9, 12, 17, 18, 24, 26, 27)


@pytest.mark.parametrize("reading", ["club", "l1out", "barber-agakov"])
@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_no_fitted_channel_is_called_an_upper_bound(reading, rho):
    e = DensityMI(reading, training=SHORT).fit_estimate(*normal(400, rho))
    assert (e.direction, e.strength) == ("none", "heuristic")
    assert str(e).startswith("~ ")


# 600 steps, n = 1000, 8 seeds: -0.023 to 0.015; the training stops where held-out likelihood no longer grows
@pytest.mark.parametrize("seed", range(3))
def test_club_does_not_diverge_at_independence(seed):
    e = DensityMI("club", training=Training(max_steps=600)).fit_estimate(*normal(1000, 0.0, seed=seed), rng=seed)
    assert abs(e.value) < 0.05
    assert e.diagnostics["likelihood_gain"] < 3 * e.diagnostics["likelihood_gain_error"] + 0.01


def test_club_on_an_exact_relation_is_finite_and_warned_of():
    x, _ = normal(600, 0.0)
    with pytest.warns(SaturationWarning, match=r"above log n = 5\.19, more than 180 .*density says \d\.\d\d nats"):
        e = DensityMI("club", training=Training(max_steps=300)).fit_estimate(x, x)
    assert math.isfinite(e.value)
    assert e.value > math.log(180)
    # what the same density has learned: its least variance, exp(-12), allows 6 nats and what the margin's density lacks
    assert 2 < e.diagnostics["likelihood_gain"] < 7.5


def test_a_variance_at_its_floor_is_warned_of():
    x, _ = normal(600, 0.0)
    model = DensityMI(log_variance=(-2.0, 3.0), training=Training(max_steps=300))
    with pytest.warns(SaturationWarning, match=r"is at its floor.*`log_variance` \(\d+% of the rows"):
        e = model.fit_estimate(x, x)
    assert e.diagnostics["at_floor"] > 0.1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert DensityMI(training=SHORT).fit_estimate(*normal(400, 0.5)).diagnostics["at_floor"] == 0.0


# values that repeat have a likelihood without a largest value, for which other codes give NaN
def test_values_that_repeat_give_no_nan():
    x, y = (np.round(a, 1) for a in normal(600, 0.6))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SaturationWarning)
        for reading in ("club", "l1out", "barber-agakov"):
            e = DensityMI(reading, training=Training(max_steps=200)).fit_estimate(x, y)
            assert np.isfinite([e.value, e.standard_error]).all()


# ---- "MINE has no asymptote to read, and explodes" (DIM 40, Mine_pytorch 2, DeepInfomax 9, 11)


# noise in 30 columns, 120 rows: a critic that memorises them reads nats on them, and none on rows it has not seen
@pytest.mark.parametrize("bound", ["donsker_varadhan", "nwj", "smile", "js"])
def test_a_memorised_sample_is_not_read_as_information(bound):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 240, 30))
    seen = VariationalMI(bound, max_steps=300, patience=1000)
    seen._fit(x, y, np.arange(120), np.arange(120), 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SaturationWarning)
        assert seen.estimate(x[:120], y[:120]).value > 2.0
    held_out = VariationalMI(bound, max_steps=300).fit_estimate(x, y)
    assert held_out.value < 0.1
    assert held_out.n == 60
    if held_out.value < 0:
        assert "nothing that was learned holds on held-out rows" in " ".join(held_out.diagnostics["notes"])


# 10 times as many steps as it needs: the number is that of the best step, so that it does not drift away
def test_training_longer_does_not_change_what_is_read():
    x, y = normal(1200, 0.8)
    short, long = (
        VariationalMI("donsker_varadhan", max_steps=steps, patience=8).fit_estimate(x, y) for steps in (1000, 10_000)
    )
    assert long.diagnostics["stopped_early"]
    assert long.value == pytest.approx(short.value, abs=2 * short.standard_error)
    assert 0.3 < long.value < 0.7  # 0.511


# ---- "the estimate is negative"


@pytest.mark.parametrize("method", TRAINED)
def test_values_below_zero_are_kept_and_named(method):
    below = 0
    for seed in range(6):
        e = TRAINED[method].fit_estimate(*normal(200, 0.0, d=2, seed=seed), rng=seed)
        assert ("below zero" in " ".join(e.diagnostics["notes"])) == (e.value < 0)
        below += e.value < 0
    assert below > 0


# ---- what comes in: odd but legal


N = 120
OK = np.random.default_rng(0).standard_normal(N)
LEGAL = {
    "constant": (np.ones(N), OK),
    "one row differs": (np.arange(N) == 0, OK),
    "every row five times": (np.repeat(OK[:24], 5), np.repeat(OK[24:48], 5)),
    "rounded": (np.round(OK, 1), np.round(OK[::-1], 1)),
    "huge": (1e300 * OK, 1e300 * OK[::-1]),
    "tiny": (1e-300 * OK, 1e-300 * OK[::-1]),
    "far from zero": (1e15 + OK, OK[::-1]),
    "copy": (OK, OK),
    "Cauchy": (OK / OK[::-1], np.tan(OK)),
    "columns that repeat": (np.stack([OK, OK, 2 * OK], axis=1), np.stack([OK[::-1]] * 2, axis=1)),
    "more columns than rows": (np.outer(OK, OK) + OK[::-1, None] * np.arange(N), OK),
    "text": (np.array(["a", "b", "c"] * 40), OK),
    "counts": (OK, np.arange(N) % 3),
}


@pytest.mark.parametrize("case", LEGAL)
@pytest.mark.parametrize("method", TRAINED)
def test_odd_input_gives_a_number_or_says_why_not(method, case):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        try:
            e = TRAINED[method].fit_estimate(*LEGAL[case])
        except InfoError as error:
            e, refused = None, str(error)
        else:
            refused = ""
    if e is None:
        assert re.search("hold text|discrete|no copula can be fitted", refused)
        return
    assert not np.isnan([e.value, e.standard_error, *e.ci]).any()
    if case == "constant":
        assert e.value == pytest.approx(0.0, abs=1e-5)
