"""The gates close: each check of the tree is shown a violation, and must refuse it."""

import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
IGNORE = shutil.ignore_patterns(".git", ".nox", "__pycache__", ".hypothesis", "_build", "gallery")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Return a copy of the packages and of the settings of the tools."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "packages", tree / "packages", ignore=IGNORE)
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def run(command: list[str], tree: pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Run a tool on the copy, whose packages come before the installed ones."""
    code = f"import sys; sys.path[:0] = {[str(p) for p in sorted(tree.glob('packages/*/src'))]!r}; "
    program = [sys.executable, "-c", code + command[0]]
    return subprocess.run([*program, *command[1:]], cwd=tree, capture_output=True, text=True, check=False)


LINT_IMPORTS = ["from importlinter.cli import lint_imports_command as main; main(args=['--no-cache'])"]


def test_contracts_hold(copy: pathlib.Path) -> None:
    done = run(LINT_IMPORTS, copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("infocore/src/infocore/bounds/_scores.py", "import gtheory"),
        ("gtheory/src/gtheory/truth/__init__.py", "import cmim"),
        ("mid/src/mid/leakage.py", "import gtheory"),
        ("cmim/src/cmim/losses.py", "import mid"),
        ("infocore/src/infocore/bounds/_scores.py", "import torch"),
        ("gtheory/src/gtheory/truth/__init__.py", "import torch.nn"),
        ("mid/src/mid/leakage.py", "import lightning"),
        ("infocore/src/infocore/bounds/_scores.py", "def f():\n    import torch"),
    ],
)
def test_contracts_are_broken_by_a_planted_import(copy: pathlib.Path, module: str, line: str) -> None:
    path = copy / "packages" / module
    text = path.read_text()
    try:
        path.write_text(f"{text}\n{line}\n")
        done = run(LINT_IMPORTS, copy)
    finally:
        path.write_text(text)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout


def test_from_tree_refuses_what_came_from_an_index() -> None:
    command = [sys.executable, str(ROOT / "tools" / "from_tree.py")]
    done = subprocess.run([*command, "infocore", "numpy"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "numpy came from an index" in done.stderr
    assert "infocore came" not in done.stderr


def test_untested_raise_is_listed(tmp_path: pathlib.Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("def f(x):\n    if x:\n        raise ValueError('seen')\n    raise TypeError('never seen')\n")
    data = tmp_path / "coverage.json"
    data.write_text(f'{{"files": {{"{module}": {{"missing_lines": [4]}}}}}}')
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "untested_raises.py"), str(data)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "module.py:4: raise TypeError('never seen')" in done.stdout
    assert "'seen')\n" not in done.stdout.replace("never seen", "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("np.random.seed(3)", "numpy's global random state"),
        ("np.seterr(all='ignore')", "numpy's error mode"),
        ("random.random()", "Python's global random state"),
        ("os.environ['PLANTED'] = '1'", "environment variables"),
        ("torch.manual_seed(3)", "torch's global random state"),
        ("torch.set_default_dtype(torch.float64)", "torch's default dtype"),
        ("torch.set_grad_enabled(False)", "torch's gradient mode"),
    ],
)
def test_global_state_fixture_catches(tmp_path: pathlib.Path, change: str, message: str) -> None:
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "test_planted.py").write_text(
        f"import os, random\nimport numpy as np, torch\n\n\ndef test_planted():\n    {change}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_planted.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    assert f"changed {message}" in done.stdout


SHAPED = """
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def double(x: Float[Tensor, "B D"], how: int = 0) -> Float[Tensor, "B D"]:
    return 2 * x if how == 0 else x.sum(1)


def loose(x: Any, how: int) -> int:
    return how
"""


@pytest.mark.parametrize(
    ("call", "refused"),
    [
        ("double(torch.zeros(2, 3))", False),
        ("double(torch.zeros(3))", True),
        ("double(torch.zeros(2, 3), 1)", True),  # what is returned has a shape too
        ("double(torch.zeros(2, 3, dtype=torch.int64))", True),
        ("loose(None, 'an int, by its annotation')", False),  # no shape: pyright's business
    ],
)
def test_shapes_are_checked_at_run_time_and_nothing_else(tmp_path: pathlib.Path, call: str, refused: bool) -> None:
    (tmp_path / "shaped.py").write_text(SHAPED)
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT / 'tools')!r}]\n"
        "from jaxtyping import install_import_hook\n"
        "with install_import_hook('shaped', 'shapes.check'):\n    from shaped import *\n"
        f"{call}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == refused, done.stderr
    assert ("TypeCheckError" in done.stderr) == refused
