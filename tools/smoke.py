"""Check installed wheels: each imports, is typed, carries its version, and its console scripts answer."""

import importlib
import importlib.metadata
import pathlib
import subprocess
import sys


def check(name: str) -> None:
    """Check one package as pip installed it."""
    package = importlib.import_module(name)
    folder = pathlib.Path(package.__file__ or "").parent
    assert "site-packages" in str(folder), f"{name} was imported from {folder}, not from its wheel"
    assert (folder / "py.typed").is_file(), f"{name} carries no py.typed"
    assert package.__version__


def check_scripts(names: list[str]) -> None:
    """Run `--help` of each console script of these packages."""
    for script in importlib.metadata.entry_points(group="console_scripts"):
        if script.module.partition(".")[0] in names:
            command = pathlib.Path(sys.executable).parent / script.name
            subprocess.run([command, "--help"], check=True, stdout=subprocess.DEVNULL)
            sys.stdout.write(f"{script.name} --help answers\n")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        check(argument)
    check_scripts(sys.argv[1:])
