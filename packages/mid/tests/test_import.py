import importlib
import subprocess
import sys

import pytest

from infocore.errors import MissingExtraError


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_mid_loads_no_torch():
    code = "import mid, mid.leakage, mid.attacks.metrics, mid.information, sys; assert 'torch' not in sys.modules"
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_without_torch_the_rest_works_and_mid_torch_says_how_to_install_it():
    done = run(
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'torch':\n            raise ModuleNotFoundError('No module named torch')\n"
        "sys.meta_path.insert(0, Absent())\n"
        "import numpy as np, mid\n"
        "assert mid.MIDLinearRegression(0.1).fit(np.arange(9.0)[:, None], np.arange(9.0)).information_ > 0\n"
        "try:\n    import mid.torch\n"
        "except ImportError as error:\n"
        "    from infocore.errors import MissingExtraError\n"
        "    assert isinstance(error, MissingExtraError) and \"'./packages/mid[torch]'\" in str(error), error\n"
        "    assert error.__cause__ is not None\n"
        "else:\n    raise SystemExit('imported')"
    )
    assert done.returncode == 0, done.stderr


def test_missing_torch_in_process(monkeypatch):
    monkeypatch.delitem(sys.modules, "mid.torch", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"mid\.torch needs torch.*'./packages/mid\[torch\]'") as caught:
        importlib.import_module("mid.torch")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
