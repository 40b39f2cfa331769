"""`gtheory mixture`: samples and histograms in, components out."""

import csv
import json
import math

import numpy as np
import pytest

from gtheory.learning import CMMixture

X = np.random.default_rng(0).normal(size=(300, 2)) + np.repeat([[0, 0], [4, 1]], [200, 100], axis=0)


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("name,a,b\n" + "".join(f"r,{float(a)!r},{float(b)!r}\n" for a, b in X), encoding="utf-8")
    return path


def test_components_of_samples(run, rows, tmp_path):
    out = tmp_path / "shares.csv"
    code, text, err = run("mixture", rows, "--json", "--starts", 2, "--out", out)
    got = json.loads(text)
    model = CMMixture(2, n_init=2, tol=1e-5, max_iter=1000).fit(X)
    assert (code, err, got["x"], got["iterations"]) == (0, "", ["a", "b"], model.n_iter_)
    assert np.array(got["means"]) == pytest.approx(model.means_)
    assert got["log_likelihood"] == pytest.approx(model.lower_bound_ / math.log(2))
    assert got["bic"] == pytest.approx(model.bic(X))
    with out.open(newline="", encoding="utf-8") as handle:
        shares = list(csv.DictReader(handle))
    assert float(shares[5]["component 1"]) == pytest.approx(model.predict_proba(X)[5, 1])
    assert [int(row["likeliest"]) for row in shares] == model.predict(X).tolist()


def test_a_histogram_and_its_convergence(run, tmp_path):
    grid = np.arange(-60, 161)
    p = 0.7 * np.exp(-((grid - 35) ** 2) / 128) / 8 + 0.3 * np.exp(-((grid - 65) ** 2) / 288) / 12
    path, figure = tmp_path / "histogram.csv", tmp_path / "kl.svg"
    path.write_text("x,p\n" + "".join(f"{x},{w!r}\n" for x, w in zip(grid, p.tolist(), strict=True)), encoding="utf-8")
    code, out, err = run("mixture", path, "--weights", "p", "--grid", "--tol", 1e-12, "--plot", figure)
    assert (code, err) == (0, "")
    assert "35 (8)" in out
    assert "65 (12)" in out
    assert "KL 0.0000" in out
    assert "</svg>" in figure.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--x", "c"), 2, "no column 'c'"),
        (("--x", "name"), 1, "must hold numbers"),
        (("--grid",), 2, "`--grid` needs `--weights`"),
        (("-k", 400), 1, "at most the number of rows"),
        (("--plot", "x.txt"), 2, "must end in"),
    ],
)
def test_what_is_refused_is_named_on_stderr(run, rows, arguments, code, message):
    got, out, err = run("mixture", rows, *arguments)
    assert (got, out) == (code, "")
    assert err.startswith("error: ") and message in err


def test_an_unfinished_fit_is_told(run, rows):
    code, _, err = run("mixture", rows, "--max-iter", 1, "--tol", 0)
    assert code == 0
    assert err.startswith("warning: CMMixture: stopped after `max_iter` = 1")
