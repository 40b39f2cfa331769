"""Tables and figures of the image studies, from results/images.jsonl, toy.jsonl, any_decoder.jsonl and cmim.jsonl.

They are put into docs/guide by tables.py; ``python benchmarks/tables_images.py`` draws the figures beside them.
"""

import collections
import functools
import itertools
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import result_files

HERE = pathlib.Path(__file__).parent
GUIDE = HERE.parent / "docs" / "guide"
MODELS = ("AE", "DAE", "VAE", "ContrastiveVAE", "MIM", "CMIM", "CMIM-cal", "InfoNCE")
NAMES = {"CMIM": "cMIM", "CMIM-cal": "cMIM, calibrated, weight 10", "ContrastiveVAE": "contrastive VAE"}
SETS = ("digits", "mnist5k", "fashion")
METRICS = {"knn_euclidean": "k-NN E", "knn_cosine": "k-NN cos", "linear": "linear"}
Row = dict[str, Any]


read = functools.cache(result_files.read)  # each file once
table = result_files.markdown


def spread(values: Iterable[float], digits: int = 3, sign: bool = False) -> str:
    """Return mean and standard error; the mean alone where there is one value."""
    v = np.array(list(values), float)
    plus = "+" if sign else ""
    if len(v) == 0:
        return "-"
    mean = f"{v.mean():{plus}.{digits}f}"
    return mean if len(v) < 2 else f"{mean} ± {v.std(ddof=1) / len(v) ** 0.5:.{digits}f}"


def grid(**where: Any) -> list[Row]:
    """Return the runs of the grid with some settings."""
    rows = [row for row in read("images") if row["part"] == "grid"]
    budget = where.pop("budget", None)
    found = [row for row in rows if all(row[k] == v for k, v in where.items())]
    if budget == "steps":  # where as many steps are as many samples, the run was made once
        usual = {row["data"]: row["steps"] for row in rows if row["budget"] == "steps" and row["batch"] == 10}
        same = [r for r in found if r["budget"] == "samples" and r["steps"] == usual.get(r["data"])]
        twice = {(r["model"], r["augment"], r["batch"], r["seed"]) for r in found if r["budget"] == "steps"}
        found = [r for r in found if r["budget"] == "steps"] + [
            r for r in same if (r["model"], r["augment"], r["batch"], r["seed"]) not in twice
        ]
    elif budget is not None:
        found = [row for row in found if row["budget"] == budget]
    return found


def named(model: str, augment: bool = False) -> str:
    """Return the name of a model for a table."""
    return NAMES.get(model, model) + (", augmented" if augment else "")


def seeds() -> str:
    """Say how much of the study has been run: of the grid, whole seeds and those begun; of all of it, models."""
    import study_images as study  # which loads torch

    rows = []
    for name in SETS:
        planned = list(study.jobs(list(study.PARTS), [name], None, list(study.MODELS)))
        wanted = collections.Counter(job["seed"] for job in planned if job["part"] == "grid")
        counts = collections.Counter(row["seed"] for row in grid(data=name))
        whole = sum(counts[seed] == wanted[seed] for seed in wanted)
        keys = {study.key(job) for job in planned}
        done = sum(study.key(row) in keys for row in read("images"))
        rows.append([name, f"{whole} of {len(wanted)}", str(len(counts)), f"{done} of {len(planned)}"])
    return table(["data set", "complete seeds of the grid", "begun", "runs"], rows)


def controls() -> str:
    """Accuracies of features that nothing was trained for."""
    rows = []
    for name in SETS:
        found = [row for row in read("images") if row["part"] == "controls" and row["data"] == name]
        for feature in [k for k in (found[0] if found else {}) if isinstance(found[0][k], dict)]:
            rows.append([name, feature, *(spread(r[feature][m] for r in found) for m in METRICS)])
    return table(["data set", "features", *METRICS.values()], rows)


def main_table(data: str, budget: str) -> str:
    """Every model at batches of 100."""
    rows = []
    for augment, model in itertools.product((False, True), MODELS):
        found = grid(data=data, model=model, batch=100, budget=budget, augment=augment)
        if not found:
            continue
        has = "nll" in found[0]
        rows.append(
            [
                named(model, augment),
                spread((r["nll"] for r in found), 2) if has else "-",
                *(spread(r["mu_test"][m] for r in found) for m in METRICS),
                spread(r["h_test"]["linear"] for r in found) if has else "-",
                *(f"{np.mean([r[k] for r in found]):.2g}" for k in ("gate", "cosine", "norm")),
                f"{np.mean([r['floor'] for r in found]):.2g}" if model not in ("AE", "DAE", "InfoNCE") else "-",
                str(len(found)),
            ]
        )
    head = ["model", "NLL", *METRICS.values(), "h, linear", "gate", "mean cosine", "norm", "at the floor", "seeds"]
    return table(head, rows)


def batches(data: str, budget: str, metric: str = "knn_cosine") -> str:
    """Accuracy of the code against the batch size, and how far it spreads."""
    sizes = sorted({row["batch"] for row in grid(data=data, budget=budget)})
    rows = []
    for model, augment in [(m, False) for m in MODELS] + [("InfoNCE", True)]:
        cells, by_seed = [], collections.defaultdict(dict)
        for size in sizes:
            found = grid(data=data, budget=budget, model=model, batch=size, augment=augment)
            cells.append(spread(r["mu_test"][metric] for r in found))
            for r in found:
                by_seed[r["seed"]][size] = r["mu_test"][metric]
        whole = [v for v in by_seed.values() if len(v) == len(sizes)]
        rows.append([named(model, augment), *cells, spread(max(v.values()) - min(v.values()) for v in whole)])
    return table(["model", *(f"B = {size}" for size in sizes), "largest less smallest"], rows)


def gate(data: str, part: str = "gate") -> str:
    """Weights and temperatures of the contrastive term, beside MIM with the same seeds."""
    found = [row for row in read("images") if row["part"] == part and row["data"] == data]
    base = {row["seed"]: row for row in found if row["model"] == "MIM"}
    rows = []
    for w, tau in dict.fromkeys((row["w_k"], row["tau"]) for row in found):
        these = [row for row in found if (row["w_k"], row["tau"]) == (w, tau) and row["seed"] in base]
        cells = [
            spread((r["nll"] for r in these), 2),
            f"{np.mean([r['gate'] for r in these]):.2g}",
            f"{np.mean([r['cosine'] for r in these]):.2g}",
        ]
        for codes, metric in (("mu_val", "knn_cosine"), ("mu_test", "knn_cosine"), ("mu_test", "linear")):
            if w == 0:
                cells.append(spread(r[codes][metric] for r in these))
            else:
                cells.append(spread((r[codes][metric] - base[r["seed"]][codes][metric] for r in these), sign=True))
        rows.append(["MIM" if w == 0 else f"{w:g}", "-" if w == 0 else str(tau), *cells])
    head = [
        "weight",
        "temperature",
        "NLL",
        "gate",
        "mean cosine",
        "k-NN cos, validation",
        "k-NN cos, test",
        "linear, test",
    ]
    return table(head, rows)


def infonce() -> str:
    """InfoNCE with one loss and one kind of view, at two temperatures."""
    found = [row for row in read("images") if row["part"] == "infonce"]
    rows = []
    for data, augment, tau in dict.fromkeys((r["data"], r["augment"], r["tau"]) for r in found):
        these = [r for r in found if (r["data"], r["augment"], r["tau"]) == (data, augment, tau)]
        cells = [
            spread(r[part][m] for r in these)
            for part, m in (("mu_val", "knn_cosine"), *(("mu_test", m) for m in METRICS))
        ]
        rows.append([data, "affine" if augment else "none", str(tau), *cells])
    return table(["data set", "views", "temperature", "k-NN cos, validation", *METRICS.values()], sorted(rows))


def claims() -> str:
    """What C4 to C11 compare, computed: differences are means over the seeds that both sides have."""

    def paired(a: dict[str, Any], b: dict[str, Any], value: Any) -> str:
        left, right = ({r["seed"]: value(r) for r in grid(**w)} for w in (a, b))
        return spread((left[s] - right[s] for s in sorted(left.keys() & right.keys())), sign=True)

    values: dict[str, Any] = {f"{label}": lambda r, m=m: r["mu_test"][m] for m, label in METRICS.items()}
    values |= {"NLL": lambda r: r["nll"], "uniformity": lambda r: r["uniformity"]}
    rows = []
    for data in SETS:
        at = {"data": data, "batch": 100, "budget": "steps", "augment": False}
        for model, (label, value) in itertools.product(("CMIM", "CMIM-cal", "VAE"), values.items()):
            difference = paired({**at, "model": model}, {**at, "model": "MIM"}, value)
            rows.append([data, f"{named(model)} - MIM, {label}", difference])
        for augment in (False, True):
            there = {**at, "budget": "samples", "augment": augment}
            difference = paired({**there, "model": "CMIM"}, {**there, "model": "InfoNCE"}, values["linear"])
            how = "both augmented" if augment else "no augmentation"
            rows.append([data, f"cMIM - InfoNCE, {how}, linear", difference])
    return table(["data set", "difference at B = 100", "mean ± standard error over seeds"], rows)


def features() -> str:
    """The informative embedding less the code, and less the same layer of a decoder that was drawn anew."""
    rows = []
    for data, model in itertools.product(SETS, [m for m in MODELS if m != "InfoNCE"]):
        found = grid(data=data, model=model, budget="steps", augment=False, batch=100)
        if not found:
            continue
        cells = []
        for other in ("mu_test", "h_redrawn"):
            for metric in METRICS:
                cells.append(spread((r["h_test"][metric] - r[other][metric] for r in found), sign=True))
        rows.append([data, named(model), *cells])
    head = [
        "data set",
        "model",
        *(f"h - code, {m}" for m in METRICS.values()),
        *(f"h - drawn anew, {m}" for m in METRICS.values()),
    ]
    return table(head, rows)


def toy() -> str:
    """The mixture of five normal laws."""
    found = read("toy")
    rows = []
    for dim, latent in dict.fromkeys((r["dim"], r["latent"]) for r in found):
        for model in ("MIM", "A-MIM", "VAE"):
            these = [r for r in found if (r["dim"], r["latent"], r["model"]) == (dim, latent, model)]
            kinds = (("ksg", 2), ("lower", 2), ("upper", 2), ("knn5", 3), ("rmse", 3))
            name = "symmetric MIM" if model == "MIM" else model
            rows.append([str(dim), str(latent), name, *(spread((r[k] for r in these), n) for k, n in kinds)])
    head = [
        "dimensions of x",
        "of z",
        "model",
        "KSG, nats",
        "I(x; z) at least",
        "at most",
        "5-NN on z",
        "RMSE a feature",
    ]
    return table(head, rows)


def raw() -> str:
    """Every setting of the grid: mean over seeds and standard error."""
    kept: dict[tuple[Any, ...], list[Row]] = collections.defaultdict(list)
    for row in grid():
        kept[tuple(row[k] for k in ("data", "model", "augment", "budget", "batch", "steps"))].append(row)
    rows = []
    for data, model, augment, budget, batch, steps in sorted(
        kept, key=lambda k: (SETS.index(k[0]), MODELS.index(k[1]), *k[2:])
    ):
        these = kept[data, model, augment, budget, batch, steps]
        has = "nll" in these[0]
        cells = [spread(r["mu_test"][m] for r in these) for m in METRICS]
        cells += [spread(r["h_test"][m] for r in these) if has else "-" for m in METRICS]
        nll = spread((r["nll"] for r in these), 2) if has else "-"
        rows.append([data, named(model, augment), budget, str(batch), str(steps), str(len(these)), nll, *cells])
    head = ["data", "model", "budget", "B", "steps", "seeds", "NLL"]
    return table([*head, *METRICS.values(), *(f"h {m}" for m in METRICS.values())], rows)


def _place(k: tuple[Any, ...]) -> tuple[Any, ...]:
    return (SETS.index(k[0]), MODELS.index(k[1]), *k[2:])


def steps() -> str:
    """What a step costs."""
    rows = []
    for line in read("cmim"):
        for name, row in line["rows"].items():
            rows.append([line["title"], name, f"{row['cpu_ratio']:.2f}"])
    return table(["measured", "what", "CPU time, ratio to the first"], rows)


ANY_DECODER = {
    "code": "code",
    "decoder hidden": "decoder's hidden layer",
    "decoder hidden, zero code": "the same, code set to zero",
    "decoder hidden, another's code": "the same, another sample's code",
    "decoder hidden, decoder drawn anew": "the same, decoder drawn anew",
    "raw pixels": "raw pixels",
}


def any_decoder() -> str:
    """Linear accuracy of features of models that are not ours; of draws of a decoder, the mean of each seed counts."""
    rows = read("any_decoder")
    models = list(dict.fromkeys(row["model"] for row in rows))
    draws: dict[tuple[str, str, int], list[float]] = collections.defaultdict(list)
    for row in rows:
        draws[row["features"], row["model"], row["seed"]].append(row["linear"])
    lines = []
    for kind, told in ANY_DECODER.items():
        means = {(m, seed): float(np.mean(v)) for (k, m, seed), v in draws.items() if k == kind}
        lines.append([told, *(spread(mean for (m, _), mean in means.items() if m == model) for model in models)])
    return table(["features", *models], lines)


TABLES = {
    "any-decoder": any_decoder,
    "images-seeds": seeds,
    "images-controls": controls,
    "images-features": features,
    "images-raw": raw,
    "images-toy": toy,
    "cmim-steps": steps,
    **{f"images-main-{name}": functools.partial(main_table, name, "samples") for name in SETS},
    "images-main-digits-steps": functools.partial(main_table, "digits", "steps"),
    "images-infonce": infonce,
    "images-claims": claims,
    **{f"images-gate-{name}": functools.partial(gate, name) for name in SETS[:2]},
    "images-longer": functools.partial(gate, "mnist5k", "longer"),
    **{f"images-{b}-{name}": functools.partial(batches, name, b) for name in SETS for b in ("samples", "steps")},
}


def figures() -> None:
    """Draw accuracy against batch size."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    drawn = [(name, False) for name in ("MIM", "CMIM", "CMIM-cal", "AE", "VAE", "InfoNCE")] + [("InfoNCE", True)]
    mpl.rcParams["svg.hashsalt"] = "images"
    fig, axes = plt.subplots(2, len(SETS), figsize=(11, 6.6), sharex="col", constrained_layout=True)
    for column, data in enumerate(SETS):
        for line, budget in enumerate(("samples", "steps")):
            axis = axes[line, column]
            for number, (model, augment) in enumerate(drawn):
                points = collections.defaultdict(list)
                for row in grid(data=data, budget=budget, model=model, augment=augment):
                    points[row["batch"]].append(row["mu_test"]["knn_cosine"])
                sizes = sorted(points)
                mean = [np.mean(points[s]) for s in sizes]
                error = [np.std(points[s], ddof=1) / len(points[s]) ** 0.5 if len(points[s]) > 1 else 0 for s in sizes]
                style = {"color": f"C{number}", "ls": "--" if model == "InfoNCE" else "-", "marker": "o", "ms": 3}
                axis.errorbar(sizes, mean, error, label=named(model, augment), **style)
            axis.set_xscale("log")
            axis.set_title(f"{data}, as many {budget}", fontsize=10)
            axis.grid(alpha=0.3)
    for axis in axes[1]:
        axis.set_xlabel("batch size")
    for axis in axes[:, 0]:
        axis.set_ylabel("k-NN accuracy, cosine")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    fig.savefig(GUIDE / "cmim-batches.svg", metadata={"Date": None})


if __name__ == "__main__":
    figures()
