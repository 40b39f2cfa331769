"""`AuditReport`: everything an audit found, in plain types, in words, and as a page."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infocore import report as page
from infocore.result import MIEstimate, plain
from mid.auditing.caps import ReleaseCap
from mid.auditing.played import Played, Row
from mid.auditing.points import Point, areas
from mid.auditing.verdict import Verdict

__all__ = ["AuditReport"]

_SAYS = {
    "response": "the attacker knows the other columns and the true response",
    "release": "the attacker knows the other columns and sees the released answer",
    "both": "the attacker knows the other columns and the true response, and sees the released answer",
}


@dataclasses.dataclass(frozen=True, eq=False)
class AuditReport:
    """What an audit found.

    Parameters
    ----------
    verdicts : tuple of Verdict
        One per game, in words and numbers.
    games : tuple of Played
        Every guesser and attack.
    leaks_at_least : dict of str to MIEstimate
        Certified lower bounds on ``I(X_s; Yhat)`` and ``I(X; Yhat)``.
    release_caps : tuple of ReleaseCap
        Certified upper bounds for one and for many queries; empty where the noise of the release is not known.
    record_cap : MIEstimate or None
        Upper bound on ``I(X; Yhat)`` of one draw, in expectation; None where the noise is not known.
    curve : tuple of Point
        The audited model and what could be put in its place.
    recommendation : str
        What follows for the owner.
    warnings : tuple of str
        What a reader must know before quoting a number.
    facts : mapping
        Model, data, split, seeds, release, costs, versions: what is needed to get the numbers again.
    """

    verdicts: tuple[Verdict, ...]
    games: tuple[Played, ...]
    leaks_at_least: dict[str, MIEstimate]
    release_caps: tuple[ReleaseCap, ...]
    record_cap: MIEstimate | None
    curve: tuple[Point, ...]
    recommendation: str
    warnings: tuple[str, ...]
    facts: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types.

        Returns
        -------
        dict
            Every field; infinities and NaN are strings.
        """
        return plain(
            {
                "verdicts": [v.to_dict() for v in self.verdicts],
                "games": [g.to_dict() for g in self.games],
                "leaks_at_least": {name: e.to_dict() for name, e in self.leaks_at_least.items()},
                "release_caps": [c.to_dict() for c in self.release_caps],
                "record_cap": None if self.record_cap is None else self.record_cap.to_dict(),
                "curve": [p.to_dict() for p in self.curve],
                "areas": areas(self.curve, self.facts["utility of a constant"]),
                "recommendation": self.recommendation,
                "warnings": list(self.warnings),
                "facts": dict(self.facts),
            }
        )

    def __str__(self) -> str:
        """Verdicts, bounds and recommendation, one sentence a line."""
        lines = [v.text for v in self.verdicts]
        lines += self.bounds_in_words()
        lines.append(f"Recommendation: {self.recommendation}")
        lines += [f"Note: {w}" for w in self.warnings]
        return "\n".join(lines)

    def bounds_in_words(self) -> list[str]:
        """Say what is certified of the release.

        Returns
        -------
        list of str
            One sentence each.
        """
        lines: list[str] = []
        for name, e in self.leaks_at_least.items():
            found = f"at least {e.value:.3f} nats" if e.value > 0 else "nothing is certified from below"
            lines.append(f"{name}: {found} ({100 * (e.ci_level or 0):g}% certificate, {e.n} held-out records).")
        for cap in self.release_caps:
            draws = "one draw" if cap.queries == 1 else f"{cap.queries} draws"
            lines.append(
                f"I(X_s; Yhat | X_ns): at most {cap.leakage.value:.3f} nats in {draws}, so whoever sees the release, "
                f"and not the response, gains at most {100 * cap.advantage:.1f} points over the best guess without it "
                f"({100 * (cap.leakage.ci_level or 0):g}% certificate). Were all values equally likely given the rest "
                f"of a record, nobody could name more than {cap.identification:.1%} of them (Fano)."
            )
        if not self.release_caps:
            lines.append("No upper bound is certified: the release has no noise of a known law.")
        if self.record_cap is not None:
            e = self.record_cap
            lines.append(f"I(X; Yhat): at most {e.value:.3f} nats in one draw (s.e. {e.standard_error or 0:.3f}).")
        return lines

    def page(self) -> page.Report:
        """Lay the report out as a page.

        Returns
        -------
        infocore.report.Report
            For `infocore.report.write`.
        """
        sections = [_game_section(g, v) for g, v in zip(self.games, self.verdicts, strict=True)]
        sections.append(page.Section("What the release certifies", "\n".join(self.bounds_in_words()), [_bounds(self)]))
        if self.curve:
            sections.append(_curve_section(self.curve, areas(self.curve, self.facts["utility of a constant"])))
        if self.warnings:
            rows = [[str(i + 1), w] for i, w in enumerate(self.warnings)]
            table = page.Table("Read this before quoting a number", ["", "warning"], rows)
            sections.append(page.Section("Warnings", "", [table]))
        summary = "\n".join([*(v.text for v in self.verdicts), f"Recommendation: {self.recommendation}"])
        told = {k: v for k, v in self.facts.items() if k != "split"}
        return page.Report("Attribute inference audit", summary, sections, told)

    def write(self, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write ``audit.json`` with everything, and ``report.json`` and ``report.html`` with what is shown.

        Parameters
        ----------
        folder : path
            Made if it is not there; files of an earlier audit are replaced, each whole or not at all.

        Returns
        -------
        tuple of two paths
            ``audit.json`` and ``report.html``.
        """
        _, html = page.write(self.page(), folder)
        return page.write_json(self.to_dict(), Path(folder) / "audit.json"), html


def _game_section(game: Played, verdict: Verdict) -> page.Section:
    columns = ["", "right", "balanced", "macro F1", "MCC", "AUROC", "top tenth", "training records", "queries"]
    columns += ["over the hardest guesser", "interval", "p (Holm)", "p of memory (Holm)"]
    rows = [_row(r) for r in (*game.baselines, *game.attacks)]
    note = (
        f"{game.n} fresh records, {game.members} of the training records. Advantages are paired, in points, over the "
        "guesser that is hardest to beat, with intervals for each attack alone; p is the largest over the guessers, "
        "exact, after Holm's correction for the attacks of all games. p of memory: does it gain more over the best "
        "guesser on training records? 'The average answer' is the model's answer averaged over the candidates: what "
        f"the model learned of the population. An advantage of {100 * game.detectable:.1f} points would have been "
        "found with a probability of 80 %. Queries are those of an attack alone, training records included; the whole "
        f"game asked {game.queries}."
    )
    title = {
        "response": "Game 1: the true response is known",
        "release": "Game 2: the released answer is seen",
    }.get(game.knows, "Game 3: response and release")
    return page.Section(title, f"{_SAYS[game.knows].capitalize()}. {verdict.text}", [
        page.Table("Guessers and attacks", columns, rows, note),
        _advantage_chart(game),
    ])  # fmt: skip


def _row(row: Row) -> list[Any]:
    r = row.result
    cells: list[Any] = [r.name, r.accuracy, r.balanced_accuracy, r.macro_f1, r.mcc, r.auroc, r.top_precision]
    cells += [row.member_accuracy, r.queries]
    if not row.over:
        return [*cells, None, "", None, None]
    low, high = row.least.ci
    return [*cells, 100 * row.least.value, f"{100 * low:+.1f} to {100 * high:+.1f}", row.p_holm, row.memory_p_holm]


def _advantage_chart(game: Played) -> page.Chart:
    values = [100 * r.least.value for r in game.attacks]
    half = [50 * (r.least.ci[1] - r.least.ci[0]) for r in game.attacks]
    series = page.Series(
        "advantage", list(range(1, len(values) + 1)), values, error=half, line=False,
        names=[str(i + 1) for i in range(len(values))],
    )  # fmt: skip
    note = "Attacks are numbered as in the table, after the guessers."
    lines = {"no advantage": 0.0, "would be found": 100 * game.detectable}
    title = "Advantage over the guesser that is hardest to beat"
    return page.Chart(title, "attack", "points", [series], hlines=lines, note=note)


def _bounds(report: AuditReport) -> page.Table:
    rows: list[list[Any]] = [[name, "at least", e.value, e.strength, e.n] for name, e in report.leaks_at_least.items()]
    for cap in report.release_caps:
        e = cap.leakage
        rows.append([f"I(X_s; Yhat | X_ns), {cap.queries} queries", "at most", e.value, e.strength, e.n])
    if report.record_cap is not None:
        e = report.record_cap
        rows.append(["I(X; Yhat), 1 query", "at most", e.value, e.strength, e.n])
    note = (
        "The lower bounds are of other quantities than the upper bound on the attribute: I(X_s; Yhat) counts what the "
        "population gives away by itself. Nothing here covers an attacker who knows the true response."
    )
    return page.Table("Information in the release (nats)", ["quantity", "", "nats", "strength", "records"], rows, note)


def _curve_section(points: tuple[Point, ...], weighed: dict[str, dict[str, float]]) -> page.Section:
    games = list(points[0].success)
    columns = ["model", "utility", *(f"attack right, {g} known" for g in games), *(f"strongest, {g}" for g in games)]
    columns += [*(f"best guesser, {g}" for g in games), "epsilon", "remark"]
    rows = [
        [
            p.name,
            p.utility,
            *(p.success[g] for g in games),
            *(p.attack[g] for g in games),
            *(p.floor[g] for g in games),
            p.epsilon,
            "; ".join([*(["worse than a constant"] if p.useless else []), *(f"dominated ({g})" for g in p.dominated)]),
        ]
        for p in points
    ]
    charts: list[Any] = []
    for g in games:
        families = list(dict.fromkeys(p.family for p in points))
        series = [
            page.Series(
                family,
                [p.utility for p in points if p.family == family and not p.useless],
                [p.success[g] for p in points if p.family == family and not p.useless],
                error=[(p.ci[g][1] - p.ci[g][0]) / 2 for p in points if p.family == family and not p.useless],
                line=False,
            )
            for family in families
            if any(p.family == family and not p.useless for p in points)
        ]
        front = sorted((p for p in points if g not in p.dominated and not p.useless), key=lambda p: p.utility)
        series.append(
            page.Series("Pareto front", [p.utility for p in front], [p.success[g] for p in front], markers=False)
        )
        floor = {"best guesser": max(p.floor[g] for p in points)}
        charts.append(
            page.Chart(f"Utility against the strongest attack ({g} known)", "utility on fresh records",
                       "share of records guessed right", series, hlines=floor)
        )  # fmt: skip
    text = (
        "Utility is R2 of a regressor or accuracy of a classifier, by released answers. Each model is attacked by the "
        "whole suite; what is shown is its strongest attack. Models that are no better than a constant are left out of "
        "the charts."
    )
    tables = [page.Table("Models", columns, rows)]
    if weighed:
        families = list(next(iter(weighed.values())))
        note = (
            "Success of the strongest attack, averaged over the utilities between a constant's and the audited "
            "model's: at each the model with the least success among those that have at least so much utility, of this "
            "kind or the audited one. Less is better; 'all' is the Pareto front."
        )
        cells = [[family, *(weighed[g][family] for g in games)] for family in families]
        head = ["kind of model", *(f"area, {g} known" for g in games)]
        tables.append(page.Table("Area under the curve", head, cells, note))
    return page.Section("What could be put in its place", text, [*tables, *charts])
