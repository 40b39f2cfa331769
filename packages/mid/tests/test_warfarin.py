import importlib
import math
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from infocore.errors import DataError, ParameterError, ShapeError
from mid.data import WarfarinLaw, load_adult, load_fair, load_iwpc, load_steak
from mid.data.warfarin import GENOTYPES, design

LAW = WarfarinLaw()


def test_regression_is_the_published_one():
    table, _ = LAW.sample(4, rng=0)
    one = table.head(1).assign(
        race="Asian",
        age_decade=6,
        height=170.0,
        weight=70.0,
        cyp2c9="*1/*3",
        enzyme_inducer=0,
        amiodarone=1,
        vkorc1="A/A",
    )
    by_hand = 5.6044 - 0.2614 * 6 + 0.0087 * 170 + 0.0128 * 70 - 1.6974 - 0.9357 - 0.1092 - 0.5503
    assert LAW.mean(one)[0] == pytest.approx(by_hand, abs=1e-12)
    plain = one.assign(race="White", cyp2c9="*1/*1", amiodarone=0, vkorc1="G/G", enzyme_inducer=1)
    assert LAW.mean(plain)[0] == pytest.approx(5.6044 - 0.2614 * 6 + 0.0087 * 170 + 0.0128 * 70 + 1.1816, abs=1e-12)


def test_sample_has_the_frequencies_it_says():
    table, dose = LAW.sample(200_000, rng=1)
    asian = table[table["race"] == "Asian"]
    assert (table["race"] == "Asian").mean() == pytest.approx(0.29, abs=4 * math.sqrt(0.29 * 0.71 / 2e5))
    assert (asian["vkorc1"] == "A/A").mean() == pytest.approx(0.79, abs=4 * math.sqrt(0.79 * 0.21 / len(asian)))
    # VKORC1 over all groups, from the two tables: .3146 A/A, .3722 A/G, .3132 G/G
    want = [
        0.54 * 0.15 + 0.29 * 0.79 + 0.08 * 0.01 + 0.09 * 0.12,
        0.54 * 0.48 + 0.29 * 0.18 + 0.08 * 0.22 + 0.09 * 0.48,
    ]
    assert [(table["vkorc1"] == g).mean() for g in GENOTYPES[:2]] == pytest.approx(want, abs=0.005)
    assert np.std(dose - LAW.mean(table)) == pytest.approx(1.0, abs=0.007)
    assert LAW.sample(5, rng=3)[0].equals(LAW.sample(5, rng=3)[0])


def test_posterior_is_bayes_by_counting():
    # where the posterior says p, the genotype is found in a share p of the patients, in every range of doses
    table, dose = LAW.sample(200_000, rng=2)
    said = np.exp(LAW.log_posterior(table, dose))
    assert said.sum(1) == pytest.approx(1.0)
    for low, high in ((0.0, 4.0), (4.0, 5.5), (5.5, 7.0), (7.0, 20.0)):
        rows = (dose > low) & (dose <= high) & (table["race"] == "White").to_numpy()
        found = [(table["vkorc1"][rows] == g).mean() for g in GENOTYPES]
        # at least 9,000 rows: s.e. .0053 at most, 4 s.e.
        assert said[rows].mean(0) == pytest.approx(found, abs=0.021)


def test_no_guess_beats_the_posterior():
    table, dose = LAW.sample(20_000, rng=3)
    X = design(table)
    best = (np.array(GENOTYPES)[LAW.log_posterior(table, dose).argmax(1)] == table["vkorc1"]).mean()
    model = LinearRegression().fit(X[:10_000], dose[:10_000])
    answers = np.stack([model.predict(design(table.assign(vkorc1=g))) for g in GENOTYPES], axis=1)
    attack = (-((dose[:, None] - answers) ** 2) / 2 + LAW.log_prior(table)).argmax(1)
    assert (np.array(GENOTYPES)[attack] == table["vkorc1"]).mean() <= best + 0.005
    assert best == pytest.approx(0.661, abs=0.012)  # .6610 over 200,000 patients; s.e. .0033 here


def test_design_leaves_out_what_is_commonest():
    table, _ = LAW.sample(50, rng=0)
    X = design(table)
    assert X.shape == (50, 5 + 2 + 5 + 3)
    assert ((X["vkorc1_A/A"] == 1) == (table["vkorc1"] == "A/A")).all()


def test_refusals_of_the_law():
    table, dose = LAW.sample(4, rng=0)
    with pytest.raises(ParameterError, match="`residual` must be positive"):
        WarfarinLaw(0.0)
    with pytest.raises(ParameterError, match="`n` must be at least 1"):
        LAW.sample(0, rng=0)
    with pytest.raises(ParameterError, match="has no column vkorc1"):
        LAW.mean(table.drop(columns="vkorc1"))
    with pytest.raises(ParameterError, match="has no column height"):
        LAW.mean(table.drop(columns="height"))
    with pytest.raises(ParameterError, match=r"column race must hold White, Asian, Black, unknown; got Martian"):
        LAW.mean(table.assign(race="Martian"))
    with pytest.raises(ShapeError, match="one value per row, 4"):
        LAW.log_posterior(table, dose[:2])


IWPC = pd.DataFrame(
    {
        "Gender": ["male", "female", "male", "female", "male", "male"],
        "Race": ["White", "Asian", "Black or African American", "White", "White", "Unknown"],
        "Age": ["60 - 69", "19-Oct", "50 - 59", "70 - 79", None, "60 - 69"],
        "Height (cm)": [170, 160, None, 165, 180, 175],
        "Weight (kg)": [80, 55, 90, 70, 85, None],
        "Carbamazepine (Tegretol)": [0, 0, 1, None, 0, 0],
        "Phenytoin (Dilantin)": [0] * 6,
        "Rifampin or Rifampicin": [0] * 6,
        "Amiodarone (Cordarone)": [1, 0, 0, 0, 0, 0],
        "Therapeutic Dose of Warfarin": [36, 16, 49, 25, 30, 30],
        "Cyp2C9 genotypes": ["*1/*1", "*1/*3", "*1/*1", "*1/*2", "*1/*1", "*1/*5"],
        "VKORC1 genotype: -1639 G>A (3673); chr16:31015190; rs9923231; C/T": ["G/G", None, None, None, "A/A", "G/G"],
        "VKORC1 genotype: 1173 C>T(6484); chr16:31012379; rs9934438; A/G": [None, None, "C/C", None, None, None],
        "VKORC1 genotype: 1542G>C (6853); chr16:31012010; rs8050894; C/G": [None, None, None, "C/G", None, None],
        "VKORC1 genotype: 2255C>T (7566); chr16:31011297; rs2359612; A/G": [None, "T/T", "T/T", None, None, None],
    }
)  # made up; no patient


def test_iwpc_is_read_by_the_consortiums_rules(tmp_path):
    IWPC.to_csv(tmp_path / "own.csv", index=False)
    table, dose = load_iwpc(tmp_path / "own.csv")
    assert table.attrs["left_out"] == {
        "no dose": 0, "no age": 1, "uncommon or missing CYP2C9": 1, "unknown VKORC1": 0,
    }  # fmt: skip
    # filled from rs2359612 (Asian), from rs9934438 (any group: rs2359612 says nothing of Black), from rs8050894
    assert table["vkorc1"].tolist() == ["G/G", "A/A", "G/G", "A/G"]
    assert table["age_decade"].tolist() == [6, 1, 5, 7]  # 19-Oct is what a spreadsheet makes of 10 - 19
    assert table["enzyme_inducer"].tolist() == [0, 0, 1, 0]
    assert table["height"].tolist() == [170, 160, 170, 165]  # no other Black man: the median of all
    assert dose == pytest.approx(np.sqrt([36, 16, 49, 25]))
    assert design(table).shape == (4, 15)
    IWPC.drop(columns="Age").to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(DataError, match="has no column Age"):
        load_iwpc(tmp_path / "bad.csv")
    IWPC.drop(columns=[c for c in IWPC if "rs8050894" in c]).to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(DataError, match="no column of VKORC1 genotypes at rs8050894"):
        load_iwpc(tmp_path / "bad.csv")


def test_adult_and_steak_are_read_or_refused(tmp_path):
    row = (
        "39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, ?, White, Male, 2174, 0, 40, United-States, "
    )
    (tmp_path / "adult.test").write_text(f"|1x3 Cross validator\n{row}<=50K.\n{row}>50K.\n")
    table, income = load_adult(tmp_path / "adult.test")
    assert income.tolist() == [0, 1]
    assert (table["relationship"] == "?").all()
    assert table.shape == (2, 14)
    (tmp_path / "short.csv").write_text("1,2\n")
    with pytest.raises(DataError, match="must have 15 columns; got 2"):
        load_adult(tmp_path / "short.csv")
    with pytest.raises(DataError, match="cannot be read as CSV"):
        load_steak(tmp_path / "absent.csv")
    (tmp_path / "two.csv").write_text("a,b\nx,y\n1,2\n")
    with pytest.raises(DataError, match="must have 15 columns; got 2"):
        load_steak(tmp_path / "two.csv")


def test_fair_is_read_from_a_path_or_an_installed_statsmodels(tmp_path, monkeypatch):
    header = "rate_marriage,age,yrs_married,children,religious,educ,occupation,occupation_husb,affairs"
    text = header + "\n5,22,2.5,0,3,14,3,5,0.0\n2,37,16.5,4,1,12,2,4,1.39\n4,32,9,1.5,2,16,4,2,0\n"
    folder = tmp_path / "statsmodels" / "datasets" / "fair"
    folder.mkdir(parents=True)
    (tmp_path / "statsmodels" / "__init__.py").write_text("raise AssertionError('it is not to be imported')")
    (folder / "fair.csv").write_text(text)
    (tmp_path / "short.csv").write_text(text.replace("educ", "school").replace("affairs", "trips"))
    table, rating = load_fair(folder / "fair.csv")
    assert rating.tolist() == [5, 2, 4]
    assert table["affairs"].tolist() == [0, 1, 0]
    assert table.columns.tolist() == header.split(",")[1:]
    assert table["yrs_married"].tolist() == [2.5, 16.5, 9.0]
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "statsmodels", raising=False)
    with pytest.raises(DataError, match=r"statsmodels.*is not installed; pass `path`"):
        load_fair()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    importlib.invalidate_caches()
    found, same = load_fair()
    assert found.equals(table) and same.tolist() == rating.tolist()
    with pytest.raises(DataError, match="has no column educ, affairs"):
        load_fair(tmp_path / "short.csv")
