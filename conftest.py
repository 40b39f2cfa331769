"""Rules that hold in every test of the repository."""

import contextlib
import importlib
import importlib.util
import os
import random
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# compiled kernels are a module only where the extra that compiles them is installed
COMPILED = ["*/infocore/estimators/_fast*.py", "*/infocore/estimators/_kernels.py"]
collect_ignore_glob = [] if importlib.util.find_spec("numba") else COMPILED

settings.register_profile("default", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of our own shape errors where annotations are checked at run time, and refuse first."""
    if config.getoption("--jaxtyping-packages", None):
        unchecked = [item for item in items if item.get_closest_marker("unchecked")]
        config.hook.pytest_deselected(items=unchecked)
        items[:] = [item for item in items if item not in unchecked]


def pytest_collection_finish() -> None:
    """Let libraries do what they do once, on first use, before tests are watched for it.

    torch sets an environment variable of its compiler when the first optimiser is built; rich, which scikit-learn
    looks for, draws from Python's random when it is imported; RDKit says in the environment where its data are.
    """
    importlib.import_module("rich.console")
    importlib.import_module("sklearn.metrics")
    with contextlib.suppress(ImportError):
        importlib.import_module("rdkit.Chem")
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


def global_state() -> dict[str, Any]:
    """Return what a library must not change behind its user's back: random states, defaults, error modes."""
    name, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002 - the legacy state is what is watched
    state: dict[str, Any] = {
        "numpy's global random state": (name, keys.tobytes(), *rest),
        "numpy's error mode": tuple(sorted(np.geterr().items())),
        "Python's global random state": random.getstate(),
        "environment variables": {
            key: value
            for key, value in os.environ.items()
            if key not in ("PYTEST_CURRENT_TEST", "TORCHINDUCTOR_CACHE_DIR")
        },
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        state |= {
            "torch's global random state": torch.random.get_rng_state().numpy().tobytes(),
            "torch's default dtype": torch.get_default_dtype(),
            "torch's number of threads": torch.get_num_threads(),
            "torch's gradient mode": torch.is_grad_enabled(),
            "torch's determinism": torch.are_deterministic_algorithms_enabled(),
        }
    return state


@pytest.fixture(autouse=True)
def no_global_side_effects(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that changes global state of numpy, torch, Python's random or the environment."""
    before = global_state()
    yield
    after = global_state()
    changed = [what for what, value in before.items() if after[what] != value]
    if changed:
        pytest.fail(f"{request.node.nodeid} changed {', '.join(changed)}")
