import functools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from infocore.errors import ParameterError  # noqa: E402
from mid.torch.regressor import MIDRegressor  # noqa: E402


@parametrize_with_checks([MIDRegressor(beta=None, hidden=(32,), epochs=60, batch_size=16, learning_rate=1e-2)])
def test_scikit_learn_contract(estimator, check):
    state = np.random.get_state()  # noqa: NPY002 - scikit-learn's own checks shuffle with numpy's global stream
    try:
        check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002


@functools.cache
def gaussian(n=6000, noise=0.5):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 3))
    return x.astype(np.float32), 10 + 2 * (x @ [1.0, -1.0, 0.5] + noise * rng.standard_normal(n))


@functools.cache
def trained(beta):
    settings = {"hidden": (64, 8), "epochs": 60, "batch_size": 100, "learning_rate": 3e-3}
    return MIDRegressor(beta=beta, **settings).fit(*(part[:4000] for part in gaussian()))


V0 = 4 * 2.25  # variance of the regression function
NOISE = 4 * 0.25  # least squares error


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.4])
def test_gaussian_data_reach_the_closed_form_of_linear_regression(share):
    """Optimum of eqs 22 and 23: 0.5 log(2 v0 / beta) nats at an error of beta / 2 above least squares."""
    beta = 2 * V0 * share
    model, (x, y) = trained(beta), gaussian()
    x, y = x[4000:], y[4000:]
    want = 0.5 * np.log(1 / share)
    assert model.information(x).mean() == pytest.approx(want, abs=TOLERANCE_NATS)
    error = np.mean((model.predict(x, rng=0) - y) ** 2)
    assert error == pytest.approx(NOISE + beta / 2, rel=TOLERANCE_ERROR)


TOLERANCE_NATS, TOLERANCE_ERROR = 0.08, 0.08


def test_price_is_in_units_of_the_squared_target():
    x, y = gaussian()
    settings = {"hidden": (16,), "epochs": 2}
    first = MIDRegressor(beta=0.5, **settings).fit(x[:500], y[:500]).predict(x, rng=0)
    scaled = MIDRegressor(beta=0.5 * 100, **settings).fit(x[:500], 10 * y[:500]).predict(x, rng=0)
    np.testing.assert_allclose(scaled, 10 * first, rtol=1e-4)


def test_release_is_noisy_averages_and_repeats():
    x, y = gaussian()
    model = MIDRegressor(beta=1.0, hidden=(16,), epochs=5).fit(x[:500], y[:500])
    x = x[500:900]
    assert (model.release(x, rng=3) == model.predict(x, rng=3)).all()
    assert not (model.predict(x) == model.predict(x)).all()
    mean = model.predict(x, access="mean")
    errors = [np.sqrt(np.mean((model.predict(x, queries=q, rng=0) - mean) ** 2)) for q in (1, 64)]
    assert errors[0] / errors[1] == pytest.approx(8.0, rel=0.15)  # 400 records: 3 s.d. are 11 %


def test_white_box_access_is_in_units_of_the_target():
    x, y = gaussian()
    model = MIDRegressor(beta=0.1, hidden=(16,), epochs=2).fit(x[:500], y[:500])
    records = torch.tensor(x[:7], requires_grad=True)
    mean = model.draws(records, None, None)
    assert mean.shape == (1, 7, 1)
    np.testing.assert_allclose(mean[0, :, 0].detach(), model.predict(x[:7], access="mean"), rtol=1e-5)
    assert model.draws(records, 4, torch.Generator().manual_seed(0)).shape == (4, 7, 1)
    assert model.features(records).shape == (7, 8)
    assert torch.autograd.grad(mean.sum(), records)[0].abs().sum() > 0


def test_undefended_has_no_noise_and_a_constant_target_is_its_mean():
    x, y = gaussian()
    model = MIDRegressor(beta=None, hidden=(16,), epochs=20).fit(x[:500], y[:500])
    assert (model.predict(x) == model.predict(x)).all()
    assert model.information(x) is None
    constant = MIDRegressor(beta=None, hidden=(4,), epochs=200, learning_rate=1e-2).fit(x[:100], np.full(100, 5.0))
    assert constant.predict(x[:100]) == pytest.approx(np.full(100, 5.0), abs=0.05)


def test_validation_stops_early():
    x, y = gaussian()
    model = MIDRegressor(beta=0.1, hidden=(16,), epochs=200, learning_rate=1e-2, validation=0.3, patience=2).fit(
        x[:300], y[:300]
    )
    assert model.score(x[300:], y[300:]) > 0.5


def test_refusals():
    x, y = gaussian()
    for settings, name in (({"beta": -1.0}, "beta"), ({"beta": np.nan}, "beta"), ({"epochs": 0}, "epochs")):
        with pytest.raises(ParameterError, match=f"MIDRegressor: `{name}`"):
            MIDRegressor(**settings).fit(x[:50], y[:50])
    model = MIDRegressor(hidden=(4,), epochs=1).fit(x[:50], y[:50])
    for settings, name in (
        ({"output": "logits"}, "output"),
        ({"access": "root"}, "access"),
        ({"queries": 0}, "queries"),
    ):
        with pytest.raises(ParameterError, match=rf"MIDRegressor.release: `{name}`"):
            model.release(x, **settings)
