"""The transformer keeps scikit-learn's promises and its own."""

import copy
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import cmim
from cmim import Conv, Embedder, Perceiver
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


def test_tables_of_pandas_have_names_and_the_rows_of_the_data(fitted):
    x = pd.DataFrame(X, index=range(100, 160))
    named = copy.deepcopy(fitted).set_output(transform="pandas")
    with pytest.warns(UserWarning, match="feature names"):  # fitted to an array
        found = named.transform(x.rename(columns=str))
    assert list(found.columns) == ["f0", "f1"] and list(found.index) == list(range(100, 160))
    assert np.array_equal(found.to_numpy(), fitted.transform(X))
    with pytest.raises(ParameterError, match="`kind` must be 'latent' for output in pandas"):
        named.transform(X, "informative")


def test_transform_is_the_functions(fitted):
    x = X.astype(np.float32)
    assert np.array_equal(fitted.transform(X), cmim.latent(fitted.model_, x).numpy())
    assert np.array_equal(fitted.transform(X, kind="informative"), cmim.informative(fitted.model_, x).numpy())
    z = fitted.transform(X)
    np.testing.assert_allclose(fitted.inverse_transform(z), cmim.reconstruct(fitted.model_, x).numpy(), rtol=1e-5)
    np.testing.assert_allclose(fitted.code_law_.mean, z.mean(0), atol=1e-6)
    np.testing.assert_allclose(fitted.code_law_.cov, np.cov(z.T, bias=True), atol=1e-6)


@pytest.mark.parametrize("name", ["cmim", "mim", "vae", "contrastive_vae", "ae", "dae"])
def test_every_model(name):
    embedder = tiny(model=name, temperature=0.3, beta=0.5, scaling="mean", logvar_floor=-4.0).fit(X)
    config = embedder.model_.config
    assert config.objective == {"dae": "ae"}.get(name, name)
    assert (config.corruption is not None) == (name == "dae")
    assert config.temperature == (0.3 if name in ("cmim", "contrastive_vae") else 0.1)
    assert config.beta == (0.5 if name in ("vae", "contrastive_vae") else 0.0)
    assert (config.scaling, config.logvar_floor) == ("mean", -6.0 if name in ("ae", "dae") else -4.0)  # no noise


def test_samples_follow_the_codes_and_not_the_prior(fitted, monkeypatch):
    drawn = []
    monkeypatch.setattr(Embedder, "inverse_transform", lambda self, z: drawn.append(z) or z)
    fitted.sample(4000, rng=3)
    (z,) = drawn
    scale = np.sqrt(np.diag(fitted.code_law_.cov))
    assert (scale < 0.8).all()  # the prior's is 1
    np.testing.assert_allclose(z.mean(0), fitted.code_law_.mean, atol=4 * scale.max() / np.sqrt(4000))
    np.testing.assert_allclose(np.cov(z.T), fitted.code_law_.cov, atol=5 * scale.max() ** 2 * np.sqrt(2 / 4000))


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


def test_interpolation_ends_in_the_reconstructions(fitted):
    got = fitted.interpolate(X[:3], X[3:6], n=5)
    assert got.shape == (3, 5, 5)
    for end, rows in ((0, X[:3]), (-1, X[3:6])):
        np.testing.assert_allclose(got[:, end], fitted.inverse_transform(fitted.transform(rows)), rtol=1e-5)
    middle = 0.5 * (fitted.transform(X[:3]).astype(float) + fitted.transform(X[3:6]))
    np.testing.assert_allclose(got[:, 2], fitted.inverse_transform(middle), rtol=1e-5)


def test_perturbation_stays_near_and_follows_its_radius(fitted, monkeypatch):
    drawn = []
    monkeypatch.setattr(Embedder, "inverse_transform", lambda self, z: drawn.append(z) or np.zeros((len(z), 5)))
    assert fitted.perturb(X[:4], radius=0.3, n=2000).shape == (4, 2000, 5)
    fitted.perturb(X[:4], radius=2.0, n=2000, mode="posterior")
    z = fitted.transform(X[:4])
    fixed, posterior = (codes.reshape(4, 2000, 2) - z[:, None] for codes in drawn)
    np.testing.assert_allclose(fixed.std(1), 0.3, rtol=0.08)  # s.e. 1 / sqrt(4000) = .016
    with torch.no_grad():
        spread = (0.5 * fitted.model_.encode(torch.as_tensor(X[:4]).float())[1]).exp().numpy()
    np.testing.assert_allclose(posterior.std(1), 2 * spread, rtol=0.08)


def test_scores_are_log_likelihoods(fitted):
    p = fitted.inverse_transform(fitted.transform(X)).astype(float)
    want = (X * np.log(p) + (1 - X) * np.log1p(-p)).sum(1)
    np.testing.assert_allclose(fitted.score_samples(X), want, rtol=1e-4)
    assert fitted.score(X) == pytest.approx(want.mean(), rel=1e-5)


def test_rows_held_back_stop_the_fit():
    x = (X < 0.5).astype(float)
    run = {"max_steps": 3000, "learning_rate": 1e-2, "hidden": (64,), "model": "mim", "latent_dim": 4}
    early = tiny(validation_fraction=0.4, patience=2, **run).fit(x)
    assert early.history_[-1]["step"] < 2500
    assert early.code_law_.mean.shape == (4,)


def test_numbers_of_numpy_are_settings_too(tmp_path):
    embedder = tiny(latent_dim=np.int64(2), learning_rate=np.float32(1e-3), seed=np.int64(1)).fit(X)
    assert np.array_equal(Embedder.load(embedder.save(tmp_path / "e")).transform(X), embedder.transform(X))


def test_networks_survive_saving(tmp_path):
    x = np.random.default_rng(0).random((30, 64))
    for number, network in enumerate((Conv((1, 8, 8), (4,), 8), Perceiver((1, 8, 8), 4, 2, 8, 1, 2))):
        embedder = tiny(network=network).fit(x)
        again = Embedder.load(embedder.save(tmp_path / str(number)))
        assert again.network == network
        assert np.array_equal(again.transform(x, kind="informative"), embedder.transform(x, kind="informative"))
        assert np.array_equal(again.sample(3, "gmm"), embedder.sample(3, "gmm"))


def test_rows_in_pieces_are_the_rows(fitted, monkeypatch):
    whole = fitted.transform(X)
    monkeypatch.setattr("cmim.embedder.CHUNK", 16)
    np.testing.assert_allclose(fitted.transform(X), whole, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda e: e.interpolate(X, X, n=1), "`n`"),
        (lambda e: e.interpolate(X, X[:3]), "60 and 3"),
        (lambda e: e.perturb(X, radius=-1.0), "`radius`"),
        (lambda e: e.perturb(X, n=0), "`n`"),
        (lambda e: e.perturb(X, mode="prior"), "`mode`"),
        (lambda e: e.sample(3, "vamp"), "`sampler`"),
        (lambda e: e.set_params(model="ae").fit(X).perturb(X, mode="posterior"), "has no posterior"),
        (lambda e: e.sample(3, temperature=0.0), "`temperature`"),
        (lambda e: e.set_params(validation_fraction=1.0).fit(X), "`validation_fraction`"),
    ],
)
@pytest.mark.unchecked
def test_more_refusals(call, match):
    with pytest.raises((ParameterError, ShapeError), match=match):
        call(tiny().fit(X))


STREAM = """
import sys, tracemalloc
import numpy as np
import torch
from cmim import Embedder
rows = np.load(sys.argv[1], mmap_mode="r")
embedder = Embedder(latent_dim=4, hidden=(16,), max_steps=2, accelerator="cpu").fit(rows[:200])
largest = 0
read = embedder.model_.encode
def watched(x):
    global largest
    largest = max(largest, len(x))
    return read(x)
embedder.model_.encode = watched
tracemalloc.start()
z = embedder.transform(rows)
print(tracemalloc.get_traced_memory()[1] / 2**20, largest, *z.shape)
"""


@pytest.mark.slow
def test_a_hundred_thousand_images_are_embedded_in_constant_memory(tmp_path):
    """299 MB of images, memory-mapped: no more than a piece of 4,096 is in memory, and the codes."""
    rows = np.lib.format.open_memmap(tmp_path / "x.npy", mode="w+", dtype=np.float32, shape=(100_000, 784))
    for start in range(0, 100_000, 5000):
        rows[start : start + 5000] = np.random.default_rng(start).random((5000, 784), np.float32)
    rows.flush()
    command = [sys.executable, "-c", STREAM, str(tmp_path / "x.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    peak, largest, n, d = (float(word) for word in done.stdout.split())
    assert (n, d) == (100_000, 4)
    assert largest <= 4096
    assert peak < 45  # MB: a piece is 12.3, and it is copied once; the codes 1.5, twice while they are joined


@pytest.mark.slow
def test_forty_kills_while_saving_leave_nothing_unreadable_and_nothing_mixed(fitted, tmp_path):
    want, rng = fitted.transform(X), np.random.default_rng(0)
    whole, parts = 0, 0
    for kill in range(40):
        out = tmp_path / str(kill)
        out.mkdir()
        child = os.fork()
        if child == 0:
            try:
                for number in range(1000):
                    fitted.save(out / str(number))
            finally:
                os._exit(0)
        while len(list(out.iterdir())) <= kill % 3:  # so many saves are done, and another has begun
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for folder in out.iterdir():
            if folder.name.startswith("."):
                parts += 1  # never taken for a whole
                continue
            whole += 1
            assert np.array_equal(Embedder.load(folder).transform(X), want)
    assert whole > 10
    assert parts > 0, "no writer was killed half-way: the test saw nothing"


def test_two_thousand_damages_are_each_refused_with_one_error(fitted, tmp_path):
    source, rng = fitted.save(tmp_path / "whole"), np.random.default_rng(0)
    blobs = {path.name: path.read_bytes() for path in source.iterdir()}
    broken = tmp_path / "broken"
    broken.mkdir()
    for number in range(2000):
        name = sorted(blobs)[number % len(blobs)]
        for other, blob in blobs.items():
            (broken / other).write_bytes(blob)
        blob = bytearray(blobs[name])
        place = int(rng.integers(len(blob)))
        match number % 4:
            case 0:
                blob[place] ^= 1 << int(rng.integers(8))
            case 1:
                del blob[place:]
            case 2:
                blob[place:place] = rng.bytes(3)
            case _:
                end = min(place + 16, len(blob))
                blob[place:end] = bytes(255 - b for b in blob[place:end])
        (broken / name).write_bytes(blob)
        with pytest.raises(CheckpointError):
            Embedder.load(broken)
