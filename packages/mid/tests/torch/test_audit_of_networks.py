import numpy as np
import pandas as pd
import pytest
import torch

from infocore.errors import DataError, KindError, ParameterError, ShapeError
from mid import audit
from mid.cli import main
from mid.torch import ExportedModel, MIDClassifier


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"s": rng.integers(0, 2, 900), "u": rng.normal(size=900), "w": rng.normal(size=900)}).astype(float)
    return X, (X["s"] + X["u"] > 0.5).astype(int).to_numpy()


def test_a_bottleneck_certifies_its_release(table):
    X, y = table
    caps = {}
    for beta in (1e-2, 1.0):
        model = MIDClassifier(beta=beta, hidden=(16,), epochs=20, learning_rate=1e-2).fit(X[:300], y[:300])
        mu, std = model.release_law(X[:5])
        assert mu.shape == std.shape == (5, 8)
        # the divergence that training pays for is that of this law
        kl = 0.5 * (mu**2 + std**2 - 1 - 2 * np.log(std)).sum(1)
        assert kl == pytest.approx(model.information(X[:5]), abs=1e-5)
        report = audit(model, X[300:], y[300:], sensitive="s", curve=False, games=["release"])
        assert report.facts["noisy"]
        cap, best = report.release_caps[0], report.games[0].strongest.result.accuracy
        assert best - 0.5 <= cap.advantage + 0.09  # 300 records: s.e. .029, 3 s.e.
        caps[beta] = cap.leakage.value
    assert caps[1.0] < caps[1e-2]
    assert MIDClassifier(beta=None, hidden=(4,), epochs=1).fit(X, y).release_law(X) is None


def exported(tmp_path, out):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, out))
        batch = torch.export.Dim("batch", min=1)
        program = torch.export.export(net, (torch.zeros(4, 3),), dynamic_shapes=({0: batch},))
    torch.export.save(program, tmp_path / "net.pt2")
    return net


def test_an_exported_network_is_audited_only_on_trust(table, tmp_path, capsys):
    X, y = table
    net = exported(tmp_path, 2)
    X.assign(y=y).to_csv(tmp_path / "fresh.csv", index=False)
    argv = ["audit", str(tmp_path / "net.pt2"), str(tmp_path / "fresh.csv"), "--sensitive", "s", "--response", "y"]
    with pytest.raises(SystemExit) as stopped:
        main([*argv, "--no-curve", "--no-progress"])
    assert stopped.value.code == 2
    assert "can hold pickled tensors" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        main([*argv, "--no-curve", "--no-progress", "--trust-pickle"])
    assert not stopped.value.code
    assert "the released probabilities" in capsys.readouterr().out
    model = ExportedModel.read(tmp_path / "net.pt2", [0, 1])
    with torch.no_grad():
        want = torch.softmax(net(torch.tensor(X.to_numpy(), dtype=torch.float32)).double(), 1).numpy()
    assert model.release(X, output="probabilities") == pytest.approx(want, abs=1e-6)
    assert (model.release(X, output="labels") == want.argmax(1)).all()


def test_what_an_exported_network_refuses(table, tmp_path):
    X, _ = table
    exported(tmp_path, 2)
    model = ExportedModel.read(tmp_path / "net.pt2", [0, 1])
    with pytest.raises(ParameterError, match="is not what this network answers with; it is a classifier"):
        model.release(X, output="values")
    with pytest.raises(KindError, match="must hold numbers only"):
        model.release(X.astype(object).assign(u="a"), output="labels")
    with pytest.raises(ShapeError, match="must answer with 3 logits a row"):
        ExportedModel.read(tmp_path / "net.pt2", [0, 1, 2]).release(X, output="labels")
    with pytest.raises(ShapeError, match="one value a row"):
        ExportedModel.read(tmp_path / "net.pt2", None).release(X, output="values")
    (tmp_path / "bad.pt2").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot be read by torch"):
        ExportedModel.read(tmp_path / "bad.pt2", None)
    exported(tmp_path, 1)
    values = ExportedModel.read(tmp_path / "net.pt2", None).release(X, output="values")
    assert values.shape == (900,)
