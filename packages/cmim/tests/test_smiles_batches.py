"""Batches of molecules: a step's batch follows from corpus, seed and step, whoever makes it and whenever."""

import gc
import hashlib
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from cmim.lightning import fit
from cmim.molecules.corpus._reading import read_tokens
from cmim.molecules.corpus.batches import SmilesBatches, TextBlocks
from cmim.molecules.corpus.files import open_corpus
from cmim.molecules.tokens import Vocabulary
from cmim.networks import TokenPerceiver
from cmim.training import Batches
from cmim.variants import CMIM
from infocore.errors import CheckpointError, DataError, ParameterError, TrainingError

Chem = pytest.importorskip("rdkit.Chem")

VOCABULARY = Vocabulary()
PARTS = ["C", "N", "O", "CC", "c1ccccc1", "C(=O)", "[nH]", "Cl", "Br", "[C@H](F)", "S"]


def made(n: int, seed: int = 7) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(PARTS, rng.integers(1, 12))) for _ in range(n)]


ROWS = made(200)
REAL = ["CC(=O)Oc1ccccc1C(=O)O", "C[C@H](N)C(=O)O", "Cn1cnc2c1c(=O)n(C)c(=O)n2C", "CCO", "c1ccncc1", "CC(C)Cc1ccccc1",
        "OCC1OC(O)C(O)C(O)C1O", "F/C=C/Cl"]  # fmt: skip


def batches(rows=ROWS, size=5, seed=3, *, block=64, **own) -> SmilesBatches:
    return SmilesBatches(TextBlocks(rows, block), size, seed, **{"length": 100, "window": 4, **own})


def texts(x: torch.Tensor) -> list[str]:
    return VOCABULARY.decode(x.numpy())


def same(a, b) -> bool:
    return all((p is None) == (q is None) and (p is None or torch.equal(p, q)) for p, q in zip(a, b, strict=True))


# a run that was begun goes on: made by the first version of this module
def test_golden():
    made, found = batches(), hashlib.sha256()
    for step in (0, 1, 5, 11, 12, 13, 38, 39, 40, 77, 100, 5):
        for part in ((0, 1), (1, 2)):
            x = made(step, part).x
            found.update(repr((step, part, tuple(x.shape), str(x.dtype))).encode() + x.numpy().tobytes())
    found.update(made.sample(7).numpy().tobytes())
    assert found.hexdigest() == "e3f0293618b29a65368fd954fe757ea9e263d683a886ec11ae036053a311c5ba"
    assert made.digest() == "8eb41ae61224b0a456c490ec11a82eefe12517e91420c6b3d95086d985394924 64 smiles-1 100 4"


def test_other_blocks_are_other_data():
    rows = [f"{'C' * (i % 9)}N{'O' * (i // 9)}" for i in range(200)]
    assert TextBlocks(rows, 64).digest() != TextBlocks(rows, 50).digest()


def test_every_row_comes_once_an_epoch_but_for_the_remainders():
    rows = [f"{'C' * (i % 9)}N{'O' * (i // 9)}" for i in range(200)]  # blocks of 64, 64, 64, 8: 12, 12, 12, 1 steps
    assert len(set(rows)) == 200
    made = batches(rows)
    assert isinstance(made, Batches)
    assert made.steps.tolist() == [12, 12, 12, 1] and made.left_out == 4 + 4 + 4 + 3 and made.never == 0
    epochs = [[text for step in range(37) for text in texts(made(37 * epoch + step).x)] for epoch in range(3)]
    for seen in epochs:
        assert len(seen) == len(set(seen)) == 185 and set(seen) <= set(rows)
    assert epochs[0] != epochs[1]
    assert set().union(*epochs) - set(epochs[0])  # what is left out is not always the same
    assert batches(rows, 10).never == 8


def test_batches_are_of_similar_length():
    made = batches(window=12)
    spread = [np.ptp([len(VOCABULARY.split(text)) for text in texts(made(step).x)]) for step in range(36)]
    assert np.mean(spread) < 5  # at random it is 17


@pytest.mark.parametrize("augment", ["canonical", "invariant", "equivariant", "two-views"])
def test_parts_together_are_the_batch_after_any_other_calls(augment):
    made, other = (batches(REAL * 3, 6, block=12, augment=augment) for _ in range(2))
    whole = [made(step) for step in range(9)]
    for step in (8, 0, 3, 2, 7):
        for parts in (2, 3):
            cut = [other(step, (i, parts)) for i in range(parts)]
            for name in ("x", "seen"):
                want = getattr(whole[step], name)
                if want is None:
                    assert all(getattr(part, name) is None for part in cut)
                else:
                    assert [text for part in cut for text in texts(getattr(part, name))] == texts(want)
    assert same(pickle.loads(pickle.dumps(made))(4), whole[4])  # noqa: S301 - our own bytes


MADE = """
import hashlib
from cmim.molecules.corpus.batches import SmilesBatches, TextBlocks

def made(step):  # without torch, which takes long to load
    rows = ["CC(=O)Oc1ccccc1C(=O)O", "C[C@H](N)C(=O)O", "CCO", "?", "c1ccncc1", "CC(C)Cc1ccccc1"] * 4
    batches = SmilesBatches(TextBlocks(rows, 12), 4, 0, augment="two-views")
    prepared, first = batches._block(step)
    mine, at = batches._mine(prepared, first, (1, 2))
    views, _ = batches._rewritten(step, (1, 2), prepared, mine, at)
    return hashlib.sha256(repr([mine.tolist(), *(view.tolist() for view in views)]).encode()).hexdigest()
"""


def test_a_fresh_process_makes_the_same_batch():
    here: dict = {}
    exec(MADE, here)
    script = f"{MADE}\nimport sys\nprint(made(8))\nassert 'torch' not in sys.modules"  # nor do workers load it
    out = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert out.strip() == here["made"](8) != here["made"](9)


def test_augmentation_writes_the_same_molecule_at_random():
    from cmim.molecules.chemistry import canonical

    rows = [form for text in REAL if (form := canonical(text))]
    plain = batches(rows, 8, block=8)
    ways = {name: batches(rows, 8, block=8, augment=name) for name in ("invariant", "equivariant", "two-views")}
    fresh = set()
    for step in range(4):
        want = texts(plain(step).x)
        found = {name: made(step) for name, made in ways.items()}
        assert texts(found["invariant"].x) == want
        assert found["equivariant"].seen is None
        for x in (found["invariant"].seen, found["equivariant"].x, found["two-views"].x, found["two-views"].seen):
            assert [canonical(text) for text in texts(x)] == want
            assert texts(x) != want
        assert texts(found["two-views"].x) != texts(found["two-views"].seen)
        fresh.add(tuple(texts(found["equivariant"].x)))
    assert len(fresh) == 4  # other ones each step
    assert ways["two-views"].rewritten == {"random": 64}
    assert len({made.digest() for made in (plain, *ways.values())}) == 4


def test_a_part_has_random_smiles_made_of_its_own_rows_alone():
    one, other = (batches(REAL, 8, block=8, augment="invariant") for _ in range(2))
    assert len(one(0, (0, 4)).x) == 2 and one.rewritten.total() == 2
    other(0)
    assert other.rewritten.total() == 8


def test_random_smiles_that_do_not_fit_or_cannot_be_are_as_given():
    long, broken = "CC(C)(C)CC(C)(C)C", "C1CC"  # any other order of the first has as many tokens or more
    made = batches([long, broken], 2, block=2, augment="invariant", length=len(VOCABULARY.split(long)) + 1)
    batch = made(0)
    pairs = dict(zip(texts(batch.x), texts(batch.seen), strict=True))
    assert pairs[broken] == broken and set(pairs) == {long, broken}
    assert made.rewritten["as given"] >= 1 and made.rewritten.total() == 2


BAD = {
    "missing": None,
    "not text": 3.0,
    "empty": "  ",
    "not SMILES": "not SMILES",
    "not in the vocabulary": "[Xx]",
    "too long": "C" * 100,
}


def test_rows_that_cannot_be_read_give_their_place_and_are_counted():
    rows = ROWS[:40] + [*BAD.values()] * 2 + [" CCO\t", "é"]
    made = batches(rows, 9, block=54)
    assert made.steps.tolist() == [6]
    seen = [text for step in range(6) for text in texts(made(step).x)]
    want = {**dict.fromkeys(BAD, 2), "not SMILES": 3}
    assert made.skipped == want
    assert len(seen) == 54 and set(seen) == {*ROWS[:40], "CCO"}  # all that can be read, some of them twice
    made(6)  # another epoch of the same block is not counted again
    assert made.skipped == want


def test_rdkit_may_have_a_say():
    rows = [*REAL, "C1CC", "CN(C)(C)(C)C", "c1cccc1"] * 2
    assert batches(rows, 4, block=22)(0) and not batches(rows, 4, block=22).skipped
    made = batches(rows, 4, block=22, check=True)
    seen = [text for step in range(5) for text in texts(made(step).x)]
    assert set(seen) <= {Chem.MolToSmiles(Chem.MolFromSmiles(text)) for text in REAL}
    assert made.skipped == {"not SMILES": 2, "valence": 2, "aromaticity": 2}
    assert made.digest() != batches(rows, 4, block=22).digest()


def test_rdkit_reads_as_it_is_told_and_each_block_once(monkeypatch):
    blocks = TextBlocks(["OCC", "C1CC", "", "C[C@H](N)O", "C(C", "C[N+].[Cl-]", "C" * 9], size=4)
    made = SmilesBatches(blocks, 3, 0, length=8, check=True, salts="largest", isomeric=False)
    seen = {text for step in range(6) for text in texts(made(step).x)}
    assert seen == {"CCO", "CC(N)O", "C[N+]"}
    assert made.skipped == {"not SMILES": 2, "empty": 1, "too long": 1}
    kept = pathlib.Path(str(made._folder))
    assert {path.name for path in kept.iterdir()} == {"0", "1"}
    monkeypatch.setattr("cmim.molecules.corpus._preparing.read_molecules", lambda *_, **__: pytest.fail("read again"))
    want = [made(step) for step in range(9)]
    again = pickle.loads(pickle.dumps(made))  # noqa: S301 - our own bytes
    assert again._folder is None  # each process has its own
    monkeypatch.undo()
    assert all(same(again(step), batch) for step, batch in enumerate(want))
    made.close()
    del made, want
    gc.collect()
    assert not kept.exists()


def test_without_room_on_disk_blocks_are_read_again(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.mkdtemp", lambda prefix: str(tmp_path / "nowhere"))
    made, other = (batches(["OCC", "C1CC", "CC"], 1, block=2, check=True) for _ in range(2))
    other._folder = str(tmp_path)
    assert all(same(made(step), other(step)) for step in range(6))
    assert made.skipped == other.skipped == {"not SMILES": 1}


def test_one_molecule_written_in_two_ways_is_one_group_if_rdkit_reads_it():
    rows = ["OCC", "N", "CCO", "O"]
    assert batches(rows, 4, block=4)(0).groups is None
    batch = batches(rows, 4, block=4, check=True)(0)
    numbers = dict(zip(texts(batch.x), batch.groups.tolist(), strict=True))
    assert len(set(numbers.values())) == 3 and batch.groups.tolist().count(numbers["CCO"]) == 2


def test_a_block_without_readable_rows():
    with pytest.raises(DataError, match=r"block 0 has none: \{'not SMILES': 4\}"):
        batches(["?"] * 4, 2)(0)


@pytest.mark.parametrize("own", [{}, {"check": True}, {"workers": 1}, {"augment": "invariant"}])
def test_a_block_without_readable_rows_gives_its_batches_to_the_next(own):
    rows = [*REAL, *["?"] * 8, *(f"{'C' * k}F" for k in range(1, 9))]
    found = batches(rows, 4, block=8, **own)
    assert found.steps.tolist() == [2, 2, 2]  # as without looking, so that a run can go on anywhere
    order = np.random.default_rng((3, 0)).permutation(3).tolist()
    other = order[(order.index(1) + 1) % 3]
    steps = [2 * order.index(1), 2 * order.index(1) + 1]
    readable, _ = read_tokens(rows[8 * other : 8 * other + 8], VOCABULARY, 100)
    want = VOCABULARY.decode(readable.rows(np.arange(8)))
    plain = batches(rows, 4, block=8)
    assert sorted(text for step in steps for text in texts(plain(step).x)) == sorted(want)
    alone = {step: batches(rows, 4, block=8, **{**own, "workers": 0})(step) for step in (*steps, 0, 9)}
    for step in (9, *steps, 0):
        assert same(found(step), alone[step])
    assert found.skipped == {"not SMILES": 8}
    found.close()


def test_a_block_without_readable_rows_may_be_the_one_to_look_at():
    found = batches(["?"] * 4 + REAL, 4, block=4)
    assert set(texts(found.sample(4))) <= set(REAL) and found.skipped == {"not SMILES": 4}


def test_a_corpus_without_readable_rows_stops_early_with_the_reason():
    seen = []

    class Many(TextBlocks):
        def read(self, block, /):
            seen.append(block)
            return super().read(block)

    found = SmilesBatches(Many(["?", None] * 100, 2), 2, 0)
    with pytest.raises(DataError, match=r"has none, nor have 8 others: \{'not SMILES': 9, 'missing': 9\}"):
        found(0)
    assert len(seen) == 9


def test_rows_of_one_text_are_grouped():
    made = batches(["C", "N", "C", "O"], 4, block=4)
    batch = made(0)
    numbers = dict(zip(texts(batch.x), batch.groups.tolist(), strict=True))
    assert len(set(numbers.values())) == 3 and batch.groups.tolist().count(numbers["C"]) == 2
    assert batches(["C", "N", "CC", "O"], 4, block=4)(0).groups is None
    assert made(0, (0, 4)).groups is None


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"size": 0}, "`batch_size` must be at least 1"),
        ({"size": 65}, "rows of a block; got 65, and blocks of 64"),
        ({"rows": []}, "blocks of 0"),
        ({"length": 1}, "`length`"),
        ({"window": 0}, "`window`"),
        ({"workers": -1}, "`workers`"),
        ({"augment": "random"}, "`augment` must be one of canonical, inv"),
        ({"salts": "none"}, "`salts` must be 'keep' or 'largest'"),
    ],
)
def test_settings_out_of_range(wrong, match):
    with pytest.raises(ParameterError, match=match):
        batches(**wrong)


# the second formula: a token at a time


def one_by_one(text, length):
    try:
        row = VOCABULARY.encode([text.strip()])[0].tolist()
    except (ParameterError, AttributeError):
        return []
    return row if 1 < len(row) <= length else []


def test_tokens_are_those_of_the_vocabulary():
    rng = np.random.default_rng(0)
    pieces = [*PARTS, "[Xe+2]", "[Cl-]", "[13CH3]", "l", "r", "[", "]", "[]", "[[", "B", "C", "%12", "H", "@", "\n",
              " ", "é", "[Hn]", "[Xx]", "[CH2]", "~", "", "\x00", "[Rf]", "se", "."]  # fmt: skip
    rows = ["".join(rng.choice(pieces, rng.integers(0, 9))) for _ in range(5000)]
    rows += [None, 3, "", "C\n", "[C", "C]", "][", "CCl", "BBr", "ClBr", "[Cl+2]", "C" * 30]
    for chosen in (rows, [row for row in rows if isinstance(row, str) and row.isascii() and "\n" not in row], [], [""]):
        read, skipped = read_tokens(chosen, VOCABULARY, 30)
        want = [one_by_one(row, 30) for row in chosen]
        got = [read.tokens[a:z].tolist() for a, z in zip(read.ends, read.ends[1:], strict=False)]
        assert [row if good else [] for row, good in zip(got, read.readable, strict=True)] == want
        assert sum(skipped.values()) == sum(not row for row in want)
    assert 1000 < read_tokens(rows, VOCABULARY, 30)[0].readable.sum() < 4000


# workers


@pytest.mark.parametrize(("own", "files"), [({}, False), ({"augment": "two-views"}, True), ({"check": True}, True)])
def test_workers_change_nothing(tmp_path, own, files):
    path = tmp_path / "a.txt"
    path.write_text("\n".join([*REAL, "C1CC", "?"] * 3))
    blocks = open_corpus(path, block_rows=10) if files else TextBlocks(path.read_text().split("\n"), 10)
    alone, helped = (SmilesBatches(blocks, 4, 0, workers=workers, **own) for workers in (0, 2))
    for step in (0, 1, 2, 3, 9, 8, 5):  # on through blocks and epochs, and back
        assert same(helped(step), alone(step))
        assert helped.skipped == alone.skipped and helped.rewritten == alone.rewritten
    assert helped._pool is not None
    helped.close()
    assert helped._pool is None


def test_errors_of_workers_come_through(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("\n".join(REAL * 3))
    made = SmilesBatches(open_corpus(path, block_rows=8), 4, 1, workers=1)
    made(0)  # the second block of the epoch comes from a worker by now
    path.write_text("\n".join(REAL * 4))
    with pytest.raises(DataError, match="has changed"):
        _ = [made(step) for step in (2, 4)]
    made.close()


def test_a_worker_that_was_ended_is_said():
    made = batches(workers=1, block=20)
    made(0)
    assert made._pool is not None
    for process in list(made._pool._processes.values()):
        process.terminate()
        process.join()
    with pytest.raises(TrainingError, match="ended from outside"):
        _ = [made(step) for step in range(1, 40)]
    assert same(made(5), batches(block=20)(5))  # they start again
    made.close()


# training


def model(seed: int = 0):
    network = TokenPerceiver(slots=2, width=8, heads=2, encoder_depth=1, decoder_depth=1)
    return CMIM(24, 4, network=network, likelihood="tokens", levels=len(VOCABULARY), variance="sampled", seed=seed)


def weights(model) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in model.state_dict().values()]


# blocks of 20 rows hold 2 steps of 8: 3 is in the middle of one
@pytest.mark.parametrize("augment", ["canonical", "invariant"])
def test_resumed_in_the_middle_of_a_block_is_bitwise_uninterrupted(tmp_path, augment):
    path = tmp_path / "a.csv"
    path.write_text("smiles\n" + "\n".join(REAL * 7 + ["?"] * 4))
    run = {"accelerator": "cpu", "log_every": 1}

    def data():
        return SmilesBatches(open_corpus(path, block_rows=20), 8, 0, length=24, window=2, augment=augment)

    through, second = model(), model(1)
    whole = fit(through, data(), max_steps=7, **run)
    fit(model(), data(), max_steps=3, checkpoint_dir=tmp_path / "run", **run)
    rest = fit(second, data(), max_steps=7, checkpoint_dir=tmp_path / "run", resume=True, **run)
    assert all(torch.equal(a, b) for a, b in zip(weights(through), weights(second), strict=True))
    assert rest.history == whole.history[3:]
    path.write_text("smiles\n" + "\n".join(REAL * 7 + ["!"] * 4))
    with pytest.raises(CheckpointError, match="other data"):
        fit(model(), data(), max_steps=9, checkpoint_dir=tmp_path / "run", resume=True, **run)
