"""Run all four packages on real data, and write report.json and report.html."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Short

from cmim.data import images
from demo import channel, defend, estimate, represent
from demo.settings import QUICK, Part, Settings, Split
from infocore import report
from infocore.errors import InfoError


def load(name: str, folder: str | None) -> images.ImageData:
    """Read an image set by name."""
    if name == "digits":
        return images.digits()
    return images.mnist5k(folder) if name == "mnist" else images.fashion(folder)


def run(data: images.ImageData, settings: Settings, command: str, console: Console) -> tuple[report.Report, list[Part]]:
    """Run the four parts and assemble their report."""
    split = Split.of(data, settings.seed)
    total = estimate.steps(settings) + represent.steps() + defend.steps(settings) + channel.steps()
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("starting", total=total)
        begun = False

        def step(what: str) -> None:
            nonlocal begun
            progress.update(task, description=what, advance=1 if begun else 0)
            begun = True

        table = estimate.run(settings, step)
        encoders = represent.run(split, settings, step)
        defences = defend.run(split, settings, step)
        meaning = channel.run(split, defences.carried, settings, step)
        progress.update(task, completed=total, description="done")
    parts = [table, encoders, defences, meaning]
    summary = (
        f"One run on {data.name} ({len(data.images)} images of {split.shape[0]} x {split.shape[1]}) and on scikit-learn's "
        "breast-cancer table. Every number below was computed by this run."
    )
    provenance = {
        "command": command,
        "settings": dataclasses.asdict(settings),
        "images": {"name": data.name, "source": data.source, "sha256": data.sha256},
        "split": {"train": len(split.x_train), "attacker": len(split.x_known), "fresh": len(split.x_fresh)},
    }
    return report.Report(
        "Information-theoretic learning, end to end", summary, [p.section for p in parts], provenance
    ), parts


def main(argv: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument(
        "--data", choices=("digits", "mnist", "fashion"), default="digits", help="images (default: digits)"
    )
    parser.add_argument("--data-dir", help="where mnist is kept, or fashion is found")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything (default: 0)")
    parser.add_argument("--out", type=Path, default=Path("demo-output"), help="folder (default: demo-output)")
    parser.add_argument(
        "--quick", action="store_true", help="tiny settings: a look at the plumbing, not at the numbers"
    )
    parser.add_argument("--json", action="store_true", help="print the report's JSON instead of the short table")
    options = parser.parse_args(argv)
    console = Console(stderr=True)
    settings = dataclasses.replace(QUICK if options.quick else Settings(), seed=options.seed)
    begin = time.perf_counter()
    try:
        data = load(options.data, options.data_dir)
        command = " ".join(["python -m demo", *(sys.argv[1:] if argv is None else argv)])
        made, parts = run(data, settings, command, console)
        as_json, page = report.write(made, options.out)
    except InfoError as e:
        console.print(f"[red]error:[/red] {e}", highlight=False)
        return 1
    if options.json:
        sys.stdout.write(as_json.read_text(encoding="utf-8"))
        return 0
    short = Short("what", "result", title=f"{data.name}, seed {settings.seed}")
    for name, value in (line for part in parts for line in part.headline):
        short.add_row(name, value)
    Console(width=max(100, console.width)).print(short)
    sys.stdout.write(f"{page.resolve()}\n{as_json.resolve()}\n")
    console.print(f"[dim]{json.dumps({'seconds': round(time.perf_counter() - begin, 1)})}[/dim]", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
