"""Public names and signatures do not change unnoticed: `nox -s regenerate` rewrites the golden file."""

import importlib.util
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def test_public_api_is_the_golden_one():
    spec = importlib.util.spec_from_file_location("public_api", ROOT / "tools" / "public_api.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    golden = (ROOT / "tests" / "golden" / "public_api.txt").read_text()
    assert module.public_api() == golden, "run `nox -s regenerate` and read the diff"
