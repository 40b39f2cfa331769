"""Write every public name of the four packages with its signature: `python tools/public_api.py FILE`."""

import importlib
import inspect
import pathlib
import pkgutil
import re
import sys
from types import ModuleType
from typing import Any

PACKAGES = ("infocore", "gtheory", "cmim", "mid")


def modules(package: str) -> list[str]:
    """Return the public modules of a package, itself first."""
    root = importlib.import_module(package)
    found = [m.name for m in pkgutil.walk_packages(root.__path__, f"{package}.")]
    return [package, *sorted(name for name in found if not re.search(r"(^|\.)_", name))]


def signature(value: Any) -> str:
    """Return the names and defaults of a callable's parameters, or the type of a constant."""
    if not callable(value):
        return f": {type(value).__name__}"
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return "(...)"
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    return re.sub(r" at 0x[0-9a-f]+", "", str(inspect.Signature(bare)))


def methods(cls: type) -> dict[str, Any]:
    """Return the public methods of a class: its own, and those of bases that no user can name."""
    hidden = [base for base in cls.__mro__[1:] if re.match(rf"({'|'.join(PACKAGES)})\b.*\._", base.__module__)]
    found = {name: value for base in (*reversed(hidden), cls) for name, value in vars(base).items()}
    return {name: value for name, value in found.items() if not name.startswith("_") and inspect.isfunction(value)}


def members(owner: ModuleType) -> list[str]:
    """Return the lines of one module: its names, and the public methods of the classes it defines."""
    lines: list[str] = []
    for name in sorted(getattr(owner, "__all__", [])):
        value = getattr(owner, name)
        lines.append(f"{owner.__name__}.{name}{signature(value)}")
        if inspect.isclass(value) and value.__module__ == owner.__name__:
            lines += [
                f"{owner.__name__}.{name}.{method}{signature(function)}"
                for method, function in sorted(methods(value).items())
            ]
    return lines


def public_api() -> str:
    """Return the whole public surface as text, one name a line."""
    lines = [
        line for package in PACKAGES for name in modules(package) for line in members(importlib.import_module(name))
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(public_api())
