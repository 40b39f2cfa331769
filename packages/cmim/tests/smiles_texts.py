"""Molecules for tests, of RDKit's own files, and RDKit alone, without this package."""

from pathlib import Path

from rdkit import Chem, RDConfig, rdBase

NCI = [row.split()[0] for row in Path(RDConfig.RDDataDir, "NCI", "first_5K.smi").read_text().splitlines() if row]
STEREO = [
    "N[C@@H](C)C(=O)O", "C[C@H]1CC[C@@H](C)CC1", "F/C=C/Cl", "F/C=C\\Cl", "[13CH3][C@H](O)C(=O)[O-]", "[2H]C([2H])O",
    "CC(C)(C)[S@](=O)N", "OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O", "C/C(=C\\CO)/C=C/c1ccccc1",
    "C[N+](C)(C)CC([O-])=O", "CN1[C@H]2CC[C@@H]1[C@@H](C(=O)OC)[C@@H](OC(=O)c1ccccc1)C2", "CC(=O)[O-].[Na+]",
    "[NH3+][C@@H](Cc1c[nH]c2ccccc12)C(=O)[O-]",
]  # fmt: skip
CAPTURES = hasattr(rdBase, "CaptureErrorLog")  # older RDKit does not tell what is wrong with the syntax


def bare(smiles):
    """RDKit alone."""
    mol = Chem.MolFromSmiles(smiles)
    return None if mol is None else Chem.MolToSmiles(mol)
