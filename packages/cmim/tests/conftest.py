"""The command, run in this process, and a tiny model of molecules that it trained."""

import importlib

import pytest


@pytest.fixture
def run(capsys):
    from cmim.cli import main

    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return call


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """The folder of a run on molecules, which tests leave as it is."""
    from cmim.cli import main

    from .molecule_commands import GOOD, begin

    folder = tmp_path_factory.mktemp("molecules")
    arguments = (*begin(folder, [*GOOD, "C1CC"]), "--steps", 400, "--learning-rate", 1e-2, "--out", folder / "run")
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in arguments])
    assert stop.value.code == 0
    return folder / "run"


@pytest.fixture
def shipped(trained, monkeypatch):
    """What the tests have in place of the package's own model."""
    from cmim.molecules.embedder import MoleculeEmbedder

    embedder = MoleculeEmbedder.load(trained / "model")
    monkeypatch.setattr(importlib.import_module("cmim.molecules.shipped"), "pretrained", lambda: embedder)
    return embedder
