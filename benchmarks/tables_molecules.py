"""Tables of the molecule models, from results/molecules.jsonl, molecule_properties.jsonl and others, and the card.

`python benchmarks/tables.py cmim-molecules` puts them into docs/guide/cmim-molecules.md.
"""

import collections
import functools
import itertools
import json
import pathlib
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import result_files

ROOT = pathlib.Path(__file__).parent.parent
CARD = ROOT / "packages" / "cmim" / "src" / "cmim" / "molecules" / "checkpoints" / "moses-1" / "card.json"
NAMES = {
    "untrained": "not trained", "CMIM": "cMIM, τ = 0.1", "CMIM-1": "cMIM, τ = 1",
    "MIM-learned": "MIM, learned variance", "CMIM-cal": "cMIM, calibrated, weight 10",
    "InfoNCE": "InfoNCE, random SMILES",
}  # fmt: skip
ORDER = ("AE", "VAE", "MIM", "MIM-learned", "CMIM", "CMIM-1", "CMIM-cal", "InfoNCE", "untrained")
STEPS = {"main": 7800, "c13": 12_000}
EARLIER = 4500
SETS = {"esol": "ESOL", "freesolv": "FreeSolv", "lipophilicity": "Lipophilicity"}
AROUND = {"valid": "validity", "not the seed": "non_identicality", "new": "effective_novelty"}
FEATURES = ("latent", "informative", "not trained, latent", "not trained, informative", "morgan", "descriptors")
GAPS = (
    *(f"{a} - {b}" for a in FEATURES[:2] for b in ("morgan", "descriptors", f"not trained, {a}")),
    "informative - latent",
)
Row = dict[str, Any]
Triple = Sequence[float | None]

read = functools.cache(result_files.read)
table = result_files.markdown


def named(label: str) -> str:
    """Return the name of a model, or of a model's features, for a table."""
    model, comma, rest = label.partition(", ")
    return NAMES.get(model, model) + comma + rest


def spread(values: Iterable[float | None], digits: int = 3) -> str:
    """Return mean and standard error over seeds; the mean alone of one, and a dash of none."""
    found = [value for value in values if value is not None]
    if not found:
        return "-"
    mean = f"{statistics.fmean(found):.{digits}f}"
    if len(found) == 1:
        return mean
    return f"{mean} ± {statistics.stdev(found) / len(found) ** 0.5:.{digits}f}"


def interval(values: Triple, digits: int = 3, sign: bool = False) -> str:
    """Return a value and its interval."""
    plus = "+" if sign else ""
    value, low, high = (None if v is None else f"{v:{plus}.{digits}f}" for v in values)
    return "-" if value is None else value if low is None else f"{value} ({low} to {high})"


def share(found: Row, digits: int = 1) -> str:
    """Return a share of a hundred, with its interval if it has one."""
    values = (found["value"], found["low"], found["high"])
    return interval([None if v is None else 100 * v for v in values], digits)


def runs(part: str, steps: int | None = None) -> dict[str, list[Row]]:
    """Return the lines of a part by model, of some number of steps, or of that which the part asks for."""
    asked = (STEPS[part] if steps is None else steps, 0)
    rows = [r for r in read("molecules") if r["part"] == part and (r["steps"] in asked or r["model"] == "untrained")]
    found: dict[str, list[Row]] = collections.defaultdict(list)
    for row in {(r["model"], r["seed"]): r for r in rows}.values():
        found[row["model"]].append(row)
    return found


def models(part: str, steps: int | None = None) -> str:
    """Reconstruction, likelihood and codes of every model."""
    found, lines = runs(part, steps), []
    for name in ORDER:
        if not (rows := found.get(name)):
            continue
        whole = [row for row in rows if "test" in row]
        lines.append(
            [
                named(name),
                *(spread((100 * r[s]["exact"]["value"] for r in whole), 1) for s in ("test", "training")),
                spread((100 * r["test"]["forced"] for r in whole), 1),
                *(spread(r["test"]["nll"][code] for r in whole) for code in ("own", "zero", "other")),
                spread((r["codes"]["norm"] for r in rows), 2),
                spread((r["codes"]["cosine"] for r in rows), 2),
                str(len(rows)),
            ]
        )
    head = ["model", "exact %, test", "training", "tokens %", "nats a token", "code zero", "other code", "norm"]
    return table([*head, "mean cosine", "seeds"], lines)


def around(part: str) -> str:
    """Validity and effective novelty of samples around test molecules, by radius."""
    found = runs(part)
    radii = sorted({e["radius"] for rows in found.values() for row in rows for e in row.get("around", [])})
    lines = []
    for name in ORDER:
        rows = [row for row in found.get(name, []) if "around" in row]
        for label, metric in (
            ("valid", "validity"),
            ("not the seed", "non_identicality"),
            ("new", "effective_novelty"),
        ):
            if rows:
                by = [{e["radius"]: e[metric]["value"] for e in row["around"]} for row in rows]
                cells = (spread((None if b[r] is None else 100 * b[r] for b in by), 1) for r in radii)
                lines.append([named(name), f"{label} %", *cells])
    return table(["model", "of the samples", *(f"radius {r:g}" for r in radii)], lines)


def crossing(entries: list[Row], at: float) -> float | None:
    """Return the validity where the share that is not the seed reaches `at`, by straight lines between radii."""
    pairs = [(e["non_identicality"]["value"], e["validity"]["value"]) for e in entries]
    points = [(x, y) for x, y in pairs if x is not None and y is not None]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 <= at <= x1:
            return y0 if x1 == x0 else y0 + (y1 - y0) * (at - x0) / (x1 - x0)
    return None


def equal_change(part: str, steps: int | None = None) -> str:
    """C13: validity where as many samples differ from their seed, sampled variance against learned."""
    found, lines = runs(part, steps), []
    for name in ORDER:
        rows = [row for row in found.get(name, []) if "around" in row]
        if rows:
            cells = []
            for at in (0.3, 0.5, 0.7, 0.9):
                values = [crossing(row["around"], at) for row in rows]
                cells.append(spread((None if v is None else 100 * v for v in values), 1))
            lines.append([named(name), *cells, str(len(rows))])
    head = [f"{at} % not the seed" for at in (30, 50, 70, 90)]
    return table(["validity % of", *head, "seeds"], lines)


def properties(name: str, part: str = "main") -> str:
    """RMSE of a property by features, the regression model chosen by the inner folds, and of ridge."""
    found, lines = runs(part), []
    for row in found.get("controls", [])[:1]:
        for feature, by in row["properties"].get(name, {}).get("scores", {}).items():
            cells = [interval(by[m]["rmse"]) if m in by else "-" for m in ("best", "ridge")]
            if feature == "mean":
                cells[0] = interval(by["mean"]["rmse"])
            lines.append([feature, *cells, ""])
    for model in ORDER:
        rows = [row for row in found.get(model, []) if name in row.get("properties", {})]
        features = [f for f in (rows[0]["properties"][name]["scores"] if rows else []) if f != "mean"]
        for feature in features:
            by = [row["properties"][name]["scores"][feature] for row in rows]
            cells = [spread(scores[m]["rmse"][0] for scores in by if m in scores) for m in ("best", "ridge")]
            lines.append([f"{named(model)}, {feature}", *cells, str(len(rows))])
    return table(["features", "RMSE, best model", "RMSE, ridge", "seeds"], lines)


def differences(name: str, part: str = "main") -> str:
    """Differences of RMSE between features of the same molecules: below zero the first is better."""
    found, lines = runs(part), []
    own: dict[str, list[Triple]] = collections.defaultdict(list)
    for model in ORDER:
        for row in found.get(model, []):
            for label, by in row.get("properties", {}).get(name, {}).get("differences", {}).items():
                own[f"{named(model)}: {label}"].append(by["best"])
    for row in found.get("pairs", []):
        for label, by in row["properties"].get(name, {}).items():
            a, _, b = label.partition(" - ")
            own[f"{named(a)} - {named(b)}"].append(by["best"])
    for label, values in own.items():
        first = interval(values[0], sign=True)
        clear = [v for v in values if None not in v and (v[1] > 0 or v[2] < 0)]  # pyright: ignore[reportOptionalOperand]
        lines.append([label, first, spread(v[0] for v in values), f"{len(clear)} of {len(values)}"])
    return table(["difference of RMSE", "first seed, 95 % interval", "seeds", "intervals without zero"], lines)


def longer(part: str, few: int, many: int) -> str:
    """RMSE of models of few and of many steps of one seed, the regression model chosen by the inner folds."""
    lines = []
    for model in ORDER:
        pair = [[r for r in runs(part, steps).get(model, []) if r["seed"] == 0] for steps in (few, many)]
        if not all(pair) or model == "untrained":
            continue
        for feature in FEATURES[:2]:
            cells = list[str]()
            for name in SETS:
                scores = [row[0]["properties"][name]["scores"].get(feature) for row in pair]
                cells.append("-" if None in scores else " → ".join(f"{s['best']['rmse'][0]:.3f}" for s in scores))
            if set(cells) != {"-"}:
                lines.append([f"{named(model)}, {feature}", *cells])
    return table(["RMSE", *SETS.values()], lines)


def claims(steps: int) -> str:
    """C15 and C16 in numbers: over seeds, and how many standard errors."""
    found, lines = runs("main", steps), []
    for name, label in SETS.items():

        def errors(model: str, feature: str, name: str = name) -> dict[int, float]:
            rows = [row for row in found.get(model, []) if name in row.get("properties", {})]
            scores = {row["seed"]: row["properties"][name]["scores"] for row in rows}
            return {seed: by[feature]["best"]["rmse"][0] for seed, by in scores.items() if feature in by}

        asked = [(f"C15, {named(m)}: informative - latent", (m, "informative"), (m, "latent")) for m in ("MIM", "CMIM")]
        asked += [(f"C16, {kind}: cMIM - MIM", ("CMIM", kind), ("MIM", kind)) for kind in ("latent", "informative")]
        for what, a, b in asked:
            first, second = errors(*a), errors(*b)
            gaps = [first[seed] - second[seed] for seed in sorted(set(first) & set(second))]
            ratio = "-"
            if len(gaps) > 1 and (error := statistics.stdev(gaps) / len(gaps) ** 0.5) > 0:
                ratio = f"{statistics.fmean(gaps) / error:+.1f}"
            lines.append([label, what, spread(gaps), ratio, str(len(gaps))])
    return table(["set", "claim", "difference of RMSE", "in standard errors", "seeds"], lines)


def card() -> str:
    """What the shipped model is, and what came out on molecules it was not trained on."""
    if not CARD.exists():
        return "No model is shipped yet."
    found = json.loads(CARD.read_text("utf-8"))
    test, training, prior = (found["assessment"][name] for name in ("test", "training", "prior"))
    lines = [
        ["parameters, and how they are stored", f"{found['parameters']:,}, {found['stored']}"],
        ["trained on", f"{found['data']['name']}, {found['data']['rows']:,} molecules"],
        ["steps, batch, epochs", "{steps:,}, {batch}, {epochs:.2f}".format(
            steps=found["training"]["steps"], batch=found["settings"]["batch_size"],
            epochs=found["training"]["epochs"],
        )],
        [f"exact reconstruction, {test['n']:,} test molecules", share(test["exact"]) + " %"],
        [f"exact reconstruction, {training['n']:,} training molecules", share(training["exact"]) + " %"],
        ["test tokens right after the true ones before them", f"{100 * test['forced']:.2f} %"],
        ["test tokens right at their place, written greedily", f"{100 * test['placewise']:.2f} %"],
        ["nats a token: own code, code zero, other code", ", ".join(f"{v:.3f}" for v in test["nll"].values())],
    ]  # fmt: skip
    for sampler, made in prior.items():
        strings = made["strings"]
        text = f"valid {share(strings['validity'])} %, distinct {share(strings['uniqueness'])} %, "
        text += f"new {share(strings['novelty'])} %"
        if "set" in made:
            s = made["set"]
            text += f", internal diversity {s['internal_diversity']:.3f}, SNN {s['snn']:.3f}"
        lines.append([f"{strings['n']:,} samples: {sampler}", text])
    return table(["", ""], lines)


def card_set() -> str:
    """Measures of MOSES of the samples of the shipped model against its test molecules."""
    if not CARD.exists():
        return "No model is shipped yet."
    lines = []
    for sampler, made in json.loads(CARD.read_text("utf-8"))["assessment"]["prior"].items():
        s = made.get("set")
        if s:
            numbers = [s[k] for k in ("internal_diversity", "internal_diversity_2", "snn", "fragments", "scaffolds")]
            numbers += [s["wasserstein"][k] for k in ("logp", "sa", "qed", "weight")]
            lines.append([sampler, *("-" if v is None else f"{v:.3f}" for v in numbers)])
    head = ["samples of", "IntDiv", "IntDiv2", "SNN", "Frag", "Scaf", "W logP", "W SA", "W QED", "W weight"]
    return table(head, lines)


def card_around(name: str = "around") -> str:
    """Samples of the shipped model around test molecules."""
    if not CARD.exists():
        return "No model is shipped yet."
    names = ("validity", "non_identicality", "uniqueness", "novelty", "effective_novelty")
    entries = json.loads(CARD.read_text("utf-8"))["assessment"][name]
    head = ["radius", "valid %", "not the seed %", "distinct %", "new %", "effectively new %"]
    return table(head, ([f"{e['radius']:g}", *(share(e[name]) for name in names)] for e in entries))


def curve(points: int = 12) -> str:
    """Learning curve of the shipped model."""
    if not CARD.exists():
        return "No model is shipped yet."
    found = json.loads(CARD.read_text("utf-8"))["curve"]
    chosen = [found[i] for i in sorted(set(np.linspace(0, len(found) - 1, points).round().astype(int).tolist()))]
    names = ("loss", "reconstruction", "shuffled", "log_pk", "code_norm", "mean_cosine")
    lines = (
        [f"{row['step']:,}", *(f"{row[n]:.3f}" if row.get(n) is not None else "-" for n in names)] for row in chosen
    )
    return table(["step", *(n.replace("_", " ") for n in names)], lines)


def scaling() -> str:
    """Two runs with the settings of the shipped model, as logged; the steps that both have."""
    found = {(r["scaling"], r["step"]): r for r in read("molecule_scaling")}
    steps = [s for s in (99, 499, 999, 1499, 1999, 2499, 2999, 3499) if all((n, s) in found for n in ("sum", "mean"))]
    lines = []
    for step in steps:
        pair = [found[name, step] for name in ("sum", "mean")]
        cells = [f"{r[key]:.1f}" for r in pair for key in ("reconstruction", "shuffled")]
        lines.append([f"{step + 1:,}", *cells])
    return table(["steps", "sum: own code", "sum: other code", "mean: own code", "mean: other code"], lines)


def elsewhere() -> str:
    """Reconstruction of other sets than MOSES by the shipped model."""
    lines = []
    for r in read("molecule_elsewhere"):
        tokens = f"{100 * r['token_accuracy']:.1f}"
        lines.append([SETS[r["set"]], f"{r['read']:,}", share(r["exact"]), share(r["validity"]), tokens])
    return table(["set", "molecules", "exact %", "valid %", "tokens right after the true ones %"], lines)


def measured(part: str, columns: Sequence[str], kind: str = "", sign: bool = False) -> str:
    """Properties by the shipped model: scores, differences on the same molecules, or modelability ratios."""
    metrics = {"regression": "rmse", "classification": "roc_auc"}
    lines = []
    for row in read("molecule_properties"):
        if row[part] and kind in row["kind"]:
            name = SETS.get(row["set"]) or {"b3db": "B3DB"}.get(row["set"], f"Tox21 {row['name']}")
            values = (row[part][c] for c in columns)
            found = (v[metrics[row["kind"]]] if part == "scores" else v for v in values)
            cells = [name, f"{row['n']:,}", row["split"], row["model"]]
            lines.append([*cells, *(interval(v, 2 if part == "modelability" else 3, sign) for v in found)])
    return table(["set", "molecules", "folds", "regressor", *columns], lines)


def speed() -> str:
    """CPU times, and how many times those of the first row of each case."""
    lines = []
    for row in {r["title"]: r for r in read("molecule_speed") if "rows" in r}.values():
        for name, times in row["rows"].items():
            lines.append([row["title"], name, f"{times['cpu_s']:.3g} s", f"{times['cpu_ratio']:.2f}"])
    return table(["case", "", "CPU time", "ratio to the first"], lines)


def gpu_rate() -> str:
    """Tokens a second on a GPU, and the share of the card's peak."""
    lines = []
    for r in (row for row in read("molecules_gpu") if row["part"] == "rate"):
        most = "-" if r["share_of_peak"] is None else f"{100 * r['share_of_peak']:.1f} %"
        rates = (f"{r[k]:,.0f}" for k in ("tokens_per_second", "fit_tokens_per_second"))
        lines.append([r["device"], f"{r['parameters'] / 1e6:.1f} M", str(r["batch"]), r["precision"], *rates, most])
    head = ["device", "parameters", "batch", "precision", "tokens a second, bare", "through `fit`", "share of peak"]
    return table(head, lines)


def gpu_runs() -> str:
    """Runs on a GPU."""
    lines = []
    for r in (row for row in read("molecules_gpu") if row["part"] == "run"):
        test = r["assessment"]["test"]
        cells = [f"{r['epochs']:.2f}", f"{r['steps']:,}", share(test["exact"]), f"{100 * test['forced']:.2f}"]
        lines.append([r["device"], r["size"], f"{r['rows']:,}", *cells])
    return table(["device", "size", "molecules", "epochs", "steps", "exact %, test", "tokens %"], lines)


TABLES: dict[str, Callable[[], str]] = {
    "molecule card": card,
    "molecule samples": card_set,
    "molecule radius": card_around,
    "molecule radius beams": lambda: card_around("around of 4 beams"),
    "molecule curve": curve,
    "molecule scaling": scaling,
    "molecule elsewhere": elsewhere,
    "molecule models": lambda: models("main"),
    "molecule models c13": lambda: models("c13"),
    "molecule models earlier": lambda: models("main", EARLIER),
    "molecule longer": lambda: longer("main", EARLIER, STEPS["main"]),
    "molecule around": lambda: around("main"),
    "molecule around c13": lambda: around("c13"),
    "molecule equal change": lambda: equal_change("main"),
    "molecule equal change earlier": lambda: equal_change("main", EARLIER),
    "molecule equal change c13": lambda: equal_change("c13"),
    **{f"molecule {name}": functools.partial(properties, name) for name in SETS},
    **{f"molecule differences {name}": functools.partial(differences, name) for name in SETS},
    "molecule claims": lambda: claims(STEPS["main"]),
    "molecule claims earlier": lambda: claims(EARLIER),
    "molecule measured": lambda: measured("scores", (*FEATURES, "mean"), "regression"),
    "molecule measured classes": lambda: measured("scores", FEATURES, "classification"),
    "molecule measured differences": lambda: measured("differences", GAPS, "regression", sign=True),
    "molecule measured differences classes": lambda: measured("differences", GAPS, "classification", sign=True),
    "molecule modelability": lambda: measured("modelability", (*FEATURES[:4], "descriptors")),
    "molecule speed": speed,
    "molecule gpu rate": gpu_rate,
    "molecule gpu runs": gpu_runs,
}
