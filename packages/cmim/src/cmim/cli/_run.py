"""The folder of a training run: begun, gone on with, and finished; one process of several writes it."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import pydantic
import typer

from cmim.cli._app import print_json, say
from infocore.errors import DataError, ParameterError

__all__ = ["begin", "check_folder", "finish", "is_helper"]


@contextlib.contextmanager
def begin(
    out: pathlib.Path, settings: pydantic.BaseModel, facts: dict[str, Any], told: str, *, resume: bool
) -> Iterator[None]:
    """Write the settings of a run and let it train; or refuse to go on with a run that was another."""
    from cmim.cli import _config

    written = out / "config.toml"
    if resume and written.is_file():
        differ = _config.changed(_config.resolve_as(type(settings), written, {}), settings)
        if _config.run_source(out).get("sha256") != facts["sha256"]:
            differ.append(f"the data have changed: {getattr(settings, 'data', '')}")
        if differ:
            raise ParameterError(f"cmim train: `--resume` goes on with the run in {out}, but {'; '.join(differ)}.")
    elif resume:
        say(f"{out} holds no run to resume: a new one begins")
    fresh, helper = not out.exists(), is_helper()
    if not helper:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise DataError(f"cmim train: {out} cannot be made: {e}") from e
        _config.write_toml({**settings.model_dump(exclude=set(_config.idle(settings))), "source": facts}, written)
        say(told)
    try:
        yield
    except BaseException as e:
        kept = any((out / "checkpoints").glob("*.ckpt"))
        if fresh and not helper and not kept:
            shutil.rmtree(out, ignore_errors=True)  # nothing to go on with, and it would be in the way
        if not isinstance(e, (KeyboardInterrupt, SystemExit)):
            raise
        if not helper:
            early = "before the first checkpoint (see `checkpoint_every`), so there is nothing to go on with"
            say("stopped" + (f"; go on with: cmim train --out {out} --resume" if kept else f" {early}"))
        raise typer.Exit(130) from None


def finish(out: pathlib.Path, embedder: Any, settings: Any, facts: dict[str, Any], *, as_json: bool) -> None:
    """Save what was trained, and say how it went."""
    if is_helper():
        return
    embedder.save(out / "model")
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    for note in embedder.notes_:
        say(f"note: {note}")
    last = embedder.history_[-1] if embedder.history_ else {}
    if as_json:
        answer = {"command": "train", "out": out, **facts, "steps": embedder.n_iter_}
        print_json({**answer, "last": last, "notes": embedder.notes_})
        return
    typer.echo(f"{out}/model: {settings.model}, {settings.latent_dim} dimensions, {embedder.n_iter_} steps")
    shown = ("loss", "reconstruction", "shuffled", "log_pk", "gate", "temperature", "code_norm", "frac_at_floor")
    typer.echo(", ".join(f"{name} {last[name]:.4g}" for name in shown if name in last))


def check_folder(out: pathlib.Path, resume: bool) -> None:
    """Refuse a folder that holds something, before the work is done."""
    if out.exists() and not out.is_dir():
        raise ParameterError(f"cmim train: `--out` {out} is a file; give a folder.")
    if (out / "model").exists():
        raise ParameterError(f"cmim train: {out} holds a model already. Choose another --out.")
    if out.is_dir() and any(out.iterdir()) and not resume:
        raise ParameterError(f"cmim train: {out} is not empty. Choose another --out, or go on with --resume.")


def is_helper() -> bool:
    """Say whether this is one of several processes, and not the one that writes."""
    if int(os.environ.get("LOCAL_RANK", "0")) > 0:
        return True
    from torch import distributed

    return distributed.is_available() and distributed.is_initialized() and distributed.get_rank() > 0
