"""The commands on molecules, as a user runs them, with a tiny model in place of the one that comes with the package."""

import csv
import functools
import importlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import numpy as np
import pytest
import torch

import cmim
from cmim import Embedder, TokenPerceiver
from cmim.cli import main
from cmim.cli._mol_config import MoleculeConfig, make_embedder
from cmim.cli._mol_train import _validation
from cmim.data.images import data_dir
from cmim.molecules.corpus.files import open_corpus
from cmim.molecules.embedder import MoleculeEmbedder
from cmim.molecules.tokens import Vocabulary
from infocore.errors import CheckpointError, DataError, DegenerateWarning

Chem = pytest.importorskip("rdkit.Chem")
pq = pytest.importorskip("pyarrow.parquet")
pa = pytest.importorskip("pyarrow")

ENDS = ("O", "N", "F", "Cl", "Br", "C#N", "C(=O)O", "c1ccccc1")
GOOD = [f"{'C' * k}{end}" for end in ENDS for k in range(1, 7)]  # as RDKit writes them, or not
TINY = """kind = "molecules"
encoder_depth = 1
decoder_depth = 1
heads = 2
ramp = 0
variance = "fixed"
logvar_floor = -9.0
checkpoint_every = 20
"""
SIZES = ("--width", 16, "--slots", 2, "--latent-dim", 8, "--max-tokens", 20, "--batch", 16, "--warmup", 20, "--quiet")


def table(path: pathlib.Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def form(smiles: str) -> str:
    """RDKit's own word on a molecule that is one."""
    return Chem.MolToSmiles(Chem.MolFromSmiles(smiles))


def begin(folder: pathlib.Path, rows: list[str], name: str = "smiles") -> tuple:
    (folder / "m.csv").write_text("\n".join([f"id,{name}", *(f"{i},{text}" for i, text in enumerate(rows))]) + "\n")
    (folder / "tiny.toml").write_text(TINY)
    return ("train", folder / "m.csv", "--config", folder / "tiny.toml", *SIZES)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("molecules")
    arguments = (*begin(folder, [*GOOD, "C1CC"]), "--steps", 400, "--learning-rate", 1e-2, "--out", folder / "run")
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in arguments])
    assert stop.value.code == 0
    return folder / "run"


@pytest.fixture
def shipped(trained, monkeypatch) -> MoleculeEmbedder:
    """What the tests have in place of the package's own model."""
    embedder = MoleculeEmbedder.load(trained / "model")
    monkeypatch.setattr(importlib.import_module("cmim.molecules.shipped"), "pretrained", lambda: embedder)
    return embedder


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


BAD = {
    3: ("C1CC", "not SMILES"), 101: ("", "empty"), 202: ("CC ethane", "white space inside"),
    303: ("C" * 21, "too long"), 404: ("CN(C)(C)C", "valence"), 505: ("c1cccc1", "aromaticity"),
    606: ("[Og+9]C(", "not SMILES"), 707: ("hello", "not SMILES"), 808: ("C" * 2000, "too long"),
    999: ("()", "not SMILES"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["latent", "informative"])
def test_every_good_row_has_its_embedding_and_every_bad_one_its_reason(kind, shipped, run, tmp_path):
    rows = [BAD[i][0] if i in BAD else GOOD[i % len(GOOD)] for i in range(1000)]
    begin(tmp_path, rows)
    code, text, err = run("embed", tmp_path / "m.csv", "-o", tmp_path / "z.parquet", "--kind", kind, "--json")
    assert code == 0, err
    answer = json.loads(text)
    assert (answer["rows"], answer["embedded"], answer["run"]) == (1000, 990, "the package's moses-1")
    assert answer["reasons"] == {
        "not SMILES": 4, "too long": 2, "empty": 1, "white space inside": 1, "valence": 1, "aromaticity": 1,
    }  # fmt: skip
    found = pq.read_table(tmp_path / "z.parquet")
    wide = {"latent": 8, "informative": 16}[kind]
    assert found.column_names == ["row", "smiles", "valid", "reason", "note", *(f"f{j}" for j in range(wide))]
    assert found["row"].to_pylist() == list(range(1000)) and found["smiles"].to_pylist() == rows
    assert [i for i, valid in enumerate(found["valid"].to_pylist()) if not valid] == list(BAD)
    for i, reason in enumerate(found["reason"].to_pylist()):
        assert reason.partition(":")[0] == (BAD[i][1] if i in BAD else "")
    for j in range(wide):
        assert [i for i, value in enumerate(found[f"f{j}"].to_pylist()) if value is None] == list(BAD)
    values = np.array([found[f"f{j}"].to_numpy() for j in range(wide)]).T
    wanted = shipped.transform(GOOD, kind)  # one by one, of the molecules that are not bad
    good = [i for i in range(1000) if i not in BAD]
    np.testing.assert_allclose(values[good], wanted[[i % len(GOOD) for i in good]], atol=1e-5)
    facts = tomllib.loads((tmp_path / "z.parquet.toml").read_text())
    assert (facts["kind"], facts["rows"], facts["embedded"]) == (kind, 1000, 990)


def test_embed_by_a_run_to_npy_and_a_table_beside_it(trained, run, tmp_path):
    (tmp_path / "m.smi").write_text("OCC ethanol\nC1CC\nCCCCCCCCC[Si]\n")
    code, text, err = run("embed", trained, tmp_path / "m.smi", "-o", tmp_path / "z.npy")
    assert code == 0, err
    assert "3 rows, 2 embedded, latent, 8 features" in text and "not read: not SMILES (1)" in text
    values = np.load(tmp_path / "z.npy")
    assert values.shape == (3, 8) and np.isnan(values).all(1).tolist() == [False, True, False]
    rows = table(tmp_path / "z.npy.rows.csv")
    assert [row["valid"] for row in rows] == ["true", "false", "true"]
    assert rows[1]["reason"] == "not SMILES: unclosed ring" and "new to the model: [Si]" in rows[2]["note"]
    code, _, err = run("embed", trained, tmp_path / "m.smi", "-o", tmp_path / "z.npy")
    assert code == 2 and "z.npy exists" in err


def test_parquet_with_nulls_is_embedded_in_pieces(shipped, run, tmp_path, monkeypatch):
    monkeypatch.setattr("cmim.cli._mol_embed._ROWS", 7)
    rows = [None if i % 10 == 9 else GOOD[i] for i in range(40)]
    pq.write_table(pa.table({"mol": rows, "y": range(40)}), tmp_path / "m.parquet")
    code, _, err = run("embed", tmp_path / "m.parquet", "--smiles-column", "mol", "-o", tmp_path / "z.parquet")
    assert code == 0, err
    found = pq.read_table(tmp_path / "z.parquet")
    assert found["smiles"].to_pylist() == rows and found["row"].to_pylist() == list(range(40))
    assert found["reason"].to_pylist() == ["missing" if i % 10 == 9 else "" for i in range(40)]
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_row_with_other_cells_than_the_header_says_so_and_keeps_its_text(shipped, run, tmp_path):
    (tmp_path / "m.csv").write_text("smiles,n\nCCO,1\nCCN,2,3\nCCC\n")
    reasons = [f"not a row of the table: {told} where the header has 2" for told in ("3 cells", "1 cell")]
    code, _, err = run("embed", tmp_path / "m.csv", "--keep", "n", "-o", tmp_path / "z.parquet")
    assert code == 0 and "2 of 3 rows could not be read: not a row of the table (2)" in err
    found = pq.read_table(tmp_path / "z.parquet")
    assert found["reason"].to_pylist() == ["", *reasons]
    assert found["smiles"].to_pylist() == ["CCO", "CCN", "CCC"] and found["n"].to_pylist() == ["1", "2", None]
    code, _, err = run("reconstruct", tmp_path / "m.csv", "-o", tmp_path / "r.csv")
    rows = table(tmp_path / "r.csv")
    assert code == 0 and [row["smiles"] for row in rows] == ["CCO", "CCN", "CCC"]
    assert [row["reason"] for row in rows] == ["", *reasons]


@pytest.mark.parametrize("out", ["z.parquet", "z.npy"])
def test_columns_are_carried_beside_the_embedding(shipped, run, tmp_path, monkeypatch, out):
    monkeypatch.setattr("cmim.cli._mol_embed._ROWS", 3)
    lines = [f"{text},{i / 2},n {i}" for i, text in enumerate(GOOD[:8])]
    (tmp_path / "m.csv").write_text("\n".join(["mol,y,name", *lines]) + "\n")
    arguments = ("--smiles-column", "mol", "-o", tmp_path / out, "--keep", "y")
    code, _, err = run("embed", tmp_path / "m.csv", *arguments, "--keep", "name")
    assert code == 0, err
    if out == "z.npy":
        rows = table(tmp_path / "z.npy.rows.csv")
        assert [(row["y"], row["name"]) for row in rows] == [(f"{i / 2}", f"n {i}") for i in range(8)]
    else:
        found = pq.read_table(tmp_path / out)
        assert found.column_names[:8] == ["row", "smiles", "valid", "reason", "note", "y", "name", "f0"]
        assert found["y"].to_pylist() == [f"{i / 2}" for i in range(8)]  # text, as it is in the table
        assert found["name"].to_pylist() == [f"n {i}" for i in range(8)]
    assert tomllib.loads((tmp_path / f"{out}.toml").read_text())["keep"] == ["y", "name"]


def test_columns_of_parquet_keep_their_type(shipped, run, tmp_path):
    values = [1.5, None, 2.5]
    for i in range(2):
        columns = {"smiles": ["CCO", "CCN", None], "y": pa.array(values, pa.float32()), "z": pa.array([[i]] * 3)}
        (tmp_path / "m").mkdir(exist_ok=True)
        pq.write_table(pa.table(columns), tmp_path / f"m/{i}.parquet")
    code, _, err = run("embed", tmp_path / "m", "--keep", "y", "--keep", "z", "-o", tmp_path / "z.parquet")
    assert code == 0, err
    found = pq.read_table(tmp_path / "z.parquet")
    assert found["y"].type == pa.float32() and found["y"].to_pylist() == values * 2
    assert found["z"].to_pylist() == [[0]] * 3 + [[1]] * 3
    (tmp_path / "m/2.csv").write_text("smiles,y\nC,3\n")
    code, _, err = run("embed", tmp_path / "m", "--keep", "y", "-o", tmp_path / "y.parquet")
    assert code == 2 and "'y' must have one type in all files; it has ['float', 'string']" in err


@pytest.mark.parametrize("out", ["z.parquet", "z.npy"])
def test_a_column_that_holds_no_molecules_is_said(shipped, run, tmp_path, out):
    (tmp_path / "m.csv").write_text("y,smiles\n" + "".join(f"{i},{text}\n" for i, text in enumerate(GOOD[:15])))
    before = sorted(tmp_path.iterdir())
    code, text, err = run("embed", tmp_path / "m.csv", "--smiles-column", "y", "-o", tmp_path / out)
    assert (code, text) == (1, "") and sorted(tmp_path.iterdir()) == before
    assert "no row of" in err and "not SMILES (15)" in err and "--smiles-column, which is 'y'" in err
    (tmp_path / "m.csv").write_text("smiles\nCCO\nhello\n?\n")
    code, _, err = run("embed", tmp_path / "m.csv", "-o", tmp_path / out)
    assert code == 0 and "warning: 2 of 3 rows could not be read: not SMILES (2). Is 'smiles' their SMILES?" in err
    (tmp_path / "m.csv").write_text("smiles\nCCO\nhello\n")
    code, _, err = run("embed", tmp_path / "m.csv", "-o", tmp_path / f"half-{out}")
    assert code == 0 and "warning" not in err


def test_sample_tells_what_came_out(shipped, run, tmp_path):
    backwards = [text[::-1] if text[-1] in "ONF" and "(" not in text else text for text in GOOD]  # OCC for CCO
    (tmp_path / "known.txt").write_text("\n".join(backwards) + "\n")
    law = ("--sampler", "gmm", "--temperature", 1)
    arguments = ("sample", "-n", 30, "--seed", 3, *law, "--known", tmp_path / "known.txt")
    code, text, err = run(*arguments, "-o", tmp_path / "s.csv", "--json")
    assert code == 0, err
    metrics, rows = json.loads(text)["metrics"], table(tmp_path / "s.csv")
    forms = [row["canonical"] for row in rows if row["valid"] == "true"]
    assert [row["smiles"] for row in rows] == shipped.sample(30, "gmm", temperature=1.0, rng=3)
    assert all(form(row["smiles"]) == row["canonical"] for row in rows if row["valid"] == "true")
    assert len(forms) >= 5  # of 30; the model is tiny
    assert metrics["validity"]["value"] == pytest.approx(len(forms) / 30)
    assert metrics["uniqueness"]["value"] == pytest.approx(len(set(forms)) / len(forms))
    novel = set(forms) - {form(each) for each in GOOD}
    assert metrics["novelty"]["value"] == pytest.approx(len(novel) / len(set(forms)))
    code, text, err = run("sample", "-n", 30, "--seed", 3, *law, "-o", tmp_path / "s.smi")
    assert code == 0 and (tmp_path / "s.smi").read_text().splitlines() == [row["smiles"] for row in rows]
    assert f"validity {len(forms) / 30:.3f} [" in text and "novelty undefined" in text and "--known" in err


def test_sample_around_a_hit(trained, run, tmp_path):
    code, text, err = run(
        "sample", trained, "--around", "OCCC", "--radius", 0.3, "-n", 20, "-o", tmp_path / "s.csv",
        "--known", trained.parent / "m.csv", "--json",
    )  # fmt: skip
    assert code == 0, err
    metrics, rows = json.loads(text)["metrics"], table(tmp_path / "s.csv")
    forms = [row["canonical"] for row in rows if row["valid"] == "true"]
    new = set(forms) - {form(each) for each in [*GOOD, "CCCO"]}
    assert metrics["effective_novelty"]["value"] == pytest.approx(len(new) / 20)
    assert metrics["non_identicality"]["value"] == pytest.approx(sum(f != "CCCO" for f in forms) / len(forms))
    assert [float(row["similarity"]) for row in rows if row["canonical"] == "CCCO"] == [1.0] * forms.count("CCCO")
    assert all(row["similarity"] == "" for row in rows if row["valid"] == "false")
    assert run("sample", trained, "--around", "OCCC", "-n", 3, "-o", tmp_path / "s.png")[0] == 0
    assert (tmp_path / "s.png").read_bytes()[:4] == b"\x89PNG"


def test_interpolate_between_two_molecules(shipped, run, tmp_path):
    ends = ("--from", "CCO", "--to", "CCCCCCBr")
    code, text, err = run("interpolate", *ends, "-n", 5, "-o", tmp_path / "i.csv", "--json")
    assert code == 0, err
    rows = table(tmp_path / "i.csv")
    assert [float(row["share"]) for row in rows] == [0.0, 0.25, 0.5, 0.75, 1.0]
    first, *_, last = shipped.decode(shipped.encode(["CCO", "CCCCCCBr"]))
    assert [row["smiles"] for row in rows] == json.loads(text)["smiles"]
    assert (rows[0]["smiles"], rows[-1]["smiles"]) == (first, last)
    assert run("interpolate", *ends, "-n", 4, "-o", tmp_path / "i.png")[0] == 0


def test_reconstruct_counts_what_comes_back(shipped, run, tmp_path):
    (tmp_path / "m.txt").write_text("\n".join([*GOOD[:30], "C1CC"]) + "\n")
    code, text, err = run("reconstruct", tmp_path / "m.txt", "-o", tmp_path / "r.csv", "--json")
    assert code == 0, err
    answer, rows = json.loads(text), table(tmp_path / "r.csv")
    written = shipped.decode(shipped.encode(GOOD[:30]))
    assert [row["written"] for row in rows] == [*written, ""]
    mols = [Chem.MolFromSmiles(each) for each in written]
    same = [mol is not None and Chem.MolToSmiles(mol) == form(each) for mol, each in zip(mols, GOOD, strict=False)]
    assert [row["exact"] for row in rows] == [*("true" if each else "false" for each in same), ""]
    assert (answer["rows"], answer["read"]) == (31, 30)
    assert answer["exact"]["value"] == pytest.approx(sum(same) / 30)
    assert answer["exact"]["value"] > 2 / 3 and answer["exact"]["low"] < answer["exact"]["value"]
    assert answer["exact"]["value"] <= answer["token_accuracy_greedy"] <= 1
    assert rows[30]["reason"] == "not SMILES: unclosed ring"
    code, text, _ = run("reconstruct", tmp_path / "m.txt", "-o", tmp_path / "r.png", "-n", 6)
    assert code == 0 and "6 rows" in text


def test_optimise_beside_random_search(shipped, run, tmp_path):
    arguments = ("optimise", "CCCO", "--score", "weight", "--iterations", 4, "--population", 6, "--sigma", 1.0)
    code, text, err = run(*arguments, "-o", tmp_path / "b.csv", "--json")
    assert code == 0, err
    answer = json.loads(text)
    assert answer["start_score"] == pytest.approx(60.096, abs=0.01)  # g/mol of propanol
    assert answer["search"]["decodes"] == answer["random"]["decodes"] == 25  # 1 + 4 * 6
    rows = table(tmp_path / "b.csv")
    best = [float(row["score"]) for row in rows if row["method"] == answer["search"]["method"]]
    assert best == sorted(best, reverse=True) and best[0] == answer["search"]["top"][0]["score"]
    code, text, err = run(*arguments, "--no-baseline", "--min-similarity", 1.0, "-o", tmp_path / "b.png")
    assert code == 0, err
    assert "start: CCCO, weight 60.0" in text and "random" not in text
    code, _, err = run("optimise", "CCCO", "--score", "similarity")
    assert code == 2 and "reference" in err
    code, text, err = run("optimise", "CCO", "--score", "similarity", "--reference", "CCCO", "--iterations", 1)
    assert code == 0 and "random: " in text, err


@pytest.mark.parametrize(("calls", "methods"), [(4, 1), (8, 2)])  # in the search, and in that at random
@pytest.mark.parametrize(("error", "code"), [(DataError("it broke"), 1), (KeyboardInterrupt(), 130)])
def test_optimise_that_fails_writes_what_it_found(shipped, run, tmp_path, monkeypatch, calls, methods, error, code):
    scores = importlib.import_module("cmim.molecules.search.scores")
    named, asked = scores.named_score, []

    def failing(name, reference=None):
        def score(smiles):
            asked.append(smiles)
            if len(asked) > calls:
                raise error
            return named(name)(smiles)

        return score if name == "weight" else named(name, reference)

    monkeypatch.setattr(scores, "named_score", failing)
    arguments = ("optimise", "CCCO", "--score", "weight", "--iterations", 5, "--population", 6, "--sigma", 1.0)
    got, text, err = run(*arguments, "-o", tmp_path / "b.csv", "--json")
    assert (got, text) == (code, "") and "the best found before is in" in err
    rows = table(tmp_path / "b.csv")
    assert {row["smiles"] for row in rows} <= {each for some in asked[:-1] for each in some}
    assert len({row["method"] for row in rows}) == methods
    facts = tomllib.loads((tmp_path / "b.csv.toml").read_text())
    assert facts["stopped"] == f"{type(error).__name__}: {error}"


def test_evaluate_a_table_of_ones_own(shipped, run, tmp_path):
    lines = [f"{text},{len(text)}" for text in GOOD[::2]] + ["C1CC,3", "CCO,", "CCN,many", f"{'C' * 25},25"]
    (tmp_path / "p.csv").write_text("\n".join(["mol,y", *lines]) + "\n")
    arguments = ("evaluate", tmp_path / "p.csv", "--smiles-column", "mol", "--target", "y", "--models", "ridge")
    code, text, err = run(*arguments, "--folds", 3, "--json")
    assert code == 0, err
    answer = json.loads(text)
    assert answer["n"] == 24
    assert sum(answer["left_out"].values()) == 4
    kinds = {"latent", "informative", "informative, zero code", "morgan", "rdkit", "mean"}
    assert set(answer["scores"]) == kinds
    y = np.array([len(text) for text in GOOD[::2]], float)
    assert answer["scores"]["mean"]["mean"]["rmse"]["value"] == pytest.approx(y.std(), rel=0.05)
    assert answer["scores"]["rdkit"]["ridge"]["rmse"]["value"] < 0.5 * y.std()
    assert {"latent", "informative"} <= set(answer["modelability"])
    code, text, err = run(*arguments, "--folds", 3, "--split", "scaffold")
    assert code == 0 and "scaffold split" in err and "RMSE" in text, err


@pytest.mark.parametrize(
    ("targets", "more", "told"),
    [
        (["high"] * 9, (), "y is no number (9), as row 0: y: 'high' is no number. Targets are numbers, and classes 0"),
        ([""] * 9, (), "no row with a molecule and a target: no target (9), as row 0: no target."),
        (["1,2"] * 9, (), "not a row of the table (9), as row 0: not a row of the table: 3 cells where the header"),
        ([1, 2, 3, *[""] * 6], ("--folds", 4), "3 molecules are left, and there are fewer molecules apart from mirror"),
        ([1, 2, 3, *[""] * 6], ("--folds", 4, "--split", "scaffold"), "fewer scaffolds than --folds 4. Take fewer"),
        ([3] * 9, (), "`y` is 3 for every molecule: there is nothing to predict"),
        ([1, *[0] * 8], (), "1 ones and 8 zeros, and without outer fold"),
    ],
)
def test_tables_from_which_nothing_can_be_evaluated(shipped, run, tmp_path, targets, more, told):
    rows = (f"{text},{y}" for text, y in zip(GOOD, targets, strict=False))
    (tmp_path / "p.csv").write_text("\n".join(["smiles,y", *rows]) + "\n")
    code, out, err = run("evaluate", tmp_path / "p.csv", "--target", "y", "--models", "ridge", *more)
    assert code in (1, 2) and out == "" and told in err.splitlines()[-1], err
    assert not more or "left out: no target (6)" in err


def test_evaluate_esol(shipped, run):
    if not (data_dir() / "esol.csv").is_file():
        pytest.skip("esol.csv is not in the data directory")
    code, text, err = run("evaluate", "esol", "--models", "ridge", "--folds", 3, "--limit", 60, "--json")
    assert code == 0, err
    answer = json.loads(text)
    assert answer["units"] == "log10(mol/L)" and sum(answer["left_out"].values()) == 1128 - answer["n"]
    assert answer["left_out"]["rows beyond --limit"] == 1128 - 60


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


@pytest.mark.parametrize(
    ("arguments", "code", "match"),
    [
        (("embed", "nowhere.csv", "-o", "z.npy"), 2, "there is no nowhere.csv"),
        (("embed", "m.csv", "-o", "z.txt"), 2, ".npy or .parquet"),
        (("embed", "m.csv", "-o", "old.npy"), 2, "exists"),
        (("embed", "m.csv", "-o", "new.npy"), 2, "new.npy.rows.csv exists"),
        (("embed", "m.csv", "--smiles-column", "mol", "-o", "z.npy"), 2, "['id', 'smiles']"),
        (("embed", "bare.csv", "-o", "z.npy"), 2, "embed: --smiles-column must be the exact name of"),
        (
            ("reconstruct", "m.csv", "--smiles-column", "mol", "-o", "z.csv"),
            2,
            "cmim reconstruct: --smiles-column must",
        ),
        (("sample", "--known", "bare.csv", "-o", "s.csv"), 2, "sample: --known: the column 'smiles' must be"),
        (("embed", "old.csv", "-o", "z.npy"), 1, "old.csv is empty. A table begins with a line that names"),
        (("embed", "m.csv", "--key", "a", "-o", "z.npy"), 2, "--key must be left out for molecules"),
        (
            ("embed", "m.csv", "--keep", "y", "-o", "z.npy"),
            2,
            "cmim embed: --keep must be the exact name of one column of",
        ),
        (("embed", "m.smi", "--keep", "y", "-o", "z.npy"), 2, "m.smi, which has []; got 'y'"),
        (("embed", "m.csv", "--keep", "smiles", "-o", "z.npy"), 2, "--keep smiles: the output has a column of that"),
        (("embed", "a", "b", "c", "-o", "z.npy"), 2, "[RUN] DATA"),
        (("embed", "m.pdf", "-o", "z.npy"), 1, "end in .parquet"),
        (("train", "m.csv", "--out", "r"), 2, "add --molecules"),
        (("train", "m.csv", "--molecules", "--patch", "3", "--hidden", "3", "--out", "r"), 2, "--hidden, --patch must"),
        (("train", "digits", "--max-tokens", "3", "--out", "r"), 2, "--max-tokens must be left out for images"),
        (("train", "m.csv", "--molecules", "--augment", "affine", "--out", "r"), 2, "augment (--augment)"),
        (("train", "m.csv", "--molecules", "--model", "dae", "--out", "r"), 2, "model (--model)"),
        (("train", "m.csv", "--molecules", "--validation", "none.csv", "--out", "r"), 2, "there is no none.csv"),
        (("sample", "-o", "s.npy"), 2, ".csv or .smi or .png"),
        (("sample", "-o", "s.csv", "--radius", "2"), 2, "--radius must be left out without --around"),
        (("sample", "-o", "s.csv", "--around", "C", "--sampler", "gmm"), 2, "--sampler must be left out with --around"),
        (("sample", "-o", "s.csv", "--around", "C1CC"), 2, "cmim sample: --around must be a molecule"),
        (("interpolate", "--from", "C", "-o", "i.png"), 2, "--from SMILES --to SMILES"),
        (("interpolate", "--from", "C", "--to", "CC", "--pairs", "2", "-o", "i.png"), 2, "--pairs must be left out"),
        (
            ("interpolate", "--from", "CCO", "--to", "C1C", "-o", "i.csv"),
            2,
            "cmim interpolate: --to must be a molecule",
        ),
        (("reconstruct", "m.csv", "-o", "r.npy"), 2, ".csv or .png"),
        (("optimise", "C1CC", "--score", "qed"), 2, "cmim optimise: SMILES must be a molecule"),
        (("optimise", "C", "--score", "qed", "--run", "nowhere"), 2, "`--run` must be a file or folder"),
        (("optimise", "CCO", "--score", "beauty"), 2, "named_score: `name` must be one of"),
        (("evaluate", "m.csv", "--molecules"), 2, "--target"),
        (("evaluate", "m.csv", "--target", "y"), 2, "cmim evaluate: --target must name a column of the table"),
        (("evaluate", "m.csv", "--target", "id", "--smiles-column", "mol"), 2, "cmim evaluate: --smiles-column must"),
        (("evaluate", "m.pdf", "--target", "y"), 2, "m.pdf must be a table of text: .csv"),
        (("evaluate", "esol", "--no-mlp"), 2, "--mlp must be left out for molecules"),
        (("evaluate", "nowhere", "--molecules"), 2, "esol"),
    ],
)
def test_misuse(arguments, code, match, shipped, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.csv").write_text("id,smiles\n1,CCO\n")
    (tmp_path / "bare.csv").write_text("1,CCO\n")
    (tmp_path / "m.smi").write_text("CCO\n")
    for name in ("old.csv", "old.npy", "new.npy.rows.csv", "m.pdf"):
        (tmp_path / name).touch()
    before = sorted(tmp_path.iterdir())
    got, out, err = run(*arguments)
    assert (got, out) == (code, ""), err
    last = err.splitlines()[-1]
    assert last.startswith("error: ") and match in last
    assert sorted(tmp_path.iterdir()) == before


def test_columns_are_looked_at_before_torch_is_loaded(tmp_path):
    (tmp_path / "m.csv").write_text("smiles\nCCO\n")
    code = """
import sys
from cmim.cli import main
try:
    main(sys.argv[1:])
finally:
    print([name for name in ("torch", "sklearn") if name in sys.modules])
"""
    arguments = ("embed", str(tmp_path / "m.csv"), "--keep", "y", "-o", str(tmp_path / "z.parquet"))
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "[]\n"), done.stderr


def test_quiet_says_nothing_of_how_far_it_is(shipped, run, tmp_path):
    arguments = ("optimise", "CCO", "--score", "weight", "--iterations", 2, "--population", 4)
    loud, quiet = run(*arguments), run(*arguments, "-q")
    assert loud[:2] == quiet[:2] and loud[0] == 0
    assert "CMA-ES: 2 of 2" in loud[2] and quiet[2] == ""
    assert run("sample", "-n", 4, "-o", tmp_path / "s.csv", "-q")[2] == ""
    (tmp_path / "m.csv").write_text("smiles\nCCO\n")
    for flags in ((), ("-q",)):  # no terminal: no bar
        assert run("embed", tmp_path / "m.csv", "-o", tmp_path / f"{len(flags)}.npy", *flags)[2] == ""


def test_a_run_of_the_other_kind_is_named(trained, run, tmp_path):
    code, _, err = run("embed", trained, "-o", tmp_path / "z.npy")
    assert code == 2 and "give the data after it" in err
    code, _, err = run("evaluate", trained)
    assert code == 2 and "give what to predict after it" in err
    (tmp_path / "images").mkdir()
    (tmp_path / "images/config.toml").write_text('data = "digits"\n')
    code, _, err = run("optimise", "CCO", "--score", "qed", "--run", tmp_path / "images")
    assert code == 2 and "was not trained on molecules" in err
    code, _, err = run("sample", tmp_path / "images", "--around", "CCO", "-o", tmp_path / "s.png")
    assert code == 2 and "--around must be left out for images" in err


def test_what_reads_the_model_of_a_run_is_named(trained):
    name = re.escape(f"cmim.molecules.MoleculeEmbedder.load({str(trained / 'model')!r})")
    for load in (MoleculeEmbedder.load, Embedder.load, cmim.load):
        with pytest.raises(CheckpointError, match=rf"is the folder of a run; .* Read it by {name}"):
            load(trained)
    for load, kind in ((cmim.load, "cmim.Model"), (Embedder.load, "cmim.Embedder")):
        with pytest.raises(CheckpointError, match=rf"holds 'cmim.MoleculeEmbedder', not a {kind}. Read it by {name}"):
            load(trained / "model")


def test_the_command_and_the_estimator_have_the_same_defaults():
    config = MoleculeConfig(data="m.csv")
    params = MoleculeEmbedder().get_params(deep=False)
    shared = params.keys() & set(MoleculeConfig.model_fields)
    assert len(shared) > 15
    assert {name: getattr(config, name) for name in shared} == {name: params[name] for name in shared}
    made = make_embedder(config, progress=False)
    assert made.network == TokenPerceiver()
