"""Tables of mid: simulated patients, simulated audits, attacks that reconstruct, small claims, and the peers."""

import collections
import functools
import itertools
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
STUDIED, TESTED = 661, 12_000  # patients attacked: in a seed of the study, and in the test of its claims


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


def tolerances() -> str:
    """C5 to C8 on patients: mean over seeds, its standard error, and what a test of other patients may differ by."""
    rows: dict[tuple[str, Any], dict[int, dict[str, Any]]] = collections.defaultdict(dict)
    for row in read("warfarin"):
        rows[row["kind"] if row["kind"] in MODELS else row["name"], row["at"]][row["seed"]] = row
    least, dropped = rows["undefended", None], rows["drop", None]

    def at_error_of_dropping(seed: int) -> float:
        """Success against MID where its error is that of leaving the attribute out, by interpolation."""
        mid = [some[seed] for (kind, _), some in rows.items() if kind == "MID, learned_sigma"]
        points = sorted((row["mse"], row["map"]) for row in mid)
        for (a, low), (b, high) in itertools.pairwise(points):
            if a <= (at := dropped[seed]["mse"]) <= b:
                return low + (high - low) * (at - a) / (b - a)
        raise ValueError("no two points of MID around the error of leaving the attribute out")

    found = {
        "C5: imputation less MAP, marginal": [rows["imputation", None][s]["response"] - least[s]["map"] for s in least],
        "C6: MAP on MID less on leaving out, equal error": [
            at_error_of_dropping(s) - dropped[s]["map"] for s in dropped
        ],
        "C7: recalibrated, shrunk to 0.05 less least squares": [
            rows["shrink", 0.05][s]["recalibrated"] - least[s]["recalibrated"] for s in least
        ],
        "C8: release matched, least squares": [row["release"] for row in least.values()],
        "C8: release matched, a = 0.5": [row["release"] for row in rows["MID, learned_sigma", 0.5].values()],
    }
    lines: list[list[str]] = []
    for name, values in found.items():
        sd, seeds = statistics.stdev(values), len(values)
        # where no record differs in any seed, the rule of three stands in for a standard deviation of 0
        se = sd / seeds**0.5
        rare = 3 / (seeds * STUDIED)
        reach = 3 * se + 3 * sd * (STUDIED / TESTED) ** 0.5 if sd else rare + 3 * (rare / TESTED) ** 0.5
        lines.append([name, share(statistics.fmean(values)), share(sd), share(se), f"{100 * reach:.1f}"])
    return markdown(["quantity, points", "mean", "s.d. over seeds", "standard error", "tolerance of the test"], lines)


def attributes() -> str:
    """Gain of each attribute attack over the hardest guesser without a model, and how many seeds it breaks."""
    groups: dict[tuple[str, str], Rows] = collections.defaultdict(list)
    for row in read("attributes"):
        groups[row["attack"], row["target"]].append(row)
    targets = list(dict.fromkeys(target for _, target in groups))
    lines: list[list[str]] = []
    heads = {"best guesser without a model, %": "guesser_accuracy", "with the average answer, %": "average_accuracy"}
    for name, key in heads.items():
        some = {t: [row for (_, target), group in groups.items() if target == t for row in group] for t in targets}
        lines.append([name, "", *(share(mean(some[t], key)) for t in targets)])
    for attack in dict.fromkeys(name for name, _ in groups):
        cells = []
        for target in targets:
            some = groups.get((attack, target), [])
            broken = sum(row["gain"] > 0 and row["p_holm"] <= 0.05 for row in some)
            gain = 100 * (mean(some, "gain") or 0.0)
            cells.append(f"{gain:+.1f} ({broken} of {len(some)})" if some else "")
        given = next(group[0]["interface"] for (name, _), group in groups.items() if name == attack)
        lines.append([attack, given, *cells])
    return markdown(["", "is given", *targets], lines)


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


def training(name: str) -> str:
    """Cost of an epoch of each defence, or of each way to write one."""
    lines = read(name)
    names = list(lines[0]["rows"])
    rows = [[line["title"], *(f"{line['rows'][name]['cpu_ratio']:.2f}" for name in names)] for line in lines]
    return markdown(["", *names], rows)


def scale() -> str:
    """CPU seconds of each attribute attack on many records."""
    names = list(dict.fromkeys(row["attack"] for row in read("mid_scale")))
    times = {(row["target"], row["attack"]): f"{row['cpu_s']:.1f}" for row in read("mid_scale")}
    targets = list(dict.fromkeys(target for target, _ in times))
    rows = [[name, *(times.get((target, name), "") for target in targets)] for name in names]
    return markdown(["attack", *targets], rows)


INVERSIONS = {
    "MIFace": "MI-Face",
    "GMI": "GMI",
    "KEDMI": "KED-MI",
    "VMI": "variational",
    "PLGMI": "PLG-MI",
    "LOMMA": "LOMMA on GMI",
    "BREPMI": "BREP-MI",
    "alignment, logits": "alignment, logits",
    "alignment, probabilities": "alignment, probabilities",
}


def over_seeds(values: list[float], digits: int = 2) -> str:
    """Return each seed's value."""
    return ", ".join(f"{value:.{digits}f}" for value in values)


def inversions() -> str:
    """Every attack that reconstructs on a network without defence, beside one that knows nothing of the classes."""
    rows: list[list[str]] = []
    for kind, name in INVERSIONS.items():
        here = [row for row in read("inversion") if row["data"] == "digits" and row["attack"] == kind]
        some, null = ([row for row in here if row["defence"] == d] for d in ("none", "shuffled"))
        if not some:
            continue
        needs = some[0]["needs"]
        broken = sum(row["accuracy"]["low"] > row["chance"] for row in some)
        rows.append(
            [
                name,
                needs["interface"] + (", own records" if needs["auxiliary"] else ""),
                f"{statistics.fmean(row['queries'] for row in some):,.0f}",
                over_seeds([row["accuracy"]["value"] for row in some]),
                over_seeds([row["accuracy"]["value"] for row in null]),
                f"{statistics.fmean(row['chance'] for row in some):.2f}",
                f"{broken} of {len(some)}",
                over_seeds([row["error"] / row["floor"] for row in some]),
            ]
        )
    head = ["attack", "is given", "queries", "judged right, each seed", "same, shuffled labels", "chance"]
    return markdown([*head, "seeds above chance", "error over that of a mean"], rows)


def bottleneck_claims() -> str:
    """C12 and C13: divergence and accuracy by beta, and what queries bring back."""
    rows: list[list[str]] = []
    here = [row for row in read("mid_claims") if row["claim"] == "C12, C13"]
    free = {row["seed"]: row["divergence"] for row in here if row["beta"] == 0}
    for beta in dict.fromkeys(row["beta"] for row in here):
        some = [row for row in here if row["beta"] == beta and row["seed"] in free]
        rows.append(
            [
                f"{beta:g}",
                over_seeds([row["divergence"] for row in some], 1),
                over_seeds([free[row["seed"]] / row["divergence"] for row in some], 1),
                *(over_seeds([row[f"accuracy_{kind}"] for row in some], 3) for kind in ("once", "many", "mean")),
                over_seeds([100 * (row["accuracy_many"] - row["accuracy_once"]) for row in some], 1),
            ]
        )
    head = ["β", "divergence, nats", "fall from β = 0", "accuracy, 1 query", "100 queries", "mean"]
    return markdown([*head, "100 less 1, points"], rows)


def functional_claim() -> str:
    """C16: error of the functional mechanism by its budget."""
    here = [row for row in read("mid_claims") if row["claim"] == "C16"]
    rows: list[list[str]] = []
    for row in here:
        spread = f"{row['se']:.1g}" if "se" in row else f"weights within {row['largest_difference']:.0e}"
        budget = "without noise" if row["epsilon"] is None else f"{row['epsilon']:g}"
        rows.append([budget, f"{row['error']:.4f}", spread])
    return markdown(["ε", "mean error, of Var(y)", "standard error"], rows) + (
        f"\n\nLeast squares: {here[0]['least_squares']:.4f}." if here else ""
    )


def update_claim() -> str:
    """C17: labels of updates, told from the change of answers."""
    here = [row for row in read("mid_claims") if row["claim"] == "C17"]
    rows: list[list[str]] = []
    for beta, access in dict.fromkeys((row["beta"], row["access"]) for row in here):
        some = [row for row in here if (row["beta"], row["access"]) == (beta, access)]
        rows.append(
            [
                "none" if beta is None else f"MID, β = {beta:g}",
                access if beta is not None else "any",
                over_seeds([row["accuracy"] for row in some]),
                over_seeds([row["chance"] for row in some]),
                f"{some[0]['queries']:,}",
            ]
        )
    return markdown(["target", "access", "labels right, each seed", "chance", "queries"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "inversions": inversions,
    "bottleneck claims": bottleneck_claims,
    "functional claim": functional_claim,
    "update claim": update_claim,
    "warfarin": warfarin,
    "warfarin tolerances": tolerances,
    "attributes": attributes,
    "warfarin guessers": warfarin_guessers,
    "audits": audits,
    "attribute peers": peers,
    "miface peers": miface,
    "mid training": functools.partial(training, "mid_training"),
    "mid bottleneck": functools.partial(training, "mid_bottleneck"),
    "mid scale": scale,
}
