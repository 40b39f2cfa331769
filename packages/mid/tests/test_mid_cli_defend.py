"""``mid defend`` on tables as people have them: odd names, text that looks like numbers, classes, small tables."""

import json
import shlex

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from mid.cli import main
from mid.cli._models import read_model
from mid.cli._tables import read_table
from mid.defences.tree import MIDDecisionTreeClassifier, MIDDecisionTreeRegressor


def run(capsys, *argv):
    code = 0
    try:
        main([str(a) for a in argv])
    except SystemExit as e:
        code = 0 if e.code is None else int(e.code)
    out, err = capsys.readouterr()
    return code, out, err


def people(n, *, labels=False, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "gene": rng.choice(["A_A", "A_G", "G_G"], n),
            "gene_A": rng.choice(["A", "x_1"], n),
            "age": rng.normal(size=n),
            "town": rng.choice([f"t_{k}" for k in range(40)], n),
        }
    )
    dose = table["gene"].map({"A_A": -2.0, "A_G": 0.0, "G_G": 2.0}) + table["age"] + 0.3 * rng.normal(size=n)
    return table.assign(dose=np.where(dose > 0, "high", "low") if labels else dose)


def defended(capsys, tmp_path, table, *more, sensitive="gene", suffix=".csv"):
    data = tmp_path / f"all{suffix}"
    if suffix == ".csv":
        table.to_csv(data, index=False)
    elif suffix == ".npz":
        np.savez(data, X=table.drop(columns="y").to_numpy(str), y=table["y"].to_numpy(str))
    else:
        table.to_parquet(data)
    response = "y" if "y" in table else "dose"
    made = tmp_path / "made"
    code, out, err = run(
        capsys, "defend", data, "--out", made, "--sensitive", sensitive, "--response", response, *more
    )  # fmt: skip
    return code, out, err, made


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("sensitive", ["gene", "gene_A", "town"])
def test_what_is_dropped_has_no_say(capsys, tmp_path, sensitive, labels):
    code, _, err, made = defended(
        capsys, tmp_path, people(300, labels=labels), "--defence", "drop", sensitive=sensitive
    )
    assert code == 0, err
    model = read_model(made / "model.skops", trust_pickle=False)
    fresh = read_table(made / "fresh.csv").drop(columns="dose")
    answers = getattr(model, "predict_proba" if labels else "predict")
    other = fresh.assign(**{sensitive: np.roll(fresh[sensitive], 1)})
    assert (other[sensitive] != fresh[sensitive]).mean() > 0.3
    assert (answers(other) == answers(fresh)).all()
    assert (answers(fresh.assign(age=-fresh["age"])) != answers(fresh)).any()
    assert isinstance(model.steps[-1][1], LogisticRegression) == labels


def test_nothing_left_to_learn_from_is_said(capsys, tmp_path):
    code, _, err, made = defended(capsys, tmp_path, people(100)[["gene", "dose"]], "--defence", "drop")
    assert (code, "needs at least one column that is not sensitive" in err) == (2, True), err
    assert not made.exists()


def test_a_tree_of_numbers_and_one_of_labels(capsys, tmp_path):
    for name, table, kind in (
        ("numbers", people(200), MIDDecisionTreeRegressor),
        ("labels", people(200, labels=True), MIDDecisionTreeClassifier),
        ("coded", people(200).assign(dose=lambda t: (t["dose"] > 0).astype(int)), MIDDecisionTreeClassifier),
        ("few", people(200).assign(dose=lambda t: t["dose"].round().clip(-3, 3) / 2), MIDDecisionTreeRegressor),
    ):
        (tmp_path / name).mkdir()
        code, said, err, made = defended(
            capsys, tmp_path / name, table, "--defence", "tree", "--lam", "0.01", "--max-depth", "4", "--json"
        )
        assert code == 0, err
        assert isinstance(read_model(made / "model.skops", trust_pickle=False).steps[-1][1], kind)
        found = json.loads(said)
        assert found["utility"] > found["utility of a constant"] + 0.1


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".npz"])
def test_the_printed_command_reads_what_was_written(capsys, tmp_path, suffix):
    rng = np.random.default_rng(0)
    n = 240
    table = pd.DataFrame({"0": rng.choice(["00", "01"], n), "1": rng.choice(["7", "8"], n)})
    table["y"] = np.where(rng.random(n) < 0.9, np.where(table["0"] == "00", "0", "1"), "0")
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    code, _, err, made = defended(capsys, tmp_path, table, "--defence", "tree", sensitive="0", suffix=suffix)
    assert code == 0, err
    whole = read_table(tmp_path / f"all{suffix}")
    halves = [read_table(made / f"{name}{suffix}") for name in ("train", "fresh")]
    for half in halves:
        assert half.dtypes.tolist() == whole.dtypes.tolist()
    again = pd.concat(halves)
    assert sorted(again.itertuples(index=False)) == sorted(whole.itertuples(index=False))
    assert (whole["0"] == "00").any() == (suffix != ".csv")  # CSV has no kinds: there it was a number all along
    _, *words = shlex.split(err.partition("Now: ")[2])
    code, out, err = run(capsys, *words, "--no-curve", "--no-progress", "--game", "release")
    assert code == 0, err
    assert "of 60 fresh records" in out


def test_a_csv_whose_halves_would_be_read_as_numbers_is_refused(capsys, tmp_path):
    table = people(100).assign(code=["01"] * 99 + ["X1"])
    code, _, err, made = defended(capsys, tmp_path, table, "--defence", "drop")
    assert code == 2, err
    assert f"column(s) code of {tmp_path / 'all.csv'} are text, and a part of the rows holds nothing but" in err
    assert not made.exists()
    pytest.importorskip("pyarrow")
    assert defended(capsys, tmp_path, table, "--defence", "drop", suffix=".parquet")[0] == 0


def test_a_continuous_attribute_is_audited_in_bins(capsys, tmp_path):
    code, _, err, _ = defended(capsys, tmp_path, people(240), "--defence", "drop", sensitive="age")
    assert code == 0, err
    _, *words = shlex.split(err.partition("Now: ")[2])
    assert words[words.index("--sensitive") :][:4] == ["--sensitive", "age", "--bins", "4"]
    code, _, err = run(capsys, *words, "--no-curve", "--no-progress", "--game", "release")
    assert code == 0, err
    names = people(240).assign(who=[f"n{k}" for k in range(240)])
    (tmp_path / "more").mkdir()
    code, _, err, _ = defended(capsys, tmp_path / "more", names, "--defence", "drop", sensitive="who")
    assert (code, "--sensitive who of" in err, "holds more than 50 values" in err) == (2, True, True), err
    assert "group them" in err


def test_small_tables_and_small_shares_name_the_flag(capsys, tmp_path):
    code, _, err, made = defended(capsys, tmp_path, people(60), "--holdout", "0.99")
    assert code == 2
    assert "--holdout must leave at least 20 records to train on and one to audit; 0.99 of the 60 of" in err
    assert "leaves 1 and 59" in err
    assert not made.exists()
    code, _, err, _ = defended(capsys, tmp_path, people(60), "--holdout", "0.001")
    assert (code, "leaves 60 and 0" in err) == (2, True), err
    code, _, err, _ = defended(capsys, tmp_path, people(60))
    assert code == 0, err
    assert "30 records are kept, and mid audit needs 100: raise --holdout" in err


def test_holes_and_text_are_named_with_file_column_and_rows(capsys, tmp_path):
    holes = people(120)
    holes.loc[[3, 7], "age"] = np.nan
    holes.loc[9, "town"] = None  # a hole in text is one more category
    code, _, err, _ = defended(capsys, tmp_path, holes)
    assert code == 1
    assert f"column(s) age of {tmp_path / 'all.csv'} hold no value in 2 of 120 rows" in err
    code, _, err, made = defended(capsys, tmp_path, holes.drop(columns="age"), "--defence", "drop")
    assert code == 0, err
    endless = people(120)
    endless.loc[5, "age"] = np.inf
    code, _, err, _ = defended(capsys, made, endless)
    assert (code, "column(s) age of" in err, "1 of 120 rows" in err) == (1, True, True), err
    absent = people(120)
    absent.loc[5, "gene"] = None
    code, _, err, _ = defended(capsys, made, absent)
    assert (code, "column(s) gene of" in err, "cannot be guessed" in err) == (1, True, True), err
    text = people(120).astype({"dose": object})
    text.loc[16, "dose"] = "oops"
    for defence in ("linear", "linear-attribute", "tree", "drop"):
        code, _, err, _ = defended(capsys, made, text, "--defence", defence)
        assert code in (1, 2), defence
        assert f"column dose of {made / 'all.csv'} must hold numbers; row 17 holds 'oops'" in err, (defence, err)
        assert ("Use --defence tree, drop or network for labels" in err) == defence.startswith("linear")
