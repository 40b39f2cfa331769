"""The command, run in this process."""

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
