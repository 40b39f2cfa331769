"""What typer lacks for our commands: an option with several names after it, and one prefix for every refusal."""

# typer's own click is typed as unknown; the rest of strict holds
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import itertools
import os.path
from collections.abc import Collection, Sequence
from typing import Any

from typer.core import TyperCommand

from infocore.errors import InfoError, ParameterError

__all__ = ["Command", "one_name_each"]


class Command(TyperCommand):
    """A command whose options with several names read ``--x a b`` as ``--x a --x b``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Write every name with its own option, then parse."""
        options: list[Any] = [p for p in self.get_params(ctx) if p.param_type_name == "option"]
        several = {name for p in options if p.multiple for name in p.opts}
        valued = {name for p in options if not (p.is_flag or p.multiple or p.count) for name in p.opts}
        if several and "--help" not in args:
            args = one_name_each(args, several, valued, f"infocore {self.name}")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run, and begin the message of a refusal with the name of the command."""
        try:
            return super().invoke(ctx)
        except InfoError as e:
            if str(e).startswith("infocore"):
                raise
            raise type(e)(f"infocore {self.name}: {str(e).removeprefix('mutual_information: ')}") from e


def one_name_each(words: Sequence[str], several: Collection[str], valued: Collection[str], caller: str) -> list[str]:
    """Repeat an option before each of the names that follow it, up to the next option.

    Parameters
    ----------
    words : sequence of str
        What follows the command, which takes one file besides its options.
    several, valued : collection of str
        Options that take several names, and those that take one value.
    caller : str
        For the messages.

    Returns
    -------
    list of str
        With the file at the end, if it stood among the names.

    Raises
    ------
    ParameterError
        If there is no file apart from the names, and not just one of the names is that of a file.

    Examples
    --------
    >>> one_name_each(["data.csv", "--x", "a", "b", "--json"], ["--x"], [], "doc")
    ['data.csv', '--x', 'a', '--x', 'b', '--json']
    """
    out: list[str] = []
    more: list[int] = []  # where the second name of an option stands, the third, ...
    option, found = "", False
    left = iter(words)
    for word in left:
        if word == "--":
            return [*out, word, *left]
        if word.startswith("-") and word != "-":
            option = word if word in several else ""
            out.append(word)
            if option or word in valued:
                out += itertools.islice(left, 1)
        elif option:
            out += [option, word]
            more.append(len(out) - 1)
        else:
            out.append(word)
            found = True
    if found or not more:
        return out
    files = [i for i in more if os.path.isfile(out[i])]
    if len(files) != 1:
        named = ", ".join(out[i] for i in files or more)
        which = f"{named} are all files" if files else f"none of {named} is a file"
        raise ParameterError(
            f"{caller}: the file must stand before the options, or be the only file among the names after them; "
            f"{which}. Write {caller} data.csv --x a b --y c."
        )
    at = files[0]
    return [*out[: at - 1], *out[at + 1 :], out[at]]
