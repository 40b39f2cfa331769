"""The transformer keeps scikit-learn's promises and its own."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import cmim
from cmim import Embedder
from infocore.errors import CheckpointError, ParameterError, ShapeError
from infocore.torch import checkpoint

X = np.random.default_rng(0).random((60, 5))
TINY = {"latent_dim": 2, "hidden": (7,), "max_steps": 5, "batch_size": 16, "accelerator": "cpu"}


def tiny(**own) -> Embedder:
    return Embedder(**{**TINY, **own})


CONTRACT = Embedder(latent_dim=2, hidden=(4,), likelihood="gaussian", max_steps=2, accelerator="cpu")
# needs SCIPY_ARRAY_API in the environment before scipy is imported; every other check must pass
SKIPPED = {"check_array_api_input"}


# some checks fit data of hundreds
@pytest.mark.filterwarnings("ignore:fit. the values of `x` go from:infocore.errors.TrainingWarning")
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=check.func.__name__)
        for estimator, check in estimator_checks_generator(CONTRACT)
        if check.func.__name__ not in SKIPPED
    ],
)
def test_contract(estimator, check):
    state = np.random.get_state()  # noqa: NPY002 - one of the checks draws from it
    try:
        check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002


@pytest.fixture(scope="module")
def fitted() -> Embedder:
    return tiny().fit(X)


def test_transform_is_the_functions(fitted):
    x = X.astype(np.float32)
    assert np.array_equal(fitted.transform(X), cmim.latent(fitted.model_, x).numpy())
    assert np.array_equal(fitted.transform(X, kind="informative"), cmim.informative(fitted.model_, x).numpy())
    z = fitted.transform(X)
    np.testing.assert_allclose(fitted.inverse_transform(z), cmim.reconstruct(fitted.model_, x).numpy(), rtol=1e-5)
    np.testing.assert_allclose(fitted.code_mean_, z.mean(0), atol=1e-6)
    np.testing.assert_allclose(fitted.code_cov_, np.cov(z.T, bias=True), atol=1e-6)


@pytest.mark.parametrize("name", ["cmim", "mim", "vae", "contrastive_vae", "ae"])
def test_every_model(name):
    embedder = tiny(model=name, temperature=0.3, beta=0.5, scaling="mean", logvar_floor=-4.0).fit(X)
    config = embedder.model_.config
    assert config.objective == name
    assert config.temperature == (0.3 if name in ("cmim", "contrastive_vae") else 0.1)
    assert config.beta == (0.5 if name in ("vae", "contrastive_vae") else 0.0)
    assert (config.scaling, config.logvar_floor) == ("mean", -4.0)


def test_samples_follow_the_codes_and_not_the_prior(fitted, monkeypatch):
    drawn = []
    monkeypatch.setattr(Embedder, "inverse_transform", lambda self, z: drawn.append(z) or z)
    fitted.sample(4000, rng=3)
    (z,) = drawn
    scale = np.sqrt(np.diag(fitted.code_cov_))
    assert (scale < 0.8).all()  # the prior's is 1
    np.testing.assert_allclose(z.mean(0), fitted.code_mean_, atol=4 * scale.max() / np.sqrt(4000))
    np.testing.assert_allclose(np.cov(z.T), fitted.code_cov_, atol=5 * scale.max() ** 2 * np.sqrt(2 / 4000))


def test_samples_and_seeds(fitted):
    a = fitted.sample(3, rng=1)
    assert a.shape == (3, 5)
    assert ((a >= 0) & (a <= 1)).all()
    assert np.array_equal(a, fitted.sample(3, rng=np.random.default_rng(1)))
    assert not np.array_equal(a, fitted.sample(3, rng=2))


def test_clone_and_seed():
    a = tiny(seed=3).fit(X)
    b = clone(a).fit(X)
    assert np.array_equal(a.transform(X), b.transform(X))
    assert not np.array_equal(a.transform(X), clone(a).set_params(seed=4).fit(X).transform(X))


def test_pipeline_scales_for_bernoulli():
    z = make_pipeline(MinMaxScaler(clip=True), tiny()).fit_transform(100 * X)
    assert z.shape == (60, 2)


def test_save_and_load(fitted, tmp_path):
    got = Embedder.load(fitted.save(tmp_path / "e"))
    assert got.get_params() == fitted.get_params()
    assert got.history_ == fitted.history_
    assert np.array_equal(got.transform(X), fitted.transform(X))
    assert np.array_equal(got.sample(3), fitted.sample(3))
    with pytest.raises(CheckpointError, match=r"cmim\.Embedder', not a cmim\.Model"):
        cmim.load(tmp_path / "e")
    with pytest.raises(CheckpointError, match=r"not a cmim\.Embedder"):
        Embedder.load(fitted.model_.save(tmp_path / "m"))


def test_load_of_another_version(fitted, tmp_path):
    fitted.save(tmp_path / "e")
    found = checkpoint.load(tmp_path / "e")
    for number, change in enumerate(({"params": {"hidden": [3], "colour": 1}}, {"params": {}}, {"history": None})):
        path = checkpoint.save(tmp_path / str(number), weights=found.weights, meta={**found.meta, **change})
        with pytest.raises(CheckpointError, match="not of this version"):
            Embedder.load(path)


@pytest.mark.parametrize("call", ["transform", "inverse_transform", "sample", "save"])
def test_not_fitted(call, tmp_path):
    argument = {"sample": 3, "save": tmp_path / "e"}.get(call, X)
    with pytest.raises(NotFittedError):
        getattr(tiny(), call)(argument)


def test_refusals(fitted):
    with pytest.raises(ParameterError, match=r"\[0, 1\].*divide by 255"):
        tiny().fit(255 * X)
    with pytest.raises(ParameterError, match=r"\[0, 1\]"):
        fitted.transform(X - 0.5)
    with pytest.raises(ValueError, match="NaN"):
        tiny().fit(np.where(X > 0.99, np.nan, X))
    with pytest.raises(ParameterError, match="`n`"):
        fitted.sample(0)
    with pytest.raises(ShapeError, match=r"\(n, 2\)"):
        fitted.inverse_transform(np.zeros((3, 3)))
    transform = getattr(Embedder.transform, "__wrapped__", Embedder.transform)
    with pytest.raises(ParameterError, match="`kind`"):
        transform(fitted, X, kind="logits")
    odd = tiny()
    odd.model = "gan"
    with pytest.raises(ParameterError, match="`model`"):
        odd.fit(X)


def test_a_fit_does_not_change_its_input():
    x = X.astype(np.float32)
    before = x.copy()
    embedder = tiny().fit(x)
    embedder.transform(x)
    assert np.array_equal(x, before)
    assert all(torch.isfinite(p).all() for p in embedder.model_.parameters())
