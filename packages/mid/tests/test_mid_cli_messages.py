"""What `mid audit` and `mid attack` say of tables that they cannot read, and what `mid attack` puts in its JSON."""

import json

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mid.cli import main


def run(capsys, *argv):
    code = 0
    try:
        main([str(a) for a in argv])
    except SystemExit as e:
        code = 0 if e.code is None else int(e.code)
    out, err = capsys.readouterr()
    return code, out, err


def records(n):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"s": rng.choice(["p", "q"], n), "age": rng.normal(size=n), "u": rng.normal(size=n)})
    return table.assign(y=2.0 * (table["s"] == "q") + table["age"] + 0.1 * rng.normal(size=n))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models of numbers and of labels, and a table of 130 fresh records."""
    place = tmp_path_factory.mktemp("mid")
    X = records(200)
    y = X.pop("y")
    encoder = make_column_transformer((OneHotEncoder(), ["s"]), remainder="passthrough")
    for name, last, target in (
        ("numbers", LinearRegression(), y),
        ("boosting", HistGradientBoostingRegressor(max_iter=5), y),
        ("labels", LogisticRegression(), np.where(y > 1, "high", "low")),
        ("ridge", RidgeClassifier(), np.where(y > 1, "high", "low")),
    ):
        joblib.dump(make_pipeline(encoder, last).fit(X, target), place / f"{name}.joblib")
    records(130).to_csv(place / "fresh.csv", index=False)
    records(130).assign(y=lambda t: np.where(t["y"] > 1, "high", "low")).to_csv(place / "labels.csv", index=False)
    return place


def told(capsys, folder, table, *more, command="audit", model="numbers", sensitive="s"):
    """Exit code and message on one table."""
    data = folder / "case.csv"
    if isinstance(table, str):
        data = folder / table
    else:
        table.to_csv(data, index=False)
    code, _, err = run(
        capsys, command, folder / f"{model}.joblib", data, "--sensitive", sensitive, "--response", "y",
        "--trust-pickle", *more,
    )  # fmt: skip
    return code, err.replace(str(data), "DATA")


def test_attack_says_its_split_its_cost_and_what_it_could_have_found(folder, capsys):
    argv = ("attack", folder / "numbers.joblib", folder / "fresh.csv", "--sensitive", "s", "--response", "y")
    code, out, err = run(capsys, *argv, "--trust-pickle", "--knows", "release", "--json")
    assert code == 0, err
    found = json.loads(out)
    facts = found["facts"]
    assert sorted(facts["split"]["known"] + facts["split"]["attacked"]) == list(range(130))
    assert facts["seconds per 1000 answers"] > 0
    assert (facts["known records"], facts["attacked records"], facts["seed"]) == (65, 65, 0)
    assert 0 < found["detectable"] <= 1
    code, out, err = run(capsys, *argv, "--trust-pickle", "--knows", "release")
    assert code == 0, err
    points = 100 * found["detectable"]
    assert f"65 fresh records: an advantage of {points:.1f} points would have been found with a probability" in out


@pytest.mark.parametrize("command", ["audit", "attack"])
def test_small_tables_are_refused_by_the_name_of_the_file(folder, capsys, command):
    code, err = told(capsys, folder, records(40), command=command)
    assert (code, "DATA must hold at least 100 fresh records; DATA holds 40" in err) == (1, True), err


@pytest.mark.parametrize("command", ["audit", "attack"])
def test_too_many_values_name_the_flag_of_bins(folder, capsys, command):
    code, err = told(capsys, folder, records(130), command=command, sensitive="age")
    assert (code, "--sensitive age of DATA holds more than 50 values" in err) == (2, True), err
    assert "give --bins to guess one of so many bins" in err
    assert "bins=" not in err


def test_missing_values_are_named_where_the_model_takes_none(folder, capsys):
    table = records(130)
    table.loc[[4, 5], "age"] = np.nan
    table.loc[5, "u"] = np.nan
    code, err = told(capsys, folder, table)
    want = "column(s) age, u of DATA hold no value in 2 of 130 rows: LinearRegression does not answer about such rows"
    assert (code, want in err) == (1, True), err
    train = folder / "train.csv"
    table.to_csv(train, index=False)
    code, err = told(capsys, folder, "fresh.csv", "--train", train)
    assert (code, f"column(s) age, u of {train} hold no value in 2 of 130 rows" in err) == (1, True), err
    code, err = told(capsys, folder, table, command="attack", model="boosting")  # it takes them
    assert code == 0, err
    hidden = records(130)
    hidden.loc[0, "s"] = None
    code, err = told(capsys, folder, hidden, model="boosting")
    assert (code, "column(s) s of DATA hold no value in 1 of 130 rows" in err) == (1, True), err


def test_responses_of_another_kind_are_named_with_column_and_value(folder, capsys):
    table = records(130).astype({"y": object})
    table.loc[11, "y"] = "oops"
    code, err = told(capsys, folder, table)
    want = "LinearRegression is a regressor, and column y of DATA must hold numbers; row 12 holds 'oops'"
    assert (code, want in err) == (1, True), err
    labels = records(130).assign(y=lambda t: np.where(t["y"] > 1, "high", "low"))
    labels.loc[7, "y"] = "middling"
    code, err = told(capsys, folder, labels, model="labels")
    assert code == 2
    assert "column y of DATA must hold labels that the model knows, ['high', 'low']; row 8 holds 'middling'" in err


def test_a_released_quantity_that_the_model_has_not_names_the_flag(folder, capsys):
    code, err = told(capsys, folder, "fresh.csv", "--released", "labels")
    want = "--released must be values for a regressor (LinearRegression); got labels"
    assert (code, want in err) == (2, True), err
    code, err = told(capsys, folder, "labels.csv", "--released", "values", model="labels")
    assert (code, "--released must be labels or probabilities for a classifier" in err) == (2, True), err
    code, err = told(capsys, folder, "labels.csv", "--released", "probabilities", model="ridge")
    assert (code, "--released must be labels for a classifier (RidgeClassifier)" in err) == (2, True), err
