"""Molecules in, codes out, and back: on a model that has learned some molecules by heart."""

import copy
import math
import tempfile
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from cmim import MIM, TokenPerceiver, informative, latent
from cmim.generation import beam_search
from cmim.molecules.chemistry import canonical
from cmim.molecules.corpus.batches import SmilesBatches, TextBlocks
from cmim.molecules.corpus.files import open_corpus
from cmim.molecules.embedder import MoleculeEmbedder
from cmim.molecules.tokens import Vocabulary
from infocore.errors import CheckpointError, DataError, DegenerateWarning, ParameterError, ShapeError

pytest.importorskip("rdkit")

SMILES = [
    "CCO", "CCN", "CCC", "CC(=O)O", "CC(N)=O", "c1ccccc1", "Cc1ccccc1", "Oc1ccccc1", "Nc1ccccc1", "CC(C)C",
    "CC(C)O", "CCCl", "CCBr", "C1CCCCC1", "C1CCNCC1", "c1ccncc1", "CC#N", "C=CC", "COC", "CS(C)(=O)=O",
    "O=C(O)c1ccccc1", "CCOC(C)=O", "c1ccc2ccccc2c1", "CN(C)C",
]  # fmt: skip
ODD: Any = "gan"
NETWORK = TokenPerceiver(slots=4, width=32, heads=2, encoder_depth=1, decoder_depth=2)


@pytest.fixture(scope="module")
def embedder():
    made = MoleculeEmbedder(
        latent_dim=32, network=NETWORK, max_tokens=30, variance="fixed", max_steps=400, batch_size=24,
        learning_rate=8e-3, warmup=20, ramp=50, accelerator="cpu",
    )  # fmt: skip
    return made.fit(SMILES)


def test_what_was_learned_comes_back(embedder):
    back = embedder.decode(embedder.transform(SMILES))
    assert sum(a == b for a, b in zip(back, SMILES, strict=True)) >= 23  # measured: 24
    assert embedder.decode(embedder.transform(SMILES), "beam") == back


def test_a_row_for_every_string(embedder):
    given = ["CCO", "C1CC", "", None, 3.5, "OCC", "C" * 31, "[Xe]", "not a molecule", "CCO"]
    found = embedder.embed(given)
    assert found.values.shape == (10, 32)
    assert found.values.dtype == np.float32
    assert found.valid.tolist() == [True, False, False, False, False, True, False, True, False, True]
    assert np.isnan(found.values).all(1).tolist() == [not v for v in found.valid]
    assert [bool(reason) for reason in found.reasons] == [not v for v in found.valid]
    assert np.allclose(found.values[[5, 9]], found.values[0], atol=1e-6)  # written otherwise, the same molecule
    assert found.notes[7] == "new to the model: Xe, [, ]"
    assert "31" in found.reasons[6]
    alone = np.concatenate([embedder.embed([text]).values for text in given])
    assert np.allclose(alone, found.values, atol=1e-5, equal_nan=True)


def test_embeddings_are_those_of_the_model(embedder):
    tokens = torch.from_numpy(Vocabulary().encode(SMILES, 31))
    assert np.allclose(embedder.transform(SMILES), latent(embedder.model_, tokens).numpy(), atol=1e-5)
    for code in ("own", "zero", "other"):
        got = embedder.embed(SMILES, "informative", code=code).values
        if code != "other":
            assert np.allclose(got, informative(embedder.model_, tokens, code=code).numpy(), atol=1e-5)
        assert got.shape == (24, 32)


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series])
def test_columns_of_any_kind_are_read(kind):
    made = MoleculeEmbedder(latent_dim=8, network=NETWORK, max_tokens=12, max_steps=1, batch_size=4, accelerator="cpu")
    assert np.isfinite(made.fit(kind(SMILES[:8])).transform(kind(SMILES[:8]))).all()


def test_the_other_code_is_that_of_another(embedder):
    two = ["CCO", "c1ccccc1"]
    own, other = (embedder.embed(two, "informative", code=code).values for code in ("own", "other"))
    tokens = torch.from_numpy(Vocabulary().encode(two, 31))
    swapped = informative(embedder.model_, tokens, code="other").numpy()
    assert np.allclose(other, swapped, atol=1e-5)
    assert not np.allclose(other, own, atol=1e-2)


def test_transform_warns_and_keeps_its_rows(embedder):
    with pytest.warns(DegenerateWarning, match="1 of 3 rows could not be read and are NaN; row 1: not SMILES"):
        z = embedder.transform(["CCO", "C1CC", "CCN"])
    assert np.isnan(z[1]).all() and np.isfinite(z[[0, 2]]).all()


def test_in_a_pipeline(embedder):
    y = np.array([len(text) for text in SMILES], float)
    pipeline = make_pipeline(MoleculeEmbedder(**{**embedder.get_params(), "max_steps": 3}), Ridge())
    assert pipeline.fit(SMILES, y).predict(SMILES).shape == (24,)


def test_notes_of_length(embedder):
    found = embedder.embed(["C" * 20])
    assert found.notes == ("longer than the model knows: 20 tokens, 14 at most in training",)


def test_perturb_interpolate_and_sample(embedder):
    near = embedder.perturb(["CCO", "c1ccccc1"], radius=0.0, n=3)
    assert near == [["CCO"] * 3, ["c1ccccc1"] * 3]
    far = embedder.perturb(["CCO"], radius=3.0, n=20)[0]
    assert len(set(far)) > 3
    assert far == embedder.perturb(["CCO"], radius=3.0, n=20)[0]
    assert far != embedder.perturb(["CCO"], radius=3.0, n=20, rng=1)[0]
    way = embedder.interpolate(["CCO"], ["c1ccccc1"], 5)
    assert (way[0][0], way[0][-1], len(way[0])) == ("CCO", "c1ccccc1", 5)
    for sampler in ("gaussian", "gmm", "prior"):
        assert len(embedder.sample(7, sampler)) == 7
    assert embedder.sample(7) != embedder.sample(7, rng=1)


def test_of_some_beams_the_likeliest_molecule(embedder):
    codes = np.random.default_rng(0).normal(0, 1.5, (60, 32))
    first = embedder.decode(codes, "beam", beams=5)
    chosen = embedder.decode(codes, "beam", beams=5, valid=True)
    rows, _ = beam_search(embedder.model_, codes, 5)
    every = [Vocabulary().decode(row) for row in rows]
    assert first == [texts[0] for texts in every]
    better = 0
    for got, texts in zip(chosen, every, strict=True):
        good = [text for text in texts if canonical(text) is not None]
        assert got == (good[0] if good else texts[0])
        better += bool(good) and got != texts[0]
    assert better  # else nothing was chosen
    (near,), (plain,) = (embedder.perturb(["CCO"], 1.5, 40, method="beam", beams=5, valid=v) for v in (True, False))
    assert sum(canonical(text) is not None for text in near) > sum(canonical(text) is not None for text in plain)
    with pytest.raises(ParameterError, match="`valid` chooses among beams; got method='greedy'"):
        embedder.decode(codes, valid=True)


def test_save_and_load(embedder, tmp_path):
    again = MoleculeEmbedder.load(embedder.save(tmp_path / "m"))
    assert again.get_params() == {**embedder.get_params(), "network": NETWORK}
    assert np.array_equal(again.transform(SMILES), embedder.transform(SMILES))
    assert again.sample(5) == embedder.sample(5)
    for name in ("history_", "notes_", "n_iter_", "familiar_", "longest_", "skipped_"):
        assert getattr(again, name) == getattr(embedder, name)
    with pytest.raises(CheckpointError, match="exists"):
        embedder.save(tmp_path / "m")
    MIM(4, 2, hidden=(3,)).save(tmp_path / "other")
    with pytest.raises(CheckpointError, match=r"holds 'cmim.Model', not a cmim.MoleculeEmbedder"):
        MoleculeEmbedder.load(tmp_path / "other")


def test_bad_rows_are_counted_and_not_trained_on():
    made = MoleculeEmbedder(latent_dim=8, network=NETWORK, max_tokens=12, max_steps=2, batch_size=4, accelerator="cpu")
    odd: Any = None
    with pytest.warns(DegenerateWarning, match=r"4 rows could not be read .* too long \(1\)"):
        made.fit([*SMILES[:10], "C1CC", "C" * 13, odd, math.nan])
    assert made.skipped_ == {"not SMILES": 1, "too long": 1, "missing": 2}
    assert made.familiar_ == set().union(*map(Vocabulary().split, SMILES[:10]))
    assert made.longest_ == max(len(Vocabulary().split(text)) for text in SMILES[:10])


def test_rows_are_made_canonical_unless_told_otherwise():
    settings = {"latent_dim": 8, "network": NETWORK, "max_tokens": 12, "max_steps": 4, "batch_size": 4,
                "accelerator": "cpu"}  # fmt: skip
    other = ["OCC", "NCC", "C(C)C", "C(C)(=O)O", "C1=CC=CC=C1", "CC(N)=O"]
    same = [canonical(text) for text in other]
    want = [tensor.clone() for tensor in MoleculeEmbedder(check=False, **settings).fit(same).model_.parameters()]
    for check, equal in ((True, True), (False, False)):
        got = MoleculeEmbedder(check=check, **settings).fit(other).model_.parameters()
        assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True)) == equal


@pytest.mark.slow
def test_workers_change_no_result(tmp_path, monkeypatch):
    (tmp_path / "m.txt").write_text("\n".join([*SMILES, "OCC", "C1CC", "C(C"]))
    corpus = open_corpus(tmp_path / "m.txt", block_rows=9)
    settings = {"latent_dim": 8, "network": NETWORK, "max_tokens": 14, "max_steps": 8, "batch_size": 4,
                "accelerator": "cpu", "augment": "invariant"}  # fmt: skip
    submit, asked = SmilesBatches._submit, []

    def counted(self, job):
        asked.append(self.workers)
        return submit(self, job)

    monkeypatch.setattr(SmilesBatches, "_submit", counted)
    with pytest.warns(DegenerateWarning):
        alone, helped = (MoleculeEmbedder(workers=workers, **settings).fit(corpus) for workers in (0, 2))
    assert set(asked) == {2}
    assert alone.skipped_ == helped.skipped_ == {"not SMILES": 2}
    for a, b in zip(alone.model_.parameters(), helped.model_.parameters(), strict=True):
        assert torch.equal(a, b)


def test_resume_is_exact(tmp_path):
    settings = {"latent_dim": 8, "network": NETWORK, "max_tokens": 20, "batch_size": 4, "accelerator": "cpu"}
    corpus = TextBlocks(SMILES, 10)  # blocks of 10, 10 and 4 rows: 2 + 2 + 1 steps an epoch
    whole = MoleculeEmbedder(max_steps=9, decay="none", **settings).fit(corpus)
    MoleculeEmbedder(max_steps=4, decay="none", **settings).fit(corpus, checkpoint_dir=tmp_path)
    rest = MoleculeEmbedder(max_steps=9, decay="none", **settings).fit(corpus, checkpoint_dir=tmp_path, resume=True)
    for a, b in zip(whole.model_.parameters(), rest.model_.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_rate_warms_up_and_falls(tmp_path):
    from cmim.training import Training

    model = MIM(4, 2, hidden=(3,))
    made = Training(model, _Some(), seed=0, learning_rate=1e-3, log_every=1, warmup=4, decay=12)
    assert [made.rate(step) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert made.rate(4) == 1.0
    assert made.rate(8) == pytest.approx(0.55)
    assert made.rate(12) == made.rate(100) == pytest.approx(0.1)
    assert 0.1 + 0.45 * (1 + math.cos(math.pi * 0.25)) == pytest.approx(made.rate(6))
    assert Training(model, _Some(), seed=0, learning_rate=1e-3, log_every=1).rate(1000) == 1.0


CODE = np.zeros((1, 32))


class _Some:
    batch_size, seed = 2, 0

    def __call__(self, step, part):
        raise NotImplementedError

    def sample(self, n):
        raise NotImplementedError

    def digest(self):
        return "some"


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda e: e.embed(["C"], "mean"), ParameterError, "`kind` must be 'latent' or 'informative'; got 'mean'"),
        (lambda e: e.embed(["C"], code="zero"), ParameterError, "`code` is for kind='informative'; got 'zero'"),
        (lambda e: e.perturb(["C"], -1.0), ParameterError, "`radius` must be a finite number, at least 0; got -1"),
        (lambda e: e.perturb(["C"], math.inf), ParameterError, "`radius` must be a finite number, at least 0; got inf"),
        (lambda e: e.perturb(["C"], n=2.0), ParameterError, "`n` must be a whole number, at least 1; got 2.0"),
        (lambda e: e.decode(CODE, "beam", beams=2.0), ParameterError, "`beams` must be a whole number, at least 1"),
        (lambda e: e.decode(CODE, "beam", beams=2.0, valid=True), ParameterError, "`beams` must be a whole number"),
        (lambda e: e.decode(CODE, "sample", seed=-1), ParameterError, "`seed` must be a whole number, at least 0"),
        (lambda e: e.decode(CODE, "sample", temperature=math.inf), ParameterError, "`temperature` must be a pos"),
        (lambda e: e.score(["C1CC"]), DataError, "score: not one of 1 rows of `X` could be read"),
        (lambda e: e.perturb(["C", "C1C"]), DataError, "1 of 2 molecules of `X` could not be read; row 1: not SM"),
        (lambda e: e.interpolate(["C"], ["C", "N"]), ShapeError, "as many rows; got 1 and 2"),
        (lambda e: e.interpolate(["C"], ["N"], 1), ParameterError, "`n` must be a whole number, at least 2"),
        (lambda e: e.embed("CCO"), ParameterError, r"MoleculeEmbedder\.embed: `X` must be a list of SMILES; got str"),
        (lambda e: e.perturb("CCO"), ParameterError, r"MoleculeEmbedder\.perturb: `X` must be a list"),
        (lambda e: e.interpolate("CCO", ["C"]), ParameterError, r"MoleculeEmbedder\.interpolate: `A` must be a list"),
        (lambda e: e.interpolate(["C"], "CCO"), ParameterError, r"MoleculeEmbedder\.interpolate: `B` must be a list"),
        (lambda e: e.interpolate(["C"], ["C1C"]), DataError, "1 of 1 molecules of `B` could not be read"),
        (lambda e: e.decode(CODE, top_p=0.5), ParameterError, r"decode: `top_p` has no effect with method='greedy'"),
        (lambda e: e.decode(CODE, beams=5), ParameterError, "`beams` .* belongs to 'beam'; got 5. Leave out"),
        (lambda e: e.decode(CODE, "beam", temperature=3.0), ParameterError, "`temperature` .* belongs to 'sample'"),
        (lambda e: e.decode(CODE, "beam", valid=True, top_p=0.5), ParameterError, "`top_p` has no effect with meth"),
        (lambda e: e.decode(CODE, "best"), ParameterError, r"MoleculeEmbedder\.decode: `method` must be one of greedy"),
        (lambda e: e.sample(2, beams=5), ParameterError, "`beams` has no effect"),
        (lambda e: e.perturb(["C"], top_p=0.5), ParameterError, "`top_p` has no effect"),
        (lambda e: e.interpolate(["C"], ["N"], method="sample", beams=5), ParameterError, "`beams` has no effect"),
        (lambda e: e.decode(np.zeros((2, 5))), ShapeError, r"\(n, 32\); got \(2, 5\)"),
        (lambda _: MoleculeEmbedder(ODD).fit(SMILES), ParameterError, "`model` must be one of cmim"),
        (lambda _: MoleculeEmbedder(max_tokens=0).fit(SMILES), ParameterError, "`max_tokens` must be at least 1"),
        (lambda _: MoleculeEmbedder(latent_dim=250).fit(SMILES), ParameterError, "`slots` must divide `latent_dim`"),
        (lambda _: MoleculeEmbedder().fit(["C1CC", ""]), DataError, "none: {'not SMILES': 1, 'empty': 1}"),
        (lambda _: MoleculeEmbedder().fit([]), DataError, "`X` must hold molecules; it has no row"),
        (lambda _: MoleculeEmbedder().fit(np.array([["C"]])), ShapeError, "one column"),
    ],
)
def test_errors(embedder, call, error, said):
    with pytest.raises(error, match=said):
        call(embedder)


def test_tables_of_pandas_have_names_and_the_rows_of_the_column(embedder):
    smiles = pd.Series(["CCO", "C1CC", "CCN"], index=["a", "b", "c"])
    with pytest.warns(DegenerateWarning):
        values = embedder.transform(smiles)
    tabled = copy.deepcopy(embedder).set_output(transform="pandas")
    with pytest.warns(DegenerateWarning):
        found = tabled.transform(smiles)
    if tuple(map(int, sklearn.__version__.split(".")[:2])) >= (
        1,
        8,
    ):  # before, scikit-learn kept the index of tables only
        assert list(found.index) == ["a", "b", "c"]
    assert list(found.columns) == [f"f{j}" for j in range(32)] == list(embedder.get_feature_names_out())
    assert np.array_equal(found.to_numpy(), values, equal_nan=True)
    with pytest.raises(ParameterError, match="`kind` must be 'latent' for output in pandas"):
        tabled.transform(smiles, "informative")
    with sklearn.config_context(transform_output="pandas"):
        assert isinstance(embedder.transform(["CCO"]), pd.DataFrame)
    with pytest.raises(NotFittedError):
        MoleculeEmbedder().get_feature_names_out()


def test_the_score_is_the_sum_of_the_log_softmax_of_each_token(embedder):
    """Each token and the end, given the code and those before it, one molecule at a time."""
    found = embedder.score_samples(["OCC", "C1CC", "c1ccccc1", None])
    vocabulary, wanted = Vocabulary(), []
    for text in ("CCO", "c1ccccc1"):
        tokens = vocabulary.encode([text])
        code = torch.from_numpy(embedder.embed([text]).values)
        odds = embedder.model_.decode(code, torch.from_numpy(tokens).float()).detach().double().numpy()[0]
        wanted.append(sum(odds[t, k] - np.log(np.exp(odds[t]).sum()) for t, k in enumerate(tokens[0])))
    assert found[[0, 2]] == pytest.approx(wanted, abs=1e-4) and max(wanted) < 0
    assert np.isnan(found).tolist() == [False, True, False, True]
    assert embedder.score(["OCC", "C1CC", "c1ccccc1"]) == pytest.approx(np.mean(wanted), abs=1e-4)
    many = embedder.score_samples(["CCO"] * 300)
    assert many == pytest.approx(found[0], abs=1e-4) and len(many) == 300


@pytest.mark.parametrize("model", ["mim", "vae", "contrastive_vae", "ae"])
def test_every_model_trains(model):
    made = MoleculeEmbedder(
        model, latent_dim=8, network=NETWORK, max_tokens=20, max_steps=3, batch_size=8, accelerator="cpu"
    )
    assert np.isfinite(made.fit(SMILES).transform(SMILES)).all()
    assert made.model_.config.objective == model


def test_fit_names_itself_and_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    network = TokenPerceiver(slots=2, width=16, encoder_depth=1, decoder_depth=1)
    embedder = MoleculeEmbedder(latent_dim=8, network=network, max_tokens=20, max_steps=2, components=1)
    for bad, error in ((["xx", None, 3], DataError), ("CCO", ParameterError)):
        with pytest.raises(error, match=r"MoleculeEmbedder\.fit: `X`"):
            embedder.fit(bad)
    embedder.fit(["CCO", "CCN", "CCC", "CC"])
    assert not list(tmp_path.iterdir())
