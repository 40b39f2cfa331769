"""Fresh records in two halves, one for the attacker and one to be attacked, in random order."""

import dataclasses
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.util import hash_pandas_object

from mid.attacks.attribute import Records

__all__ = ["Split", "split_records", "take"]


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Who gets which records.

    Parameters
    ----------
    known, attacked : Records
        Halves of the fresh records.
    members : Records or None
        As many training records as there are attacked ones, or all.
    rows : dict
        Numbers of the rows of each part, in the order in which they are used.
    repeated : dict
        How many attacked records are, word for word, among the attacker's own, and how many fresh ones among the
        training records.
    """

    known: Records
    attacked: Records
    members: Records | None
    rows: dict[str, list[int]]
    repeated: dict[str, int]

    @property
    def whole(self) -> Records:
        """Attacked and training records, one after the other."""
        if self.members is None:
            return self.attacked
        parts = [self.attacked.X, self.members.X]
        return Records(pd.concat(parts, ignore_index=True), np.concatenate([self.attacked.y, self.members.y]))

    @property
    def fresh(self) -> NDArray[np.bool_]:
        """Which records of `whole` are fresh."""
        return np.arange(len(self.whole)) < len(self.attacked)


def split_records(fresh: Records, training: Records | None, seed: int) -> Split:
    """Split fresh records in two, and draw training records to attack.

    Parameters
    ----------
    fresh : Records
        The model was not trained on them.
    training : Records or None
        It was trained on these.
    seed : int
        Of the draw.

    Returns
    -------
    Split
        In random order throughout: what reads some first rows reads a random sample.
    """
    order = np.random.default_rng([seed, 7]).permutation(len(fresh))
    own, attacked = order[: len(fresh) // 2], order[len(fresh) // 2 :]
    rows = {"known": own.tolist(), "attacked": attacked.tolist()}
    repeated = {"attacked among known": _shared(take(fresh, attacked), take(fresh, own))}
    members = None
    if training is not None:
        drawn = np.random.default_rng([seed, 8]).permutation(len(training))[: len(attacked)]
        members, rows["training"] = take(training, drawn), drawn.tolist()
        repeated["fresh among training"] = _shared(fresh, training)
    return Split(take(fresh, own), take(fresh, attacked), members, rows, repeated)


def take(records: Records, rows: NDArray[np.intp]) -> Records:
    """Some records, in the order given.

    Parameters
    ----------
    records : Records
        All of them.
    rows : int array
        Which.

    Returns
    -------
    Records
        Those.
    """
    return Records(records.X.iloc[rows], records.y[rows])


def _shared(a: Records, b: Records) -> int:
    """Count records of a that are in b, response included."""
    hashes = cast("Any", hash_pandas_object)  # pandas types it as an object
    keys = [hashes(r.X.assign(**{"response ": r.y}), index=False).to_numpy() for r in (a, b)]
    return int(np.isin(keys[0], keys[1]).sum())
