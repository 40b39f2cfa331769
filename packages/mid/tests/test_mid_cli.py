import json
import shlex
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mid.cli import main
from mid.data import WarfarinLaw


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("mid")
    table, dose = WarfarinLaw().sample(1200, rng=0)
    whole = table.assign(dose=dose)
    whole[:400].to_csv(place / "train.csv", index=False)
    whole[400:].to_csv(place / "fresh.csv", index=False)
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["race", "cyp2c9", "vkorc1"]), remainder="passthrough"
    )
    model = make_pipeline(encoder, LinearRegression()).fit(table[:400], dose[:400])
    skops.io.dump(model, place / "model.skops")
    joblib.dump(model, place / "model.joblib")
    return place


def run(capsys, *argv):
    code = 0
    try:
        main([str(a) for a in argv])
    except SystemExit as e:
        code = 0 if e.code is None else int(e.code)
    out, err = capsys.readouterr()
    return code, out, err


def test_one_command_gives_verdict_page_and_settings(folder, capsys, tmp_path):
    code, out, err = run(
        capsys, "audit", folder / "model.skops", folder / "fresh.csv", "--sensitive", "vkorc1", "--response", "dose",
        "--train", folder / "train.csv", "--out", tmp_path / "audit", "--no-progress",
    )  # fmt: skip
    assert code == 0, err
    assert "nothing beyond population inference" in out
    assert "To an attacker who sees the released value, the model adds" in out
    assert f"wrote {tmp_path / 'audit' / 'audit.json'}" in err
    settings = json.loads((tmp_path / "audit" / "settings.json").read_text())
    assert settings["sensitive"] == ["vkorc1"]
    assert (tmp_path / "audit" / "report.html").stat().st_size > 10_000
    found = json.loads((tmp_path / "audit" / "audit.json").read_text())
    assert [p["name"] for p in found["curve"]][:2] == ["as it is", "without the attribute"]


def test_json_and_config(folder, capsys, tmp_path):
    config = tmp_path / "audit.toml"
    config.write_text('sensitive = ["vkorc1"]\nresponse = "dose"\ngames = ["release"]\ncurve = false\nseed = 5\n')
    code, out, err = run(
        capsys, "audit", folder / "model.skops", folder / "fresh.csv", "--config", config, "--seed", 6, "--json"
    )
    assert code == 0, err
    found = json.loads(out)
    assert found["settings"]["seed"] == 6  # flags win
    assert [g["knows"] for g in found["games"]] == ["release"]


def test_attack_prints_guessers_and_attacks(folder, capsys):
    code, out, _ = run(
        capsys, "attack", folder / "model.skops", folder / "fresh.csv", "--sensitive", "vkorc1", "--response", "dose"
    )
    assert code == 0
    assert "imputation with the response" in out
    assert "MAP regression (marginal prior)" in out
    code, out, _ = run(
        capsys, "attack", folder / "model.skops", folder / "fresh.csv", "--sensitive", "vkorc1", "--response", "dose",
        "--knows", "release", "--json",
    )  # fmt: skip
    assert json.loads(out)["attacks"][0]["result"]["name"] == "match the release (marginal prior)"


@pytest.mark.parametrize("defence", ["linear", "linear-attribute", "tree", "drop"])
def test_defended_models_are_written_and_audited(folder, capsys, tmp_path, defence):
    data = folder / "fresh.csv"
    response = "dose"
    if defence == "tree":
        table = pd.read_csv(data)
        table.assign(high=np.where(table.pop("dose") > 5.3, "high", "low")).to_csv(
            tmp_path / "classes.csv", index=False
        )
        data, response = tmp_path / "classes.csv", "high"
    out = tmp_path / "made"
    code, said, err = run(
        capsys, "defend", data, "--out", out, "--sensitive", "vkorc1", "--response", response, "--defence", defence,
        "--lam", "0.3",
    )  # fmt: skip
    assert code == 0, err
    assert said.startswith("utility on fresh records 0.")
    assert len(pd.read_csv(out / "train.csv")) + len(pd.read_csv(out / "fresh.csv")) == 800
    code, said, err = run(
        capsys, "audit", out / "model.skops", out / "fresh.csv", "--sensitive", "vkorc1", "--response", response,
        "--no-curve", "--no-progress",
    )  # fmt: skip
    assert code == 0, err
    if defence == "linear":
        assert "I(X_s; Yhat | X_ns): at most" in said
        assert "Were all values equally likely given the rest of a record, nobody could name more than" in said
    if defence == "drop":
        assert "the model adds" not in said
    code, _, err = run(capsys, "defend", data, "--out", out, "--sensitive", "vkorc1", "--response", response)
    assert code == 2
    assert "none is ever overwritten" in err


def test_the_command_that_defend_prints_is_one_to_paste(folder, capsys, tmp_path):
    place = tmp_path / "a folder of mine"
    place.mkdir()
    data = place / "fresh; records.csv"
    pd.read_csv(folder / "fresh.csv").rename(columns={"vkorc1": "the gene's kind", "dose": "$dose"}).to_csv(
        data, index=False
    )
    code, _, err = run(
        capsys, "defend", data, "--out", place / "made", "--sensitive", "the gene's kind", "--response", "$dose"
    )
    assert code == 0, err
    program, *words = shlex.split(err.partition("Now: ")[2])  # as a shell reads it
    assert program == "mid"
    code, out, err = run(capsys, *words, "--no-curve", "--no-progress")
    assert code == 0, err
    assert "the gene's kind" in out
    assert (place / "made" / "audit" / "report.html").is_file()


def test_a_network_without_torch_names_the_extra(folder, capsys, tmp_path, monkeypatch):
    for name in [n for n in sys.modules if n == "mid.torch" or n.startswith("mid.torch.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    out = tmp_path / "made"
    code, _, err = run(
        capsys, "defend", folder / "fresh.csv", "--out", out, "--sensitive", "vkorc1", "--response", "dose",
        "--defence", "network",
    )  # fmt: skip
    assert code == 1
    assert "needs torch, which is not installed: pip install" in err
    assert "./packages/mid[torch]" in err
    assert not out.exists()


def test_models_of_every_kind_are_read_or_refused(folder, capsys, tmp_path):
    table = ("--sensitive", "vkorc1", "--response", "dose", "--no-curve", "--no-progress")
    code, _, err = run(capsys, "audit", folder / "model.joblib", folder / "fresh.csv", *table)
    assert code == 2
    assert "is a pickle" in err
    code, out, err = run(capsys, "audit", folder / "model.joblib", folder / "fresh.csv", *table, "--trust-pickle")
    assert code == 0, err
    assert "nothing beyond" in out
    (tmp_path / "bad.skops").write_bytes(b"nothing of the kind")
    for name, match, want in (
        (tmp_path / "bad.skops", "cannot be read as a skops model", 1),
        (tmp_path / "absent.skops", "is not a file", 1),
        (folder / "fresh.csv", "must be a .skops, .joblib or .pt2 file", 2),
    ):
        code, _, err = run(capsys, "audit", name, folder / "fresh.csv", *table)
        assert (code, match in err) == (want, True), err


class Stranger(LinearRegression):
    """A type that skops does not know."""


def test_a_strangers_type_is_named_and_refused(folder, capsys, tmp_path):
    X = pd.read_csv(folder / "fresh.csv").select_dtypes("number")
    skops.io.dump(Stranger().fit(X.drop(columns="dose"), X["dose"]), tmp_path / "m.skops")
    code, _, err = run(
        capsys, "audit", tmp_path / "m.skops", folder / "fresh.csv", "--sensitive", "vkorc1", "--response", "dose"
    )
    assert code == 2
    assert "neither scikit-learn's nor ours" in err
    assert "Stranger" in err


def test_boosting_from_npz(capsys, tmp_path):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 2, 700), rng.normal(size=(700, 2))])
    y = (X[:, 0] + X[:, 1] > 0.5).astype(int)
    skops.io.dump(
        HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(X[:300], y[:300]), tmp_path / "m.skops"
    )
    np.savez(tmp_path / "fresh.npz", X=X[300:], y=y[300:])
    code, out, err = run(
        capsys, "audit", tmp_path / "m.skops", tmp_path / "fresh.npz", "--sensitive", "0", "--response", "y",
        "--no-curve", "--json",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["facts"]["candidates"] == ["0", "1"]
    np.savez(tmp_path / "bad.npz", X=X, z=y)
    code, _, err = run(
        capsys, "audit", tmp_path / "m.skops", tmp_path / "bad.npz", "--sensitive", "0", "--response", "y"
    )
    assert code == 1
    assert "must hold two arrays, X of shape (n, dx) and y" in err


def test_misuse_names_what_was_expected(folder, capsys, tmp_path):
    m, d = folder / "model.skops", folder / "fresh.csv"
    cases = [
        (("audit", m, d, "--response", "dose"), "sensitive (--sensitive)", 2),
        (("audit", m, d, "--sensitive", "gene", "--response", "dose"), "--sensitive must name columns of", 2),
        (("audit", m, d, "--sensitive", "vkorc1", "--response", "mg"), "has no column mg; it has race", 2),
        (("audit", m, d, "--sensitive", "vkorc1", "--response", "dose", "--game", "chess"), "games", 2),
        (
            ("audit", m, tmp_path / "a.xlsx", "--sensitive", "s", "--response", "y"),
            "must be a .csv, .parquet or .npz",
            2,
        ),
        (("audit", m, tmp_path / "a.csv", "--sensitive", "s", "--response", "y"), "cannot be read as csv", 1),
        (("audit", m, d, "--config", tmp_path / "no.toml"), "cannot be read as TOML", 1),
        (
            ("audit", m, d, "--sensitive", "vkorc1", "--response", "dose", "--out", tmp_path),
            "none is ever overwritten",
            2,
        ),
        (("defend", d, "--out", tmp_path / "o", "--sensitive", "vkorc1", "--response", "race"), "needs a numeric", 2),
    ]
    for argv, match, want in cases:
        code, _, err = run(capsys, *argv)
        assert (code, match in err) == (want, True), (argv, err)
    holes = pd.read_csv(d)
    holes.loc[:4, "dose"] = np.nan
    holes.to_csv(tmp_path / "holes.csv", index=False)
    code, _, err = run(capsys, "audit", m, tmp_path / "holes.csv", "--sensitive", "vkorc1", "--response", "dose")
    assert (code, "missing in 5 of 800 rows" in err) == (1, True)
    code, _, err = run(
        capsys, "audit", m, d, "--sensitive", "vkorc1", "--response", "dose", "--train", tmp_path / "other.csv"
    )
    assert code == 1


def test_console_script_and_version():
    done = subprocess.run([sys.executable, "-m", "mid.cli", "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "0.1.0"
