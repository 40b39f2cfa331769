"""Names of `infocore.torch`, and the methods of `mutual_information` that need it."""

import dataclasses
import importlib
import inspect
import pkgutil

import numpy as np
import pytest

import infocore.torch
from infocore import api
from infocore.api import METHODS, estimator_of, mutual_information
from infocore.errors import KindError, TooFewSamplesError


def test_names_of_the_package():
    assert set(infocore.torch.__all__) <= set(dir(infocore.torch))
    for name in infocore.torch.__all__:
        assert getattr(infocore.torch, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'FlawMI'"):
        infocore.torch.FlawMI  # noqa: B018


def test_every_estimator_is_a_name_of_the_package():
    found = set()
    for info in pkgutil.iter_modules(infocore.torch.__path__):
        module = importlib.import_module(f"infocore.torch.{info.name}")
        values = {name: getattr(module, name) for name in module.__all__}
        found |= {name for name, v in values.items() if hasattr(v, "fit_estimate") and not inspect.isabstract(v)}
    assert {"VariationalMI", "FlowMI"} <= found <= set(infocore.torch.__all__)


# class, and the name that its estimate carries
CLASSES = {
    "crossfit": ("CrossFittedMI", "crossfit"),
    "infonce": ("VariationalMI", "infonce"),
    "density": ("DensityMI", "barber-agakov"),
    "club": ("DensityMI", "club"),
    "l1out": ("DensityMI", "l1out"),
    "copula-critic": ("CopulaCritic", "copula-critic"),
    "latent": ("LatentMI", "latent"),
    "flow": ("FlowMI", "flow"),
    "diffusion": ("DiffusionMI", "mmse gap"),
}
X, NOISE = np.random.default_rng(0).standard_normal((2, 200))
Y = X + 0.5 * NOISE


def short(estimator):
    if hasattr(estimator, "training"):
        estimator.training = dataclasses.replace(estimator.training, max_steps=10)
    else:
        estimator.max_steps = 10
    return estimator


def test_the_table_here_has_every_method_that_is_trained():
    assert set(CLASSES) <= set(METHODS)
    fit_free = {m for m in METHODS if type(estimator_of(m)).__module__.startswith("infocore.estimators")}
    assert fit_free == set(METHODS) - set(CLASSES)


@pytest.mark.parametrize("method", CLASSES)
def test_a_method_is_its_class(method, monkeypatch):
    made = []
    monkeypatch.setattr(
        api, "estimator_of", lambda name, **rest: made.append(short(estimator_of(name, **rest))) or made[0]
    )
    e = mutual_information(X, Y, method=method, rng=3, ci_level=0.8, units="bits")
    name, label = CLASSES[method]
    assert type(made[0]).__name__ == name
    assert (e.method, e.units, e.ci_level) == (label, "bits", 0.8)
    same = short(estimator_of(method)).fit_estimate(X, Y, rng=3, ci_level=0.8)
    assert (e.to("nats").value, e.direction, e.strength) == (pytest.approx(same.value), same.direction, same.strength)


@pytest.mark.parametrize("method", CLASSES)
def test_progress_reaches_the_training(method):
    for wanted in (True, False):
        estimator = estimator_of(method, progress=wanted)
        assert getattr(estimator, "training", estimator).progress is wanted


@pytest.mark.parametrize("method", CLASSES)
def test_too_few_rows_are_refused(method):
    with pytest.raises(TooFewSamplesError, match="at least"):
        mutual_information(X[:19], Y[:19], method=method)


@pytest.mark.parametrize("method", ["density", "club", "l1out", "flow"])
def test_densities_refuse_what_is_counted(method):
    with pytest.raises(KindError, match="no density"):
        mutual_information(X, X > 0, method=method)
