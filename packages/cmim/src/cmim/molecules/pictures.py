"""Pictures of molecules, for a look at what came out."""

import pathlib
from collections.abc import Sequence
from os import PathLike
from typing import Any

from cmim.molecules._extra import need, quiet_rdkit
from cmim.molecules.chemistry import canonical
from infocore.errors import DataError, ParameterError, ShapeError

__all__ = ["grid"]

LINES = 5
FONT = 14
SIDE_LIMIT = 32_000


def grid(
    smiles: Sequence[str],
    legends: Sequence[str] | None = None,
    *,
    path: str | PathLike[str],
    columns: int = 4,
    cell: tuple[int, int] = (250, 220),
) -> pathlib.Path:
    """Draw molecules in a grid and write the picture.

    Parameters
    ----------
    smiles : sequence of str
        As they came out; the cell of what is no molecule says so, and holds the string.
    legends : sequence of str, optional
        A line or more under each.
    path : path ending in ``.png`` or ``.svg``
        Where to; an existing file is replaced when the new one is complete.
    columns : int
        Cells in a row.
    cell : (int, int)
        Width and height of a cell in pixels.

    Returns
    -------
    pathlib.Path
        Where it is.

    Raises
    ------
    ShapeError
        If there are no molecules, or not as many legends.
    ParameterError
        If the ending is another, `columns` or `cell` is too small, or the picture would have a side of more than 32,000
        pixels.
    DataError
        If the file cannot be written.
    MissingExtraError
        If RDKit is not installed.

    Notes
    -----
    RDKit's letters are those of ASCII; others are written as Python escapes. A string that is no molecule and longer
    than five lines is cut, with "..." at its end, in the picture only.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     grid(["CCO", "c1ccccc1", "C("], ["0.41", "0.44", ""], path=f"{folder}/found.svg").name
    'found.svg'
    """
    out = pathlib.Path(path)
    names = list(smiles)
    texts = [""] * len(names) if legends is None else list(legends)
    if not names or isinstance(smiles, str):
        raise ShapeError(f"grid: `smiles` must be a list of at least one string; got {smiles!r}.")
    if len(texts) != len(names) or isinstance(legends, str):
        raise ShapeError(f"grid: `legends` must be one for each of the {len(names)} molecules; got {legends!r:.80}.")
    if out.suffix.lower() not in (".png", ".svg"):
        raise ParameterError(f"grid: `path` must end in .png or .svg; got {str(path)!r}.")
    if columns < 1 or min(cell) < 50:
        raise ParameterError(f"grid: `columns` must be at least 1 and `cell` 50 x 50; got {columns!r} and {cell!r}.")
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    width, height = columns * cell[0], rows * cell[1]
    if max(width, height) > SIDE_LIMIT:
        raise ParameterError(
            f"grid: the picture would have {width} x {height} pixels, and a side of {SIDE_LIMIT} is the most; draw "
            "fewer molecules, or more columns of smaller cells."
        )
    drawn = _draw(names, [_plain(text) for text in texts], columns, cell, (width, height), out.suffix.lower() == ".png")
    part = out.with_name(f".{out.name}.part")
    try:
        part.write_bytes(drawn)
        part.replace(out)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise DataError(f"grid: {out} cannot be written: {e}") from e
    return out


def _draw(
    names: list[str], legends: list[str], columns: int, cell: tuple[int, int], size: tuple[int, int], png: bool
) -> bytes:
    chem, draw = need("rdkit.Chem", "grid"), need("rdkit.Chem.Draw.rdMolDraw2D", "grid")
    drawer = (draw.MolDraw2DCairo if png else draw.MolDraw2DSVG)(*size, *cell)
    forms = [canonical(name) for name in names]
    with quiet_rdkit():
        mols = [chem.Mol() if form is None else chem.MolFromSmiles(form) for form in forms]
        drawer.DrawMolecules(mols, legends=legends)
    for i, (name, form, legend) in enumerate(zip(names, forms, legends, strict=True)):
        if form is None:
            left, top = i % columns * cell[0], i // columns * cell[1]
            _write(drawer, left + cell[0] / 2, top + cell[1] / 3, ["not a molecule:", *_lines(name, cell[0])])
            _write(drawer, left + cell[0] / 2, top + cell[1] - 14, legend.splitlines()[::-1], step=-1)
    drawer.FinishDrawing()
    text: Any = drawer.GetDrawingText()
    return text if png else text.encode()


def _write(drawer: Any, x: float, y: float, lines: list[str], step: int = 1) -> None:
    point = need("rdkit.Geometry", "grid").Point2D
    drawer.SetFontSize(FONT)
    for k, line in enumerate(lines):
        drawer.DrawString(line, point(x, y + step * k * 1.3 * FONT), 0, True)


def _plain(text: str) -> str:
    return "".join(c if " " <= c <= "~" or c == "\n" else ascii(c)[1:-1] for c in text)


def _lines(name: str, width: int) -> list[str]:
    text = _plain(name).replace("\n", "\\n") or "(empty)"
    wide = int(width / (0.72 * FONT))
    if len(text) > wide * LINES:
        text = text[: wide * LINES - 3] + "..."
    return [text[i : i + wide] for i in range(0, len(text), wide)]
