"""`gtheory classify`: what it learns and how it judges, against scikit-learn on the same rows."""

import csv
import json

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

from gtheory.learning import MMIClassifier, SemanticBayesClassifier

IRIS = load_iris()
NAMES = IRIS.target_names[IRIS.target].astype(object)


@pytest.fixture
def flowers(tmp_path):
    path = tmp_path / "iris.csv"
    rows = [",".join([*map(str, values), name]) for values, name in zip(IRIS.data, NAMES, strict=True)]
    path.write_text("a,b,c,d,species\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_semantic_is_judged_on_rows_it_has_not_seen(run, flowers):
    code, out, err = run("classify", flowers, "-y", "species", "--seed", 4, "--json")
    got = json.loads(out)
    assert (code, err, got["rows"], got["x"]) == (0, "", 150, ["a", "b", "c", "d"])
    seen, rest, y_seen, y_rest = train_test_split(IRIS.data, NAMES, test_size=0.3, random_state=4, stratify=NAMES)
    model = SemanticBayesClassifier().fit(seen, y_seen)
    held = got["held_out"]
    assert held["rows"] == 45
    assert held["accuracy"] == pytest.approx(np.mean(model.predict(rest) == y_rest))
    codes = np.searchsorted(model.classes_.astype(str), y_rest.astype(str))
    assert held["G"] == pytest.approx(model.information(rest)[np.arange(45), codes].mean())
    whole = SemanticBayesClassifier().fit(IRIS.data, NAMES)
    shares = [got["classes"][name]["logical_probability"] for name in whole.classes_]
    assert shares == pytest.approx(whole.logical_probability_.tolist())


def test_mmi_tells_what_its_labels_carry_and_could(run, flowers):
    code, out, err = run("classify", flowers, "-y", "species", "--method", "mmi", "--x", "c", "--labels", 2, "--json")
    got = json.loads(out)
    assert (code, err) == (0, "")
    model = MMIClassifier(2, random_state=0).fit(IRIS.data[:, [2]], NAMES)
    assert got["information"] == pytest.approx(model.information_)
    assert got["certificate"]["kind"] == "intervals"
    assert got["certificate"]["value"] >= got["information"] - 1e-9
    assert "accuracy" not in got["held_out"]  # two labels are not three classes
    assert 0 < got["held_out"]["information"] < np.log2(3) + 0.1
    code, out, _ = run("classify", flowers, "-y", "species", "--method", "mmi")
    assert code == 0
    assert "no labels exceed" in out


def test_new_records_are_classified_into_a_file(run, flowers, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("d,c,b,a\n0.2,1.4,3.5,5.1\n2.0,6.0,3.0,7.0\n", encoding="utf-8")
    out = tmp_path / "found.csv"
    code, _, err = run("classify", flowers, "-y", "species", "--predict", new, "--out", out)
    assert (code, err) == (0, "")
    with out.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["prediction"] for row in rows] == ["setosa", "virginica"]
    model = SemanticBayesClassifier().fit(IRIS.data, NAMES)
    records = np.array([[5.1, 3.5, 1.4, 0.2], [7.0, 3.0, 6.0, 2.0]])
    assert float(rows[0]["bits setosa"]) == pytest.approx(model.information(records)[0, 0])
    assert float(rows[1]["truth virginica"]) == pytest.approx(model.predict_truth(records)[1, 2])
    run("classify", flowers, "-y", "species", "--predict", new, "--out", out, "--new-prior")
    with out.open(newline="", encoding="utf-8") as handle:
        shifted = list(csv.DictReader(handle))
    prior = model.with_prior(records)
    assert float(shifted[0]["bits setosa"]) == pytest.approx(prior.information(records)[0, 0])
    assert shifted[0]["bits setosa"] != rows[0]["bits setosa"]


@pytest.mark.parametrize("method", ["semantic", "mmi"])
def test_figures_over_one_column(run, flowers, tmp_path, method):
    path = tmp_path / "figure.svg"
    code, out, _ = run("classify", flowers, "-y", "species", "--x", "c", "--method", method, "--plot", path)
    assert code == 0
    assert "held out" in out
    assert "</svg>" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("-y", "kind"), 2, "no column 'kind'; it has a, b, c, d, species"),
        (("-y", "species", "--x", "e"), 2, "no column 'e'"),
        (("-y", "species", "--x", "species"), 2, "columns of numbers other than 'species'"),
        (("-y", "species", "--plot", "f.svg"), 2, "draws over one column"),
        (("-y", "species", "--plot", "f.gif"), 2, "must end in"),
        (("-y", "species", "--labels", 2), 2, "`--labels` is for --method mmi"),
        (("-y", "species", "--predict", "new.csv"), 2, "go together"),
        (("-y", "species", "--new-prior"), 2, "`--new-prior` is for semantic"),
        (("-y", "species", "--test", 0.01), 1, "cannot be split by --test 0.01"),
        (("-y", "a", "--test", 0.3), 1, "has one row"),
        (("-y", "species", "--truth", "oval"), 2, "oval"),
    ],
)
def test_what_is_refused_is_named_on_stderr(run, flowers, arguments, code, message):
    got, out, err = run("classify", flowers, *arguments)
    assert (got, out) == (code, "")
    assert message in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,y\n1,p\n,q\n", "missing or infinite values in a (1)"),
        ("a,y\n1,p\n2,\n", "column 'y' of", ),
        ("a,y\nhot,p\nmild,q\n", "give columns of numbers"),
        ("a,y\n", "holds no rows"),
        ("a,y\n1,p\n2,p\n3,p\n", "class"),
    ],
)  # fmt: skip
def test_bad_tables_are_refused(run, tmp_path, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    code, out, err = run("classify", path, "-y", "y", "--method", "mmi", "--test", 0)
    assert code in (1, 2) and out == ""
    assert err.startswith("error: ") and message in err
