"""`gtheory portfolio`: the portfolio that would have grown fastest, and how the past's does afterwards."""

# pandas has no types; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import math
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from gtheory.cli._app import File, Json, Plot, app, print_json
from gtheory.cli._files import check_figure, numbers, read_frame, save_figure
from gtheory.portfolio import capital, log_optimal
from infocore.errors import DataError, ParameterError
from infocore.semantic import Floats

__all__ = ["portfolio"]

_CALLER = "gtheory portfolio"


@app.command()
def portfolio(
    file: File,
    asset: Annotated[list[str] | None, typer.Option(help="Column of an asset, repeatable; all of numbers.")] = None,
    returns: Annotated[
        bool, typer.Option("--returns", help="Columns are gross returns (1.02 for + 2 %), and not prices.")
    ] = False,
    cash: Annotated[float | None, typer.Option(help="Gross return of cash per period, such as 1.0001.")] = None,
    train: Annotated[
        float,
        typer.Option(
            min=0.05, max=0.95, help="Share of the periods, the first, whose portfolio is judged on the rest."
        ),
    ] = 0.5,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """Weights of greatest growth from prices: rows are periods, in the order of time.

    A portfolio of the whole past knows the future of each of its days; what it would have earned is told, and beside it
    what the portfolio of the first part earns in the second. No fees.
    """
    check_figure(plot, _CALLER)
    frame = read_frame(file, _CALLER)
    names = asset or [str(name) for name in frame.columns if frame[name].dtype.kind in "iuf"]
    if not names:
        raise ParameterError(
            f"{_CALLER}: {file} has no columns of numbers; it has {', '.join(map(str, frame.columns))}."
        )
    gross = _returns(numbers(frame, names, file, _CALLER), returns, names, file)
    whole = log_optimal(gross, cash=cash)
    split = round(train * len(gross))
    if not 1 <= split < len(gross):
        raise ParameterError(f"{_CALLER}: `--train` {train:g} of {len(gross)} periods leaves none on one side.")
    first = log_optimal(gross[:split], cash=cash)
    uniform = np.full(len(names), 1 / len(names))
    rest = gross[split:]
    after = {
        "log-optimal of the first part": _growth(capital(rest, first.weights, cash=cash)),
        "uniform": _growth(capital(rest, uniform)),
        "best asset of the first part": _growth(np.cumprod(np.r_[1.0, rest[:, int(gross[:split].prod(0).argmax())]])),
    }
    if plot is not None:
        from gtheory.plots import plot_growth

        paths = {
            "log-optimal, in hindsight": capital(gross, whole.weights, cash=cash),
            f"log-optimal of the first {split}": capital(gross, first.weights, cash=cash),
            "uniform": capital(gross, uniform),
            "best asset, in hindsight": np.cumprod(np.r_[1.0, gross[:, int(gross.prod(0).argmax())]]),
        }
        save_figure(plot_growth(paths), plot, _CALLER)
    answer: dict[str, Any] = {
        "command": "portfolio", "unit": "bits per period", "periods": len(gross), "growth": whole.growth,
        "gap": whole.gap, "capital": whole.multiple ** len(gross), "cash": whole.cash,
        "weights": dict(zip(names, whole.weights.tolist(), strict=True)), "train": split,
        "train_weights": dict(zip(names, first.weights.tolist(), strict=True)), "growth_after": after,
    }  # fmt: skip
    if as_json:
        print_json(answer)
        return
    console = Console()
    console.print(
        f"{len(gross)} periods, {len(names)} assets: greatest growth in hindsight {whole.growth:.5f} bits per period "
        f"(capital x {answer['capital']:.4g}), proved to {whole.gap:.0e}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    table = Table()
    for name in ("asset", "weight", f"of the first {split}"):
        table.add_column(name, justify="left" if name == "asset" else "right")
    for name, q, p in zip(names, whole.weights, first.weights, strict=True):
        if max(q, p) >= 5e-4:
            table.add_row(name, f"{q:.3f}", f"{p:.3f}")
    if cash is not None:
        table.add_row("cash", f"{whole.cash:.3f}", f"{first.cash:.3f}")
    console.print(table)
    left = sum(max(q, p) < 5e-4 for q, p in zip(whole.weights, first.weights, strict=True))
    if left:
        console.print(f"{left} assets with less than 0.0005 in both are not shown", highlight=False)
    told = ", ".join(f"{name} {growth:.5f}" for name, growth in after.items())
    console.print(f"in the last {len(rest)} periods, bits per period: {told}", highlight=False, soft_wrap=True)


def _returns(values: Floats, returns: bool, names: list[str], file: Any) -> Floats:
    """Return gross returns, from prices or as they are."""
    if returns:
        return values
    if values.min() <= 0:
        row, column = np.unravel_index(int(values.argmin()), values.shape)
        raise DataError(
            f"{_CALLER}: {file} must hold prices, positive; got {values[row, column]:g} in {names[int(column)]!r}, row "
            f"{int(row) + 1}. For returns use --returns."
        )
    if len(values) < 3:
        raise DataError(f"{_CALLER}: {file} holds {len(values)} prices of each asset; two periods take three.")
    return values[1:] / values[:-1]


def _growth(path: Floats) -> float:
    """Mean growth of a path of capital, in bits per period."""
    return math.log2(path[-1]) / (len(path) - 1) if path[-1] > 0 else -math.inf
