"""List the `raise` statements that no test has reached: `python tools/untested_raises.py coverage.json`.

A guard that was never seen to fire is decoration. Exits with 1 if there is one in the packages.
"""

import ast
import json
import pathlib
import sys


def untested(source: str, missing: set[int]) -> list[int]:
    """Return the lines of the `raise` statements in `source` that start on a line nobody executed."""
    return sorted(
        node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Raise) and node.lineno in missing
    )


def report(coverage: pathlib.Path) -> list[str]:
    """Return one line per untested `raise`."""
    files = json.loads(coverage.read_text())["files"]
    return [
        f"{name}:{line}: {pathlib.Path(name).read_text().splitlines()[line - 1].strip()}"
        for name, data in sorted(files.items())
        for line in untested(pathlib.Path(name).read_text(), set(data["missing_lines"]))
    ]


if __name__ == "__main__":
    lines = report(pathlib.Path(sys.argv[1]))
    sys.stdout.write(
        "".join(f"{line}\n" for line in lines) + f"{len(lines)} raise statements were reached by no test\n"
    )
    sys.exit(bool(lines))
