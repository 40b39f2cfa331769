"""Put the measured numbers of benchmarks/results into the tables of the docs.

    python benchmarks/tables.py            # rewrite the tables of docs/guide
    python benchmarks/tables.py cmim       # of some pages only
    python benchmarks/tables.py --check    # exit with 1 if one is out of date, or names something that is not there

A table stands between ``<!-- table NAME -->`` and ``<!-- end -->`` and is replaced as a whole. Where a case was
measured twice the later line counts.
"""

import argparse
import collections
import importlib
import pathlib
import re
import statistics
import sys
from collections.abc import Callable
from typing import Any

import study_coverage
import tables_aims
import tables_images
import tables_mid
import tables_molecules
import tables_networks
from result_files import RESULTS, markdown, read

from infocore.tasks import BMI_V1, MORE
from infocore.trials import read_trials, summarise

HERE = pathlib.Path(__file__).parent
GUIDE = HERE.parent / "docs" / "guide"
PAGES = (
    *("infocore", "infocore-comparison", "infocore-coverage"),
    *("cmim", "cmim-images", "cmim-images-raw", "cmim-molecules"),
    *("mid-audit", "mid-claims"),
)
Rows = list[dict[str, Any]]


# ---- accuracy

PEERS = ("CCA", "KSG-10", "MINE", "InfoNCE")
FAMILIES: dict[str, Callable[[str], bool]] = {
    "Student": lambda law: "student" in law,
    "spirals": lambda law: law.startswith("spiral"),
    "edges and Swiss roll": lambda law: "additive" in law or "swissroll" in law,
}


def errors(rows: Rows, name: str, n: int, seeds: set[int]) -> dict[tuple[str, int], float]:
    """Return the absolute error of an estimator by law and seed; one that gave no number is an error of the truth."""
    return {
        (row["task"], row["seed"]): abs((row["value"] or 0.0) - row["truth"])
        for row in rows
        if row["estimator"] == name and row["n"] == n and row["seed"] in seeds
    }


def contestants(n: int) -> dict[str, dict[tuple[str, int], float]]:
    """Return errors by name, ours first."""
    ours, theirs = read("accuracy"), [row for row in read("peers") if row["what"] == "accuracy"]
    laws = {row["task"] for row in theirs}
    ours = [row for row in ours if row["task"] in laws]
    found: dict[str, dict[tuple[str, int], float]] = {}
    for name in ("auto", "auto-fast"):
        label = f'infocore, `method="auto"`{", `fast=True`" if name == "auto-fast" else ""}'
        seeds = sorted({row["seed"] for row in ours if row["estimator"] == name and row["n"] == n})
        if 0 in seeds:
            found[label + ", seed 0"] = errors(ours, name, n, {0})
        if len(seeds) > 1:
            found[f"{label}, seeds {seeds[0]} to {seeds[-1]}"] = errors(ours, name, n, set(seeds))
    for name in PEERS:
        error = errors(theirs, name, n, {0})
        if len(error) == len(laws):
            found[f"{name}, seed 0"] = error
    return found


def accuracy(n: int) -> str:
    """Return the summary of all laws, by estimator."""
    floors = {row["task"]: row["floor"] for row in read("accuracy") if row["n"] == n}
    rows: list[list[str]] = []
    for name, error in contestants(n).items():
        values = list(error.values())
        floor = statistics.mean(floors[law] for law, _ in error) if floors else float("nan")
        within = sum(value <= 0.05 for value in values)
        rows.append(
            [
                name,
                f"{statistics.mean(values):.4f}",
                f"{statistics.median(values):.4f}",
                f"{max(values):.3f}",
                f"{within} of {len(values)}",
                f"{statistics.mean(values) / floor:.1f}",
            ]
        )
    return markdown(("estimator", "mean", "median", "worst", "within 0.05", "mean over the floor"), rows)


def families(n: int) -> str:
    """Return the mean absolute error by family of laws."""

    def of(law: str) -> str:
        return next((name for name, belongs in FAMILIES.items() if belongs(law)), "Gaussian copulas")

    table = contestants(n)
    names = ["Gaussian copulas", *FAMILIES]
    sizes = collections.Counter(of(law) for law in {law for error in table.values() for law, _ in error})
    return markdown(
        ["estimator", *(f"{name} ({sizes[name]})" for name in names)],
        (
            [
                name,
                *(
                    f"{statistics.mean(e for (law, _), e in error.items() if of(law) == family):.4f}"
                    for family in names
                ),
            ]
            for name, error in table.items()
        ),
    )


# What of the laws: (label, laws, n). The last two belong to no method: the second holds those of the first, shuffled.
GROUPS: tuple[tuple[str, Callable[[str], bool], int], ...] = (
    ("40 laws", BMI_V1.__contains__, 10_000),
    ("six spirals", lambda law: law.startswith("spiral"), 10_000),
    ("eleven Student", lambda law: "student-identity" in law and law in BMI_V1, 10_000),
    ("dense normal 50 + 50", lambda law: law == "multinormal-dense-50-50-0.5", 10_000),
    ("40 laws", BMI_V1.__contains__, 1000),
    ("45 other laws", MORE.__contains__, 10_000),
    ("40 laws, y shuffled", lambda law: law.startswith("shuffled"), 10_000),
)


def groups() -> str:
    """Return errors and coverage of the automatic choice by group of laws."""
    trials = [t for t in read_trials(RESULTS / "accuracy.jsonl") if t.estimator == "auto"]
    rows: list[list[str]] = []
    for label, belongs, n in GROUPS:
        chosen = [t for t in trials if t.n == n and belongs(t.task)]
        if chosen:
            s = summarise(chosen)
            rows.append(
                [
                    label,
                    str(n),
                    str(s.trials),
                    f"{s.mean_absolute_error:.4f}",
                    f"{s.median_absolute_error:.4f}",
                    f"{s.within['0.05']:.3f}",
                    "" if s.width is None else f"{s.floor_ratio:.1f}",
                    "" if s.coverage is None else f"{s.coverage:.2f}",
                    "" if s.width is None else f"{s.width:.1f}",
                ]
            )
    head = (
        "laws",
        "n",
        "trials",
        "mean",
        "median",
        "within 0.05",
        "mean over the floor",
        "coverage",
        "width in floors",
    )
    return markdown(head, rows)


def other_laws() -> str:
    """Return what the automatic choice says of each of our own laws."""
    trials = {t.task: t for t in read_trials(RESULTS / "accuracy.jsonl") if t.estimator == "auto" and t.n == 10_000}
    rows = [
        [
            f"`{name}`",
            f"{law.information:.3f}",
            "failed" if t.value is None else f"{t.value:.3f}",
            "" if t.low is None or t.high is None else f"{t.low:.3f} to {t.high:.3f}",
            t.method,
        ]
        for name, law in MORE.items()
        if (t := trials.get(name)) is not None
    ]
    return markdown(("law", "truth", "value", "90 % interval", "method"), rows)


COLUMNS = ((2, 2), (3, 4), (5, 10))


def random_laws() -> str:
    """Return errors on laws drawn at random, by estimator, n and columns, and what is said of independent ones."""
    trials = read_trials(RESULTS / "random_laws.jsonl")
    rows: list[list[str]] = []
    for n, name in sorted({(t.n, t.estimator): None for t in trials}, key=lambda case: case[0]):
        chosen = [t for t in trials if (t.n, t.estimator) == (n, name)]
        nothing = [t for t in chosen if t.truth == 0]
        cells: list[str] = []
        for low, high in COLUMNS:
            some = [t for t in chosen if t.truth > 0 and low <= sum(map(int, t.task.split("-")[1:3])) <= high]
            s = summarise(some)
            cells += [f"{s.mean_absolute_error:.3f}", f"{s.coverage:.2f}"]
        s = summarise(nothing)
        rows.append([str(n), f"`{name}`", *cells, f"{s.mean_absolute_error:.3f}", f"{s.coverage:.2f}"])
    names = [*("two columns" if high == 2 else f"{low} to {high}" for low, high in COLUMNS), "independent"]
    return markdown(["n", "method", *(f"{name}{what}" for name in names for what in ("", ", coverage"))], rows)


# ---- speed


def latest(rows: Rows, *keys: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return the last row of each case."""
    return {tuple(row.get(key) for key in keys): row for row in rows}


def seconds(value: float) -> str:
    """Return a time with two digits that say something."""
    return f"{value:.2g} s" if value >= 1 else f"{1000 * value:.2g} ms" if value < 0.1 else f"{value:.2f} s"


def beside(cases: dict[str, dict[str, Any]], first: str) -> str:
    """Return CPU times, and how many times that of the first row each is."""
    names = list(dict.fromkeys([first, *(name for case in cases.values() for name in case["rows"])]))

    def cell(case: dict[str, Any], name: str) -> str:
        row = case["rows"].get(name)
        if row is None:
            return ""
        return seconds(row["cpu_s"]) if name == first else f"{row['cpu_s'] / case['rows'][first]['cpu_s']:.1f}"

    return markdown(
        ["", *cases], ([f"`{n}`" if "infocore" in n else n, *(cell(c, n) for c in cases.values())] for n in names)
    )


def ksg() -> str:
    """Return the KSG cases."""
    rows = [row for row in read("ksg") if "rows" in row]
    cases = {
        row["title"].removeprefix("KSG ").removesuffix(", one thread"): row for row in latest(rows, "title").values()
    }
    return beside(cases, "infocore[fast]")


def pairs() -> str:
    """Return the case of all pairs of columns."""
    rows = latest([row for row in read("ksg") if "form" in row], "title", "form").values()
    return markdown(
        ["form", "`ksg_matrix`, wall time", "one call of `KSG` a pair", "scikit-learn, a pair at a time"],
        (
            [
                f"`{r['form']}`",
                seconds(r["wall_s"]["matrix"]),
                f"{1 / r['ratio']['single']:.1f}",
                f"{1 / r['ratio']['sklearn']:.1f}",
            ]
            for r in rows
        ),
    )


def discrete() -> str:
    """Return the discrete cases that were timed."""
    timed = [row for row in read("discrete") if row["title"].startswith("discrete MI")]
    cases = {", ".join(row["title"].split(":")[0].split(", ")[2:]): row for row in latest(timed, "title").values()}
    return beside(cases, "DiscreteMI().estimate")


def rate() -> str:
    """Return the rate-distortion and capacity cases that another library has too."""
    rows: list[list[str]] = []
    for row in latest(read("rate"), "title").values():
        if not any(name.startswith("dit") for name in row["rows"]):
            continue
        what, gaps = re.match(r"(.*): gaps (.*) nats$", row["title"]).groups()  # pyright: ignore[reportOptionalMemberAccess]
        gap = dict(zip(row["rows"], gaps.split(", "), strict=False))
        forms = list(row["rows"])
        dit = [name for name in forms if name.startswith("dit")]
        cells = [
            f"{seconds(row['rows'][n]['cpu_s'])}, {gap[n]}" if n in gap else ""
            for n in (forms[0], forms[1], dit[0], dit[-1])
        ]
        rows.append([what, *cells[:3], cells[3] if len(dit) > 1 else ""])
    return markdown(["problem", "infocore", "plain numpy", "dit, one start", "dit, 100 starts"], rows)


# ---- coverage


def coverage(laws: Callable[[str], bool]) -> str:
    """Return one table a law."""
    measured = latest(study_coverage.read(study_coverage.OUT), "law", "n", "estimator")
    parts: list[str] = []
    for law, ((_, truth), estimators) in study_coverage.RUNS.items():
        if not laws(law):
            continue
        rows: list[list[str]] = []
        for estimator in estimators:
            cells: list[str] = []
            for n in study_coverage.SIZES:
                row = measured.get((law, n, study_coverage.short(estimator)))
                if row is None:
                    cells += ["", "", "", ""]
                elif "refused" in row:
                    cells += ["refused", "", "", ""]
                else:
                    cells += [f"{row['bias']:+.3f}", f"{row['sd']:.3f}", f"{row['se']:.3f}", f"{row['coverage']:.2f}"]
            if any(cells):
                name, _, rest = study_coverage.short(estimator).partition("), ")
                rows.append([f"`{name.removesuffix(')')})`" + (f", {rest}" if rest else ""), *cells])
        sizes = [f"{what}, n = {n}" for n in study_coverage.SIZES for what in ("bias", "s.d.", "s.e.", "coverage")]
        parts.append(f"**{law}**, truth {abs(truth):.3f} nats\n\n" + markdown(["estimator", *sizes], rows))
    return "\n\n".join(parts)


TABLES: dict[str, Callable[[], str]] = {
    "aims": lambda: tables_aims.aims(GROUPS),
    "accuracy": lambda: accuracy(10_000),
    "families": lambda: families(10_000),
    "groups": groups,
    "other laws": other_laws,
    "random laws": random_laws,
    "ksg": ksg,
    "pairs": pairs,
    "discrete": discrete,
    "rate": rate,
    "coverage of numbers": lambda: coverage(lambda law: "symbols" not in law and "autoregressive" not in law),
    "coverage of symbols": lambda: coverage(lambda law: "symbols" in law),
    "coverage of series": lambda: coverage(lambda law: "autoregressive" in law),
    **tables_images.TABLES,
    **tables_mid.TABLES,
    **tables_molecules.TABLES,
    **tables_networks.TABLES,
}
PLACE = re.compile(r"<!-- table ([a-z0-9 -]+) -->\n.*?<!-- end -->", re.DOTALL)


def filled(text: str) -> str:
    """Return a page with its tables made anew."""
    return PLACE.sub(lambda m: f"<!-- table {m[1]} -->\n\n{TABLES[m[1]]()}\n\n<!-- end -->", text)


def unknown_names(text: str) -> list[str]:
    """Return the dotted names of ours in a page that cannot be found."""
    missing: list[str] = []
    for name in sorted(set(re.findall(r"`((?:infocore|cmim|mid)(?:\.\w+)+)", text))):
        module, _, rest = name.partition(".")
        found: Any = importlib.import_module(module)
        for part in rest.split("."):
            try:
                found = (
                    getattr(found, part)
                    if hasattr(found, part)
                    else importlib.import_module(f"{found.__name__}.{part}")
                )
            except (ImportError, AttributeError):
                missing.append(name)
                break
    return missing


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if something is out of date")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help=f"of {', '.join(PAGES)}; all of them if none is named")
    args = parser.parse_args()
    if unknown := set(args.pages) - set(PAGES):
        parser.error(f"no page of tables is named {', '.join(sorted(unknown))}")
    failed = 0
    for page in (GUIDE / f"{name}.md" for name in args.pages or PAGES):
        old = page.read_text("utf-8")
        new = filled(old)
        for name in unknown_names(new):
            print(f"{page.name}: there is no {name}", file=sys.stderr)
            failed = 1
        if args.check:
            failed |= new != old
            print(f"{page.name}: {'out of date' if new != old else 'as measured'}", file=sys.stderr)
        else:
            page.write_text(new, "utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
