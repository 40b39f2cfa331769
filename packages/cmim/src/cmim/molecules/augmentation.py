"""The same molecule in other words: random SMILES, what augmentation makes of them, and scaffolds."""

from typing import Any, Literal, get_args

import numpy as np

from cmim.molecules._extra import need, quiet_rdkit
from cmim.molecules._reading import Reader, RejectedError
from infocore.errors import ParameterError

__all__ = ["Augmentation", "augment", "randomise", "scaffold"]

Augmentation = Literal["canonical", "invariant", "equivariant"]


def randomise(smiles: str, rng: int | np.random.Generator) -> str:
    """Write a molecule in another order of its atoms.

    Parameters
    ----------
    smiles : str
        A molecule that RDKit reads.
    rng : int or numpy Generator
        Seed of the order.

    Returns
    -------
    str
        SMILES of the same molecule, stereochemistry and isotopes included.

    Raises
    ------
    ParameterError
        If RDKit does not read `smiles`.
    MissingExtraError
        If RDKit is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from cmim.molecules.chemistry import canonical
    >>> other = randomise("CC(=O)Oc1ccccc1C(=O)O", np.random.default_rng(0))
    >>> other == "CC(=O)Oc1ccccc1C(=O)O", canonical(other)
    (False, 'CC(=O)Oc1ccccc1C(=O)O')
    """
    reader, mol, _ = _parsed(smiles, "randomise")
    return _shuffled(reader, mol, np.random.default_rng(rng))


def augment(smiles: str, mode: Augmentation, rng: int | np.random.Generator) -> tuple[str, str]:
    """Choose the form of a molecule that an encoder sees and the one that a decoder is to write.

    Parameters
    ----------
    smiles : str
        A molecule that RDKit reads.
    mode : {"canonical", "invariant", "equivariant"}
        The canonical form for both; a random one in and the canonical one out; the same random one for both.
    rng : int or numpy Generator
        Seed of the random form; not used by "canonical".

    Returns
    -------
    seen, target : str
        What goes in, and what is to come out.

    Raises
    ------
    ParameterError
        If RDKit does not read `smiles`, or there is no such `mode`.
    MissingExtraError
        If RDKit is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> seen, target = augment("OCC(N)=O", "invariant", np.random.default_rng(2))
    >>> seen == target, target
    (False, 'NC(=O)CO')
    """
    if mode not in get_args(Augmentation):
        raise ParameterError(f"augment: `mode` must be one of {', '.join(get_args(Augmentation))}; got {mode!r}.")
    reader, mol, text = _parsed(smiles, "augment", settle=mode != "equivariant")
    seen = text if mode == "canonical" else _shuffled(reader, mol, np.random.default_rng(rng))
    return seen, seen if mode == "equivariant" else text


def scaffold(smiles: str, *, generic: bool = False) -> str:
    """Rings of a molecule and what links them (Bemis and Murcko), without stereochemistry.

    Parameters
    ----------
    smiles : str
        A molecule that RDKit reads.
    generic : bool
        Only the graph: atoms become carbon (``*`` if they have more than four neighbours) and bonds single; what hangs
        on rings and links by a double bond stays if this is False, and goes if it is True.

    Returns
    -------
    str
        A label: equal for equal scaffolds, "" without rings. Now and then it is no molecule on its own.

    Raises
    ------
    ParameterError
        If RDKit does not read `smiles`.
    MissingExtraError
        If RDKit is not installed.

    References
    ----------
    .. [1] G. W. Bemis, M. A. Murcko, "The Properties of Known Drugs. 1. Molecular Frameworks", Journal of Medicinal
       Chemistry 39, 2887-2893, 1996.

    Examples
    --------
    >>> scaffold("CC(C)CC1C(=O)CN1c1ccccn1"), scaffold("CC(C)CC1C(=O)CN1c1ccccn1", generic=True), scaffold("CCO")
    ('O=C1CN(c2ccccn2)C1', 'C1CCC(C2CCC2)CC1', '')
    """
    reader, mol, _ = _parsed(smiles, "scaffold")
    murcko = need("rdkit.Chem.Scaffolds.MurckoScaffold", "scaffold")
    with quiet_rdkit():
        core = murcko.GetScaffoldForMol(mol)
        if generic:
            core = murcko.GetScaffoldForMol(_graph(reader.chem, core))
        form = reader.chem.MolToSmiles(core, isomericSmiles=False)
        again = reader.chem.MolFromSmiles(form)
        return form if again is None else reader.chem.MolToSmiles(again)


def _parsed(smiles: str, caller: str, *, settle: bool = False) -> tuple[Reader, Any, str]:
    """Return reader, molecule, and its form: the canonical one if it is to settle."""
    reader = Reader(caller)
    with quiet_rdkit():
        try:
            text, mol = reader.parse(smiles)
            if settle:
                mol, text, _ = reader.settle(text, mol)
        except RejectedError as e:
            raise ParameterError(
                f"{caller}: `smiles` must be a molecule that RDKit reads; got {str(smiles)[:80]!r}: {e}. "
                "Read a column with read_molecules first, and keep its valid rows."
            ) from None
    return reader, mol, text


def _shuffled(reader: Reader, mol: Any, rng: np.random.Generator) -> str:
    return reader.chem.MolToRandomSmilesVect(mol, 1, int(rng.integers(1, 2**31)))[
        0
    ]  # seed 0 would be another each time


def _graph(chem: Any, mol: Any) -> Any:
    """Return the same graph of carbon and single bonds."""
    out = chem.RWMol(mol)
    for atom in out.GetAtoms():
        out.ReplaceAtom(atom.GetIdx(), chem.Atom(6 if atom.GetDegree() <= 4 else 0))
    for bond in out.GetBonds():
        bond.SetStereo(chem.BondStereo.STEREONONE)
        bond.SetBondType(chem.BondType.SINGLE)
        bond.SetIsAromatic(False)
    chem.SanitizeMol(out)
    return out
