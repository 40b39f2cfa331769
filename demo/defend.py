"""A classifier undefended and with the MID bottleneck, attacked and audited."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import numpy as np

from demo.settings import Floats, Part, Settings, Split, Step
from infocore.report import Chart, Images, Section, Series, Table
from mid.leakage import LeakageAudit
from mid.torch import InversionAttack, MIDClassifier, audit_leakage

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Defended:
    """One classifier, what it is worth, and what it gives away; by way of asking."""

    beta: float | None
    model: MIDClassifier
    accuracy: dict[str, float]
    mse: dict[str, float]
    audit: dict[str, LeakageAudit]
    reconstructions: dict[str, Floats]
    floors: tuple[float, float]

    @property
    def name(self) -> str:
        """What the row is called."""
        return "undefended" if self.beta is None else f"beta {self.beta:g}"


def run(split: Split, settings: Settings, step: Step) -> Part:
    """Train, attack and audit at each price, and draw accuracy against leakage and against reconstruction error."""
    models = [_defend(split, settings, beta, step) for beta in settings.betas]
    ways = list(models[0].accuracy)
    class_floor, global_floor = models[0].floors
    columns = ["model", *(f"accuracy, {way}" for way in ways), *(f"attack MSE, {way}" for way in ways)]
    columns += [f"leaks at least, {way}" for way in ways[:2]] + [
        "s.e. of 1 query",
        "ceiling",
        "one draw carries at most",
    ]
    rows = [_row(m, ways) for m in models]
    note = (
        f"The class mean alone has an error of {class_floor:.4f}, the global mean {global_floor:.4f}: an attack that does "
        "no better has learned nothing about the record. The upper bound is the bottleneck's divergence from its prior, "
        "for one draw; q queries can carry q times as much. A lower bound at its ceiling says 'at least this much'."
    )
    leakage = [
        Series(
            way,
            [m.accuracy[way] for m in models],
            [m.audit[way].lower.value for m in models],
            error=[m.audit[way].lower.standard_error or 0.0 for m in models],
            names=[m.name for m in models],
        )
        for way in ways[:2]
    ]
    error = [
        Series(way, [m.accuracy[way] for m in models], [m.mse[way] for m in models], names=[m.name for m in models])
        for way in ways
    ]
    cap = models[0].audit[ways[0]].lower.cap or float("nan")
    picture_rows = {"original": split.x_fresh[:12]}
    for m in (models[0], *models[-2:]):
        picture_rows |= {f"{m.name}, {way}": rec for way, rec in m.reconstructions.items()}
    pictures = np.stack([np.clip(p.reshape(-1, *split.shape), 0, 1) for p in picture_rows.values()])
    section = Section(
        "What a classifier gives away",
        f"{len(split.x_train)} images to train on, {len(split.x_known)} of the attacker's own, {len(split.x_fresh)} fresh "
        "ones attacked. The attack learns to turn released logits back into images; the audit's critic gives a lower bound "
        "on the information between an image and its logits.",
        [
            Table("Accuracy, reconstruction error and leakage (nats)", columns, rows, note),
            Chart(
                "Accuracy against leakage",
                "accuracy",
                "certified leakage, nats",
                leakage,
                hlines={f"ceiling log n = {cap:.2f}": cap},
                note="Down and to the right is better. Bars are one standard error.",
            ),
            Chart(
                "Accuracy against reconstruction error",
                "accuracy",
                "reconstruction MSE",
                error,
                hlines={"class mean": class_floor, "global mean": global_floor},
                note="Up and to the right is better. Averaging queries moves a defended model towards the undefended one.",
            ),
            Images("Reconstructions of fresh images from logits", list(picture_rows), pictures),
        ],
    )
    first, last = models[0], shown(models)
    headline = [
        (
            f"{m.name}: accuracy, attack MSE, leaks at least",
            f"{m.accuracy[way]:.3f}, {m.mse[way]:.4f}, {m.audit[way].lower.value:.2f} nats ({way})",
        )
        for m, way in ((first, ways[0]), (last, ways[0]), (last, ways[1]))
    ]
    return Part(section, headline, carried={m.name: m.model for m in (first, last)})


def shown(models: list[T]) -> T:
    """Return the defended model that the short table and the channel show: the last but one where there are several."""
    return models[-2] if len(models) > 2 else models[-1]


def steps(settings: Settings) -> int:
    """Return how often `run` reports a step."""
    return 3 * len(settings.betas)


def _defend(split: Split, settings: Settings, beta: float | None, step: Step) -> Defended:
    name = "undefended" if beta is None else f"beta {beta:g}"
    step(f"training a classifier, {name}")
    seed = settings.seed
    model = MIDClassifier(beta=beta, epochs=settings.classifier_epochs, random_state=seed)
    model.fit(split.x_train, split.y_train)
    ways = {
        "1 query": {"queries": 1},
        f"{settings.queries} queries": {"queries": settings.queries},
        "no noise": {"access": "mean"},
    }
    step(f"attacking it, {name}")
    results = {
        way: InversionAttack(
            x_auxiliary=split.x_known,
            y_auxiliary=split.y_known,
            x=split.x_fresh,
            y=split.y_fresh,
            max_steps=settings.attack_steps,
            seed=seed,
            **options,
        ).run(model)
        for way, options in ways.items()
    }
    step(f"auditing it, {name}")
    audits = {
        way: audit_leakage(model, split.x_known, split.x_fresh, rng=seed, **options)
        for way, options in list(ways.items())[:2]
    }
    first = next(iter(results.values()))
    return Defended(
        beta,
        model,
        {way: float(np.mean(model.predict(split.x_fresh, rng=seed, **o) == split.y_fresh)) for way, o in ways.items()},
        {way: result.mse for way, result in results.items()},
        audits,
        {way: results[way].reconstructions[:12] for way in list(ways)[:2]},
        (first.class_mean_floor, first.global_mean_floor),
    )


def _row(m: Defended, ways: list[str]) -> list[str | float | int | None]:
    lower = [m.audit[way].lower for way in ways[:2]]
    upper = m.audit[ways[0]].upper
    return [
        m.name,
        *(m.accuracy[way] for way in ways),
        *(m.mse[way] for way in ways),
        *(bound.value for bound in lower),
        lower[0].standard_error,
        lower[0].cap,
        None if upper is None else upper.value,
    ]
