"""SMILES as rows of numbers: a fixed vocabulary, so that a model's tables mean the same wherever it is read."""

import dataclasses
import functools
import re
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cmim.molecules._alphabets import ALPHABETS, RESERVED
from cmim.molecules._extra import need
from cmim.molecules._strings import refuse_string
from cmim.symbols import BOS, EOS, PAD, UNK
from infocore.errors import ParameterError, ShapeError

__all__ = ["Notation", "Vocabulary"]

Notation = Literal["smiles-1", "selfies-1"]

_CUT = re.compile(r"\[[^\[\]]*\]|Br|Cl|[BCNOPSFIbcnops*0-9()=#\-/\\.:~$%]")
_INSIDE = re.compile(r"[A-Z][a-z]?|se|as|te|si|[bcnops]|@@?|[0-9+:*\-]")


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The tokens of a notation and their numbers; a notation's name says which, and its tokens never change.

    Atoms in brackets are one token if they are common, and else cut: ``[``, isotope, element, chirality, hydrogens,
    charge, ``]``. So every element can be written, and joining the tokens always gives the string again.

    The notation "selfies-1" translates SMILES to SELFIES and back by the package of that name, under the constraints
    that are set there. Not all that it writes is a molecule to RDKit: of random rows of its tokens, 88 % were.

    Parameters
    ----------
    notation : {"smiles-1", "selfies-1"}
        Name and version.

    Raises
    ------
    ParameterError
        If there is no such notation.

    Examples
    --------
    >>> vocabulary = Vocabulary()
    >>> vocabulary.split("C[C@H](N)Cl"), vocabulary.split("[Xe+2]")
    (['C', '[C@H]', '(', 'N', ')', 'Cl'], ['[', 'Xe', '+', '2', ']'])
    >>> rows = vocabulary.encode(["CCO", "C"])
    >>> rows.tolist(), vocabulary.decode(rows)
    ([[5, 5, 7, 3], [5, 3, 0, 0]], ['CCO', 'C'])
    """

    notation: Notation = "smiles-1"

    def __post_init__(self) -> None:
        if self.notation not in get_args(Notation):
            raise ParameterError(
                f"Vocabulary: `notation` must be one of {', '.join(get_args(Notation))}; got {self.notation!r}."
            )

    @property
    def tokens(self) -> tuple[str, ...]:
        """All tokens, by their numbers; the first four are padding, unknown, beginning and end."""
        return ALPHABETS[self.notation]

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in _numbers(self.notation)

    def split(self, smiles: str) -> list[str]:
        """Cut a SMILES into tokens.

        Parameters
        ----------
        smiles : str
            Without white space.

        Returns
        -------
        list of str
            Joined, they are `smiles`, or its SELFIES. They are pieces of the notation, whether the vocabulary has them
            or not.

        Raises
        ------
        ParameterError
            If some part of it is nothing that a SMILES can hold; the message says where. If selfies cannot write it.
        """
        if self.notation == "selfies-1":
            return _selfies_of(smiles)
        tokens: list[str] = []
        numbers = _numbers(self.notation)
        at = 0
        for match in _CUT.finditer(smiles):
            if match.start() != at:
                break
            at = match.end()
            token = match.group()
            if token[0] == "[" and token not in numbers:
                inside = _INSIDE.findall(token, 1, len(token) - 1)
                if sum(map(len, inside)) != len(token) - 2:
                    at = match.start()
                    break
                tokens += ["[", *(piece for part in inside for piece in _known(part, numbers)), "]"]
            else:
                tokens.append(token)
        if at != len(smiles):
            raise ParameterError(
                f"Vocabulary.split: `smiles` must be SMILES; character {at} of {smiles[:80]!r} begins no token."
            )
        return tokens

    def encode(self, smiles: Iterable[str], length: int | None = None) -> NDArray[np.int64]:
        """Number the tokens of some SMILES.

        Parameters
        ----------
        smiles : iterable of str
            Molecules.
        length : int, optional
            Columns T; if not given, as many as the longest needs.

        Returns
        -------
        array of shape (n, T)
            Numbers of tokens, then `EOS`, then `PAD`.

        Raises
        ------
        KindError
            If `smiles` is one string.
        ParameterError
            If one is no SMILES, holds a token that the vocabulary has not, or is longer than `length` allows.
        """
        refuse_string(smiles, "Vocabulary.encode")
        numbers = _numbers(self.notation)
        rows: list[list[int]] = []
        for i, text in enumerate(smiles):
            row = [numbers.get(token, UNK) for token in self.split(text)]
            if UNK in row:
                raise ParameterError(
                    f"Vocabulary.encode: row {i}: {self.split(text)[row.index(UNK)]!r} of {text[:80]!r} is not in the "
                    f"vocabulary {self.notation}."
                )
            rows.append([*row, EOS])
        longest = max(map(len, rows), default=1)
        if length is not None and longest > length:
            raise ParameterError(
                f"Vocabulary.encode: `length` must hold the tokens and an end; got {length}, and a row of {longest}."
            )
        out = np.full((len(rows), length or longest), PAD, np.int64)
        for i, row in enumerate(rows):
            out[i, : len(row)] = row
        return out

    def decode(self, rows: ArrayLike) -> list[str]:
        """Join tokens to strings.

        Parameters
        ----------
        rows : array of shape (n, T)
            Numbers of tokens; what follows the first `EOS`, and padding, is left out.

        Returns
        -------
        list of str
            Not necessarily valid SMILES; "" for what is no SELFIES.

        Raises
        ------
        ShapeError
            If `rows` is not a matrix.
        ParameterError
            If a number is none of a token.
        """
        found = np.asarray(rows)
        if found.ndim != 2:
            raise ShapeError(f"Vocabulary.decode: `rows` must have shape (n, T); got {found.shape}.")
        tokens: Sequence[str] = self.tokens
        if found.size and not (found.min() >= 0 and found.max() < len(tokens)):
            raise ParameterError(
                f"Vocabulary.decode: `rows` must hold numbers in 0..{len(tokens) - 1}; they go from {found.min()} to "
                f"{found.max()}."
            )
        texts: list[str] = []
        for row in found.astype(np.int64).tolist():
            stop = row.index(EOS) if EOS in row else len(row)
            texts.append("".join(tokens[i] for i in row[:stop] if i not in (PAD, BOS)))
        return [_smiles_of(text) for text in texts] if self.notation == "selfies-1" else texts


def _selfies_of(smiles: str) -> list[str]:
    """Translate a SMILES and cut it."""
    selfies = need("selfies", "Vocabulary.split")
    try:
        return list(selfies.split_selfies(selfies.encoder(smiles)))
    except selfies.EncoderError as e:
        raise ParameterError(
            f"Vocabulary.split: `smiles` must be SMILES that selfies can write; {smiles[:80]!r} is not."
        ) from e


def _smiles_of(text: str) -> str:
    """Translate SELFIES back; "" if a model wrote what cannot be, such as an unknown token."""
    selfies = need("selfies", "Vocabulary.decode")
    try:
        return selfies.decoder(text)
    except selfies.DecoderError:
        return ""


def _known(part: str, numbers: dict[str, int]) -> list[str]:
    """Cut what looks like an element of two letters and is none, such as Hn, into what it can be."""
    return [part] if part in numbers or len(part) == 1 else list(part)


@functools.cache
def _numbers(notation: Notation) -> dict[str, int]:
    return {token: i for i, token in enumerate(ALPHABETS[notation]) if i >= len(RESERVED)}
