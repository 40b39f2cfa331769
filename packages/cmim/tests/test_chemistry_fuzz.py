"""10,000 strings that are mostly no molecules: each is read, or has a reason that RDKit confirms."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rdkit", reason="cmim[mol] is not installed")

from rdkit import rdBase

from cmim.molecules.chemistry import read_molecules
from cmim.molecules.tokens import Vocabulary
from infocore.errors import ParameterError

from .smiles_texts import NCI, STEREO, bare

KINDS = {
    "missing", "not text", "empty", "too long", "white space inside", "not SMILES", "pattern", "out of range",
    "valence", "aromaticity", "no canonical form", "not in the vocabulary",
}  # fmt: skip


def check(strings):
    """Each row is a molecule whose form RDKit reads back to it, or has a reason that RDKit confirms."""
    found = read_molecules(strings)
    assert len(found) == len(strings) and found.given == tuple(strings)
    with rdBase.BlockLogs():
        for text, form, valid, reason in zip(strings, found.smiles, found.valid, found.reasons, strict=True):
            assert valid == bool(form) == (not reason)
            kind = reason.split(":")[0]
            if valid:
                assert bare(form) == form
            elif kind in ("not SMILES", "valence", "aromaticity"):
                assert not text.isascii() or "\0" in text or bare(text) is None, text
                assert "does not say" not in reason
            else:
                assert kind in KINDS, reason
    return found


def fits(form, vocabulary, length):
    try:
        return vocabulary.encode([form]).shape[1] <= length + 1
    except ParameterError:
        return False


PIECES = [
    *"CNOSPFIBclnosp[]()=#@+-/\\.123456789%HK*:$~>0a ", "[C@@H]", "[C@H]", "[N+]", "[O-]", "[nH]", "[Fe]", "[H]",
    "[2H]", "->", "<-", "[C@TB1H]", "[Pt@SP1]", "[Co@OH5]", "[CH2:1]", "c1ccccc1", "%10", "%(12)", "[#6]", "[B-]",
    "[se]", "[Al]", "[200", "+128", "\0", "\u00e9",
]  # fmt: skip


def test_mutated_molecules_crash_nothing():
    draw = random.Random(0)
    strings = []
    for _ in range(9000):
        text = list(draw.choice(STEREO) if draw.random() < 0.2 else draw.choice(NCI))
        for _ in range(draw.randint(1, 3)):
            i, j = draw.randrange(len(text)), draw.randrange(len(text))
            what = draw.randrange(4)
            if what == 0:
                text.insert(i, draw.choice(PIECES))
            elif what == 1:
                text[i] = draw.choice(PIECES)
            elif what == 2:
                text[i], text[j] = text[j], text[i]
            elif len(text) > 1:
                del text[i]
        strings.append("".join(text))
    found = check(strings)
    report = found.report()
    assert 1000 < report["valid"] < 8000
    assert {"not SMILES", "valence", "aromaticity", "white space inside", "pattern", "out of range"} <= set(
        report["reasons"]
    )
    smaller = read_molecules(strings, salts="largest", isomeric=False)
    assert np.array_equal(smaller.valid, found.valid)
    with rdBase.BlockLogs():
        assert all(bare(form) == form and "." not in form for form in smaller.smiles if form)
    vocabulary = Vocabulary()
    short = read_molecules(strings, max_tokens=40, vocabulary=vocabulary)
    forms = [form for form in short.smiles if form]
    assert forms == [form for form in found.smiles if form and fits(form, vocabulary, 40)]
    assert vocabulary.decode(vocabulary.encode(forms, 41)) == forms


@settings(max_examples=1000)
@given(
    st.one_of(
        st.text(),
        st.text(alphabet="CNO()[]=#123@+-cn.%/H", max_size=30),
        st.lists(st.sampled_from(PIECES)).map("".join),
    )
)
def test_any_text_crashes_nothing(text):
    check([text])
