"""What a molecule is worth: properties by name, a user's own score, and the rule for what is no molecule."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cmim.molecules._extra import need
from cmim.molecules._strings import refuse_string
from cmim.molecules.chemistry import canonical, molecules
from infocore.errors import DataError, NonFiniteError, ParameterError, ShapeError

__all__ = ["Constraint", "Property", "Score", "at_least", "molecule_properties", "named_score", "score_molecules"]

Property = Literal["logp", "plogp", "qed", "sa", "weight"]
Score = Callable[[list[str]], ArrayLike]
Constraint = Callable[[list[str]], ArrayLike]
Floats = NDArray[np.float64]

RADIUS = 2
BITS = 1024


def molecule_properties(smiles: Sequence[str], names: Sequence[Property]) -> dict[str, Floats]:
    """Compute properties of molecules.

    Parameters
    ----------
    smiles : sequence of str
        Valid molecules.
    names : sequence of {"logp", "plogp", "qed", "sa", "weight"}
        ``logp``: Crippen's octanol-water partition coefficient; ``qed``: quantitative estimate of drug-likeness [1]_,
        in 0..1; ``sa``: synthetic accessibility [2]_, from 1 (easy) to 10; ``weight``: average molecular mass in g/mol;
        ``plogp``: penalised logP, ``logp - sa - max(0, r - 6)`` with r the atoms of the largest ring, and none of the
        three terms standardised.

    Returns
    -------
    dict of str to array of shape (n,)
        By name.

    Raises
    ------
    ParameterError
        If a name is not one of these.
    DataError
        If a string is no molecule.
    MissingExtraError
        If RDKit is not installed.

    Notes
    -----
    Rings are those of RDKit's smallest set; a fused system counts by its rings, not by its outline. Papers differ in
    how they standardise penalised logP: compare values only where that is the same.

    References
    ----------
    .. [1] G. Bickerton et al., "Quantifying the chemical beauty of drugs", Nature Chemistry 4:90, 2012.
    .. [2] P. Ertl, A. Schuffenhauer, "Estimation of synthetic accessibility score of drug-like molecules", Journal of
       Cheminformatics 1:8, 2009; as in RDKit's Contrib.

    Examples
    --------
    >>> found = molecule_properties(["CCO", "c1ccccc1"], ["weight", "logp"])
    >>> {name: values.round(2).tolist() for name, values in found.items()}
    {'weight': [46.07, 78.11], 'logp': [-0.0, 1.69]}
    """
    for name in names:
        if name not in get_args(Property):
            raise ParameterError(
                f"molecule_properties: `names` must be of {', '.join(get_args(Property))}; got {name!r}."
            )
    mols = read_valid(smiles, "molecule_properties")
    return {name: np.array([_property(name)(mol) for mol in mols], np.float64) for name in names}


def named_score(name: str, reference: str | None = None) -> Score:
    """Return a score that the optimiser can make larger.

    Parameters
    ----------
    name : {"logp", "plogp", "qed", "sa", "weight", "similarity"}
        A property, see `molecule_properties`, or the Tanimoto similarity of Morgan fingerprints (radius 2, 1024 bits)
        to `reference`.
    reference : str, optional
        A SMILES, for "similarity".

    Returns
    -------
    callable
        From a list of n valid SMILES to an array of shape (n,).

    Raises
    ------
    ParameterError
        If there is no such score, or `reference` is missing, not needed, or no molecule.
    MissingExtraError
        If RDKit is not installed.

    Examples
    --------
    >>> named_score("similarity", "CCO")(["OCC", "c1ccccc1"]).tolist()
    [1.0, 0.0]
    """
    if name == "similarity":
        if reference is None or canonical(reference) is None:
            raise ParameterError(
                f"named_score: 'similarity' needs a `reference`, the SMILES of a molecule; got {reference!r}."
            )
        return _similarity(reference)
    if name not in get_args(Property):
        raise ParameterError(
            f"named_score: `name` must be one of {', '.join(get_args(Property))}, similarity; got {name!r}. A score of "
            "your own is given as a function."
        )
    if reference is not None:
        raise ParameterError(f"named_score: `reference` goes with 'similarity' only; got {reference!r} with {name!r}.")
    chosen = cast(Property, name)
    return lambda smiles: molecule_properties(smiles, [chosen])[chosen]


def at_least(score: Score | str, limit: float, reference: str | None = None) -> Constraint:
    """Return a constraint that allows molecules whose score reaches a limit.

    Parameters
    ----------
    score : callable or str
        From a list of n valid SMILES to an array of shape (n,), or a name for `named_score`.
    limit : float
        The least that is allowed.
    reference : str, optional
        As of `named_score`.

    Returns
    -------
    callable
        From a list of n valid SMILES to a bool array of shape (n,).

    Raises
    ------
    ParameterError
        If `limit` is not finite, or the name or reference will not do.

    Examples
    --------
    >>> at_least("similarity", 0.4, "CCCO")(["CCCN", "c1ccccc1", "CCCO"]).tolist()
    [False, False, True]
    """
    if not np.isfinite(limit):
        raise ParameterError(f"at_least: `limit` must be a finite number; got {limit!r}.")
    function = as_score(score, reference, "at_least")
    return lambda smiles: checked_scores(function, smiles, "at_least") >= limit


def score_molecules(score: Score | str, smiles: Sequence[str], *, reference: str | None = None) -> Floats:
    """Score strings of which some may be no molecules.

    Parameters
    ----------
    score : callable or str
        From a list of valid canonical SMILES to as many finite numbers, or a name for `named_score`.
    smiles : sequence of str
        As they came out of a decoder.
    reference : str, optional
        As of `named_score`.

    Returns
    -------
    array of shape (n,)
        The scores; ``-inf`` for what is no molecule, so that it is worse than every molecule. The score is asked once,
        and for each distinct molecule once; not at all if there is none.

    Raises
    ------
    KindError
        If `smiles` is one string.
    ParameterError
        If the name or the reference will not do.
    ShapeError
        If the score returns other than one number for each molecule.
    NonFiniteError
        If the score returns NaN or infinity.
    MissingExtraError
        If RDKit is not installed.

    Examples
    --------
    >>> score_molecules(lambda molecules: [len(m) for m in molecules], ["OCC", "C(", "CCO"]).tolist()
    [3.0, -inf, 3.0]
    """
    refuse_string(smiles, "score_molecules")
    function = as_score(score, reference, "score_molecules")
    names = [canonical(s) for s in smiles]
    distinct = list(dict.fromkeys(name for name in names if name is not None))
    if not distinct:
        return np.full(len(names), -np.inf)
    known = dict(zip(distinct, checked_scores(function, distinct, "score_molecules"), strict=True))
    return np.array([-np.inf if name is None else known[name] for name in names], np.float64)


def as_score(score: Score | str, reference: str | None, caller: str) -> Score:
    """Return the function that a name stands for, or the function itself.

    Parameters
    ----------
    score : callable or str
        Either.
    reference : str or None
        As of `named_score`.
    caller : str
        Who asks.

    Returns
    -------
    callable
        The score.

    Raises
    ------
    ParameterError
        If it is neither, or a reference comes with a function.
    """
    if isinstance(score, str):
        return named_score(score, reference)
    if not callable(score):
        raise ParameterError(f"{caller}: `score` must be a name or a function of a list of SMILES; got {score!r}.")
    if reference is not None:
        raise ParameterError(f"{caller}: `reference` goes with a named score only; your function knows its own.")
    return score


def checked_scores(score: Score, molecules: list[str], caller: str) -> Floats:
    """Ask a score, and check what it says.

    Parameters
    ----------
    score : callable
        From a list of n valid SMILES to an array of shape (n,).
    molecules : list of str
        Valid.
    caller : str
        Who asks.

    Returns
    -------
    array of shape (n,)
        Scores.

    Raises
    ------
    ShapeError
        If it returns other than one number for each molecule.
    NonFiniteError
        If it returns NaN or infinity.
    """
    try:
        told = score(list(molecules))
    except Exception as e:
        e.add_note(f"{caller}: `score` raised this for {len(molecules)} molecules, the first {molecules[0]}.")
        raise
    try:
        values = np.asarray(told, np.float64)
    except (TypeError, ValueError) as e:
        raise ShapeError(f"{caller}: `score` must return one number for each molecule; it returned {told!r}.") from e
    if values.shape != (len(molecules),):
        raise ShapeError(
            f"{caller}: `score` must return one number for each of the {len(molecules)} molecules it is given; it "
            f"returned an array of shape {values.shape}."
        )
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise NonFiniteError(
            f"{caller}: `score` returned NaN or infinity for {len(bad)} of {len(molecules)} molecules, the first "
            f"{molecules[bad[0]]}. Return a low finite number for a molecule that you do not want."
        )
    return values


def read_valid(smiles: Sequence[str], caller: str) -> list[Any]:
    """Read molecules, of which each must be one.

    Parameters
    ----------
    smiles : sequence of str
        Valid molecules.
    caller : str
        Who asks.

    Returns
    -------
    list of rdkit.Chem.Mol
        One for each.

    Raises
    ------
    DataError
        If a string is no molecule.
    """
    mols = molecules(smiles, caller)
    bad = [i for i, mol in enumerate(mols) if mol is None]
    if bad:
        raise DataError(
            f"{caller}: `smiles` must be valid molecules; {len(bad)} of {len(mols)} are not; row {bad[0]} is "
            f"{smiles[bad[0]]!r}. Take out what `cmim.molecules.chemistry.canonical` cannot read, and count it."
        )
    return mols


def fingerprint_generator(caller: str) -> Any:
    """Return RDKit's generator of the fingerprints that are meant wherever similarity is spoken of.

    Parameters
    ----------
    caller : str
        Who asks.

    Returns
    -------
    object
        Morgan, radius 2, 1024 bits.
    """
    return need("rdkit.Chem.rdFingerprintGenerator", caller).GetMorganGenerator(radius=RADIUS, fpSize=BITS)


def _similarity(reference: str) -> Score:
    generator = fingerprint_generator("named_score")
    bulk = need("rdkit.DataStructs", "named_score").BulkTanimotoSimilarity
    (mol,) = read_valid([reference], "named_score")
    wanted = generator.GetFingerprint(mol)

    def score(smiles: list[str]) -> Floats:
        found = [generator.GetFingerprint(mol) for mol in read_valid(smiles, "similarity")]
        return np.array(bulk(wanted, found), np.float64)

    return score


def _property(name: str) -> Callable[[Any], float]:
    caller = f"the property {name!r}"
    if name == "logp":
        return need("rdkit.Chem.Crippen", caller).MolLogP
    if name == "qed":
        return need("rdkit.Chem.QED", caller).qed
    if name == "weight":
        return need("rdkit.Chem.Descriptors", caller).MolWt
    sa: Callable[[Any], float] = need("rdkit.Contrib.SA_Score.sascorer", caller).calculateScore
    if name == "sa":
        return sa
    logp = need("rdkit.Chem.Crippen", caller).MolLogP

    def penalised(mol: Any) -> float:
        largest = max(map(len, mol.GetRingInfo().AtomRings()), default=0)
        return logp(mol) - sa(mol) - max(0, largest - 6)

    return penalised
