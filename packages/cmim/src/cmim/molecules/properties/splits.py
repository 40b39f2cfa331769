"""Folds of a cross-validation, at random or so that no scaffold is in two of them."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from cmim.evaluation import check_seed
from cmim.molecules.augmentation import scaffold
from cmim.molecules.chemistry import read_molecules
from infocore.errors import DataError, ParameterError, ShapeError

__all__ = ["parents", "random_folds", "scaffold_folds"]


def parents(smiles: Sequence[str]) -> list[str]:
    """Parent structures: what is left of molecules without counter-ions, stereochemistry and isotopes.

    Molecules of one parent have nearly the same features and properties. In two folds they make the test too easy, so
    folds are dealt by parent.

    Parameters
    ----------
    smiles : sequence of n str
        Molecules.

    Returns
    -------
    list of n str
        Canonical SMILES of the largest fragments. Tautomers, and an acid and its anion, have parents of their own.

    Raises
    ------
    DataError
        If RDKit cannot read some of the molecules.
    MissingExtraError
        If RDKit is not installed.

    Examples
    --------
    >>> parents(["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(N)C(=O)O.Cl"])
    ['CC(N)C(=O)O', 'CC(N)C(=O)O', 'CC(N)C(=O)O']
    """
    return _parents(smiles, "parents")


def random_folds(n: int, k: int, seed: int = 0, *, groups: Sequence[Hashable] | None = None) -> NDArray[np.int64]:
    """Deal rows into folds at random.

    Parameters
    ----------
    n : int
        Rows.
    k : int
        Folds.
    seed : int
        Of the shuffle.
    groups : sequence of length n, optional
        Rows of equal group go into one fold, such as the `parents` of molecules, so that a molecule that is listed
        twice, or with its mirror image, is not in training and test data.

    Returns
    -------
    array of shape (n,)
        Fold numbers 0 .. k - 1. Without groups, sizes differ by at most one. With groups, the largest are dealt first,
        each into the fold that is smallest then, so that sizes are as even as large groups allow.

    Raises
    ------
    ParameterError
        If there are fewer than 2 folds, fewer rows or groups than folds, or `seed` is out of range.
    ShapeError
        If there is not a group for each row.

    Examples
    --------
    >>> np.bincount(random_folds(10, 3))
    array([4, 3, 3])
    >>> folds = random_folds(5, 2, groups=["a", "b", "a", "c", "b"])
    >>> bool(folds[0] == folds[2]), bool(folds[1] == folds[4])
    (True, True)
    """
    caller = "random_folds"
    _check(n, k, seed, caller)
    if groups is None:
        return np.random.default_rng(seed).permutation(np.arange(n) % k)
    if len(groups) != n:
        raise ShapeError(f"{caller}: `groups` must have {n} entries, one for each row; got {len(groups)}.")
    return _deal(groups, k, seed, caller)


def scaffold_folds(smiles: Sequence[str], k: int, seed: int = 0) -> NDArray[np.int64]:
    """Deal molecules into folds so that those of one Bemis-Murcko scaffold (`scaffold`) are in one fold.

    Parameters
    ----------
    smiles : sequence of str
        Molecules.
    k : int
        Folds.
    seed : int
        Of the order of scaffolds of equal size.

    Returns
    -------
    array of shape (n,)
        Fold numbers 0 .. k - 1. The largest scaffolds are dealt first, each into the fold that is smallest then: sizes
        are even unless one scaffold is more than 1 / k of the set, as benzene is of small sets.

    Raises
    ------
    DataError
        If RDKit cannot read some of the molecules: there is no fold that they belong to.
    ParameterError
        If `smiles` is one string, there are fewer than 2 folds, fewer scaffolds than folds, or `seed` is out of range.
    MissingExtraError
        If RDKit is not installed.

    Notes
    -----
    A molecule without rings has no scaffold. Taken as one scaffold, such molecules would be a third of a set like
    ESOL in one fold; here each parent (`parents`) is a group of its own.

    Examples
    --------
    >>> folds = scaffold_folds(["Cc1ccccc1", "CCO", "CCC1CCCCC1", "Oc1ccccc1", "OCC"], 3)
    >>> bool(folds[0] == folds[3]), bool(folds[1] == folds[4]), len(set(folds.tolist()))
    (True, True, 3)
    """
    caller = "scaffold_folds"
    _check(len(smiles), k, seed, caller)
    return _deal([scaffold(form) or form for form in _parents(smiles, caller)], k, seed, caller)


def _parents(smiles: Sequence[str], caller: str) -> list[str]:
    read = read_molecules(smiles, isomeric=False, salts="largest")
    bad = np.flatnonzero(~read.valid).tolist()
    if bad:
        raise DataError(
            f"{caller}: {len(bad)} of {len(read)} SMILES cannot be read, in rows {', '.join(map(str, bad[:10]))}"
            f"{', ...' if len(bad) > 10 else ''}; the first: {read.reasons[bad[0]]}. Leave those rows out first, of "
            "features and targets too."
        )
    return list(read.smiles)


def _check(n: int, k: int, seed: int, caller: str) -> None:
    check_seed(seed, caller)
    if not 2 <= k <= n:
        raise ParameterError(f"{caller}: `k` must be at least 2 and at most the number of rows, {n}; got {k!r}.")


def _deal(groups: Sequence[Hashable], k: int, seed: int, caller: str) -> NDArray[np.int64]:
    numbers: dict[Hashable, int] = {}
    member = np.array([numbers.setdefault(group, len(numbers)) for group in groups])
    if len(numbers) < k:
        raise ParameterError(f"{caller}: `k` must be at most the number of groups, {len(numbers)}; got {k}.")
    sizes = np.bincount(member)
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    fold_of, filled = np.empty(len(sizes), np.int64), np.zeros(k, np.int64)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")].tolist():
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of[member]
