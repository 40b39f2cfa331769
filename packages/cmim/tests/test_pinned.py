"""The pip that fetches pinned wheels, also where the environment has none."""

import sys

import pytest

from cmim.data import _pinned


@pytest.mark.parametrize(
    ("here", "command"),
    [
        ({"module", "pip", "uv"}, [sys.executable, "-m", "pip"]),
        ({"pip", "uv"}, ["/bin/pip"]),
        ({"uv"}, ["/bin/uv", "tool", "run", "--python", sys.executable, "pip"]),
        (set[str](), [sys.executable, "-m", "pip"]),  # whose error says what is missing
    ],
)
def test_pip_that_is_at_hand(here, command, monkeypatch):
    monkeypatch.setattr(_pinned.importlib.util, "find_spec", lambda _: "module" in here or None)
    monkeypatch.setattr(_pinned.shutil, "which", lambda name: f"/bin/{name}" if name in here else None)
    assert _pinned._pip() == command
