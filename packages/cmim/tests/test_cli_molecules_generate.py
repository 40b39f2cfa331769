"""Molecules written by the commands: sample, interpolate, reconstruct and optimise, with a tiny model."""

import importlib
import json
import tomllib

import pytest

from infocore.errors import DataError

from .molecule_commands import GOOD, table

Chem = pytest.importorskip("rdkit.Chem")


def form(smiles: str) -> str:
    """RDKit's own word on a molecule that is one."""
    return Chem.MolToSmiles(Chem.MolFromSmiles(smiles))


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
    assert rows[30]["reason"].startswith("not SMILES")
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
