"""``mid attack``: the attacks alone, without certificates and curve."""

from typing import Annotated, Any

import typer

from mid.cli._app import Config, Data, Json, Model, Seed, Trust, app, print_json
from mid.cli._audit import Bins, Released, Response, Sensitive, Task, opened

__all__ = ["attack"]


@app.command()
def attack(
    model: Model,
    data: Data,
    sensitive: Sensitive = None,
    response: Response = None,
    knows: Annotated[
        str | None, typer.Option("--knows", help="response, release or both.", show_default="response")
    ] = None,
    released: Released = None,
    bins: Bins = None,
    task: Task = None,
    seed: Seed = None,
    config: Config = None,
    trust_pickle: Trust = False,
    as_json: Json = False,
) -> None:
    """Run every attack that a model's answers allow, beside the guessers that have no model."""
    from mid.attacks.attribute import AttributeGame, Records, SensitiveAttribute
    from mid.auditing.played import correct, play
    from mid.auditing.setting import setting_of
    from mid.auditing.split import split_records
    from mid.auditing.suite import facts_of
    from mid.auditing.verdict import seen_in
    from mid.cli._settings import AuditSettings, resolve

    flags = {
        "model": model, "data": data, "sensitive": sensitive, "response": response, "released": released,
        "games": None if knows is None else [knows], "bins": bins, "seed": seed, "task": task,
    }  # fmt: skip
    settings = resolve(AuditSettings, config, flags, "mid attack")
    fitted, X, y, columns = opened(settings, trust_pickle)
    attribute = SensitiveAttribute.of(X, columns, bins=settings.bins)
    split = split_records(Records(X, y), None, settings.seed)
    game = AttributeGame(
        fitted,
        attribute,
        split.known,
        split.attacked,
        knows=settings.games[0],
        released_output=settings.released,
        seed=settings.seed,
    )
    facts = facts_of(game.view)
    raw = play(game, facts, split.fresh, ci_level=settings.ci_level, seed=settings.seed)
    (played,) = correct([raw], ci_level=settings.ci_level, seed=settings.seed)
    if as_json:
        told = setting_of(fitted, attribute, facts, split, seed=settings.seed, ci_level=settings.ci_level)
        print_json({"settings": settings.model_dump(mode="json"), **played.to_dict(), "facts": told})
        return
    typer.echo(f"{'':58} {'right':>6} {'balanced':>8} {'points over the best guesser':>29} {'p':>7}")
    for row in (*played.baselines, *played.attacks):
        r = row.result
        typer.echo(f"{r.name:58} {r.accuracy:6.1%} {r.balanced_accuracy:8.1%} {_advantage(row)}")
    typer.echo(f"{played.n} fresh records: {seen_in(played)}.")


def _advantage(row: Any) -> str:
    if not row.over:
        return ""
    low, high = row.least.ci
    said = f"{100 * row.least.value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
    return f"{said:>29} {row.p_holm:7.2g}"
