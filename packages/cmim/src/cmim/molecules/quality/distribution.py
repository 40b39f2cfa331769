"""How near the molecules that a model makes are to those that it learned from: the measures of MOSES but FCD."""

import collections
import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from cmim.molecules._extra import need
from cmim.molecules.search.scores import BITS, Property, fingerprint_generator, molecule_properties, read_valid
from infocore.errors import DataError, ParameterError, ShapeError

__all__ = [
    "DistributionMetrics",
    "Profile",
    "distribution_metrics",
    "fingerprints",
    "internal_diversity",
    "nearest_similarity",
]

Bits = NDArray[np.uint8]
Floats = NDArray[np.float64]

PROPERTIES: tuple[Property, ...] = ("logp", "sa", "qed", "weight")
MIN_RINGS = 2
BLOCK = 2048


@dataclasses.dataclass(frozen=True)
class Profile:
    """What the measures need to know of a set of molecules, so that a reference set is read once.

    Parameters
    ----------
    fingerprints : uint8 array of shape (n, 128)
        Morgan fingerprints, radius 2, 1024 bits, packed.
    fragments, scaffolds : dict of str to int
        How often each BRICS fragment, and each Bemis-Murcko scaffold of at least two rings, occurs.
    properties : dict of str to array of shape (n,)
        ``logp``, ``sa``, ``qed`` and ``weight``.

    Examples
    --------
    >>> profile = Profile.of(["CCOC", "c1ccc2ccccc2c1"])
    >>> len(profile), profile.scaffolds
    (2, {'c1ccc2ccccc2c1': 1})
    """

    fingerprints: Bits
    fragments: dict[str, int]
    scaffolds: dict[str, int]
    properties: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.fingerprints)

    @staticmethod
    def of(smiles: Sequence[str]) -> "Profile":
        """Describe molecules; some 3 ms each.

        Parameters
        ----------
        smiles : sequence of n str
            Valid molecules, with repeats if the set has them.

        Returns
        -------
        Profile
            Of all of them.

        Raises
        ------
        DataError
            If a string is no molecule, or there is none.
        MissingExtraError
            If RDKit is not installed.
        """
        if not len(smiles):
            raise DataError("Profile.of: `smiles` must hold at least one molecule; it is empty.")
        mols = read_valid(smiles, "Profile.of")
        return Profile(
            np.packbits(_bits(mols), axis=1),
            dict(collections.Counter(fragment for mol in mols for fragment in _fragments(mol))),
            dict(collections.Counter(scaffold for mol in mols for scaffold in _scaffolds(mol))),
            molecule_properties(smiles, PROPERTIES),
        )


@dataclasses.dataclass(frozen=True)
class DistributionMetrics:
    """How near two sets of molecules are; each name as MOSES has it.

    Parameters
    ----------
    internal_diversity, internal_diversity_2 : float
        Of the generated set alone, with p = 1 and 2; see `internal_diversity`.
    snn : float
        Mean Tanimoto similarity of a generated molecule to its nearest reference molecule.
    fragments, scaffolds : float
        Cosine of the counts of BRICS fragments, and of Bemis-Murcko scaffolds with at least two rings.
    wasserstein : dict of str to float
        Wasserstein-1 distance of ``logp``, ``sa``, ``qed`` and ``weight``, in the property's own unit.
    n, n_reference : int
        Molecules.
    undefined : dict of str to str
        Why a measure is NaN.
    """

    internal_diversity: float
    internal_diversity_2: float
    snn: float
    fragments: float
    scaffolds: float
    wasserstein: dict[str, float]
    n: int
    n_reference: int
    undefined: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain nested dictionaries, for JSON.

        Returns
        -------
        dict
            All fields; NaN is None, and its reason is in ``undefined``.
        """
        found = dataclasses.asdict(self)
        return {name: None if isinstance(v, float) and math.isnan(v) else v for name, v in found.items()}


def distribution_metrics(generated: Sequence[str] | Profile, reference: Sequence[str] | Profile) -> DistributionMetrics:
    """Compare generated molecules with reference ones, such as a test set.

    Parameters
    ----------
    generated, reference : sequence of str, or Profile
        Valid molecules; what is not valid is counted by `cmim.molecules.quality.metrics.generation_metrics`, whose
        ``molecules`` go here.

    Returns
    -------
    DistributionMetrics
        Ten numbers.

    Raises
    ------
    DataError
        If a string is no molecule, or a set is empty.
    MissingExtraError
        If RDKit is not installed.

    Notes
    -----
    Definitions are those of the MOSES code [1]_, fingerprints and the two rings of a scaffold included, so that numbers
    can be set beside published ones. Two of its measures are left out: the Frechet ChemNet distance, because it needs
    the weights of a network that is neither in this package nor in its dependencies, and the share that passes its
    filters of unwanted substructures, because the patterns are not there either. Numbers depend on the sizes of both
    sets: SNN grows with the reference set.

    References
    ----------
    .. [1] D. Polykovskiy et al., "Molecular Sets (MOSES): A Benchmarking Platform for Molecular Generation Models",
       Frontiers in Pharmacology 11:565644, 2020; code of version 0.3.1.

    Examples
    --------
    >>> found = distribution_metrics(["CCO", "c1ccccc1O"], ["CCO", "c1ccccc1O", "CCCC"])
    >>> found.snn, round(found.wasserstein["weight"], 2), found.undefined["scaffolds"]
    (1.0, 8.01, 'the generated and the reference set have no scaffold of two rings')
    """
    made = generated if isinstance(generated, Profile) else Profile.of(generated)
    real = reference if isinstance(reference, Profile) else Profile.of(reference)
    a, b = (np.unpackbits(profile.fingerprints, axis=1) for profile in (made, real))
    undefined: dict[str, str] = {}
    lacking = [name for name, p in (("generated", made), ("reference", real)) if not p.scaffolds]
    if lacking:
        who = f"{' and the '.join(lacking)} set {'have' if len(lacking) > 1 else 'has'}"
        undefined["scaffolds"] = f"the {who} no scaffold of two rings"
    return DistributionMetrics(
        internal_diversity=internal_diversity(a, p=1),
        internal_diversity_2=internal_diversity(a, p=2),
        snn=float(nearest_similarity(a, b).mean()),
        fragments=_cosine(made.fragments, real.fragments),
        scaffolds=math.nan if lacking else _cosine(made.scaffolds, real.scaffolds),
        wasserstein={
            name: float(wasserstein_distance(made.properties[name], real.properties[name])) for name in PROPERTIES
        },
        n=len(made),
        n_reference=len(real),
        undefined=undefined,
    )


def fingerprints(smiles: Sequence[str]) -> Bits:
    """Compute Morgan fingerprints.

    Parameters
    ----------
    smiles : sequence of n str
        Valid molecules.

    Returns
    -------
    uint8 array of shape (n, 1024)
        Zeros and ones; radius 2.

    Raises
    ------
    DataError
        If a string is no molecule.
    MissingExtraError
        If RDKit is not installed.

    Examples
    --------
    >>> fingerprints(["C", "CCO"]).sum(1).tolist()
    [1, 6]
    """
    return _bits(read_valid(smiles, "fingerprints"))


def internal_diversity(bits: Bits, p: Literal[1, 2] = 1) -> float:
    r"""Diversity within a set: one minus a mean similarity of all pairs.

    .. math:: 1 - \frac1n \sum_i \Bigl(\frac1n \sum_j T_{ij}^p\Bigr)^{1/p}

    Parameters
    ----------
    bits : uint8 array of shape (n, b)
        Fingerprints of zeros and ones.
    p : {1, 2}
        Power.

    Returns
    -------
    float
        In 0..1. A molecule is compared with itself too, so it is 0 for n = 1 and at most ``1 - 1/n`` for p = 1.

    Raises
    ------
    ShapeError
        If `bits` is not a matrix with rows.
    ParameterError
        If p is neither 1 nor 2, or `bits` holds an empty fingerprint.

    Notes
    -----
    The root is taken in each row, as the MOSES code does; taken of the mean of all pairs, the value for p = 2 would be
    a little lower.

    Examples
    --------
    >>> round(internal_diversity(np.array([[1, 1, 0], [0, 1, 1]], np.uint8)), 6)  # T is 1/3 off the diagonal
    0.333333
    """
    if p not in (1, 2):
        raise ParameterError(f"internal_diversity: `p` must be 1 or 2; got {p!r}.")
    _check_bits(bits, "bits", "internal_diversity")
    sums = np.zeros(len(bits))
    for rows, _, similarity in _tanimoto(bits, bits):
        sums[rows] += (similarity**p).sum(1)
    return float(1 - ((sums / len(bits)) ** (1 / p)).mean())


def nearest_similarity(bits: Bits, reference: Bits) -> Floats:
    """Return the similarity of each molecule to its nearest in a reference set.

    Parameters
    ----------
    bits : uint8 array of shape (n, b)
        Fingerprints of zeros and ones.
    reference : uint8 array of shape (m, b)
        Fingerprints of the reference set.

    Returns
    -------
    array of shape (n,)
        The largest Tanimoto similarity.

    Raises
    ------
    ShapeError
        If one is not a matrix with rows, or their widths differ.
    ParameterError
        If one holds an empty fingerprint.

    Examples
    --------
    >>> nearest_similarity(fingerprints(["CCO", "CCCO"]), fingerprints(["OCC"])).round(3).tolist()
    [1.0, 0.556]
    """
    _check_bits(bits, "bits", "nearest_similarity")
    _check_bits(reference, "reference", "nearest_similarity")
    if bits.shape[1] != reference.shape[1]:
        raise ShapeError(
            f"nearest_similarity: fingerprints must have the same width; got {bits.shape[1]} and {reference.shape[1]}."
        )
    best = np.zeros(len(bits))
    for rows, _, similarity in _tanimoto(bits, reference):
        best[rows] = np.maximum(best[rows], similarity.max(1))
    return best


def _tanimoto(a: Bits, b: Bits) -> Iterator[tuple[slice, slice, Floats]]:
    """Yield blocks of similarities; counts of bits are small integers, so their products are exact in float32."""
    size_a, size_b = a.sum(1, dtype=np.float64), b.sum(1, dtype=np.float64)
    for j in range(0, len(b), BLOCK):
        columns = slice(j, j + BLOCK)
        right = b[columns].T.astype(np.float32)
        for i in range(0, len(a), BLOCK):
            rows = slice(i, i + BLOCK)
            both = (a[rows].astype(np.float32) @ right).astype(np.float64)
            yield rows, columns, both / (size_a[rows, None] + size_b[columns] - both)


def _check_bits(bits: Bits, name: str, caller: str) -> None:
    if np.ndim(bits) != 2 or not len(bits):
        raise ShapeError(f"{caller}: `{name}` must have shape (n, b) with rows; got {np.shape(bits)}.")
    empty = int((~bits.any(1)).sum())
    if empty:
        raise ParameterError(
            f"{caller}: `{name}` holds {empty} empty fingerprints of {len(bits)}; a similarity to them is undefined, "
            "and a molecule has at least one bit."
        )


def _bits(mols: list[Any]) -> Bits:
    generator = fingerprint_generator("fingerprints")
    out = np.zeros((len(mols), BITS), np.uint8)
    for row, mol in zip(out, mols, strict=True):
        row[:] = generator.GetFingerprintAsNumPy(mol)
    return out


def _fragments(mol: Any) -> list[str]:
    chem = need("rdkit.Chem", "Profile.of")
    cut = need("rdkit.Chem.rdmolops", "Profile.of").FragmentOnBRICSBonds(mol)
    return chem.MolToSmiles(cut).split(".")


def _scaffolds(mol: Any) -> list[str]:
    chem = need("rdkit.Chem", "Profile.of")
    scaffold = need("rdkit.Chem.Scaffolds.MurckoScaffold", "Profile.of").GetScaffoldForMol(mol)
    return [chem.MolToSmiles(scaffold)] if scaffold.GetRingInfo().NumRings() >= MIN_RINGS else []


def _cosine(a: dict[str, int], b: dict[str, int]) -> float:
    dot = sum(count * b.get(key, 0) for key, count in a.items())
    return dot / math.sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values()))
