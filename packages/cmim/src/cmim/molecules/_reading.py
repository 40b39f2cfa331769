"""One string at a time: RDKit's molecule and a form that reads back to itself, or the reason why there is none."""

import re
from typing import Any, Literal

import numpy as np

from cmim.molecules._extra import need
from cmim.molecules._unread import Unread
from infocore.errors import ParameterError

__all__ = ["Reader", "RejectedError", "Salts"]

Salts = Literal["keep", "largest"]

# RDKit keeps these numbers in one or two bytes and wraps them around: it reads [C+200] as [C-56]
_TOO_BIG = re.compile(r"\[\d{4}|\[[^\[\]]*(?:[+\-H]\d{3}|#(?:119|1[2-9]\d|[2-9]\d\d|\d{4}))")
_MARKS = re.compile(r"[@/\\]|\[\d")
_READINGS = 4


class RejectedError(Exception):
    """A row has no canonical form; the message is the reason."""


class Reader:
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
            raise RejectedError(given.reason)
        if not isinstance(given, str):
            missing = given is None or type(given).__name__ in ("NAType", "NaTType")
            missing = missing or (isinstance(given, float | np.floating) and bool(np.isnan(given)))
            raise RejectedError("missing" if missing else f"not text: {type(given).__name__}")
        text = given.strip()
        if not text:
            raise RejectedError("empty")
        if self.max_characters is not None and len(text) > self.max_characters:
            raise RejectedError(f"too long: {len(text)} characters, at most {self.max_characters}")
        if not _plain(text):
            self.refuse_characters(text)
        if _TOO_BIG.search(text):
            raise RejectedError("out of range: isotope, hydrogens, charge or atomic number of an atom")
        mol = self.chem.MolFromSmiles(text, self.params)
        if mol is None:
            raise RejectedError(self.why(text))
        return text, mol

    def refuse_characters(self, text: str) -> None:
        for i, character in enumerate(text):
            if character.isspace():
                raise RejectedError(f"white space inside: character {i}")
            if not _plain(character):
                if character == "~":
                    raise RejectedError("pattern: ~ is a bond of any kind")
                raise RejectedError(f"not SMILES: character {i} is {character!a}")

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
        raise RejectedError("no canonical form: RDKit writes another one each time")

    def again(self, written: str) -> Any:
        mol = self.chem.MolFromSmiles(written, self.params)
        if mol is None:
            raise RejectedError("no canonical form: RDKit does not read what it writes")
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


def _dropped(text: str, form: str) -> str:
    """Say which marks of stereochemistry in a text mean nothing and are not in its canonical form."""
    centres = sum((t.count("@") - t.count("@@")) * sign for t, sign in ((text, 1), (form, -1)))
    bonds = ("/" in text or "\\" in text) and not ("/" in form or "\\" in form)
    return " and ".join([f"{centres} of atoms"] * (centres > 0) + ["those of bonds"] * bonds)


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text and "~" not in text
