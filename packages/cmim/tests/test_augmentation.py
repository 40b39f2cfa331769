"""Other strings for the same molecule, and its scaffold, beside RDKit."""

import numpy as np
import pytest

pytest.importorskip("rdkit", reason="cmim[mol] is not installed")

from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from cmim.molecules.augmentation import augment, randomise, scaffold
from cmim.molecules.chemistry import read_molecules

from .smiles_texts import NCI, STEREO, bare


def test_random_forms_are_the_same_molecule():
    molecules = read_molecules(STEREO + NCI[:: len(NCI) // 200])
    chosen = [smiles for smiles in molecules.smiles if smiles][:200]
    assert len(chosen) == 200
    rng = np.random.default_rng(0)
    other = 0
    for smiles in chosen:
        for _ in range(5):
            form = randomise(smiles, rng)
            assert bare(form) == smiles
            other += form != smiles
    assert other > 800


def test_random_forms_follow_the_seed():
    aspirin = "CC(=O)Oc1ccccc1C(=O)O"
    a, b, c = ([randomise(aspirin, rng) for _ in range(20)] for rng in map(np.random.default_rng, (1, 1, 2)))
    assert a == b != c
    assert len(set(a)) > 10


def test_a_seed_is_as_good_as_a_generator():
    assert augment("OCC(N)=O", "invariant", 2) == augment("OCC(N)=O", "invariant", np.random.default_rng(2))
    assert randomise("OCC(N)=O", 2) == randomise("OCC(N)=O", np.random.default_rng(2))


def test_augmentation():
    given = "OC(=O)[C@@H](N)Cc1ccccc1"
    form = bare(given)
    seen = {mode: [augment(given, mode, np.random.default_rng(i)) for i in range(9)] for mode in
            ("canonical", "invariant", "equivariant")}  # fmt: skip
    assert set(seen["canonical"]) == {(form, form)}
    assert {target for _, target in seen["invariant"]} == {form}
    assert len({i for i, _ in seen["invariant"]}) > 4
    assert all(i == target for i, target in seen["equivariant"])
    assert {bare(i) for i, _ in seen["equivariant"]} == {form}


@pytest.mark.parametrize(
    ("smiles", "want", "generic"),
    [
        ("CCO", "", ""),
        ("CC(=O)Oc1ccccc1C(=O)O", "c1ccccc1", "C1CCCCC1"),
        ("O=C1CCCCC1C", "O=C1CCCCC1", "C1CCCCC1"),
        ("C[C@H]1CC[C@@H](CCc2ccncc2)O1", "c1cc(CCC2CCCO2)ccn1", "C1CCC(CCC2CCCC2)CC1"),
        ("Cl.C1CC1CC", "C1CC1", "C1CC1"),
    ],
)
def test_scaffolds_of_known_molecules(smiles, want, generic):
    assert (scaffold(smiles), scaffold(smiles, generic=True)) == (want, generic)


def test_scaffolds_agree_with_rdkit():
    compared = 0
    for smiles in NCI[::20]:
        mol = Chem.MolFromSmiles(smiles)
        if mol is None:
            continue
        plain = MurckoScaffold.GetScaffoldForMol(mol)
        assert scaffold(smiles) == bare(Chem.MolToSmiles(plain, isomericSmiles=False))
        try:
            graph = MurckoScaffold.GetScaffoldForMol(MurckoScaffold.MakeScaffoldGeneric(plain))
        except Chem.AtomValenceException:  # RDKit refuses atoms of high valence
            continue
        assert scaffold(smiles, generic=True) == Chem.MolToSmiles(graph)
        compared += bool(plain.GetNumAtoms())
    assert compared > 100


def test_generic_scaffold_of_an_atom_with_five_neighbours_in_rings():
    assert scaffold("C1CCCP12(CCCC2)C3CC3", generic=True).count("*") == 1
