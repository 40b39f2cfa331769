"""Say on stderr what an audit is doing."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

__all__ = ["steps"]


@contextmanager
def steps(show: bool) -> Generator[Callable[[str], None], None, None]:
    """Show what is being done, for how long, and how many things are behind.

    Parameters
    ----------
    show : bool
        Whether anything is shown.

    Yields
    ------
    callable
        To be told what comes next.
    """
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed:.0f} done,"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True, quiet=not show), transient=True, disable=not show) as bar:
        row = bar.add_task("", total=None)

        def tell(what: str) -> None:
            bar.update(row, description=what, advance=1)

        yield tell
