"""Tables of mid: simulated patients, simulated audits, and the peers."""

import collections
import statistics
from collections.abc import Callable
from typing import Any

from result_files import markdown, read

Rows = list[dict[str, Any]]
MODELS = {
    "undefended": "least squares",
    "drop": "without the attribute",
    "scale": "weights of the attribute times {at:g}",
    "shrink": "shrunk to {at:g}",
    "MID, learned_sigma": "MID, a = {at:g}",
    "MID, attribute": "MID for the attribute, a = {at:g}",
    "DP": "functional mechanism, ε = {at:g}",
}


def mean(rows: Rows, key: str) -> float | None:
    """Return the mean of what is there."""
    values = [row[key] for row in rows if row.get(key) is not None and abs(row[key]) < float("inf")]
    return statistics.fmean(values) if values else None


def share(value: float | None) -> str:
    """Return a share in points of a hundred."""
    return "" if value is None else f"{100 * value:.1f}"


def warfarin() -> str:
    """Models of simulated patients: error, and success of the attacks."""
    groups: dict[tuple[str, Any], Rows] = collections.defaultdict(list)
    for row in read("warfarin"):
        if row["kind"] in MODELS:
            groups[row["kind"], row["at"]].append(row)
    head = ["model", "error", "MAP, marginal", "same, training records", "recalibrated", "MAP, imputation", "learned"]
    head += ["release matched", "same, imputation prior", "I, nats", "L, nats", "cap on Adv"]
    keys = ["map", "map_train", "recalibrated", "map_imputation", "learned", "release", "release_imputation"]
    rows: list[list[str]] = []
    for (kind, at), some in groups.items():
        numbers = [mean(some, key) for key in ("information", "leakage")]
        rows.append(
            [
                MODELS[kind].format(at=at or 0.0),
                f"{mean(some, 'mse'):.3f}",
                *(share(mean(some, key)) for key in keys),
                *("" if value is None else f"{value:.2f}" for value in numbers),
                share(mean(some, "cap")),
            ]
        )
    return markdown(head, rows)


def warfarin_guessers() -> str:
    """What needs no model, and what no attack can exceed."""
    names: dict[str, list[float]] = collections.defaultdict(list)
    for row in read("warfarin"):
        if row["kind"] in ("law", "guesser"):
            names[row["name"]].append(row["response"])
    rows = [[name, share(statistics.fmean(v)), share(statistics.stdev(v))] for name, v in names.items()]
    return markdown(["guesser", "right, %", "s.d. over seeds"], rows)


def audits() -> str:
    """Coverage of the intervals of simulated audits, and how often the verdict is silent."""
    law = [row for row in read("audits") if row["mode"] == "law"]
    rows: list[list[str]] = []
    for j, name in enumerate(law[0]["names"]):
        held = statistics.fmean(row["held"][j] for row in law)
        rows.append([name, f"{held:.3f}", f"{100 * statistics.fmean(row['width'][j] for row in law):.1f}"])
    silent = {mode: [row["silent"] for row in read("audits") if row["mode"] == mode] for mode in ("law", "permuted")}
    table = markdown(["advantage", "held the truth", "mean width, points"], rows)
    every = statistics.fmean(h for row in law for h in row["held"])
    return (
        f"{table}\n\n{len(law)} audits each way. All intervals of 95 %: {every:.3f} held the truth. "
        f"'Nothing beyond population inference' in {statistics.fmean(silent['permuted']):.1%} of the audits of a "
        f"shuffled genotype, and in {statistics.fmean(silent['law']):.1%} of those of the law, where the response "
        "tells an attacker no more than it tells a guesser."
    )


def told(row: dict[str, Any]) -> str:
    """Return a line of results in words."""
    return f"{row['attack']}: {100 * row['accuracy']:.1f} ({row['queries']:,} queries, {row['cpu_s']:.1f} s)"


def peers() -> str:
    """Best of ours and best of ART by what the attacker knows, on the same records."""
    best: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in read("mid_attacks"):
        if row["what"] == "attribute":
            key = (row["case"], row["knows"], row["who"])
            if key not in best or row["accuracy"] > best[key]["accuracy"]:
                best[key] = row
    rows: list[list[str]] = []
    for case, knows in dict.fromkeys((case, knows) for case, knows, _ in best):
        ours, theirs = (best.get((case, knows, who)) for who in ("mid", "art"))
        cells = ["" if r is None else told(r) for r in (ours, theirs)]
        rows.append([case, knows, *cells])
    return markdown(["target", "the attacker knows", "best of ours", "best of ART"], rows)


def miface() -> str:
    """MIFace of ours, of ART and of AIJack on digits."""
    groups: dict[tuple[str, str, str], Rows] = collections.defaultdict(list)
    for row in read("mid_attacks"):
        if row["what"] == "miface":
            groups[row["case"], row["who"], row["attack"]].append(row)
    rows = [
        [
            case,
            f"{who}: {attack}",
            f"{mean(some, 'accuracy'):.2f}",
            f"{mean(some, 'confidence_mean'):.3f}",
            f"{mean(some, 'steps'):,.0f}",
            f"{mean(some, 'cpu_s'):.2f}",
        ]
        for (case, who, attack), some in groups.items()
    ]
    return markdown(["target", "attack", "judged right", "mean confidence", "steps", "CPU s"], rows)


def training() -> str:
    """Cost of an epoch of each defence."""
    lines = read("mid_training")
    names = list(lines[0]["rows"])
    rows = [[line["title"], *(f"{line['rows'][name]['cpu_ratio']:.2f}" for name in names)] for line in lines]
    return markdown(["", *names], rows)


TABLES: dict[str, Callable[[], str]] = {
    "warfarin": warfarin,
    "warfarin guessers": warfarin_guessers,
    "audits": audits,
    "attribute peers": peers,
    "miface peers": miface,
    "mid training": training,
}
