"""Names of `infocore.torch`, and the methods of `mutual_information` that need it."""

import importlib
import inspect
import pkgutil

import pytest

import infocore.torch


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
