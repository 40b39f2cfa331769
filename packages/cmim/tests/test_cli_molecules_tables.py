"""Tables of molecules embedded and evaluated by the command, with a tiny model in place of the package's own."""

import json
import tomllib

import numpy as np
import pytest

from cmim.data.images import data_dir

from .molecule_commands import BAD, GOOD, begin, table

pytest.importorskip("rdkit.Chem")
pq = pytest.importorskip("pyarrow.parquet")
pa = pytest.importorskip("pyarrow")


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
    assert rows[1]["reason"].startswith("not SMILES") and "new to the model: [Si]" in rows[2]["note"]
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
