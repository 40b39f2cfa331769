"""What the commands on molecules refuse, what they name then, and when they are quiet."""

import re
import subprocess
import sys

import pytest

import cmim
from cmim import Embedder
from cmim.molecules.embedder import MoleculeEmbedder
from infocore.errors import CheckpointError

pytest.importorskip("rdkit.Chem")
pytest.importorskip("pyarrow.parquet")


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
