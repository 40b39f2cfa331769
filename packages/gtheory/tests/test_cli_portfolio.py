"""`gtheory portfolio`: prices in, weights and growth out, in hindsight and after."""

import json
import math

import numpy as np
import pytest

from gtheory.portfolio import capital, log_optimal

RETURNS = np.exp(np.random.default_rng(0).normal(0.001, 0.03, (200, 3)))


@pytest.fixture
def prices(tmp_path):
    path = tmp_path / "prices.csv"
    values = np.vstack([np.ones(3), np.cumprod(RETURNS, axis=0)])
    rows = [f"day {i}," + ",".join(repr(float(v)) for v in row) for i, row in enumerate(values)]
    path.write_text("day,a,b,c\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_weights_and_growth(run, prices):
    code, out, err = run("portfolio", prices, "--json", "--train", 0.6)
    got = json.loads(out)
    whole, first = log_optimal(RETURNS), log_optimal(RETURNS[:120])
    assert (code, err, got["periods"], got["train"]) == (0, "", 200, 120)
    assert got["growth"] == pytest.approx(whole.growth, abs=1e-10)
    assert list(got["weights"].values()) == pytest.approx(whole.weights.tolist(), abs=1e-4)
    assert got["capital"] == pytest.approx(capital(RETURNS, whole.weights)[-1], rel=1e-6)
    after = got["growth_after"]
    assert after["log-optimal of the first part"] == pytest.approx(
        math.log2(capital(RETURNS[120:], first.weights)[-1]) / 80, abs=1e-6
    )
    assert after["uniform"] == pytest.approx(math.log2(capital(RETURNS[120:], [1 / 3] * 3)[-1]) / 80)
    best = RETURNS[:120].prod(0).argmax()
    assert after["best asset of the first part"] == pytest.approx(np.log2(RETURNS[120:, best]).mean())


def test_returns_cash_and_a_figure(run, tmp_path):
    path = tmp_path / "returns.csv"
    path.write_text("coin\n" + "2.0\n0.5\n" * 10, encoding="utf-8")
    figure = tmp_path / "capital.png"
    code, out, err = run("portfolio", path, "--returns", "--cash", 1, "--plot", figure)
    assert (code, err) == (0, "")
    assert "0.08496 bits per period" in out
    assert "cash" in out and "0.500" in out
    assert figure.read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("text", "arguments", "code", "message"),
    [
        ("a,b\n1,2\n3,0\n4,5\n", (), 1, "got 0 in 'b', row 2. For returns use --returns"),
        ("a\n1\n2\n", (), 1, "holds 2 prices"),
        ("a\nx\ny\n", (), 2, "no columns of numbers; it has a"),
        ("a\n1\n2\n3\n", ("--asset", "b"), 2, "no column 'b'"),
        ("a\n1\n\n3\n4\n,\n", (), 1, "cannot be read as CSV"),
        ("a,b\n1,1\n,2\n3,3\n", (), 1, "missing or infinite values in a (1)"),
        ("a\n0.5\n0\n1\n", ("--returns",), 1, "every portfolio is ruined"),
        ("a\n1\n2\n3\n", ("--cash", 0), 2, "`cash` must be"),
    ],
)
def test_what_is_refused_is_named_on_stderr(run, tmp_path, text, arguments, code, message):
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    got, out, err = run("portfolio", path, *arguments)
    assert (got, out) == (code, "")
    assert err.startswith("error: ") and message in err
