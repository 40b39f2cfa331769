"""The vocabulary: what it says is what it was given, and its numbers never change."""

import contextlib
import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmim.molecules.tokens import Vocabulary
from cmim.symbols import BOS, EOS, PAD, UNK
from infocore.errors import ParameterError, ShapeError

VOCABULARY = Vocabulary()
ATOMS = [
    "C", "c", "Cl", "Br", "[nH]", "[C@@H]", "[13CH3]", "[Co-4]", "[Xe+2]", "[se]", "[Sn]", "[NH4+]", "[C@@:12]", "[Og]",
    "[2H]", "[238U]", "[H]", "*", "[*:1]", "[Sc]", "[Fe+++]",
]  # fmt: skip


def test_the_numbers_of_version_1_never_change():
    # a model's tables are by these numbers; a new list needs a new name
    text = "\n".join(VOCABULARY.tokens)
    assert len(VOCABULARY) == 213
    assert hashlib.sha256(text.encode()).hexdigest() == (
        "8a8973e6d942e6f9e24f9a288dea91fab8bda068304d7d14fbcba04182631947"
    )
    assert VOCABULARY.tokens[:6] == ("<pad>", "<unk>", "<bos>", "<eos>", "B", "C")
    assert (PAD, UNK, BOS, EOS) == (0, 1, 2, 3)


@pytest.mark.parametrize(
    ("smiles", "tokens"),
    [
        ("C[C@H](N)Cl", ["C", "[C@H]", "(", "N", ")", "Cl"]),
        ("[13C@@H2+2]", ["[", "1", "3", "C", "@@", "H", "2", "+", "2", "]"]),
        ("C%12CC%12", ["C", "%", "1", "2", "C", "C", "%", "1", "2"]),
        ("[nH]1cccc1", ["[nH]", "1", "c", "c", "c", "c", "1"]),
        ("CSc1", ["C", "S", "c", "1"]),  # sulphur and an aromatic carbon, not scandium
        ("[Sc]", ["[", "Sc", "]"]),
        ("F/C=C\\F", ["F", "/", "C", "=", "C", "\\", "F"]),
        ("[CH3:7]", ["[", "C", "H", "3", ":", "7", "]"]),
        ("", []),
    ],
)
def test_split(smiles, tokens):
    assert VOCABULARY.split(smiles) == tokens


@given(st.lists(st.sampled_from([*ATOMS, "(", ")", "=", "#", "1", "2", "%11", ".", "/", "-", ":", "~"]), max_size=30))
def test_joined_tokens_are_the_string(parts):
    smiles = "".join(parts)
    assert "".join(VOCABULARY.split(smiles)) == smiles
    assert VOCABULARY.decode(VOCABULARY.encode([smiles]))[0] == smiles


@given(st.text(max_size=40))
def test_any_text_is_cut_or_refused(text):
    tokens = None
    with contextlib.suppress(ParameterError):
        tokens = VOCABULARY.split(text)
    assert tokens is None or "".join(tokens) == text


def test_encode():
    rows = VOCABULARY.encode(["CCO", "C", ""], 6)
    assert rows.dtype == np.int64
    assert rows.tolist() == [[5, 5, 7, EOS, PAD, PAD], [5, EOS, PAD, PAD, PAD, PAD], [EOS, PAD, PAD, PAD, PAD, PAD]]
    assert VOCABULARY.encode([]).shape == (0, 1)
    assert VOCABULARY.decode([[5, EOS, 7], [BOS, 5, PAD], [EOS, 5, 5]]) == ["C", "C", ""]


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: VOCABULARY.split("CC O"), ParameterError, "character 2 of 'CC O'"),
        (lambda: VOCABULARY.split("[CC"), ParameterError, "character 0"),
        (lambda: VOCABULARY.split("C[C;H]"), ParameterError, "character 1"),
        (lambda: VOCABULARY.encode(["C", "[Qq]"]), ParameterError, r"row 1: 'Q' of '\[Qq\]' is not in the vocabulary"),
        (lambda: VOCABULARY.encode(["CCO"], 3), ParameterError, "`length` must hold .* got 3, and a row of 4"),
        (lambda: VOCABULARY.decode([5, 3]), ShapeError, r"shape \(n, T\); got \(2,\)"),
        (lambda: VOCABULARY.decode([[5, 213]]), ParameterError, r"numbers in 0\.\.212; they go from 5 to 213"),
        (lambda: VOCABULARY.decode([[-1]]), ParameterError, "from -1 to -1"),
        (lambda: Vocabulary("smiles-0"), ParameterError, "`notation` must be one of smiles-1, selfies-1"),  # pyright: ignore
    ],
)
def test_errors(call, error, said):
    with pytest.raises(error, match=said):
        call()


def test_what_it_contains():
    assert "Cl" in VOCABULARY and "[nH]" in VOCABULARY and "Og" in VOCABULARY
    assert "<pad>" not in VOCABULARY and "Q" not in VOCABULARY


def test_selfies():
    pytest.importorskip("selfies")
    vocabulary = Vocabulary("selfies-1")
    text = "\n".join(vocabulary.tokens)
    assert len(vocabulary) == 201
    assert hashlib.sha256(text.encode()).hexdigest() == (
        "177dd82a94ad0d95b4c1b0cda10a0bb0c6fe4040741d952d57dbead5a407ddb4"
    )
    assert vocabulary.split("CC=O") == ["[C]", "[C]", "[=O]"]
    rows = vocabulary.encode(["CC=O", "c1ccccc1", "N[C@@H](C)C(=O)O"])
    back = vocabulary.decode(rows)
    chem = pytest.importorskip("rdkit.Chem")
    for got, want in zip(back, ["CC=O", "c1ccccc1", "N[C@@H](C)C(=O)O"], strict=True):
        assert chem.CanonSmiles(got) == chem.CanonSmiles(want)
    assert vocabulary.decode([[UNK, EOS]]) == [""]
    with pytest.raises(ParameterError, match="SMILES that selfies can write; 'C1CC' is not"):
        vocabulary.encode(["C1CC"])
    with pytest.raises(ParameterError, match=r"row 0: '\[Xe\]' of '\[Xe\]' is not in the vocabulary selfies-1"):
        vocabulary.encode(["[Xe]"])
