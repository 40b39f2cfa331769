"""Embeddings of molecules, row by row, with what is new to the model."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from cmim.molecules.chemistry import Molecules
from cmim.molecules.tokens import Vocabulary
from cmim.symbols import EOS, PAD

__all__ = ["Embedded", "noted"]


@dataclasses.dataclass(frozen=True, eq=False)
class Embedded:
    """Embeddings of molecules, a row for each string given.

    Parameters
    ----------
    values : array of shape (n, D)
        float32; NaN where a string could not be read.
    molecules : Molecules
        What was read: ``valid``, ``reasons`` and ``notes``, row by row.
    """

    values: NDArray[np.float32]
    molecules: Molecules

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Which rows have an embedding, of shape (n,)."""
        return self.molecules.valid

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the others have none; empty where there is one."""
        return self.molecules.reasons

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed, or is new to the model: tokens it was never trained on, and greater length."""
        return self.molecules.notes


def noted(
    molecules: Molecules,
    rows: NDArray[np.intp],
    tokens: NDArray[np.int64],
    vocabulary: Vocabulary,
    familiar: frozenset[str],
    longest: int,
) -> Molecules:
    """Note what is new to a model, of the rows whose tokens are given.

    Parameters
    ----------
    molecules : Molecules
        All rows.
    rows : array of shape (m,)
        Which of them have tokens.
    tokens : array of shape (m, length)
        Those.
    vocabulary : Vocabulary
        What the numbers mean.
    familiar : frozenset of str
        Tokens that the model knows.
    longest : int
        Tokens of the longest molecule that it knows.

    Returns
    -------
    Molecules
        With more notes.
    """
    names = vocabulary.tokens
    known = np.array([name in familiar or i <= EOS for i, name in enumerate(names)])
    lengths = (tokens != PAD).sum(1) - 1
    notes = list(molecules.notes)
    for j in np.flatnonzero(~known[tokens].all(1) | (lengths > longest)):
        new = sorted({names[i] for i in tokens[j] if not known[i]})
        said = [f"new to the model: {', '.join(new)}"] if new else []
        if lengths[j] > longest:
            said.append(f"longer than the model knows: {lengths[j]} tokens, {longest} at most in training")
        notes[rows[j]] = "; ".join(filter(None, [notes[rows[j]], *said]))
    return dataclasses.replace(molecules, notes=tuple(notes))
