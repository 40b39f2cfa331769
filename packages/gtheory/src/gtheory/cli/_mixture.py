"""`gtheory mixture`: normal components of columns of a table, with or without weights."""

# pandas has no types; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

import math
import pathlib
import warnings
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from gtheory.cli._app import File, Json, Plot, app, print_json
from gtheory.cli._files import check_figure, numbers, read_frame, save_figure, write_frame
from infocore.errors import ConvergenceWarning, ParameterError

__all__ = ["mixture"]

_CALLER = "gtheory mixture"
_LN2 = math.log(2.0)


@app.command()
def mixture(
    file: File,
    x: Annotated[list[str] | None, typer.Option("--x", help="Column, repeatable; all of numbers if left out.")] = None,
    components: Annotated[int, typer.Option("--components", "-k", min=1, help="Number of components.")] = 2,
    inner: Annotated[int, typer.Option(min=1, help="Steps on the ratios for each on the components: 1 is EM.")] = 3,
    weights: Annotated[str | None, typer.Option(help="Column of weights, such as counts of a histogram.")] = None,
    grid: Annotated[
        bool, typer.Option("--grid", help="The rows are all the values that x can take, and the weights their shares.")
    ] = False,
    starts: Annotated[int, typer.Option(min=1, help="Starts, of which the best is kept.")] = 5,
    tol: Annotated[float, typer.Option(min=0, help="Largest fall of KL to stop at, in nats.")] = 1e-5,
    max_iter: Annotated[int, typer.Option(min=1, help="Largest number of iterations.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the starts.")] = 0,
    out: Annotated[pathlib.Path | None, typer.Option(help="CSV for P(component | row).")] = None,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """Mixture of normal components, fitted by channel matching (EM with several steps on the ratios)."""
    from gtheory.learning import CMMixture

    check_figure(plot, _CALLER)
    frame = read_frame(file, _CALLER)
    names = x or [str(n) for n in frame.columns if n != weights and frame[n].dtype.kind in "iufb"]
    if not names:
        raise ParameterError(
            f"{_CALLER}: {file} has no columns of numbers; it has {', '.join(map(str, frame.columns))}."
        )
    if grid and weights is None:
        raise ParameterError(f"{_CALLER}: `--grid` needs `--weights`, the share of each value.")
    rows = numbers(frame, names, file, _CALLER)
    mass = None if weights is None else numbers(frame, [weights], file, _CALLER)[:, 0]
    model = CMMixture(
        components, n_inner=inner, n_init=starts, grid=grid, tol=tol, max_iter=max_iter, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(rows, sample_weight=mass)
    if out is not None:
        import pandas as pd

        found = pd.DataFrame(model.predict_proba(rows), columns=[f"component {j}" for j in range(components)])
        write_frame(found.assign(likeliest=model.predict(rows)), out, _CALLER)
    h = model.history_
    if plot is not None:
        from gtheory.plots import plot_history

        excess = (h.kl if grid else h.kl - h.kl[-1]) / _LN2
        drawn = {"KL" if grid else "KL above the end": excess, "R": h.R / _LN2, 'R"': h.R_held / _LN2}
        save_figure(plot_history(drawn, ylabel="bits"), plot, _CALLER)
    sds = np.sqrt(np.diagonal(model.covariances_, axis1=1, axis2=2))
    answer: dict[str, Any] = {
        "command": "mixture", "unit": "bits", "x": names, "rows": len(rows), "inner": inner, "seed": seed,
        "weights": model.weights_.tolist(), "means": model.means_.tolist(), "covariances": model.covariances_.tolist(),
        "log_likelihood": model.lower_bound_ / _LN2, "kl": float(h.kl[-1]) / _LN2 if grid else None,
        "R": float(h.R[-1]) / _LN2, "iterations": model.n_iter_, "converged": model.converged_,
        "bic": None if grid else model.bic(rows, mass),
    }  # fmt: skip
    if as_json:
        print_json(answer)
        return
    console = Console()
    console.print(f"{file.name}: {len(rows)} rows, {components} components", highlight=False, soft_wrap=True)
    table = Table()
    for header in ("component", "ratio", *(f"{name}: mean (s.d.)" for name in names)):
        table.add_column(header, justify="left" if header == "component" else "right")
    for j, ratio in enumerate(model.weights_):
        places = [f"{m:.4g} ({s:.3g})" for m, s in zip(model.means_[j], sds[j], strict=True)]
        table.add_row(str(j), f"{ratio:.4f}", *places)
    console.print(table)
    fit = f"KL {answer['kl']:.5f} bits" if grid else f"log likelihood {answer['log_likelihood']:.4f} bits a row"
    bic = "" if grid else f", BIC {answer['bic']:.1f}"
    console.print(
        f"{fit}{bic}; components carry {answer['R']:.4f} bits about the rows; {model.n_iter_} iterations",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
