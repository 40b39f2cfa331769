"""Shares worked out by hand, distances against second implementations, scores against RDKit's, and pictures."""

import collections
import itertools
import json
import math
import pathlib
import re
import xml.etree.ElementTree

import numpy as np
import pytest
from scipy.stats import binomtest

from infocore.errors import DataError, KindError, NonFiniteError, ParameterError, ShapeError

chem = pytest.importorskip("rdkit.Chem", reason="needs the extra cmim[mol]")

from rdkit import DataStructs, RDConfig  # noqa: E402
from rdkit.Chem import BRICS, QED, Crippen, Descriptors, rdFingerprintGenerator  # noqa: E402
from rdkit.Chem.Scaffolds import MurckoScaffold  # noqa: E402

from cmim.molecules.pictures import grid  # noqa: E402
from cmim.molecules.quality import distribution, metrics  # noqa: E402
from cmim.molecules.quality.distribution import (  # noqa: E402
    Profile,
    distribution_metrics,
    fingerprints,
    internal_diversity,
    nearest_similarity,
)
from cmim.molecules.quality.metrics import generation_metrics, neighbourhood_metrics  # noqa: E402
from cmim.molecules.search.scores import at_least, molecule_properties, named_score, score_molecules  # noqa: E402

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
IBUPROFEN = "CC(C)Cc1ccc(C(C)C(=O)O)cc1"
CAFFEINE = "Cn1c(=O)c2c(ncn2C)n(C)c1=O"


@pytest.fixture(scope="module")
def drugs():
    """Molecules that ship with RDKit, the small ones of the first of NCI's, in canonical form."""
    lines = (pathlib.Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    with distribution.need("rdkit.rdBase", "test").BlockLogs():
        mols = [chem.MolFromSmiles(line.split()[0]) for line in lines[:400]]
    return [chem.MolToSmiles(mol) for mol in mols if mol is not None and mol.GetNumAtoms() > 5][:150]


# Seven samples. "OCC" and "CCO" are ethanol, "C1=CC=CC=C1" and "c1ccccc1" benzene, "CC(C" and "" nothing, "CCN" is new.
# valid 5 of 7; distinct {ethanol, benzene, ethylamine} 3 of 5; first two valid: both ethanol, 1 of 2; first three: 2 of
# 3; training {ethanol, methane}: new are benzene and ethylamine, 2 of 3.
GENERATED = ["OCC", "CCO", "CC(C", "C1=CC=CC=C1", "", "c1ccccc1", "CCN"]


def test_generated_by_hand():
    found = generation_metrics(GENERATED, ["CCO", "C"], k=[2, 3, 6], level=0.9)
    assert (found.n, found.valid, found.distinct, found.novel) == (7, 5, 3, 2)
    assert [found.validity.value, found.uniqueness.value, found.novelty.value] == [5 / 7, 3 / 5, 2 / 3]
    assert found.unique_at[2].value == 1 / 2 and found.unique_at[3].value == 2 / 3
    assert found.molecules == ("CCO", "CCO", "c1ccccc1", "c1ccccc1", "CCN")
    want = binomtest(5, 7).proportion_ci(0.9, method="wilson")
    assert (found.validity.low, found.validity.high) == pytest.approx((want.low, want.high))
    assert found.uniqueness.low is None and found.novelty.low is None
    assert math.isnan(found.unique_at[6].value) and "5 valid samples, and 6 are needed" in found.unique_at[6].reason


def test_stereo_is_part_of_a_molecule():
    found = generation_metrics(["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "N[C@@H](C)C(=O)O"], {"C[C@H](N)C(=O)O"})
    assert (found.valid, found.distinct, found.novel) == (3, 2, 1)


def test_generated_undefined_says_why():
    none = generation_metrics(["C(", ""], ["C"])
    assert none.validity.value == 0.0
    for share in (none.uniqueness, none.novelty):
        assert math.isnan(share.value) and share.reason == "no sample is a valid molecule"
    empty = generation_metrics([], ["C"])
    assert math.isnan(empty.validity.value) and empty.validity.reason == "nothing was generated"
    unknown = generation_metrics(["C"])
    assert unknown.novel is None and math.isnan(unknown.novelty.value) and "no training set" in unknown.novelty.reason
    told = json.loads(json.dumps(empty.to_dict(), allow_nan=False))
    assert told["validity"] == {"value": None, "low": None, "high": None, "reason": "nothing was generated"}
    assert "molecules" not in told and told["unique_at"]["1000"]["value"] is None


# seed ethanol: "OCC" is the seed, "CCC" twice, "C(" nothing, "CCN" known
#   4 of 5 valid; distinct {ethanol, propane, ethylamine} 3 of 4; not the seed 3 of 4; not in training {ethanol,
#   propane}; of these not the seed {propane}
# seed benzene: "CCN" known, "Cc1ccccc1" toluene, "c1ccccc1C" toluene
#   3 of 3 valid; distinct 2 of 3; not the seed 3; not in training {toluene}; not the seed {toluene}
# seed water: "" and "X": nothing; uniqueness leaves it out, the others count its samples
# so: validity 7/10, uniqueness (3/4 + 2/3)/2 = 17/24, novelty (2 + 1)/(3 + 2), non-identicality 6/7, effective 2/10
SEEDS = ["CCO", "C1=CC=CC=C1", "O"]
AROUND = [["OCC", "CCC", "CCC", "C(", "CCN"], ["CCN", "Cc1ccccc1", "c1ccccc1C"], ["", "X"]]
SHARES = ("validity", "uniqueness", "novelty", "non_identicality", "effective_novelty")


def test_neighbourhood_by_hand():
    found = neighbourhood_metrics(SEEDS, AROUND, {"CCN", "C"})
    got = [getattr(found, name).value for name in SHARES]
    assert got == pytest.approx([7 / 10, 17 / 24, 3 / 5, 6 / 7, 2 / 10], abs=1e-12)
    counts = (found.seeds, found.generated, found.valid, found.distinct, found.novel, found.effective)
    assert counts == (3, 10, 7, 5, 3, 2)
    assert (found.non_identical, found.seeds_without_valid) == (6, 1)
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["validity"]["value"] == 0.7 and told["level"] == 0.95


def test_neighbourhood_interval_is_that_of_all_resamples():
    # 3 seeds have 27 resamples, all alike likely: the interval of 1,000 of them is between their extremes, and here at
    # the 2.5 % points of the exact law. Validity: (4, 3, 0) of (5, 3, 2)
    found = neighbourhood_metrics(SEEDS, AROUND, {"CCN", "C"})
    parts, wholes = np.array([4, 3, 0]), np.array([5, 3, 2])
    exact = [parts[list(d)].sum() / wholes[list(d)].sum() for d in itertools.product(range(3), repeat=3)]
    low, high = np.quantile(exact, [0.025, 0.975], method="inverted_cdf")
    assert (found.validity.low, found.validity.high) == pytest.approx((low, high), abs=1e-12)
    narrow = neighbourhood_metrics(SEEDS, AROUND, {"CCN", "C"}, level=0.5)
    assert found.validity.low < narrow.validity.low < narrow.validity.high < found.validity.high
    again = neighbourhood_metrics(SEEDS, AROUND, {"CCN", "C"}, seed=0)
    assert again == found


def test_neighbourhood_undefined_says_why():
    one = neighbourhood_metrics(["C"], [["CC", "C"]])
    assert one.validity.value == 1.0 and one.validity.low is None and "one seed" in one.validity.reason
    assert math.isnan(one.novelty.value) and "no training set" in one.effective_novelty.reason
    assert (one.novel, one.effective) == (None, None)
    bare = neighbourhood_metrics(["C", "CC"], [["C("], []], ["C"])
    assert bare.validity.value == 0.0 and bare.effective_novelty.value == 0.0
    for name in ("uniqueness", "novelty", "non_identicality"):
        assert math.isnan(getattr(bare, name).value) and getattr(bare, name).reason == "no sample is a valid molecule"
    nothing = neighbourhood_metrics(["C", "CC"], [[], []], ["C"])
    assert math.isnan(nothing.validity.value) and nothing.effective_novelty.reason == "nothing was generated"


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: generation_metrics(["C"], k=[0]), ParameterError, "`k`"),
        (lambda: generation_metrics(["C"], level=1.0), ParameterError, "`level`"),
        (lambda: generation_metrics(["C"], "CCO"), ParameterError, "the string 'CCO'"),
        (lambda: generation_metrics(["C"], ["C", "OCC"]), ParameterError, "of 2 looked at, 1 are not.*'OCC'.*'CCO'"),
        (lambda: neighbourhood_metrics(["C"], [["C"]], level=0.0), ParameterError, "`level`"),
        (lambda: neighbourhood_metrics(["C"], [["C"]], seed=-1), ParameterError, "`seed`"),
        (lambda: neighbourhood_metrics(["C"], [["C"], ["C"]]), ShapeError, "2 lists for 1 seeds"),
        (lambda: neighbourhood_metrics("C", [["C"]]), KindError, r"`seeds` must be a sequence .* Write \[seeds\]"),
        (lambda: generation_metrics("CCO"), KindError, "generation_metrics: `generated` must be a sequence"),
        (lambda: neighbourhood_metrics(["C"], ["CC"]), ShapeError, r"`generated\[0\]`.*'CC'"),
        (lambda: neighbourhood_metrics(["C", "C("], [["C"], []]), ParameterError, "1 of 2 are not.*row 1.*'C\\('"),
    ],
)
def test_metrics_refuse(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_a_few_training_strings_may_be_of_another_release():
    training = ["C" * (1 + i) for i in range(100)] + ["OCC", "NCC"]
    assert generation_metrics(["C", "CCBr"], training).novel == 1


def test_fingerprints_and_nearest_by_another_way(drugs):
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    theirs = [generator.GetFingerprint(chem.MolFromSmiles(s)) for s in drugs]
    bits = fingerprints(drugs)
    assert bits.sum(1).tolist() == [fp.GetNumOnBits() for fp in theirs]
    table = np.array([DataStructs.BulkTanimotoSimilarity(fp, theirs) for fp in theirs])
    a, b = bits[:60], bits[60:]
    np.testing.assert_allclose(nearest_similarity(a, b), table[:60, 60:].max(1), atol=1e-15)
    assert internal_diversity(bits) == pytest.approx(1 - table.mean(), abs=1e-13)
    # by the MOSES code: the root of the mean square of each row, then the mean over rows
    assert internal_diversity(bits, p=2) == pytest.approx(1 - np.sqrt((table**2).mean(1)).mean(), abs=1e-13)


def test_blocks_do_not_show(drugs, monkeypatch):
    bits = fingerprints(drugs)
    whole = nearest_similarity(bits[:50], bits[50:]), internal_diversity(bits, p=2)
    monkeypatch.setattr(distribution, "BLOCK", 7)
    np.testing.assert_array_equal(nearest_similarity(bits[:50], bits[50:]), whole[0])
    assert internal_diversity(bits, p=2) == pytest.approx(whole[1], abs=1e-14)


def test_identical_sets_are_at_distance_zero(drugs):
    profile = Profile.of(drugs)
    found = distribution_metrics(profile, drugs[::-1])
    assert found.snn == 1.0
    assert (found.fragments, found.scaffolds) == (pytest.approx(1.0), pytest.approx(1.0))
    assert found.wasserstein == pytest.approx(dict.fromkeys(("logp", "sa", "qed", "weight"), 0.0), abs=1e-12)
    assert found.undefined == {} and (found.n, found.n_reference) == (150, 150)
    assert distribution_metrics(drugs, profile) == found


def test_a_second_implementation(drugs):
    a, b = drugs[:60], drugs[50:150]
    found = distribution_metrics(a, b)

    def counts(smiles, of):
        return collections.Counter(key for s in smiles for key in of(chem.MolFromSmiles(s)))

    def brics(mol):  # one bond after the other, by the atoms that RDKit's Python finds
        bonds = list(BRICS.FindBRICSBonds(mol))
        cut = BRICS.BreakBRICSBonds(mol, bonds) if bonds else mol
        return chem.MolToSmiles(cut).split(".")

    def scaffold(mol):
        text = MurckoScaffold.MurckoScaffoldSmiles(mol=mol, includeChirality=True)
        again = chem.MolFromSmiles(text)
        return [text] if text and len(chem.GetSSSR(again)) > 1 else []

    def cosine(of):
        x, y = counts(a, of), counts(b, of)
        keys = sorted(set(x) | set(y))
        u, v = (np.array([c[key] for key in keys], float) for c in (x, y))
        return float(u @ v / np.linalg.norm(u) / np.linalg.norm(v))

    assert 0.05 < cosine(scaffold) < 0.95 and 0.05 < cosine(brics) < 0.999
    assert found.fragments == pytest.approx(cosine(brics), abs=1e-12)
    assert found.scaffolds == pytest.approx(cosine(scaffold), abs=1e-12)
    for name, of in (("logp", Crippen.MolLogP), ("qed", QED.qed), ("weight", Descriptors.MolWt)):
        x, y = (np.sort([of(chem.MolFromSmiles(s)) for s in smiles]) for smiles in (a, b))
        quantiles = (np.arange(300) + 0.5) / 300  # a multiple of 60 and of 100: the integral over quantiles is exact
        gap = np.abs(x[(quantiles * len(x)).astype(int)] - y[(quantiles * len(y)).astype(int)]).mean()
        assert found.wasserstein[name] == pytest.approx(gap, rel=1e-9)


def test_small_sets_by_hand():
    # weights: ethanol 46.07, benzene 78.11 against butane 58.12, octane 114.23: sorted pairs differ by 12.05 and 36.12
    found = distribution_metrics(["CCO", "c1ccccc1"], ["CCCC", "CCCCCCCC"])
    assert found.wasserstein["weight"] == pytest.approx((12.055 + 36.118) / 2, abs=0.01)
    # BRICS cuts ethers: methyl phenyl ether is [3*]OC and [16*]c1ccccc1; twice that and once benzene (no cut):
    # (2, 2, 1) against (1, 1, 0): 4 / (3 sqrt 2)
    found = distribution_metrics(["COc1ccccc1", "COc1ccccc1", "c1ccccc1"], ["COc1ccccc1"])
    assert Profile.of(["COc1ccccc1", "c1ccccc1"]).fragments == {"[3*]OC": 1, "[16*]c1ccccc1": 1, "c1ccccc1": 1}
    assert found.fragments == pytest.approx(4 / (3 * math.sqrt(2)))
    assert (
        math.isnan(found.scaffolds)
        and "generated and the reference set have no scaffold" in found.undefined["scaffolds"]
    )
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["scaffolds"] is None and told["undefined"]
    # naphthalene twice and quinoline once against naphthalene: 2 / sqrt 5; one ring is no scaffold here
    rings = distribution_metrics(
        ["Cc1ccc2ccccc2c1", "c1ccc2ccccc2c1", "c1ccc2ncccc2c1", "Cc1ccccc1"], ["CCc1ccc2ccccc2c1"]
    )
    assert rings.scaffolds == pytest.approx(2 / math.sqrt(5))
    one = distribution_metrics(["c1ccc2ccccc2c1"], ["C"]).undefined["scaffolds"]
    assert one == "the reference set has no scaffold of two rings"


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: Profile.of([]), DataError, "at least one"),
        (lambda: distribution_metrics(["C", "C("], ["C"]), DataError, "1 of 2 are not; row 1 is 'C\\('"),
        (lambda: fingerprints(["", "C"]), DataError, "row 0 is ''"),
        (lambda: internal_diversity(fingerprints(["C"]), p=3), ParameterError, "`p` must be 1 or 2"),
        (lambda: internal_diversity(np.zeros((2, 8), np.uint8)), ParameterError, "2 empty fingerprints of 2"),
        (lambda: internal_diversity(np.ones(8, np.uint8)), ShapeError, "`bits`"),
        (lambda: nearest_similarity(np.ones((1, 8), np.uint8), np.ones((0, 8), np.uint8)), ShapeError, "`reference`"),
        (lambda: nearest_similarity(np.ones((1, 8), np.uint8), np.ones((1, 9), np.uint8)), ShapeError, "8 and 9"),
    ],
)
def test_distribution_refuses(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_properties_against_rdkit_and_by_hand():
    smiles = [ASPIRIN, IBUPROFEN, CAFFEINE, "C1CCCCCCC1", "CCO"]
    found = molecule_properties(smiles, ["logp", "qed", "sa", "weight", "plogp"])
    mols = [chem.MolFromSmiles(s) for s in smiles]
    assert found["logp"].tolist() == [Crippen.MolLogP(m) for m in mols]
    assert found["qed"].tolist() == [QED.qed(m) for m in mols]
    # published for the drugs: molar masses 180.16, 206.28, 194.19 g/mol; QED of aspirin 0.55; aspirin is easy to make
    assert found["weight"][:3] == pytest.approx([180.16, 206.28, 194.19], abs=0.01)
    assert found["qed"][0] == pytest.approx(0.55, abs=0.005)
    assert 1.0 < found["sa"][0] < 2.0 < found["sa"][2] < 3.0
    # only cyclooctane has a ring of more than six atoms, by two
    assert found["logp"] - found["sa"] - found["plogp"] == pytest.approx([0, 0, 0, 2, 0], abs=1e-12)


def test_similarity_by_hand():
    # CCO has the environments CH3, CH2, OH of radius 0, three of radius 1, of which OCC again has all
    assert named_score("similarity", "CCO")(["OCC", "CCO"]).tolist() == [1.0, 1.0]
    a, b = fingerprints([ASPIRIN, IBUPROFEN])
    want = (a & b).sum() / (a | b).sum()
    assert 0.1 < want < 0.6
    assert named_score("similarity", ASPIRIN)([IBUPROFEN]).tolist() == pytest.approx([want])
    allowed = at_least("similarity", want, ASPIRIN)([IBUPROFEN, "CCO", ASPIRIN])
    assert allowed.tolist() == [True, False, True]
    assert at_least("similarity", want + 1e-6, ASPIRIN)([IBUPROFEN]).tolist() == [False]


def test_what_is_no_molecule_is_worst_and_repeats_are_asked_once():
    asked = []

    def length(molecules):
        asked.append(molecules)
        return [float(len(m)) for m in molecules]

    got = score_molecules(length, ["OCC", "C(", "CCO", "", "C"])
    assert got.tolist() == [3.0, -math.inf, 3.0, -math.inf, 1.0]
    assert asked == [["CCO", "C"]]
    assert score_molecules(length, ["C(", "X"]).tolist() == [-math.inf] * 2 and len(asked) == 1
    assert score_molecules("weight", ["C", "C("]) == pytest.approx([16.043, -math.inf], abs=1e-3)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: score_molecules(lambda m: [1.0], ["C", "CC"]), ShapeError, r"each of the 2 molecules.*\(1,\)"),
        (lambda: score_molecules("qed", "CCO"), KindError, "score_molecules: `smiles` must be a sequence"),
        (lambda: score_molecules(lambda m: ["good"], ["C"]), ShapeError, "one number for each"),
        (lambda: score_molecules(lambda m: None, ["C"]), ShapeError, "one number for each|shape"),
        (lambda: score_molecules(lambda m: [1.0, math.nan], ["C", "CC"]), NonFiniteError, "1 of 2.*the first CC"),
        (lambda: score_molecules(lambda m: [-math.inf], ["C"]), NonFiniteError, "low finite number"),
        (lambda: score_molecules("tastiness", ["C"]), ParameterError, "tastiness"),
        (lambda: score_molecules(3.0, ["C"]), ParameterError, "a name or a function"),
        (lambda: score_molecules(len, ["C"], reference="C"), ParameterError, "`reference`"),
        (lambda: named_score("similarity"), ParameterError, "needs a `reference`.*None"),
        (lambda: named_score("similarity", "C("), ParameterError, "'C\\('"),
        (lambda: named_score("qed", "C"), ParameterError, "'similarity' only"),
        (lambda: at_least("qed", math.nan), ParameterError, "`limit`"),
        (lambda: molecule_properties(["C"], ["colour"]), ParameterError, "'colour'"),
        (lambda: molecule_properties(["C", None], ["qed"]), DataError, "1 of 2 are not; row 1 is None"),
    ],
)
def test_scores_refuse(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_errors_of_a_score_come_through():
    def broken(molecules):
        raise ValueError("my own trouble")

    with pytest.raises(ValueError, match="my own trouble"):
        score_molecules(broken, ["C"])


def test_odd_molecules_have_properties():
    odd = [
        "[H][H]",
        "[He]",
        "*",
        "*C",
        "[Na+].[Cl-]",
        "[2H]O[2H]",
        "C1CCCCCCCCCCC1",
        "[nH]1cccc1",
        "[O-][N+](=O)c1ccccc1",
    ]
    found = molecule_properties(odd, ["logp", "plogp", "qed", "sa", "weight"])
    assert all(np.isfinite(values).all() for values in found.values())


def test_pictures(tmp_path):
    from PIL import Image

    smiles, legends = [ASPIRIN, "C1CC", "", CAFFEINE, "C" * 500 + "("], ["aspirin", "broken", "nothing", "π\nλ", "long"]
    out = grid(smiles, legends, path=tmp_path / "found.png", columns=3, cell=(200, 180))
    with Image.open(out) as picture:
        assert picture.size == (600, 360)
        dark = (np.array(picture.convert("L")) < 200).reshape(2, 180, 3, 200)
    for rows in (slice(0, 130), slice(150, 180)):  # molecules, or what is none; legends. Five cells, the sixth is empty
        ink = dark[:, rows].sum((1, 3))
        assert (ink[:, :2] > 50).all() and ink[0, 2] > 50 and ink[1, 2] == 0
    with Image.open(grid(smiles[:2], path=tmp_path / "two.png", columns=9)) as picture:
        assert picture.size == (500, 220)
    text = grid(smiles, path=str(tmp_path / "found.svg")).read_text()
    assert xml.etree.ElementTree.fromstring(text).tag.endswith("svg") and len(re.findall("<path", text)) > 30
    assert sorted(p.name for p in tmp_path.iterdir()) == ["found.png", "found.svg", "two.png"]


def test_pictures_refuse_and_leave_nothing_behind(tmp_path):
    out = tmp_path / "a.png"
    for call, error, match in (
        (lambda: grid([], path=out), ShapeError, "`smiles`"),
        (lambda: grid("CCO", path=out), ShapeError, "`smiles`"),
        (lambda: grid(["C"], ["a", "b"], path=out), ShapeError, "`legends`"),
        (lambda: grid(["C"], "a", path=out), ShapeError, "`legends`"),
        (lambda: grid(["C"], path=tmp_path / "a.gif"), ParameterError, "`path`"),
        (lambda: grid(["C"], path=out, columns=0), ParameterError, "`columns`"),
        (lambda: grid(["C"], path=out, cell=(40, 80)), ParameterError, "`cell`"),
        (lambda: grid(["C"] * 200, path=out, columns=1), ParameterError, "250 x 44000"),
        (lambda: grid(["C"], path=tmp_path / "absent" / "a.png"), DataError, "cannot be written"),
    ):
        with pytest.raises(error, match=match):
            call()
    (tmp_path / "b.png").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        grid(["C"], path=tmp_path / "b.png")
    assert [p.name for p in tmp_path.iterdir()] == ["b.png"]


def test_the_guards_look_at_enough():
    assert metrics.SAMPLE >= 100  # a training set of raw strings cannot pass by luck
