"""The table of what was aimed at: limits that were set before the work began, and the results beside them."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from result_files import RESULTS, markdown, read

from infocore.trials import Summary, Trial, read_trials, summarise

Rows = list[dict[str, Any]]
# What of the laws: label, which, n.
Group = tuple[str, Callable[[str], bool], int]
SHORT = "**short**"


def said(text: str, value: float, limit: float) -> str:
    """Return a number, and that it is short where it is above what it had to be."""
    return f"{text} {SHORT}" if value > limit else text


def each(values: Iterable[float], limit: float) -> str:
    """Return ratios, those that are short named one by one."""
    return ", ".join(said(f"{value:.2f}", value, limit) for value in values)


def span(values: Sequence[float], limit: float, unit: str = "") -> str:
    """Return the least and the largest of some numbers."""
    low, high = (f"{value:.2g}" for value in (min(values), max(values)))
    return said((low if low == high else f"{low} to {high}") + unit, max(values), limit)


# ---- accuracy


def trials(groups: Sequence[Group], label: str, n: int) -> list[Trial]:
    """Return those of the automatic choice on a group of laws."""
    belongs = next(which for name, which, rows in groups if (name, rows) == (label, n))
    found = read_trials(RESULTS / "accuracy.jsonl")
    return [t for t in found if t.estimator == "auto" and t.n == n and belongs(t.task)]


def mean_error(some: list[Trial], limit: float, digits: int) -> str:
    error = summarise(some).mean_absolute_error
    return said(f"{error:.{digits}f}", error, limit)


def near(some: list[Trial], needed: int) -> str:
    """How many laws are within 0.05 nats, at the seed where they are fewest."""
    seeds = sorted({t.seed for t in some})
    within = [summarise([t for t in some if t.seed == seed]).within["0.05"] for seed in seeds]
    laws = len({t.task for t in some})
    fewest = round(min(within) * laws)
    return said(
        f"{fewest} of {laws}{' at every seed' if min(within) == max(within) else ' at least'}", -fewest, -needed
    )


def independent(some: list[Trial], limit: float) -> str:
    above = sum(t.low is not None and t.low > 0 for t in some)
    return f"{mean_error(some, limit, 4)}; {above or 'no'} interval{'s' * (above > 1)} of {len(some)} above zero"


def covered(s: Summary, least: float, width: float) -> str:
    assert s.coverage is not None and s.width is not None  # these laws have floors
    short = s.coverage < least or s.width > width
    return f"{s.coverage:.2f} at {s.width:.1f}" + f" {SHORT}" * short


# ---- speed


def ratios(titles: Sequence[str], limit: float) -> str:
    """KSG over the fastest other library, numpy and then compiled."""
    last = {row["title"]: row["ratio_to_fastest_peer"] for row in read("ksg") if "ratio_to_fastest_peer" in row}
    plain, fast = ([last[f"KSG {title}, one thread"][form] for title in titles] for form in FORMS)
    return f"{each(plain, limit)}; {each(fast, limit)} with `[fast]`"


def pairs(limit: float) -> str:
    last = {row["form"]: row["ratio"]["sklearn"] for row in read("ksg") if "form" in row}
    plain, fast = (each([last[form]], limit) for form in FORMS)
    return f"{plain}; {fast} with `[fast]`"


def counting(limit: float) -> str:
    last = {row["title"].split(":")[0]: row["rows"] for row in read("discrete") if "1000 symbols" in row["title"]}
    cases = [rows for title, rows in last.items() if title.startswith("discrete MI")]
    least = [rows["bincount of x * K + y"]["cpu_s"] for rows in cases]
    bare, checked = (
        [rows[name]["cpu_s"] / floor for rows, floor in zip(cases, least, strict=True)]
        for name in ("discrete_mutual_information", "DiscreteMI().estimate")
    )
    return f"{span(bare, limit)} (`discrete_mutual_information`); {span(checked, limit)} with checks and errors"


def proven(seconds: float, gap: float) -> str:
    """Times of the problems of 256 x 256 that another library has too, and the largest gap that is left."""
    last = {row["title"]: row["rows"] for row in read("rate") if "256 x 256" in row["title"] and "gaps" in row["title"]}
    shared = {title: rows for title, rows in last.items() if any(name.startswith("dit") for name in rows)}
    times = [next(iter(rows.values()))["cpu_s"] for rows in shared.values()]
    gaps = [float(re.findall(r"gaps ([\d.e+-]+)", title)[0]) for title in shared]
    return span(times, seconds, " s") + "; " + said(f"gaps up to {max(gaps):.0e}", max(gaps), gap)


def automatic(fast: bool, limit: float) -> str:
    last = {row["law"]: row["seconds"] for row in read("auto") if row["fast"] == fast}
    return " and ".join(said(f"{value:.2g}", value, limit) for value in last.values()) + " s"


def contrasted() -> str:
    """Time, growth of the process and largest tensor of the tiled loss, over those of the full matrix."""
    ours, full = next(row["rows"].values() for row in reversed(read("infonce")) if row["batch"] == 4096)
    time, memory, tensor = (ours[key] / full[key] for key in ("cpu_s", "grown_mb", "largest_tensor_mb"))
    return f"{each([time], 1.0)}, {each([memory], 0.2)}; largest tensor 1/{1 / tensor:.0f}"


def sizes() -> str:
    """Least and largest share of independent pairs that a permutation test finds."""
    found = [row["found"] / row["pairs"] for row in read("permutation")]
    text = f"{min(found):.3f} to {max(found):.3f}"
    return f"{text} {SHORT}" if min(found) < 0.03 or max(found) > 0.07 else text


FORMS = ("infocore", "infocore[fast]")
SEARCHES = ("3+3, n = 10000", "3+3 large, n = 100000", "10+10, n = 10000")


def aims(groups: Sequence[Group]) -> str:
    """Return what was aimed at, what others reach, and what was measured."""

    def of(label: str, n: int = 10_000) -> list[Trial]:
        return trials(groups, label, n)

    whole, few = of("40 laws"), of("40 laws", 1000)
    widths = f"{covered(summarise(whole), 0.85, 8)}; {covered(summarise(few), 0.85, 8)} at n = 1000"
    rows = [
        (
            "mean absolute error, `auto`, 40 laws, n = 10,000, seeds 0 to 2",
            *("0.102", "0.030", "0.015"),
            mean_error(whole, 0.030, 4),
        ),
        ("of them within 0.05 nats", "19 of 40", "36", "39", near(whole, 36)),
        ("six spirals", "0.297", "0.15", "0.06", mean_error(of("six spirals"), 0.15, 3)),
        ("Student laws", "0.072", "0.02", "0.01", mean_error(of("eleven Student"), 0.02, 4)),
        (
            "dense normal, 50 + 50 columns",
            *("0.110", "0.03", "0.02"),
            mean_error(of("dense normal 50 + 50"), 0.03, 3),
        ),
        ("40 laws, n = 1000", "0.209", "0.06", "0.045", mean_error(few, 0.06, 3)),
        (
            "independence (y shuffled), n = 10,000: mean absolute value",
            *("-", "0.01", ""),
            independent(of("40 laws, y shuffled"), 0.01),
        ),
        ("size of the 5 % permutation test, seven cases", "-", "0.03 to 0.07", "", sizes()),
        (
            "90 % interval over laws and seeds, n = 10,000: coverage, width in floors",
            *("-", "0.85 at 8", "0.88 to 0.92 at 6"),
            widths,
        ),
        ("KSG 1 + 1, n = 100,000", "1 (dit)", "0.6", "0.3 with `[fast]`", ratios(["1+1, n = 100000"], 0.6)),
        (
            "KSG 3 + 3, n = 10,000 and 100,000; 10 + 10, n = 10,000",
            *("1 (dit)", "0.8", "0.3 with `[fast]`"),
            ratios(SEARCHES, 0.8),
        ),
        (
            "all pairs of 100 columns, n = 10,000, two threads",
            *("1 (scikit-learn, a call a pair)", "0.3", ""),
            pairs(0.3),
        ),
        (
            "discrete, a million rows of integer codes, 1000 symbols, over a bare `bincount`",
            *("43", "3", "2"),
            counting(3.0),
        ),
        (
            "Blahut-Arimoto, 256 x 256, to a proven gap of 1e-6 nats",
            *("not reached", "0.5 s", "0.2 s"),
            proven(0.5, 1e-6),
        ),
        (
            "InfoNCE, 4096 pairs, forward and backward: time, memory",
            *("1, 1 (full matrix)", "1, 1/5", "1/8"),
            contrasted(),
        ),
        (
            "`auto`, n = 10,000, 10 + 10 columns, two cores",
            *("20 to 40 s", "20 s", "10 s"),
            automatic(False, 20),
        ),
        ("the same with `fast=True`", "-", "5 s", "", automatic(True, 5)),
    ]
    return markdown(("what", "best of the others", "had to be", "aim", "measured"), rows)
