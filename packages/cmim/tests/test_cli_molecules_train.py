"""Training on molecules by the command: the run it writes, going on, stopping early, and the estimator beside it."""

import functools
import json
import shutil
import tomllib

import pytest
import torch

from cmim import TokenPerceiver
from cmim.cli._mol_config import MoleculeConfig, make_embedder
from cmim.cli._mol_train import _validation
from cmim.molecules.corpus.files import open_corpus
from cmim.molecules.embedder import MoleculeEmbedder
from cmim.molecules.tokens import Vocabulary
from infocore.errors import DegenerateWarning

from .molecule_commands import BAD, GOOD, SIZES, TINY, begin

pytest.importorskip("rdkit.Chem")


def test_train_writes_a_run_like_those_of_images(trained):
    settings = tomllib.loads((trained / "config.toml").read_text())
    assert (settings["kind"], settings["data"]) == ("molecules", str(trained.parent / "m.csv"))
    assert (settings["slots"], settings["encoder_depth"], settings["check"]) == (2, 1, True)
    assert settings["source"]["rows"] == len(GOOD) + 1 and len(settings["source"]["sha256"]) == 64
    embedder = MoleculeEmbedder.load(trained / "model")
    assert embedder.skipped_ == {"not SMILES": 1}
    assert (embedder.n_iter_, embedder.latent_dim) == (400, 8)
    assert embedder.network is not None and embedder.network.decoder_depth == 1
    head = (trained / "logs/cmim/version_0/metrics.csv").read_text().partition("\n")[0]
    assert {"reconstruction", "log_pk", "shuffled", "code_norm"} <= set(head.split(","))
    assert not (trained / "checkpoints").exists()


@pytest.mark.parametrize("block_rows", [2**17, 16])  # one block, and several
def test_the_estimator_and_the_command_train_alike(run, tmp_path, monkeypatch, block_rows):
    """The same files by either way: the same weights, and the same rows left out."""
    opened = functools.partial(open_corpus, block_rows=block_rows)
    monkeypatch.setattr("cmim.cli._mol_data.open_corpus", opened)
    rows = [BAD[i][0] if i in BAD else GOOD[i % len(GOOD)] for i in range(0, 1000, 101)] + ["OCC", "[Na+].[Cl-]"] * 12
    arguments = (*begin(tmp_path, rows), "--steps", 12, "--out", tmp_path / "run", "--logger", "none", "--json")
    code, text, err = run(*arguments)
    assert code == 0, err
    settings = MoleculeConfig.model_validate(
        {"data": "-", **{k: v for k, v in tomllib.loads((tmp_path / "run/config.toml").read_text()).items()
                         if k not in ("data", "source")}}
    )  # fmt: skip
    with pytest.warns(DegenerateWarning, match="rows could not be read") as told:
        mine = make_embedder(settings, progress=False).fit(opened(tmp_path / "m.csv"))
    theirs = MoleculeEmbedder.load(tmp_path / "run/model")
    for a, b in zip(mine.model_.parameters(), theirs.model_.parameters(), strict=True):
        assert torch.equal(a, b)
    assert mine.skipped_ == theirs.skipped_ == json.loads(text)["skipped"] and sum(mine.skipped_.values()) == 8
    assert f"warning: {told[0].message}" in err
    if block_rows > len(rows):  # then a list is the same corpus
        with pytest.warns(DegenerateWarning):
            listed = make_embedder(settings, progress=False).fit(rows)
        assert torch.equal(next(listed.model_.parameters()), next(mine.model_.parameters()))


def test_training_on_shards_goes_on_where_it_stopped(run, tmp_path, monkeypatch):
    """Each shard a block; rows as RDKit reads them, those that it cannot read counted."""
    monkeypatch.setattr("cmim.cli._mol_data.open_corpus", functools.partial(open_corpus, block_rows=16))
    (tmp_path / "shards").mkdir()
    for i in range(3):
        (tmp_path / f"shards/{i}.txt").write_text("\n".join([*GOOD[i * 15 : i * 15 + 15], "C1CC"]) + "\n")
    begin(tmp_path, [])
    arguments = ("train", tmp_path / "shards", "--config", tmp_path / "tiny.toml", *SIZES, "--steps", 40)
    arguments = (*arguments, "--decay", "none", "--logger", "none", "--augment", "invariant")
    code, text, err = run(*arguments, "--out", tmp_path / "whole", "--json")
    assert code == 0, err
    assert json.loads(text)["skipped"] == {"not SMILES": 3} and "3 rows could not be read" in err

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    half = tmp_path / "half"
    with monkeypatch.context() as patch:
        patch.setattr("cmim.molecules.embedder.CodeLaw.fit", interrupted)  # after training, before the model is saved
        code, _, err = run(*arguments, "--out", half)
    assert code == 130 and "go on with: cmim train" in err
    (half / "checkpoints/step-000000040.ckpt").unlink()
    (half / "checkpoints/step-000000040.ckpt.sha256").unlink()
    code, _, err = run("train", "--out", half, "--resume", "--latent-dim", 4)
    assert code == 2 and "latent_dim (--latent-dim) was 8 and is 4" in err
    code, _, err = run("train", "--out", half, "--resume", "--quiet")
    assert code == 0, err
    a, b = ((tmp_path / name / "model/weights.safetensors").read_bytes() for name in ("whole", "half"))
    assert a == b
    shutil.rmtree(half / "model")
    (tmp_path / "shards/0.txt").write_text("CCO\n" * 16)
    code, _, err = run("train", "--out", half, "--resume")
    assert code == 2 and "the data have changed" in err


def test_validation_stops_early_and_rows_can_be_taken_as_they_are_written(run, tmp_path):
    arguments = begin(tmp_path, ["OCC", "OCCC", "NCCC", "NCC"] * 8, "mol")
    (tmp_path / "v.csv").write_text("mol\nCCCCCCCC\nhello\n")
    (tmp_path / "tiny.toml").write_text(TINY + "validate_every = 2\npatience = 1\n")
    code, text, err = run(
        *arguments, "--smiles-column", "mol", "--no-check", "--validation", tmp_path / "v.csv", "--steps", 300,
        "--learning-rate", 0.5, "--out", tmp_path / "r", "--json", "--logger", "none",
    )  # fmt: skip
    assert code == 0, err
    assert "1 of 2 rows of" in err and "as they are written" in err
    assert json.loads(text)["steps"] < 300  # a rate of 0.5 does not keep getting better
    code, _, err = run(*arguments, "--smiles-column", "mol", "--out", tmp_path / "q")
    assert code == 2 and not (tmp_path / "q").exists()
    for name in ("patience", "validate_every"):
        assert f"{name} has no effect without validation (--validation)" in err


@pytest.mark.parametrize(("check", "written"), [(True, ["CCO", "CCN"]), (False, ["OCC", "C(C)N", "C1CC"])])
def test_molecules_to_stop_by_are_read_as_the_corpus_is(tmp_path, capsys, check, written):
    (tmp_path / "v.smi").write_text("OCC\nC(C)N\nC1CC\nCCCCCC\n")
    settings = MoleculeConfig(data="", check=check, max_tokens=5)
    found = _validation(str(tmp_path / "v.smi"), settings)
    assert found.shape == (len(written), 6) and Vocabulary().decode(found) == written
    assert f"{4 - len(written)} of 4 rows" in capsys.readouterr().err


def test_the_command_and_the_estimator_have_the_same_defaults():
    config = MoleculeConfig(data="m.csv")
    params = MoleculeEmbedder().get_params(deep=False)
    shared = params.keys() & set(MoleculeConfig.model_fields)
    assert len(shared) > 15
    assert {name: getattr(config, name) for name in shared} == {name: params[name] for name in shared}
    made = make_embedder(config, progress=False)
    assert made.network == TokenPerceiver()
