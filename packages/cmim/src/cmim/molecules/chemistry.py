"""Reading SMILES with RDKit: a canonical form for each row, or the reason why there is none."""

import collections
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from cmim.molecules._extra import quiet_rdkit
from cmim.molecules._reading import Reader, RejectedError, Salts
from cmim.molecules._strings import refuse_string
from cmim.molecules._unread import text_of
from cmim.molecules.tokens import Vocabulary
from infocore.errors import ParameterError, ShapeError

__all__ = ["Molecules", "Salts", "canonical", "molecules", "read_molecules"]


_MAX_CHARACTERS = 1000


@dataclasses.dataclass(frozen=True)
class Molecules:
    """What became of some strings, a row for each of them.

    Parameters
    ----------
    given : tuple of str
        As they came; "" where it was no text.
    smiles : tuple of str
        Canonical forms, "" where there is none.
    valid : array of shape (n,)
        True where there is one.
    reasons : tuple of str
        Why there is none, as ``kind`` or ``kind: detail``; "" where there is one. The kinds: missing, not text, not a
        row of the table, empty, too long, white space inside, not SMILES, pattern, out of range, valence, aromaticity,
        no canonical form, not in the vocabulary.
    notes : tuple of str
        What was changed or is good to know, in the same form, joined by ``"; "``. The kinds: fragments, stereo marks
        dropped, stereo and isotopes left out, stereo centres unassigned, net charge, dummy atoms, canonical form.
    """

    given: tuple[str, ...]
    smiles: tuple[str, ...]
    valid: NDArray[np.bool_]
    reasons: tuple[str, ...]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.smiles)

    def report(self) -> dict[str, Any]:
        """Count what happened.

        Returns
        -------
        dict
            ``rows``, ``valid``, and ``reasons`` and ``notes``, which say how many rows have each kind, the most
            frequent first.

        Examples
        --------
        >>> read_molecules(["CCO", "C1CC", "C(C", "[Na+].[Cl-]"]).report()
        {'rows': 4, 'valid': 2, 'reasons': {'not SMILES': 2}, 'notes': {'fragments': 1}}
        """
        reasons = collections.Counter(_kind(reason) for reason in self.reasons if reason)
        notes = collections.Counter(_kind(note) for row in self.notes if row for note in row.split("; "))
        return {
            "rows": len(self),
            "valid": int(self.valid.sum()),
            "reasons": dict(reasons.most_common()),
            "notes": dict(notes.most_common()),
        }


def canonical(smiles: str, *, max_characters: int = _MAX_CHARACTERS) -> str | None:
    """Canonical SMILES, with stereochemistry and isotopes.

    Parameters
    ----------
    smiles : str
        A molecule.
    max_characters : int
        Longer strings are not read.

    Returns
    -------
    str or None
        A form that RDKit reads and writes as it is; None if there is none. `read_molecules` says why.

    Raises
    ------
    MissingExtraError
        If RDKit is not installed.

    Examples
    --------
    >>> canonical("OCC"), canonical("C(=O)([C@H](C)N)O"), canonical("CCO ethanol"), canonical("")
    ('CCO', 'C[C@H](N)C(=O)O', None, None)
    """
    reader = Reader("canonical", max_characters)
    with quiet_rdkit():
        try:
            return reader.settle(*reader.parse(smiles))[1]
        except RejectedError:
            return None


def read_molecules(
    strings: Iterable[Any],
    *,
    max_tokens: int | None = None,
    salts: Salts = "keep",
    isomeric: bool = True,
    vocabulary: Vocabulary | None = None,
    max_characters: int = _MAX_CHARACTERS,
) -> Molecules:
    """Read a column of SMILES. Every row stays, with its canonical form or the reason why it has none.

    Parameters
    ----------
    strings : iterable of length n
        SMILES; white space around them is taken off. What is not text, such as None or NaN, gets a reason.
    max_tokens : int, optional
        Longest canonical form, in tokens of `vocabulary`, or of the default one if none is given.
    salts : {"keep", "largest"}
        All fragments, or the one with most heavy atoms; of equals, the heavier; of equals, the first by alphabet.
        Charges stay as they are.
    isomeric : bool
        Whether stereochemistry and isotopes stay.
    vocabulary : Vocabulary, optional
        Molecules whose canonical form it cannot write get a reason.
    max_characters : int
        Longer strings are not given to RDKit, whose time grows with the square of the length: a chain of 10,000 atoms
        takes a second.

    Returns
    -------
    Molecules
        A row for each string, in the same order.

    Raises
    ------
    MissingExtraError
        If RDKit is not installed.
    ShapeError
        If `strings` is a table or an array that does not have one axis.
    ParameterError
        If `strings` is one string or not iterable, or a setting is outside its range.

    Notes
    -----
    Nothing is neutralised, and tautomers stay apart. A form is called canonical if RDKit reads it and writes it as it
    is. Strings that are canonical already need one reading, others two; where it takes more there is a note, and where
    it fails, as with a few strings of odd valence or of the stereochemistry of metals, a reason. Unassigned centres
    are counted as RDKit does while reading: those of a ring that differ only through each other are not.

    Examples
    --------
    >>> found = read_molecules(["OCC", "C=[NH5]", None, "CC(=O)O.[Na]", "CC(N)C(=O)O"], salts="largest")
    >>> found.smiles
    ('CCO', '', '', 'CC(=O)O', 'CC(N)C(=O)O')
    >>> found.reasons
    ('', 'valence: atom 1, N, has too many bonds', 'missing', '', '')
    >>> found.notes
    ('', '', '', 'fragments: 2, the largest kept', 'stereo centres unassigned: 1')
    """
    rows = rows_of(strings, "read_molecules: `strings`")
    if max_tokens is not None and max_tokens < 1:
        raise ParameterError(f"read_molecules: `max_tokens` must be at least 1; got {max_tokens!r}.")
    if salts not in get_args(Salts):
        raise ParameterError(f"read_molecules: `salts` must be 'keep' or 'largest'; got {salts!r}.")
    reader = Reader("read_molecules", max_characters)
    if max_tokens is not None and vocabulary is None:
        vocabulary = Vocabulary()
    known: set[str] = set()
    smiles, reasons, notes = [], [], []
    with quiet_rdkit():
        for row in rows:
            form = reason = note = ""
            try:
                form, note = reader.read(row, salts, isomeric)
                if vocabulary is not None:
                    _check_tokens(form, vocabulary, known, max_tokens)
            except RejectedError as e:
                form, reason, note = "", str(e), ""
            smiles.append(form)
            reasons.append(reason)
            notes.append(note)
    given = tuple(text_of(row) or "" for row in rows)
    return Molecules(given, tuple(smiles), np.array([not r for r in reasons], bool), tuple(reasons), tuple(notes))


def molecules(smiles: Sequence[str], caller: str) -> list[Any]:
    """Read SMILES to molecules of RDKit, where the form and the reasons of `read_molecules` are not needed.

    Parameters
    ----------
    smiles : sequence of str
        SMILES; the same are read as by `read_molecules`.
    caller : str
        Who asks.

    Returns
    -------
    list of rdkit.Chem.Mol or None
        None for what cannot be read, the empty string included.

    Raises
    ------
    KindError
        If `smiles` is one string.
    MissingExtraError
        If RDKit is not installed.

    Examples
    --------
    >>> [m and m.GetNumAtoms() for m in molecules(["CCO", "C(C", ""], "me")]
    [3, None, None]
    """
    refuse_string(smiles, caller)
    reader = Reader(caller, _MAX_CHARACTERS)

    def read(text: Any) -> Any:
        try:
            return reader.parse(text)[1]
        except RejectedError:
            return None

    with quiet_rdkit():
        return [read(text) for text in smiles]


def rows_of(strings: Iterable[Any], caller: str) -> list[Any]:
    """Return rows as a list.

    Parameters
    ----------
    strings : iterable
        SMILES, and what stands in place of some.
    caller : str
        Function and argument, for messages.

    Returns
    -------
    list
        The rows.

    Raises
    ------
    ShapeError
        If there is more than one axis.
    ParameterError
        If it is one string, or nothing to go through.
    """
    if getattr(strings, "ndim", 1) != 1:
        raise ShapeError(
            f"{caller} must have one axis; got {type(strings).__name__} of shape {getattr(strings, 'shape', None)}. "
            "Give one column of it."
        )
    if isinstance(strings, str | bytes) or not isinstance(strings, Iterable):
        raise ParameterError(f"{caller} must be a list of SMILES; got {type(strings).__name__}. Put one in a list.")
    return list(strings)


def _check_tokens(form: str, vocabulary: Vocabulary, known: set[str], max_tokens: int | None) -> None:
    try:
        tokens = vocabulary.split(form)
    except ParameterError:
        raise RejectedError("not in the vocabulary: a part that cannot be cut into tokens") from None
    if not known.issuperset(tokens):
        for token in tokens:
            if token not in vocabulary:
                raise RejectedError(f"not in the vocabulary: {token}")
        known.update(tokens)
    if max_tokens is not None and len(tokens) > max_tokens:
        raise RejectedError(f"too long: {len(tokens)} tokens, at most {max_tokens}")


def _kind(text: str) -> str:
    return text.partition(":")[0]
