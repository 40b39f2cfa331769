"""The laws of codes: moments, clusters, temperature, and few rows."""

import numpy as np
import pytest

from cmim.sampling import CodeLaw
from infocore.errors import ParameterError, ShapeError

RNG = np.random.default_rng(0)
CENTRES = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 0.02]]) * [1.0, 100.0]
CODES = np.concatenate([c + RNG.standard_normal((400, 2)) * [0.1, 0.2] for c in CENTRES])


def test_gaussian_has_the_moments_and_the_mixture_the_clusters():
    law = CodeLaw.fit(CODES, components=3)
    draws = law.sample(20000, "gaussian")
    np.testing.assert_allclose(np.cov(draws.T), np.cov(CODES.T), rtol=0.05, atol=0.02)
    clusters = law.sample(20000, "gmm")
    nearest = np.linalg.norm(clusters[:, None] - CENTRES, axis=2).argmin(1)
    np.testing.assert_allclose(np.bincount(nearest) / 20000, 1 / 3, atol=0.02)
    for k in range(3):
        np.testing.assert_allclose(clusters[nearest == k].std(0), [0.1, 0.2], rtol=0.1)
    off = np.linalg.norm(draws[:, None] - CENTRES, axis=2).min(1) > 1.0
    assert off.mean() > 0.2  # one normal law puts codes where no data are; the mixture does not
    assert (np.linalg.norm(clusters[:, None] - CENTRES, axis=2).min(1) > 1.0).mean() < 0.01


def test_temperature_scales_the_deviations():
    law = CodeLaw.fit(CODES, components=3)
    for sampler in ("gaussian", "gmm", "prior"):
        a, b = (law.sample(500, sampler, temperature=t, rng=1) for t in (1.0, 0.5))
        centre = {"gaussian": law.mean, "prior": np.zeros(2)}.get(sampler)
        if centre is not None:
            np.testing.assert_allclose(b - centre, 0.5 * (a - centre), atol=1e-12)
    prior = law.sample(20000, "prior")
    np.testing.assert_allclose(prior.std(0), 1.0, atol=0.03)


def test_few_codes_are_one_component():
    law = CodeLaw.fit(CODES[:60])
    assert law.weights.tolist() == [1.0]
    np.testing.assert_allclose(law.means[0], CODES[:60].mean(0))
    assert CodeLaw.fit(CODES[:1]).sample(3, "gmm").shape == (3, 2)
    assert CodeLaw.fit(CODES[:, :1], components=2).sample(3, "gmm").shape == (3, 1)


def test_round_trip_and_seeds():
    law = CodeLaw.fit(CODES, components=2)
    again = CodeLaw.from_tensors(law.tensors())
    for sampler in ("gaussian", "gmm"):
        assert np.array_equal(law.sample(5, sampler, rng=3), again.sample(5, sampler, rng=np.random.default_rng(3)))
        assert not np.array_equal(law.sample(5, sampler, rng=3), law.sample(5, sampler, rng=4))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: CodeLaw.fit(CODES[0]), ShapeError, "`codes`"),
        (lambda: CodeLaw.fit(CODES).sample(3.0), ParameterError, "`n` must be a whole number, at least 1; got 3.0"),  # pyright: ignore
        (lambda: CodeLaw.fit(CODES).sample(3, temperature=np.inf), ParameterError, "`temperature` must be .* finite"),
        (lambda: CodeLaw.fit(CODES, components=0), ParameterError, "`components`"),
    ],
)
def test_refusals(call, error, match):
    with pytest.raises(error, match=match):
        call()
