"""Tables of the study of networks, from results/networks.jsonl.

    python benchmarks/tables_networks.py            # print all of them

Numbers are means over seeds with their standard error; intervals are 90 % by Student's law over seeds, which with three
of them is wide. MID is compared seed by seed at the accuracy of the other defence, on the line between the points of
its own sweep beside it; where an accuracy lies outside the sweep nothing is extrapolated, and that seed does not count.
"""

import functools
import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import result_files
from scipy import stats

Row = dict[str, Any]
SETS = ("faces", "fashion")
ACCESS = ("once", "many", "mean")
ATTACKS = {
    "logits": "alignment, logits",
    "probabilities": "alignment, probabilities",
    "GMI": "GMI",
    "BREPMI": "BREP-MI",
    "MIFace": "MI-Face",
}
MEASURES = {"success": tuple(ATTACKS), "top5": ("GMI", "BREPMI", "MIFace"), "error": ("logits", "probabilities")}
EXTRA = {"logits": "error", "MIFace": "top5"}  # a second measure in the table of points
LEVEL = 0.9

read = functools.cache(functools.partial(result_files.read, "networks"))
table = result_files.markdown


def found(**where: Any) -> list[Row]:
    """Return the runs with some settings."""
    return [row for row in read() if all(row[k] == v for k, v in where.items())]


def value(row: Row, measure: str) -> float:
    """Return how well an attack did.

    "success" is the evaluator's accuracy, "top5" whether the class is among its first five, "error" the squared error
    of records over that of what an attacker has without answers: the mean of the class, of faces the mean of all.
    """
    if measure == "error":
        return row["mse_fresh"]["value"] / row["global_floor" if row["data"] == "faces" else "class_floor"]
    if measure == "top5":
        return row["accuracy_top5"]["value"] if row.get("accuracy_top5") else 0.0
    return row["success_fresh" if "success_fresh" in row else "success"]["value"]


def spread(values: Iterable[float], digits: int = 3) -> str:
    """Return mean and standard error over seeds; the mean alone where there is one value."""
    v = np.array(list(values), float)
    if len(v) == 0:
        return "-"
    return f"{v.mean():.{digits}f}" + (f" ± {v.std(ddof=1) / len(v) ** 0.5:.{digits}f}" if len(v) > 1 else "")


def interval(differences: Iterable[float]) -> str:
    """Return the mean of differences over seeds with its interval."""
    v = np.array(list(differences), float)
    if len(v) < 2:
        return "none" if len(v) == 0 else f"{v[0]:+.3f} (1 seed)"
    half = stats.t.ppf((1 + LEVEL) / 2, len(v) - 1) * v.std(ddof=1) / len(v) ** 0.5
    return f"{v.mean():+.3f} ({v.mean() - half:+.3f} to {v.mean() + half:+.3f})"


def defences(data: str) -> list[str]:
    """Return the defences of a data set, in order of the file, MID first."""
    names = list(dict.fromkeys(row["defence"] for row in found(data=data)))
    return sorted(names, key=lambda name: not name.startswith("MID"))


def points(data: str) -> str:
    """Every target: what it is worth to users, and what attackers get."""
    rows = []
    for name in defences(data):
        these = found(data=data, defence=name)
        by_seed = {row["seed"]: row for row in these}
        spent = [row["epsilon"] for row in by_seed.values() if "epsilon" in row]
        cells = [spread(row[f"accuracy_{kind}"] for row in by_seed.values()) for kind in ("once", "many")]
        for attack, access in itertools.product(ATTACKS, ACCESS):
            if any(row["attack"] == attack and row["access"] == access for row in found(data=data)):
                some = [row for row in these if row["attack"] == attack and row["access"] == access]
                cells.append(spread(value(row, "success") for row in some))
                if attack in EXTRA:
                    cells.append(spread((value(row, EXTRA[attack]) for row in some), 2))
        rows.append([name, f"{np.mean(spent):.3g}" if spent else "-", *cells])
    head = ["target", "epsilon", "accuracy, 1 query", "100 queries"]
    for attack, access in itertools.product(ATTACKS, ACCESS):
        if found(data=data, attack=attack, access=access):
            head.append(f"{ATTACKS[attack]}, {access}")
            if attack in EXTRA:
                head.append(f"its {EXTRA[attack]}, {access}")
    return table(head, rows)


def on_the_curve(data: str, seed: int, attack: str, access: str, measure: str, axis: str, at: float) -> float | None:
    """Return MID's attack at an accuracy, between the points of its sweep; none outside it."""
    rows = [r for r in found(data=data, seed=seed, attack=attack, access=access) if r["defence"].startswith("MID")]
    by_accuracy: dict[float, list[float]] = {}
    for row in rows:
        by_accuracy.setdefault(row[axis], []).append(value(row, measure))
    x = np.array(sorted(by_accuracy))
    if len(x) < 2 or not x[0] <= at <= x[-1]:
        return None
    return float(np.interp(at, x, [np.mean(by_accuracy[a]) for a in x]))


def matched(data: str, measure: str = "success", axis: str = "accuracy_once") -> str:
    """MID less another defence at the other's accuracy; negative means that MID leaks less (of an error: more)."""
    rows = []
    for name in (n for n in defences(data) if not n.startswith(("MID", "mixing"))):
        for attack in ATTACKS:
            theirs = found(data=data, defence=name, attack=attack)
            if not theirs or attack not in MEASURES[measure]:
                continue
            cells, counts = [], []
            for access in ACCESS:
                pairs = [
                    (value(row, measure), on_the_curve(data, row["seed"], attack, access, measure, axis, row[axis]))
                    for row in theirs
                ]
                differences = [ours - other for other, ours in pairs if ours is not None]
                counts.append(len(differences))
                cells.append(interval(differences))
            if not any(counts):
                cells = ["none"] * len(ACCESS)
            rows.append(
                [
                    name,
                    spread(row[axis] for row in theirs),
                    ATTACKS[attack],
                    spread(value(row, measure) for row in theirs),
                    *cells,
                    f"{max(counts)} of {len(theirs)}",
                ]
            )
    head = ["other", "accuracy", "attack", "its attack", *(f"MID less other, {a}" for a in ACCESS), "seeds matched"]
    return table(head, rows)


def undefended(data: str, measure: str = "success") -> str:
    """MID less the undefended network, by beta: accuracy, and the attack by each access."""
    rows = []
    for name in (n for n in defences(data) if n.startswith("MID")):
        for attack in ATTACKS:
            base = {row["seed"]: row for row in found(data=data, defence="none", attack=attack)}
            ours = [row for row in found(data=data, defence=name, attack=attack) if row["seed"] in base]
            if not ours or attack not in MEASURES[measure]:
                continue
            once = [row for row in ours if row["access"] == "once"]
            losses = [
                interval(row[f"accuracy_{kind}"] - base[row["seed"]]["accuracy_once"] for row in once)
                for kind in ("once", "many")
            ]
            cells = [
                interval(value(row, measure) - value(base[row["seed"]], measure) for row in ours if row["access"] == a)
                for a in ACCESS
            ]
            rows.append([name, *losses, ATTACKS[attack], spread(value(r, measure) for r in base.values()), *cells])
    head = ["target", "accuracy less none's, 1 query", "100 queries", "attack", "on none", *ACCESS]
    return table(head, rows)


def smoothing() -> str:
    """Claim C19: leakage by the sign of label smoothing."""
    names = ("smoothing -0.05", "none", "smoothing 0.1")
    rows = []
    for data, attack in itertools.product(SETS, ATTACKS):
        by_name = {n: {r["seed"]: r for r in found(data=data, defence=n, attack=attack)} for n in names}
        seeds = sorted(set.intersection(*(set(by_name[n]) for n in names)))
        if not seeds:
            continue
        each = {n: np.array([value(by_name[n][s], "success") for s in seeds]) for n in names}
        in_order = (each[names[0]] <= each["none"]) & (each["none"] <= each[names[2]])
        accuracy = " / ".join(f"{np.mean([by_name[n][s]['accuracy_once'] for s in seeds]):.3f}" for n in names)
        rows.append(
            [
                data,
                ATTACKS[attack],
                accuracy,
                *(spread(each[n]) for n in names),
                interval(each[names[0]] - each["none"]),
                interval(each[names[2]] - each["none"]),
                f"{in_order.sum()} of {len(seeds)}",
            ]
        )
    head = ["data", "attack", "accuracies", *names, "-0.05 less none", "0.1 less none", "seeds in the order claimed"]
    return table(head, rows)


def digits() -> str:
    """Claims C12 and C13: inversion from logits on digits, and what averaging brings back."""
    rows = []
    for name in ("none", *(n for n in defences("digits") if n.startswith("MID"))):
        these = found(data="digits", defence=name, attack="logits")
        base = {row["seed"]: row for row in found(data="digits", defence="none", attack="logits")}
        once = [row for row in these if row["access"] == "once"]
        cells = [
            spread((r["mse_fresh"]["value"] for r in these if r["access"] == access), 4)
            for access in (ACCESS if name != "none" else ("once",))
        ]
        cells += ["-"] * (len(ACCESS) - len(cells))
        shared = [row for row in once if row["seed"] in base]
        rise = interval(r["mse_fresh"]["value"] / base[r["seed"]]["mse_fresh"]["value"] - 1 for r in shared)
        floor = spread((value(row, "error") for row in once), 2)
        gain = interval(row["accuracy_many"] - row["accuracy_once"] for row in once)
        accuracies = [spread(row[f"accuracy_{kind}"] for row in once) for kind in ACCESS]
        rows.append([name, *accuracies, gain, *cells, rise, floor])
    head = ["target", "accuracy, 1 query", "100 queries", "mean", "100 less 1"]
    return table([*head, *(f"MSE, {a}" for a in ACCESS), "rise over none, once", "over the class mean's, once"], rows)


TABLES = {
    **{f"networks-points-{d}": functools.partial(points, d) for d in SETS},
    **{f"networks-matched-{d}": functools.partial(matched, d) for d in SETS},
    **{f"networks-matched-error-{d}": functools.partial(matched, d, "error") for d in SETS},
    **{f"networks-matched-averaging-{d}": functools.partial(matched, d, axis="accuracy_many") for d in SETS},
    **{f"networks-undefended-{d}": functools.partial(undefended, d) for d in SETS},
    **{f"networks-undefended-error-{d}": functools.partial(undefended, d, "error") for d in SETS},
    **{f"networks-matched-top5-{d}": functools.partial(matched, d, "top5") for d in SETS},
    **{f"networks-undefended-top5-{d}": functools.partial(undefended, d, "top5") for d in SETS},
    "networks-smoothing": smoothing,
    "networks-digits": digits,
}


if __name__ == "__main__":
    for title, make in TABLES.items():
        print(f"\n{title}: {getattr(make, 'func', make).__doc__}\n\n{make()}")
