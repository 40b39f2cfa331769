"""`cmim sample`, `interpolate` and `reconstruct` of molecules: tables, or grids of pictures."""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import typer

from cmim.cli import _config
from cmim.cli._app import check_out, facts_file, print_json, say
from cmim.cli._mol_config import open_model
from cmim.cli._mol_data import known_molecules, open_molecules, pieces, total
from cmim.cli._mol_files import draw, told_share, write_lines, write_table, yes
from cmim.evaluation import wilson
from cmim.molecules._unread import text_of
from cmim.molecules._writing import teacher_forced
from cmim.molecules.chemistry import canonical
from cmim.molecules.embedder import MoleculeEmbedder
from cmim.molecules.quality.metrics import generation_metrics, neighbourhood_metrics
from cmim.molecules.search.scores import named_score
from cmim.molecules.tokens import Vocabulary
from cmim.symbols import PAD
from infocore.errors import ParameterError

__all__ = ["interpolate_molecules", "reconstruct_molecules", "sample_molecules"]

_ROWS = 2048
_DRAWN = 16
_PAIR = ("row", "smiles", "canonical", "written", "written_canonical", "exact", "reason")


def sample_molecules(
    run: pathlib.Path | None,
    out: pathlib.Path,
    *,
    n: int,
    law: dict[str, Any],
    around: str | None,
    radius: float,
    beams: int,
    given: set[str],
    known: str | None,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Write new molecules, or molecules around one, and say how many are molecules, distinct and new."""
    odd = given & ({"radius"} if around is None else {"sampler", "temperature"})
    if odd:
        flags = ", ".join(f"--{name}" for name in sorted(odd))
        raise ParameterError(
            f"cmim sample: {flags} must be left out {'without' if around is None else 'with'} --around."
        )
    check_out(out, ".csv", ".smi", ".png")
    name, embedder = open_model(run)
    facts: dict[str, Any] = {"command": "sample", "run": name, "n": n, "beams": beams, "seed": seed}
    writing: dict[str, Any] = {"method": "beam", "beams": beams, "valid": True} if beams > 1 else {}
    old = known_molecules(known)
    names: tuple[str, ...] = ("smiles", "canonical", "valid")
    if around is None:
        facts |= law
        texts = embedder.sample(n, law["sampler"], temperature=law["temperature"], rng=seed, **writing)
        metrics: Any = generation_metrics(texts, old)
        shown = ("validity", "uniqueness", "novelty")
        forms, near = [canonical(text) for text in texts], []
    else:
        home = _molecule(embedder, around, "cmim sample: --around")
        facts |= {"around": around, "radius": radius}
        (texts,) = embedder.perturb([around], radius, n, rng=seed, **writing)
        metrics = neighbourhood_metrics([home], [texts], old)
        shown = ("validity", "uniqueness", "non_identicality", "novelty", "effective_novelty")
        forms = [canonical(text) for text in texts]
        near, names = _similarity(home, forms), (*names, "similarity")
    rows = [(text, form, yes(form is not None)) for text, form in zip(texts, forms, strict=True)]
    if out.suffix.lower() == ".csv":
        cells = [(*row, told) for row, told in zip(rows, near, strict=True)] if near else rows
        write_table(out, names, cells)
    elif out.suffix.lower() == ".smi":
        write_lines(out, texts)
    else:
        draw(out, texts, [_legend(value) for value in near] if near else [""] * n)
    _config.write_toml({**facts, "known": known}, facts_file(out))
    if as_json:
        print_json({**facts, "known": known, "out": out, "metrics": metrics.to_dict()})
        return
    typer.echo(f"{out}: {n} samples by {name}")
    typer.echo(", ".join(told_share(each.replace("_", " "), getattr(metrics, each)) for each in shown))
    if old is None and not quiet:
        say("novelty is told beside molecules that are known: --known FILE, or --known moses")


def interpolate_molecules(
    run: pathlib.Path | None, start: str, end: str, out: pathlib.Path, *, n: int, as_json: bool
) -> None:
    """Write the molecules on the line from one code to another."""
    check_out(out, ".csv", ".png")
    name, embedder = open_model(run)
    ends = [
        _molecule(embedder, text, flag)
        for text, flag in ((start, "cmim interpolate: --from"), (end, "cmim interpolate: --to"))
    ]
    (texts,) = embedder.interpolate([start], [end], n)
    forms = [canonical(text) for text in texts]
    to_start, to_end = (_similarity(each, forms) for each in ends)
    shares = np.linspace(0.0, 1.0, n).round(6).tolist()
    if out.suffix.lower() == ".csv":
        rows = zip(shares, texts, forms, (yes(form is not None) for form in forms), to_start, to_end, strict=True)
        names = ("share", "smiles", "canonical", "valid", "similarity_from", "similarity_to")
        write_table(out, names, rows)
    else:
        legends = [f"{share:.2f}" for share in shares]
        draw(out, [start, *texts, end], ["from", *legends, "to"])
    facts = {"command": "interpolate", "run": name, "from": start, "to": end, "n": n}
    _config.write_toml(facts, facts_file(out))
    valid, distinct = sum(form is not None for form in forms), len({form for form in forms if form is not None})
    if as_json:
        print_json({**facts, "out": out, "smiles": texts, "valid": valid, "distinct": distinct})
        return
    typer.echo(f"{out}: {n} points by {name}, {valid} molecules, {distinct} distinct")


class _Pair(NamedTuple):
    row: int
    given: str | None
    form: str
    text: str
    again: str | None
    reason: str


def reconstruct_molecules(
    run: pathlib.Path | None, data: str, out: pathlib.Path, *, n: int | None, seed: int, column: str, as_json: bool
) -> None:
    """Write molecules and what the model makes of their codes, and say how many come back."""
    check_out(out, ".csv", ".png")
    blocks = open_molecules(data, column, "cmim reconstruct: --smiles-column")
    name, embedder = open_model(run)
    picture = out.suffix.lower() == ".png"
    rows = total(blocks)
    wanted = min(rows, n or (_DRAWN if picture else rows))
    chosen = np.zeros(rows, bool)
    chosen[np.random.default_rng(seed).permutation(rows)[:wanted]] = True
    counts = np.zeros(6, np.int64)  # read, exact, valid, tokens, right by teacher forcing, right as written
    drawn: list[_Pair] = []

    def pairs() -> Iterator[_Pair]:
        for at, texts in pieces(blocks, _ROWS):
            found = _back(embedder, [(at + i, text) for i, text in enumerate(texts) if chosen[at + i]], counts)
            yield from found

    if picture:
        drawn = list(pairs())
        smiles = [text for pair in drawn for text in (pair.form or pair.given or "", pair.text)]
        legends = [text for pair in drawn for text in (f"row {pair.row}", "" if pair.reason else _exact(pair))]
        draw(out, smiles, legends, columns=4)
    else:
        write_table(
            out,
            _PAIR,
            (
                (p.row, p.given, p.form or None, p.text, p.again, "" if p.reason else yes(p.form == p.again), p.reason)
                for p in pairs()
            ),
        )
    facts: dict[str, Any] = {"command": "reconstruct", "run": name, "data": data, "smiles_column": column, "seed": seed}
    read, exact, valid, tokens, forced, written = counts.tolist()
    facts |= {"rows": wanted, "read": read}
    if read:
        shares = {
            "exact": dataclasses.asdict(wilson(exact, read)), "validity": dataclasses.asdict(wilson(valid, read)),
            "token_accuracy": forced / tokens, "token_accuracy_greedy": written / tokens,
        }  # fmt: skip
        facts |= shares
    _config.write_toml(facts, facts_file(out))
    if as_json:
        print_json({**facts, "out": out})
        return
    typer.echo(f"{out}: {wanted} rows, {read} read, by {name}")
    if read:
        told = told_share("exact", wilson(exact, read)), told_share("validity", wilson(valid, read))
        typer.echo(
            f"{', '.join(told)}, tokens {forced / tokens:.4f} (each given those before it), {written / tokens:.4f} "
            "(as written)"
        )


def _back(embedder: MoleculeEmbedder, rows: Sequence[tuple[int, object]], counts: Any) -> Iterator[_Pair]:
    """Yield rows with their reconstructions, and count."""
    found = embedder.embed([text for _, text in rows])
    good = np.flatnonzero(found.valid)
    forms = [found.molecules.smiles[i] for i in good]
    texts = iter(embedder.decode(found.values[good]) if len(good) else [])
    vocabulary = Vocabulary(embedder.notation)
    for x, odds in teacher_forced(embedder.model_, found.values[good], vocabulary.encode(forms)):
        real = x != PAD
        counts[3:5] += int(real.sum()), int(((odds.argmax(-1) == x) & real).sum())
    for i, (row, given) in enumerate(rows):
        if not found.valid[i]:
            yield _Pair(row, text_of(given), "", "", None, found.reasons[i])
            continue
        form, text = found.molecules.smiles[i], next(texts)
        again = canonical(text)
        tokens = vocabulary.split(form)
        try:
            written = vocabulary.split(text)
        except ParameterError:  # a decoder can write pieces that no SMILES has, side by side
            written = []
        same = sum(a == b for a, b in zip(tokens, written, strict=False)) + (len(tokens) == len(written))
        counts[[0, 1, 2, 5]] += 1, form == again, again is not None, same
        yield _Pair(row, text_of(given), form, text, again, "")


def _exact(pair: _Pair) -> str:
    return "the same" if pair.form == pair.again else "another"


def _molecule(embedder: MoleculeEmbedder, text: str, flag: str) -> str:
    """Return the canonical form of what a flag gives, or refuse it."""
    found = embedder.embed([text])
    if not found.valid[0]:
        raise ParameterError(f"{flag} must be a molecule that the model can read; {text!r}: {found.reasons[0]}.")
    return found.molecules.smiles[0]


def _similarity(home: str, forms: Sequence[str | None]) -> list[float | None]:
    """Return the similarity of molecules to one, None where there is none."""
    read = [form for form in forms if form is not None]
    values = iter(np.asarray(named_score("similarity", home)(read)).round(4).tolist() if read else [])
    return [None if form is None else next(values) for form in forms]


def _legend(value: float | None) -> str:
    return "" if value is None else f"similarity {value:.2f}"
