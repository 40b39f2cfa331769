"""What an embedding of molecules must be measured against: Morgan fingerprints and the descriptors of RDKit."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cmim.molecules._extra import need, quiet_rdkit
from cmim.molecules.chemistry import molecules
from infocore.errors import ParameterError

__all__ = ["DescriptorTable", "morgan_counts", "rdkit_descriptors"]

LOGGED = ("Ipc",)


@dataclasses.dataclass(frozen=True)
class DescriptorTable:
    """Descriptors of molecules, and what was done to them.

    Parameters
    ----------
    values : array of shape (n, d)
        float32; a row of NaN for what RDKit cannot read, and finite otherwise.
    names : tuple of str
        Of the columns.
    left_out : mapping of str to int
        Descriptors that are not among the columns, since they are NaN, infinite or too large for float32 for some of
        the molecules that can be read: for how many.
    logged : tuple of str
        Columns that hold log(1 + value).
    unread : tuple of int
        Rows that RDKit cannot read.
    """

    values: NDArray[np.float32]
    names: tuple[str, ...]
    left_out: Mapping[str, int]
    logged: tuple[str, ...]
    unread: tuple[int, ...]


def morgan_counts(smiles: Sequence[str], *, bits: int = 2048, radius: int = 2) -> NDArray[np.float32]:
    """Count circular substructures, as Morgan fingerprints (ECFP) do, folded to a fixed length.

    Parameters
    ----------
    smiles : sequence of str
        Molecules.
    bits : int
        Columns.
    radius : int
        Bonds from the centre of a substructure to its rim; 2 is ECFP4.

    Returns
    -------
    array of shape (n, bits)
        float32 counts; a row of NaN for what RDKit cannot read.

    Raises
    ------
    ParameterError
        If `bits` or `radius` is out of range.
    MissingExtraError
        If RDKit is not installed.

    References
    ----------
    .. [1] D. Rogers, M. Hahn, "Extended-Connectivity Fingerprints", J. Chem. Inf. Model. 50:742, 2010.

    Examples
    --------
    >>> counts = morgan_counts(["c1ccccc1", "not a molecule"])
    >>> counts[0][counts[0] > 0]  # three substructures, around each of six atoms
    array([6., 6., 6.], dtype=float32)
    >>> bool(np.isnan(counts[1]).all())
    True
    """
    caller = "morgan_counts"
    if not isinstance(bits, (int, np.integer)) or not 1 <= bits <= 2**20:
        raise ParameterError(f"{caller}: `bits` must be an integer in 1 .. 2**20; got {bits!r}.")
    if not isinstance(radius, (int, np.integer)) or not 0 <= radius <= 16:
        raise ParameterError(f"{caller}: `radius` must be an integer in 0 .. 16; got {radius!r}.")
    read = molecules(smiles, caller)
    generator = need("rdkit.Chem.rdFingerprintGenerator", caller).GetMorganGenerator(
        radius=int(radius), fpSize=int(bits)
    )
    counts = np.full((len(read), int(bits)), np.nan, np.float32)
    for row, molecule in enumerate(read):
        if molecule is not None:
            counts[row] = generator.GetCountFingerprintAsNumPy(molecule)
    return counts


def rdkit_descriptors(smiles: Sequence[str]) -> DescriptorTable:
    """Compute the descriptors that RDKit lists, some 200 numbers from molecular weight to counts of groups.

    Parameters
    ----------
    smiles : sequence of str
        Molecules.

    Returns
    -------
    DescriptorTable
        All of ``rdkit.Chem.Descriptors`` that are finite for every molecule that can be read, and the names of the
        others. Ipc, which grows exponentially with the size of a molecule, is replaced by its log(1 + value).

    Raises
    ------
    MissingExtraError
        If RDKit is not installed.

    Notes
    -----
    Which columns are left out depends on all molecules given, so compute a training and a test set together, or keep
    the columns that both tables name. Takes some 5 ms a molecule.

    Examples
    --------
    >>> table = rdkit_descriptors(["CCO", "[Na+].[Cl-]"])
    >>> round(float(table.values[0, table.names.index("MolWt")]), 2)
    46.07
    >>> table.left_out["BCUT2D_MWHI"], table.logged
    (1, ('Ipc',))
    """
    caller = "rdkit_descriptors"
    descriptors = need("rdkit.Chem.Descriptors", caller)
    names = [name for name, _ in descriptors.descList]
    read = molecules(smiles, caller)
    values = np.full((len(read), len(names)), np.nan)
    with quiet_rdkit():
        for row, molecule in enumerate(read):
            if molecule is not None:
                found = descriptors.CalcMolDescriptors(molecule, missingVal=float("nan"), silent=True)
                values[row] = [found[name] for name in names]
    logged = [names.index(name) for name in LOGGED if name in names]
    values[:, logged] = np.log1p(values[:, logged])
    good = np.array([molecule is not None for molecule in read], bool)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is then left out and named
        table = values.astype(np.float32)
    bad = (~np.isfinite(table[good])).sum(0)
    return DescriptorTable(
        values=np.ascontiguousarray(table[:, bad == 0]),
        names=tuple(name for name, count in zip(names, bad, strict=True) if count == 0),
        left_out={name: int(count) for name, count in zip(names, bad, strict=True) if count},
        logged=tuple(names[at] for at in logged if bad[at] == 0),
        unread=tuple(np.flatnonzero(~good).tolist()),
    )
