"""Reading SMILES with RDKit: a canonical form for each row, or the reason why there is none."""

import collections
import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cmim.molecules._extra import need, quiet_rdkit
from cmim.molecules._strings import refuse_string
from cmim.molecules._unread import Unread, text_of
from cmim.molecules.tokens import Vocabulary
from infocore.errors import ParameterError, ShapeError

__all__ = ["Molecules", "Salts", "canonical", "molecules", "read_molecules"]

Salts = Literal["keep", "largest"]

# RDKit keeps these numbers in one or two bytes and wraps them around: it reads [C+200] as [C-56]
_TOO_BIG = re.compile(r"\[\d{4}|\[[^\[\]]*(?:[+\-H]\d{3}|#(?:119|1[2-9]\d|[2-9]\d\d|\d{4}))")
_MARKS = re.compile(r"[@/\\]|\[\d")
_READINGS = 4
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
    reader = _Reader("canonical", max_characters)
    with quiet_rdkit():
        try:
            return reader.settle(*reader.parse(smiles))[1]
        except _RejectedError:
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
    >>> found = read_molecules(["OCC", "C1CC", None, "CC(=O)O.[Na]", "CC(N)C(=O)O"], salts="largest")
    >>> found.smiles
    ('CCO', '', '', 'CC(=O)O', 'CC(N)C(=O)O')
    >>> found.reasons
    ('', 'not SMILES: unclosed ring', 'missing', '', '')
    >>> found.notes
    ('', '', '', 'fragments: 2, the largest kept', 'stereo centres unassigned: 1')
    """
    rows = rows_of(strings, "read_molecules: `strings`")
    if max_tokens is not None and max_tokens < 1:
        raise ParameterError(f"read_molecules: `max_tokens` must be at least 1; got {max_tokens!r}.")
    if salts not in get_args(Salts):
        raise ParameterError(f"read_molecules: `salts` must be 'keep' or 'largest'; got {salts!r}.")
    reader = _Reader("read_molecules", max_characters)
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
            except _RejectedError as e:
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
    reader = _Reader(caller, _MAX_CHARACTERS)

    def read(text: Any) -> Any:
        try:
            return reader.parse(text)[1]
        except _RejectedError:
            return None

    with quiet_rdkit():
        return [read(text) for text in smiles]


class _RejectedError(Exception):
    """A row has no canonical form; the message is the reason."""


class _Reader:
    """RDKit with settings."""

    def __init__(self, caller: str, max_characters: int | None = None) -> None:
        self.chem = need("rdkit.Chem", caller)
        self.base = need("rdkit.rdBase", caller)
        self.unassigned = need("rdkit.Chem.rdMolDescriptors", caller).CalcNumUnspecifiedAtomStereoCenters
        self.weight = need("rdkit.Chem.Descriptors", caller).MolWt
        if max_characters is not None and max_characters < 1:
            raise ParameterError(f"{caller}: `max_characters` must be at least 1; got {max_characters!r}.")
        self.max_characters = max_characters
        self.params = self.chem.SmilesParserParams()
        self.params.allowCXSMILES = self.params.parseName = False

    def parse(self, given: Any) -> tuple[str, Any]:
        """Return the text without white space around it, and its molecule."""
        if isinstance(given, Unread):
            raise _RejectedError(given.reason)
        if not isinstance(given, str):
            missing = given is None or type(given).__name__ in ("NAType", "NaTType")
            missing = missing or (isinstance(given, float | np.floating) and bool(np.isnan(given)))
            raise _RejectedError("missing" if missing else f"not text: {type(given).__name__}")
        text = given.strip()
        if not text:
            raise _RejectedError("empty")
        if self.max_characters is not None and len(text) > self.max_characters:
            raise _RejectedError(f"too long: {len(text)} characters, at most {self.max_characters}")
        if not _plain(text):
            self.refuse_characters(text)
        if _TOO_BIG.search(text):
            raise _RejectedError("out of range: isotope, hydrogens, charge or atomic number of an atom")
        mol = self.chem.MolFromSmiles(text, self.params)
        if mol is None:
            raise _RejectedError(self.why(text))
        return text, mol

    def refuse_characters(self, text: str) -> None:
        for i, character in enumerate(text):
            if character.isspace():
                raise _RejectedError(f"white space inside: character {i}")
            if not _plain(character):
                if character == "~":
                    raise _RejectedError("pattern: ~ is a bond of any kind")
                raise _RejectedError(f"not SMILES: character {i} is {character!a}")

    def why(self, text: str) -> str:
        """Return the reason why RDKit does not read a text."""
        bare = self.chem.SmilesParserParams()
        bare.allowCXSMILES = bare.parseName = bare.sanitize = bare.removeHs = False
        capture = getattr(self.base, "CaptureErrorLog", None)  # older RDKit has none, and no other way to ask
        if capture is None:
            mol, said = self.chem.MolFromSmiles(text, bare), ""
        else:
            with capture() as log:
                mol = self.chem.MolFromSmiles(text, bare)
            said = log.messages
        if mol is None:
            for words in ("unclosed ring", "extra open parentheses", "extra close parentheses", "number too large"):
                if words in said:
                    return f"not SMILES: {words}"
            if "duplicate" in said:
                return "not SMILES: a ring closure doubles a bond"
            where = re.search(r"around position (\d+)", said)
            return "not SMILES" + (f": syntax at character {int(where[1]) - 1}" if where else "")
        try:
            self.chem.SanitizeMol(mol)
        except self.chem.AtomValenceException as e:
            i = e.cause.GetAtomIdx()
            return f"valence: atom {i}, {mol.GetAtomWithIdx(i).GetSymbol()}, has too many bonds"
        except self.chem.AtomKekulizeException as e:
            return f"aromaticity: atom {e.cause.GetAtomIdx()} is in no ring"
        except self.chem.KekulizeException as e:
            return f"aromaticity: no double bonds for atoms {' '.join(map(str, e.cause.GetAtomIndices()))}"
        return "not SMILES: RDKit does not say why"

    def settle(self, text: str, mol: Any) -> tuple[Any, str, int]:
        """Return molecule and a form that reads back to itself, and after how many readings more than usual."""
        form = self.chem.MolToSmiles(mol)
        for reading in range(_READINGS):
            if form == text:
                return mol, form, max(reading - 1, 0)
            mol = self.again(form)
            text, form = form, self.chem.MolToSmiles(mol)
        raise _RejectedError("no canonical form: RDKit writes another one each time")

    def again(self, written: str) -> Any:
        mol = self.chem.MolFromSmiles(written, self.params)
        if mol is None:
            raise _RejectedError("no canonical form: RDKit does not read what it writes")
        return mol

    def read(self, given: Any, salts: Salts, isomeric: bool) -> tuple[str, str]:
        """Return canonical form and notes."""
        text, mol = self.parse(given)
        mol, form, more = self.settle(text, mol)
        notes = [f"canonical form: {more + 2} readings"] if more else []
        if dropped := _dropped(text, form):
            notes.append(f"stereo marks dropped: {dropped}")
        if "." in form:
            fragments = form.split(".")
            notes.append(f"fragments: {len(fragments)}" + (", the largest kept" if salts == "largest" else ""))
            if salts == "largest":
                mol, form, _ = self.settle(*self.largest(fragments))
        if not isomeric and _MARKS.search(form):
            plain = self.chem.MolToSmiles(mol, isomericSmiles=False)
            mol, form, _ = self.settle(plain, self.again(plain))
            notes.append("stereo and isotopes left out")
        if isomeric and (centres := self.unassigned(mol)):
            notes.append(f"stereo centres unassigned: {centres}")
        if charge := self.chem.GetFormalCharge(mol):
            notes.append(f"net charge: {charge:+d}")
        if dummies := form.count("*"):
            notes.append(f"dummy atoms: {dummies}")
        return form, "; ".join(notes)

    def largest(self, fragments: list[str]) -> tuple[str, Any]:
        mols = {fragment: self.again(fragment) for fragment in sorted(set(fragments))}
        best = max(
            mols, key=lambda fragment: (mols[fragment].GetNumHeavyAtoms(), round(self.weight(mols[fragment]), 3))
        )
        return best, mols[best]


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
        raise _RejectedError("not in the vocabulary: a part that cannot be cut into tokens") from None
    if not known.issuperset(tokens):
        for token in tokens:
            if token not in vocabulary:
                raise _RejectedError(f"not in the vocabulary: {token}")
        known.update(tokens)
    if max_tokens is not None and len(tokens) > max_tokens:
        raise _RejectedError(f"too long: {len(tokens)} tokens, at most {max_tokens}")


def _dropped(text: str, form: str) -> str:
    """Say which marks of stereochemistry in a text mean nothing and are not in its canonical form."""
    centres = sum((t.count("@") - t.count("@@")) * sign for t, sign in ((text, 1), (form, -1)))
    bonds = ("/" in text or "\\" in text) and not ("/" in form or "\\" in form)
    return " and ".join([f"{centres} of atoms"] * (centres > 0) + ["those of bonds"] * bonds)


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text and "~" not in text


def _kind(text: str) -> str:
    return text.partition(":")[0]
