"""Columns of SMILES to tokens, many at once; what cannot be read is left out and counted by kind."""

import collections
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cmim.molecules._unread import Unread
from cmim.molecules.augmentation import randomise
from cmim.molecules.tokens import Vocabulary
from cmim.symbols import EOS, PAD
from infocore.errors import ParameterError

__all__ = ["Read", "read_tokens", "rewritten"]

_TRIES = 8
_LINE, _OPEN, _CLOSE = b"\n[]"
_PAIRS = ("Cl", "Br")
_DROPPED, _STRANGE = -2, -1


class Read(NamedTuple):
    """Tokens of n rows, one after the other."""

    tokens: NDArray[np.int16]
    ends: NDArray[np.int64]
    """Of shape (n + 1,): row i is ``tokens[ends[i] : ends[i + 1]]``, with its `EOS`."""
    readable: NDArray[np.bool_]

    def rows(self, chosen: NDArray[np.intp], width: int | None = None) -> NDArray[np.int64]:
        """Return some rows, with padding up to the longest of them or to `width`."""
        lengths = self.ends[chosen + 1] - self.ends[chosen]
        place = np.arange(lengths.max(initial=0) if width is None else width)
        found = self.tokens.take(self.ends[chosen, None] + place, mode="clip").astype(np.int64)
        return np.where(place < lengths[:, None], found, PAD)


def read_tokens(texts: Sequence[Any], vocabulary: Vocabulary, length: int) -> tuple[Read, dict[str, int]]:
    """Return the tokens of texts, and how many could not be read for which kind of reason."""
    n = len(texts)
    if vocabulary.notation == "smiles-1":
        tokens, lengths = _cut(texts, vocabulary)
    else:
        tokens, lengths = np.zeros(0, np.int16), np.zeros(n, np.int64)
    skipped: collections.Counter[str] = collections.Counter()
    late: dict[int, list[int]] = {}
    for i in map(int, np.flatnonzero(lengths == 0)):
        kind, row = _slowly(texts[i], vocabulary)
        if row:
            late[i] = row
        else:
            skipped[kind] += 1
    if late:
        slow = np.array(list(late))
        mixed = lengths.copy()
        mixed[slow] = [len(row) for row in late.values()]
        of_slow = np.zeros(n, bool)
        of_slow[slow] = True
        of_slow = np.repeat(of_slow, mixed)
        joined = np.empty(mixed.sum(), np.int16)
        joined[~of_slow] = tokens
        joined[of_slow] = np.concatenate(list(late.values()))
        tokens, lengths = joined, mixed
    skipped["too long"] += int((lengths > length).sum())
    readable = (lengths > 0) & (lengths <= length)
    return Read(tokens, np.concatenate([[0], lengths.cumsum()]), readable), dict(+skipped)


def rewritten(
    texts: Sequence[str], seeds: Sequence[tuple[int, ...]], views: int, vocabulary: Vocabulary, length: int
) -> tuple[list[NDArray[np.int64]], dict[str, int]]:
    """Return random SMILES of texts as rows of tokens, `views` times, and the kinds of what came of them."""
    streams = [np.random.default_rng(seed) for seed in seeds]
    out: list[NDArray[np.int64]] = []
    counts: collections.Counter[str] = collections.Counter()
    for _ in range(views):
        forms, todo = list(texts), list(range(len(texts)))
        for _ in range(_TRIES):
            for i in todo:
                forms[i] = _random(texts[i], streams[i])
            fine = read_tokens([forms[i] for i in todo], vocabulary, length)[0].readable
            todo = [i for i, good in zip(todo, fine, strict=True) if not good or not forms[i]]
            if not todo:
                break
        for i in todo:
            forms[i] = texts[i]
        counts["as given"] += len(todo)
        counts["random"] += len(texts) - len(todo)
        out.append(read_tokens(forms, vocabulary, length)[0].rows(np.arange(len(forms))))
    return out, dict(+counts)


def _random(text: str, rng: np.random.Generator) -> str:
    try:
        return randomise(text, rng)
    except ParameterError:
        return ""


def _slowly(text: Any, vocabulary: Vocabulary) -> tuple[str, list[int]]:
    """Return the tokens of a text, or the kind of reason why there are none."""
    if isinstance(text, Unread):
        return text.reason.partition(":")[0], []
    if not isinstance(text, str):
        return ("missing" if text is None else "not text"), []
    text = text.strip()
    if not text:
        return "empty", []
    try:
        tokens = vocabulary.split(text)
    except ParameterError:
        return "not SMILES", []
    if not all(token in vocabulary for token in tokens):
        return "not in the vocabulary", []
    return "", vocabulary.encode([text])[0].tolist()


def _cut(texts: Sequence[Any], vocabulary: Vocabulary) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Return the tokens of all texts, and how many each has: 0 where `_slowly` must look.

    As `Vocabulary.encode`, on all characters at once: those that are a token alone from a table, then what is in
    brackets, then elements of two letters. A line end after each text becomes `EOS`.
    """
    single, pairs = _tables(vocabulary)
    blob = _blob(texts)
    data = np.frombuffer(blob, np.uint8)
    ends = np.flatnonzero(data == _LINE)
    starts = np.concatenate([[0], ends[:-1] + 1])
    odd = ends == starts
    if not len(ends):
        return np.zeros(0, np.int16), np.zeros(0, np.int64)
    side = (data == _OPEN).astype(np.int8) - (data == _CLOSE)
    if side.any():
        depth = side.cumsum(dtype=np.int32)
        before = np.concatenate([np.zeros(1, np.int32), depth[ends[:-1]]])
        low, high = np.minimum.reduceat(depth, starts) - before, np.maximum.reduceat(depth, starts) - before
        wrong = (low < 0) | (high > 1) | (depth[ends] != before)
        odd |= wrong
        side[np.repeat(wrong, ends - starts + 1)] = 0
    number = single[data]
    first, last = np.flatnonzero(side > 0), np.flatnonzero(side < 0)
    if len(first):
        number[(side.cumsum(dtype=np.int8) > 0) | (side < 0)] = _DROPPED
        known: dict[bytes, int] = {}
        atoms = [
            known.setdefault(blob[a : z + 1], len(known)) for a, z in zip(first.tolist(), last.tolist(), strict=True)
        ]
        pieces = [_slowly(atom.decode(), vocabulary)[1][:-1] or [_STRANGE] for atom in known]
        table = np.full((len(pieces), max(map(len, pieces))), _DROPPED, np.int16)
        for i, piece in enumerate(pieces):
            table[i, : len(piece)] = piece
        chosen = table[atoms]
        for j in range(table.shape[1]):
            there = chosen[:, j] != _DROPPED
            number[first[there] + j] = chosen[there, j]
    for (a, z), token in pairs:
        at = np.flatnonzero((data[:-1] == a) & (data[1:] == z) & (number[:-1] != _DROPPED) & (number[1:] == _STRANGE))
        number[at], number[at + 1] = token, _DROPPED
    odd |= np.bitwise_or.reduceat(number == _STRANGE, starts)
    kept = number >= 0
    if odd.any():
        kept &= ~np.repeat(odd, ends - starts + 1)
    return number[kept], np.add.reduceat(kept, starts, dtype=np.int64)


def _blob(texts: Sequence[Any]) -> bytes:
    """Return a line for each text, empty where it is none that can be cut here."""
    try:
        joined = "\n".join([*texts, ""])
        if joined.isascii() and joined.count("\n") == len(texts):
            return joined.encode()
    except TypeError:
        pass
    fine = [text if isinstance(text, str) and text.isascii() and "\n" not in text else "" for text in texts]
    return "\n".join([*fine, ""]).encode()


@functools.cache
def _tables(vocabulary: Vocabulary) -> tuple[NDArray[np.int16], list[tuple[bytes, int]]]:
    """Return the token of each byte that is one, and the elements of two letters with theirs."""
    single = np.full(256, _STRANGE, np.int16)
    single[_LINE] = EOS
    for i in range(32, 127):
        row = _slowly(chr(i), vocabulary)[1]
        if row:
            single[i] = row[0]
    return single, [(pair.encode(), vocabulary.encode([pair])[0, 0]) for pair in _PAIRS]
