"""Time functions in turn, in one process, and print medians and ratios.

The machine may be shared and noisy: the functions run A, B, A, B, ... so that drift hits them alike, and the ratio is
taken pair by pair. Quote ratios, not seconds.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np


def in_turn(functions: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, dict[str, float]]:
    """Return, per function, median CPU and wall seconds, and the median ratio of CPU time to the first one.

    The first function is ours; a ratio above 1 says how many times longer the other takes.
    """
    for function in functions.values():
        function()
    cpu: dict[str, list[float]] = {name: [] for name in functions}
    wall: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            c, w = time.process_time(), time.perf_counter()
            function()
            cpu[name].append(time.process_time() - c)
            wall[name].append(time.perf_counter() - w)
    ours = next(iter(functions))
    return {
        name: {
            "cpu_s": statistics.median(cpu[name]),
            "wall_s": statistics.median(wall[name]),
            "cpu_ratio": statistics.median(other / mine for other, mine in zip(cpu[name], cpu[ours], strict=True)),
            "wall_ratio": statistics.median(other / mine for other, mine in zip(wall[name], wall[ours], strict=True)),
        }
        for name in functions
    }


def report(title: str, rows: dict[str, dict[str, float]], *, as_json: bool) -> None:
    """Print one comparison as a table, or as one line of JSON."""
    if as_json:
        print(json.dumps({"title": title, "rows": rows, "cores": os.cpu_count(), "numpy": np.__version__}))
        return
    print(f"\n{title}")
    print(f"{'':34s} {'CPU s':>10s} {'wall s':>10s} {'CPU ratio':>10s} {'wall ratio':>10s}")
    for name, row in rows.items():
        print(
            f"{name:34s} {row['cpu_s']:10.5f} {row['wall_s']:10.5f} {row['cpu_ratio']:10.2f} {row['wall_ratio']:10.2f}"
        )


def arguments(description: str | None) -> argparse.Namespace:
    """Return the options that every benchmark shares."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--repeats", type=int, default=7, help="counted runs of each function (default 7)")
    parser.add_argument("--json", action="store_true", help="one line of JSON per comparison")
    return parser.parse_args(sys.argv[1:])
