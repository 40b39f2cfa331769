"""``mid defend --defence network``: trained, written without a pickle, read back and audited."""

import json

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")

from mid.attacks.predictor import Predictor
from mid.cli import main
from mid.cli._models import read_model
from mid.data import WarfarinLaw


def run(capsys, *argv):
    code = 0
    try:
        main([str(a) for a in argv])
    except SystemExit as e:
        code = 0 if e.code is None else int(e.code)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("labels", [True, False])
def test_a_network_is_written_read_back_and_audited(capsys, tmp_path, labels):
    table, dose = WarfarinLaw().sample(600, rng=0)
    whole = table.assign(dose=np.where(dose > 5.3, "high", "low") if labels else dose)
    whole.to_csv(tmp_path / "all.csv", index=False)
    out = tmp_path / "made"
    code, said, err = run(
        capsys, "defend", tmp_path / "all.csv", "--out", out, "--sensitive", "vkorc1", "--response", "dose",
        "--defence", "network", "--lam", "0.01", "--json",
    )  # fmt: skip
    assert code == 0, err
    found = json.loads(said)
    assert found["utility"] > found["utility of a constant"] + 0.05
    assert f"mid audit {out}/model {out}/fresh.csv" in err
    model = read_model(out / "model", trust_pickle=False)
    network = {True: "MIDClassifier", False: "MIDRegressor"}[labels]
    assert type(model.steps[-1][1]).__name__ == network
    fresh = pd.read_csv(out / "fresh.csv").drop(columns="dose")
    output = "labels" if labels else "values"
    asked = [
        Predictor(read_model(out / "model", trust_pickle=False)).release(fresh, output=output, rng=seed)
        for seed in (0, 0, 1)
    ]
    assert (asked[0] == asked[1]).all()
    assert (asked[0] != asked[2]).any()
    code, said, err = run(
        capsys, "audit", out / "model", out / "fresh.csv", "--sensitive", "vkorc1", "--response", "dose",
        "--no-curve", "--no-progress", "--game", "release",
    )  # fmt: skip
    assert code == 0, err
    assert "I(X_s; Yhat | X_ns): at most" in said  # the law of its noise is known


def test_a_folder_that_holds_no_network_is_refused(capsys, tmp_path):
    (tmp_path / "fresh.csv").write_text("s,y\n0,1\n")
    code, _, err = run(capsys, "audit", tmp_path, tmp_path / "fresh.csv", "--sensitive", "s", "--response", "y")
    assert (code, "is a folder without encoder.skops" in err) == (1, True), err
