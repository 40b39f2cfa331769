"""Rows of SMILES: the same molecule is the same string, and what is none has its reason."""

import importlib
import sys
import types

import numpy as np
import pytest

pytest.importorskip("rdkit", reason="cmim[mol] is not installed")

from rdkit import Chem

from cmim.molecules import _reading
from cmim.molecules._reading import Reader, RejectedError
from cmim.molecules.augmentation import augment, randomise, scaffold
from cmim.molecules.chemistry import canonical, read_molecules
from cmim.molecules.tokens import Vocabulary
from infocore.errors import MissingExtraError, ParameterError, ShapeError

from .smiles_texts import CAPTURES, STEREO, bare


def first(smiles, **own):
    found = read_molecules([smiles], **own)
    return found.smiles[0], found.reasons[0], found.notes[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C1=CC=CC=C1", "c1ccccc1"),
        ("N[C@@H](C)C(=O)O", "C[C@H](N)C(O)=O"),  # L-alanine from either end
        ("F/C=C/F", "F\\C=C\\F"),
        ("OC(=O)c1ccccc1OC(C)=O", "CC(=O)Oc1ccccc1C(=O)O"),
        ("[Na+].[Cl-]", "[Cl-].[Na+]"),
        ("[H]C([H])([H])[H]", "C"),
        ("  CCO\n", "OCC"),
        ("C%12CC%12", "C1CC1"),
    ],
)
def test_ways_to_write_one_molecule(one, other):
    assert canonical(one) == canonical(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("N[C@@H](C)C(=O)O", "N[C@H](C)C(=O)O"),  # L- and D-alanine
        ("F/C=C/F", "F/C=C\\F"),
        ("CC(C)=O", "CC(O)=C"),  # tautomers
        ("O=c1cccc[nH]1", "Oc1ccccn1"),
        ("NCC(=O)O", "[NH3+]CC(=O)[O-]"),
        ("[13CH4]", "C"),
        ("[2H]O[2H]", "O"),
        ("CC(=O)[O-].[Na+]", "CC(=O)O"),
        ("C[C@H]1CC[C@H](C)CC1", "C[C@H]1CC[C@@H](C)CC1"),
    ],
)
def test_molecules_that_stay_apart(one, other):
    assert None not in (canonical(one), canonical(other))
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "missing"),
        (float("nan"), "missing"),
        (np.float32("nan"), "missing"),
        (type("NAType", (), {})(), "missing"),
        (2.5, "not text: float"),
        (b"CCO", "not text: bytes"),
        (["CCO"], "not text: list"),
        ("", "empty"),
        (" \t\n", "empty"),
        ("CCO ethanol", "white space inside: character 3"),
        ("CCO\tethanol", "white space inside: character 3"),
        ("C\u00a0C", "white space inside: character 1"),
        ("C\0C", "not SMILES: character 1 is '\\x00'"),
        ("C\u00e9", "not SMILES: character 1 is '\\xe9'"),
        ("\ud800", "not SMILES: character 0 is '\\ud800'"),
        ("C~C", "pattern: ~ is a bond of any kind"),
        ("[C+200]", "out of range: isotope, hydrogens, charge or atomic number of an atom"),
        ("C(C)(C)(C)(C)C", "valence: atom 0, C, has too many bonds"),
        ("OF=O", "valence: atom 1, F, has too many bonds"),
        ("CC1=NC2=C(C=CC=C2)Co=C1", "valence: atom 10, O, has too many bonds"),  # seen only after the rings are
        ("c1cccc1", "aromaticity: no double bonds for atoms 0 1 2 3 4"),
        ("Cc", "aromaticity: atom 1 is in no ring"),
        ("CC>>C", "not SMILES: syntax at character 2"),
        ("C.", "not SMILES: syntax at character 1"),
        ("C1CC", "not SMILES: unclosed ring"),
        ("C(C", "not SMILES: extra open parentheses"),
        ("C)C", "not SMILES: extra close parentheses"),
        ("C11", "not SMILES: a ring closure doubles a bond"),
        ("[C:99999999999]", "not SMILES: number too large"),
    ],
)
def test_reasons(given, reason):
    found = read_molecules(["O", given, "N"])
    assert found.smiles == ("O", "", "N")
    assert found.valid.tolist() == [True, False, True]
    assert found.reasons[1] == reason if CAPTURES else found.reasons[1].split(":")[0] == reason.split(":")[0]
    assert found.given[1] == (given if isinstance(given, str) else "")
    assert not isinstance(given, str) or canonical(given) is None


@pytest.mark.parametrize(
    ("given", "notes"),
    [
        ("CCO", ""),
        ("[Na+].[Cl-].O", "fragments: 3"),
        ("CC(F)Cl", "stereo centres unassigned: 1"),
        ("CC(O)C(O)[C@H](C)F", "stereo centres unassigned: 2"),
        ("C[C@H](C)C", "stereo marks dropped: 1 of atoms"),
        ("F/C=C(/C)C", "stereo marks dropped: those of bonds"),
        ("F/C=C(/C)[C@](C)(C)C", "stereo marks dropped: 1 of atoms"),
        ("CC(=O)[O-]", "net charge: -1"),
        ("[Ca+2]", "net charge: +2"),
        ("[NH3+]CC(=O)[O-]", ""),
        ("*CC*", "dummy atoms: 2"),
    ],
)
def test_notes(given, notes):
    assert first(given)[1:] == ("", notes)


@pytest.mark.parametrize(
    ("given", "kept", "notes"),
    [
        ("CC(=O)[O-].[Na+]", "CC(=O)[O-]", "fragments: 2, the largest kept; net charge: -1"),
        ("Cl.CCN.Cl", "CCN", "fragments: 3, the largest kept"),
        ("CCO.CCN", "CCO", "fragments: 2, the largest kept"),  # 46.07 and 45.08
        ("[2H]C.C", "[2H]C", "fragments: 2, the largest kept"),
        ("[Na+].[Cl-]", "[Cl-]", "fragments: 2, the largest kept; net charge: -1"),
        ("CBr.CCC", "CCC", "fragments: 2, the largest kept"),  # three atoms before two heavier ones
        ("CCC=O.CC(C)=O.C=CCO.C=COC.CC1CO1.C1COC1", "C1COC1", "fragments: 6, the largest kept"),  # isomers: by alphabet
        ("CCO.OCC", "CCO", "fragments: 2, the largest kept"),
        ("CC(F)Cl.CCCCCC", "CCCCCC", "fragments: 2, the largest kept"),  # no centre in what is left
        ("CCO", "CCO", ""),
    ],
)
def test_largest_fragment(given, kept, notes):
    assert first(given, salts="largest") == (kept, "", notes)


def test_without_stereo_and_isotopes():
    for smiles in STEREO:
        mol = Chem.MolFromSmiles(smiles)
        Chem.RemoveStereochemistry(mol)
        for atom in mol.GetAtoms():
            atom.SetIsotope(0)
        form, reason, note = first(smiles, isomeric=False)
        assert form == bare(Chem.MolToSmiles(mol)) and not reason
        assert ("stereo and isotopes left out" in note) == (form != canonical(smiles))
        assert "unassigned" not in note
    assert first("[2H]C(F)Cl", isomeric=False)[0] == "FCCl"


def test_rows_of_any_column_stay():
    wanted = ("CCO", "", "C")
    column = ["OCC", None, "C"]
    for rows in (column, tuple(column), iter(column), np.array(column, object), dict.fromkeys(column)):
        assert read_molecules(rows).smiles == wanted
    found = read_molecules(np.array(["OCC", "C1", "C"]))
    assert found.given == ("OCC", "C1", "C") and found.smiles == wanted
    assert {type(text) for text in found.given} == {str}
    assert len(found) == 3 and len(read_molecules([])) == 0
    assert read_molecules([]).valid.dtype == bool


def test_report_counts_kinds():
    found = read_molecules(["C", None, "", None, "C1CC", "C(C", "C.C", "[Na+].CC(F)Cl"])
    assert found.report() == {
        "rows": 8,
        "valid": 3,
        "reasons": {"missing": 2, "not SMILES": 2, "empty": 1},
        "notes": {"fragments": 2, "stereo centres unassigned": 1, "net charge": 1},
    }


class Few:
    """A vocabulary of single characters C and O."""

    def split(self, smiles):
        if "(" in smiles:
            raise ParameterError("no")
        return list(smiles)

    def __contains__(self, token):
        return token in {"C", "O"}


def test_vocabulary_and_tokens():
    found = read_molecules(["OCC", "CCN", "NCC", "CC(C)C", "CO", "CCCO", "C1"], vocabulary=Few(), max_tokens=3)
    assert found.smiles == ("CCO", "", "", "", "CO", "", "")
    assert found.reasons[1] == found.reasons[2] == "not in the vocabulary: N"
    assert found.reasons[3] == "not in the vocabulary: a part that cannot be cut into tokens"
    assert found.reasons[5] == "too long: 4 tokens, at most 3"
    assert found.notes == ("",) * 7
    assert read_molecules(["CCCl", "CC[Xe]C"], max_tokens=3).valid.tolist() == [True, False]  # Cl is one token
    assert read_molecules(["CCCl"], max_tokens=2).reasons == ("too long: 3 tokens, at most 2",)
    assert all(read_molecules(STEREO, vocabulary=Vocabulary(), max_tokens=126).valid)


@pytest.mark.parametrize("unit", ["C", "(", "c1ccccc1", "C(", "[", "C.", "[C@](F)(Cl)", "%12", "\0"])
def test_long_strings_never_reach_rdkit(unit, monkeypatch):
    reader = types.SimpleNamespace(**vars(Chem))
    monkeypatch.setattr(
        _reading, "need", lambda module, caller: reader if module == "rdkit.Chem" else importlib.import_module(module)
    )
    reader.MolFromSmiles = lambda *given: pytest.fail("RDKit was asked")
    text = unit * 100_000
    assert first(text)[1] == f"too long: {len(text)} characters, at most 1000"
    assert canonical(text) is None


def test_the_limit_is_of_characters_without_space_around():
    assert first(" " + "C" * 1000 + " ")[0] == "C" * 1000
    assert first("C" * 1001)[1] == "too long: 1001 characters, at most 1000"
    assert first("C" * 1001, max_characters=1001)[0] == canonical("C" * 1001, max_characters=1001) == "C" * 1001


@pytest.mark.parametrize(
    "atom", ["C+128", "C-128", "CH-1000", "CH256", "UH257", "#262", "#119", "#1000", "65536C", "1000C"]
)
def test_numbers_that_rdkit_would_wrap_around(atom):
    assert first(f"C[{atom}]")[1].startswith("out of range")


@pytest.mark.parametrize("smiles", ["[C+99]", "[999C]", "[CH3:100]C", "[#118]", "[238U]", "C-1CC-1", "C1CC2CC3CC-123"])
def test_numbers_that_are_fine(smiles):
    assert first(smiles)[0] == bare(smiles) is not None


def written(forms):
    """A reader whose RDKit reads strings as they are and writes what a table says."""
    reader = Reader("test")
    reader.chem = types.SimpleNamespace(
        MolFromSmiles=lambda text, params: text if text in forms else None, MolToSmiles=lambda mol: forms[mol]
    )
    return reader


def test_a_form_is_canonical_if_it_is_read_back_to_itself():
    assert written({"a": "a"}).settle("a", "a") == ("a", "a", 0)
    assert written({"a": "b", "b": "b"}).settle("a", "a") == ("b", "b", 0)
    assert written({"a": "b", "b": "c", "c": "c"}).settle("a", "a") == ("c", "c", 1)
    with pytest.raises(RejectedError, match="no canonical form: RDKit does not read"):
        written({"a": "b"}).settle("a", "a")
    with pytest.raises(RejectedError, match="no canonical form: RDKit writes another"):
        written({"a": "b", "b": "a"}).settle("a", "a")


def test_a_failure_without_a_cause_is_said():
    reader = Reader("test")
    params = reader.params
    reader.chem = types.SimpleNamespace(
        MolFromSmiles=lambda text, own: None if own is params else "read",
        SanitizeMol=lambda mol: None,
        SmilesParserParams=Chem.SmilesParserParams,
    )
    with pytest.raises(RejectedError, match="not SMILES: RDKit does not say why"):
        reader.parse("C")


def test_a_form_that_took_longer_has_a_note(monkeypatch):
    monkeypatch.setattr(Reader, "settle", lambda self, text, mol: (mol, text, 1))
    assert first("CCO") == ("CCO", "", "canonical form: 3 readings")


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: read_molecules("CCO"), ParameterError, "`strings`.*got str"),
        (lambda: read_molecules(b"CCO"), ParameterError, "`strings`.*got bytes"),
        (lambda: read_molecules(3), ParameterError, "`strings`.*got int"),
        (lambda: read_molecules(np.array([["C", "N"]])), ShapeError, r"one axis.*\(1, 2\)"),
        (lambda: read_molecules(np.array("C")), ShapeError, r"one axis.*\(\)"),
        (lambda: read_molecules(["C"], salts="strip"), ParameterError, "`salts`.*'strip'"),
        (lambda: read_molecules(["C"], max_tokens=0), ParameterError, "`max_tokens`.*0"),
        (lambda: read_molecules(["C"], max_characters=0), ParameterError, "read_molecules: `max_characters`"),
        (lambda: canonical("C", max_characters=0), ParameterError, "canonical: `max_characters`"),
        (
            lambda: randomise("C1CC", np.random.default_rng(0)),
            ParameterError,
            "randomise: `smiles`.*'C1CC'.*not SMILES",
        ),
        (lambda: augment("", "invariant", np.random.default_rng(0)), ParameterError, "augment: `smiles`.*empty"),
        (lambda: augment("C", "random", np.random.default_rng(0)), ParameterError, "`mode`.*'random'"),
        (lambda: scaffold("C C"), ParameterError, "scaffold: `smiles`.*white space"),
    ],
)
def test_refusals(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_without_rdkit_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit.Chem", None)
    with pytest.raises(MissingExtraError, match=r"read_molecules: needs rdkit.*cmim\[mol\]"):
        read_molecules(["C"])


def test_nothing_is_written(capfd):
    read_molecules(["C1CC", "[HH3]", "C(C", "[C@TH9](F)(Cl)(Br)I", "c1cccc1", "[H]", "C(C)(C)(C)(C)C", "[H+].C1"])
    assert canonical("C1CC") is None
    with pytest.raises(ParameterError):
        scaffold("C1CC")
    assert capfd.readouterr() == ("", "")
