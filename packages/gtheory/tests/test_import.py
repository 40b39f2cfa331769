"""What importing costs, and what is said where torch is missing."""

import importlib
import subprocess
import sys

import pytest

import gtheory
from infocore.errors import MissingExtraError


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_importing_brings_nothing_heavy():
    heavy = "'torch', 'matplotlib', 'cvxpy', 'sklearn', 'pandas'"
    code = f"import gtheory, sys; print([m for m in ({heavy}) if m in sys.modules])"
    assert python(code).stdout.strip() == "[]"


def test_every_public_name_is_there_and_documented():
    assert sorted(gtheory.__all__) == gtheory.__all__
    for name in gtheory.__all__:
        assert name == "__version__" or getattr(gtheory, name).__doc__


def test_torch_part_says_how_to_install_torch(monkeypatch):
    for name in ("gtheory.torch", "gtheory.torch.loss"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    install = (
        r"needs torch.*pip install -c constraints.txt './packages/infocore\[torch\]' './packages/gtheory\[torch\]'"
    )
    with pytest.raises(MissingExtraError, match=install) as caught:
        importlib.import_module("gtheory.torch")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
