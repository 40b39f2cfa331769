"""The commands on folders of images, arrays and tables, as a user runs them."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from cmim import Embedder, fit
from cmim.cli import _config
from cmim.data.sources import open_source

TINY = ("--steps", 150, "--hidden", 32, "--latent-dim", 4, "--quiet", "--learning-rate", 3e-3)


def pixels(path: pathlib.Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> pathlib.Path:
    """A folder of PNGs, a sub-folder a class."""
    folder = tmp_path_factory.mktemp("digits")
    x, y = load_digits(return_X_y=True)
    for i in range(200):
        place = folder / str(y[i])
        place.mkdir(exist_ok=True)
        Image.fromarray((x[i].reshape(8, 8) * 15.9).astype(np.uint8)).save(place / f"{i:03d}.png")
    return folder


@pytest.fixture(scope="module")
def trained(images, tmp_path_factory) -> pathlib.Path:
    from cmim.cli import main

    out = tmp_path_factory.mktemp("runs") / "run"
    with pytest.raises(SystemExit) as stop:
        main([str(a) for a in ("train", images, "--out", out, "--holdout", 0.25, *TINY)])
    assert stop.value.code == 0
    return out


def test_train_writes_model_settings_and_log(trained, images):
    settings = tomllib.loads((trained / "config.toml").read_text())
    assert settings["data"] == str(images)
    assert (settings["hidden"], settings["source"]["shape"], settings["source"]["rows"]) == ([32], [8, 8], 200)
    embedder = Embedder.load(trained / "model")
    assert embedder.n_iter_ == 150
    head, *lines = (trained / "logs/cmim/version_0/metrics.csv").read_text().splitlines()
    assert {"reconstruction", "log_q", "log_prior", "log_pk", "gate", "shuffled", "code_norm"} <= set(head.split(","))
    assert [line.split(",")[head.split(",").index("step")] for line in lines] == ["0", "49", "99", "149"]
    assert not (trained / "checkpoints").exists()


def test_a_run_can_be_repeated_from_its_own_settings(trained, run, tmp_path):
    code, _, _ = run("train", "--config", trained / "config.toml", "--out", tmp_path / "again", "--quiet")
    assert code == 0
    a, b = ((folder / "model/weights.safetensors").read_bytes() for folder in (trained, tmp_path / "again"))
    assert a == b


def test_flags_win_over_the_file(run, images, tmp_path):
    (tmp_path / "c.toml").write_text('model = "vae"\nmax_steps = 20\nlatent_dim = 3\nhidden = [8]\n')
    code, text, err = run(
        "train", images, "--config", tmp_path / "c.toml", "--out", tmp_path / "r", "--model", "mim",
        "--steps", 5, "--quiet", "--json", "--logger", "none", "--limit", 50,
    )  # fmt: skip
    answer = json.loads(text)
    assert (code, answer["rows"], answer["steps"]) == (0, 50, 5)
    config = Embedder.load(tmp_path / "r" / "model").model_.config
    assert (config.objective, config.latent_dim) == ("mim", 3)
    assert "50 rows of shape (8, 8)" in err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("slots = 2", "slots (--slots) has no effect with network='mlp': it belongs to perceiver"),
        ("width = 32", "width (--width) has no effect with network='mlp': it belongs to conv, perceiver"),
        ("channels = [8]", "channels has no effect with network='mlp': it belongs to conv"),
        ('network = "conv"\nhidden = [8]', "hidden (--hidden) has no effect with network='conv': it belongs to mlp"),
        ('model = "vae"\ntemperature = 0.2', "with model='vae': it belongs to cmim, contrastive_vae"),
        ('model = "mim"\nw_k = 2.0', "w_k (--w-k) has no effect with model='mim'"),
        ("beta = 2.0", "beta (--beta) has no effect with model='cmim': it belongs to vae, contrastive_vae"),
        ('model = "ae"\nvariance = "fixed"', "it belongs to cmim, mim, vae, contrastive_vae"),
        ("levels = 17", "with likelihood='bernoulli': it belongs to logistic, categorical"),
        ("patience = 3", "patience has no effect without validation_fraction (--validation-fraction)"),
    ],
)
def test_a_setting_without_effect_is_refused(run, tmp_path, given, told):
    (tmp_path / "c.toml").write_text(given)
    code, out, err = run("train", "digits", "--config", tmp_path / "c.toml", "--out", tmp_path / "r")
    assert (code, out) == (2, "") and err.startswith("error: ") and told in err
    assert not (tmp_path / "r").exists()


def test_a_flag_without_effect_is_refused_and_one_with_effect_is_written(run, tmp_path):
    code, _, err = run("train", "digits", "--slots", 1, "--patch", 2, "--beta", 1, "--out", tmp_path / "r")
    assert code == 2 and all(f"--{name})" in err for name in ("slots", "patch", "beta"))
    small = ("--network", "perceiver", "--slots", 2, "--width", 8, "--latent-dim", 4, "--steps", 1, "--quiet")
    assert run("train", "digits", "--model", "vae", "--beta", 2, *small, "--out", tmp_path / "r")[0] == 0
    written = tomllib.loads((tmp_path / "r/config.toml").read_text())
    assert (written["slots"], written["beta"], written["depth"]) == (2, 2.0, 2)
    assert not {"hidden", "channels", "temperature", "w_k", "levels"} & set(written)


def test_a_written_file_serves_for_another_model_and_an_old_one_to_go_on(run, tmp_path):
    small = ("--steps", 1, "--limit", 20, "--quiet", "--logger", "none", "--accelerator", "cpu")
    assert run("train", "digits", *small, "--out", tmp_path / "r")[0] == 0
    code, _, err = run("train", "--config", tmp_path / "r/config.toml", "--model", "vae", "--out", tmp_path / "v")
    assert code == 0, err
    old = tmp_path / "old"
    old.mkdir()
    (old / "config.toml").write_text((tmp_path / "r/config.toml").read_text() + "\n")
    text = (old / "config.toml").read_text()
    (old / "config.toml").write_text(f"slots = 3\n{text}")  # as all settings were written once
    code, _, err = run("train", "--out", old, "--resume")
    assert code == 0, err


def test_embed_is_transform_in_the_order_of_the_files(trained, images, run, tmp_path):
    code, text, _ = run("embed", trained, images, "--out", tmp_path / "z.npy", "--json")
    assert code == 0 and json.loads(text)["rows"] == 200
    embedder = Embedder.load(trained / "model")
    x = open_source(images).read().reshape(200, -1)
    np.testing.assert_allclose(np.load(tmp_path / "z.npy"), embedder.transform(x), rtol=1e-5, atol=1e-6)
    assert tomllib.loads((tmp_path / "z.npy.toml").read_text())["kind"] == "latent"
    code, text, _ = run("embed", trained, images, "--out", tmp_path / "h.npy", "--kind", "informative")
    assert (code, "200 rows, informative" in text) == (0, True)
    assert np.load(tmp_path / "h.npy").shape == (200, 32)
    code, _, err = run("embed", trained, images, "--out", tmp_path / "h.npy")
    assert code == 2 and "exists" in err


def test_evaluate_tells_accuracies_and_information(trained, run):
    code, text, err = run("evaluate", trained, "--json", "--no-mlp")
    found = json.loads(text)["runs"][str(trained)]
    assert code == 0 and "50 to test, tested on rows held out" in err
    assert set(found["scores"]) == {"latent", "informative", "raw", "pca", "random"}
    assert found["scores"]["raw"]["linear"]["value"] > 0.75
    assert found["scores"]["latent"]["knn_cosine"]["value"] > 0.3  # 150 steps of a tiny network; chance is 0.1
    assert set(found["information"]) in ({"I(z; y)", "I(x; z)"}, {"note"})


def test_evaluate_two_runs_ranks_the_features(trained, run, tmp_path):
    other = tmp_path / "copy"
    shutil.copytree(trained, other)
    code, text, _ = run("evaluate", trained, other, "--no-mlp", "--no-information")
    assert code == 0
    assert "mean rank by linear" in text and "k-NN, cosine" in text
    code, _, err = run("evaluate", trained, trained, "--no-mlp")
    assert code == 2 and "named twice" in err


def test_pictures(trained, images, run, tmp_path):
    code, text, _ = run("reconstruct", trained, images, "--out", tmp_path / "r.png", "-n", 5)
    assert code == 0 and "mse" in text
    assert pixels(tmp_path / "r.png").shape == (8 * 10 * 2, 8 * 10 * 5)  # 2 x 5 tiles of 8 + 2, eight times as large
    code, _, _ = run("sample", trained, "--out", tmp_path / "s.png", "-n", 7)
    assert code == 0
    picture = pixels(tmp_path / "s.png")
    assert picture.shape == (240, 240)
    assert picture[:, :80].max() > 0 and picture[160:, 80:].max() == 0  # seven of nine tiles
    code, _, _ = run("interpolate", trained, images, "--out", tmp_path / "i.npy", "--pairs", 2, "-n", 3)
    assert code == 0
    assert np.load(tmp_path / "i.npy").shape == (6, 64)
    code, text, _ = run("reconstruct", trained, images, "--out", tmp_path / "r2.npy", "-n", 5, "--json")
    rows = np.load(tmp_path / "r2.npy").reshape(2, 5, 64)
    assert json.loads(text)["mse"] == pytest.approx(((rows[0] - rows[1]) ** 2).mean(), rel=1e-4)


def test_same_seed_same_samples(trained, run, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run("sample", trained, "--out", tmp_path / f"{name}.npy", "-n", 3, "--seed", seed)[0] == 0
    a, b, c = (np.load(tmp_path / f"{name}.npy") for name in "abc")
    assert np.array_equal(a, b) and not np.array_equal(a, c)


@pytest.mark.parametrize("network", ["conv", "perceiver"])
def test_colour_images_and_networks(network, run, tmp_path):
    folder = tmp_path / "rgb"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(12):
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    out = tmp_path / "run"
    code, _, err = run(
        "train", folder, "--mode", "rgb", "--network", network, "--width", 8, "--steps", 3, "--quiet", "--out", out,
        "--augment", "affine", "--limit", 8,
    )  # fmt: skip
    assert code == 0, err
    assert run("reconstruct", out, folder, "--out", tmp_path / "r.png", "-n", 2)[0] == 0
    assert pixels(tmp_path / "r.png").shape[2] == 3


def test_colours_stay_where_they_are(tmp_path):
    """Flat rows are channel by channel, as the networks read them, and a grid shows them again."""
    from cmim.cli import _pictures

    red = np.zeros((1, 4, 4, 3), np.float32)
    red[..., 0] = 1.0
    row = _config.flat(red)
    assert row[0, :16].tolist() == [1.0] * 16 and not row[0, 16:].any()
    _config.write_toml({"source": {"range": [0.0, 1.0]}}, tmp_path / "config.toml")
    _pictures._write(tmp_path, row[None], (4, 4, 3), tmp_path / "r.png", {})
    assert pixels(tmp_path / "r.png")[48, 48].tolist() == [255, 0, 0]


def test_a_stopped_run_goes_on(run, images, tmp_path):
    arguments = ("train", images, "--hidden", 8, "--latent-dim", 2, "--quiet", "--logger", "none")
    assert run(*arguments, "--steps", 40, "--out", tmp_path / "whole")[0] == 0
    half = tmp_path / "half"
    assert run(*arguments, "--steps", 40, "--out", half)[0] == 0
    # as if it had been killed at step 20: its checkpoints are there, its model is not
    config, _ = _config.open_run(half)
    shutil.rmtree(half / "model")
    source = _config.open_data(config)
    kept, _ = _config.split_rows(config, len(source), config.holdout)
    model = _config.make_embedder(config, source.shape, progress=False)._model(64)
    rows = _config.flat(source.read())[kept]
    fit(model, rows, max_steps=20, accelerator="auto", checkpoint_dir=half / "checkpoints")
    code, _, err = run("train", "--out", half, "--resume", "--quiet")
    assert code == 0, err
    a, b = ((tmp_path / name / "model/weights.safetensors").read_bytes() for name in ("whole", "half"))
    assert a == b


@pytest.mark.parametrize(
    ("arguments", "code", "match"),
    [
        (("train",), 2, "give DATA"),
        (("train", "nowhere", "--out", "r"), 2, "`DATA` must be a file or folder, or one of: digits, mnist5k, fashion"),
        (("train", "digits", "--config", "no.toml"), 2, "`--config` must be a file or folder; there is no no.toml"),
        (("train", "no.csv", "--molecules"), 2, "`DATA` must be a file or folder, or one of: moses"),
        (("evaluate", "nowhere"), 2, "`RUN` must be a file or folder; there is no nowhere"),
        (("interpolate", "nowhere", "digits", "--out", "i.png"), 2, "`RUN` must be"),
        (("train", "digits", "--model", "gan", "--out", "r"), 2, "model (--model): Input should be"),
        (("train", "digits", "--temperature", "hot", "--out", "r"), 2, "temperature"),
        (("train", "digits", "--holdout", "1.5", "--out", "r"), 2, "holdout"),
        (("embed", "nowhere", "digits", "--out", "z.npy"), 2, "`RUN` must be"),
        (("sample", "nowhere", "--out", "s.png"), 2, "`RUN` must be"),
        (("embed", ".", "digits", "--out", "z.npy"), 1, "has no config.toml"),
        (("sample", ".", "--out", "s.png"), 1, "has no config.toml"),
    ],
)
def test_misuse(run, tmp_path, monkeypatch, arguments, code, match):
    monkeypatch.chdir(tmp_path)
    got, out, err = run(*arguments)
    assert (got, out) == (code, "")
    assert err.startswith("error: ") and match in err
    assert not list(tmp_path.iterdir())


def test_data_that_are_not_there_are_misuse_after_a_run_too(run, trained, tmp_path):
    for arguments in (("embed", "-o", "z.npy"), ("reconstruct", "-o", "r.png"), ("interpolate", "-o", "i.png")):
        code, _, err = run(arguments[0], trained, tmp_path / "no.npy", *arguments[1:])
        assert code == 2 and "`DATA` must be" in err and "no.npy" in err
    code, _, err = run("evaluate", trained, "--test", tmp_path / "no.npy")
    assert code == 2 and "`--test` must be" in err


def test_the_sets_that_commands_name_are_those_that_can_be_read():
    from cmim.cli import _app, _mol_data
    from cmim.data import sources

    assert tuple(sources._SETS) == _app.IMAGE_SETS
    assert tuple(_mol_data._MOSES) == _app.MOLECULE_SETS


def test_labels_of_idx_are_found_beside_the_images(run, tmp_path):
    x, y = load_digits(return_X_y=True)
    images, labels = ((x[:120] * 15).astype(np.uint8), y[:120].astype(np.uint8))
    header = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (120, 8, 8))
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + images.tobytes())
    out, arguments = tmp_path / "run", ("--no-mlp", "--no-information", "--json")
    assert run("train", tmp_path / "train-images-idx3-ubyte", "--out", out, *TINY, "--steps", 3)[0] == 0
    code, _, err = run("evaluate", out, *arguments)
    assert code == 2 and "IDX file of labels beside" in err
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01\0\0\0\x78" + labels.tobytes())
    code, text, err = run("evaluate", out, *arguments)
    assert code == 0 and "train-images-idx3-ubyte with labels of train-labels-idx1-ubyte" in err
    assert json.loads(text)["runs"][str(out)]["scores"]["raw"]["knn_euclidean"]["value"] > 0.7


@pytest.mark.parametrize("flag", ["-q", "--quiet"])
def test_quiet_leaves_out_progress_and_remarks(run, trained, tmp_path, flag):
    arguments = ("evaluate", trained, "--no-mlp", "--no-information", "--json")
    loud, quiet = run(*arguments), run(*arguments, flag)
    assert loud[:2] == quiet[:2] and loud[0] == 0
    assert "latent: 1 of 5" in loud[2] and quiet[2] == ""
    for command, more in (
        ("embed", ("digits", "-o", "z.npy")),
        ("sample", ("-o", "s.npy")),
        ("reconstruct", ("digits", "-o", "r.npy")),
        ("interpolate", ("digits", "-o", "i.npy")),
    ):
        *places, _, out = more
        code, _, err = run(command, trained, *places, "-o", tmp_path / out, flag)
        assert (code, err) == (0, "")


def test_more_misuse(run, trained, images, tmp_path):
    code, _, err = run("train", images, "--out", trained, "--quiet")
    assert code == 2 and "holds a model already" in err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    code, _, err = run("train", images, "--out", tmp_path / "full", "--quiet")
    assert code == 2 and "is not empty" in err
    np.save(tmp_path / "x.npy", np.zeros((5, 3), np.float32))
    code, _, err = run("embed", trained, tmp_path / "x.npy", "--out", tmp_path / "z.npy")
    assert code == 2 and "shape (3,); the model was trained on (8, 8)" in err
    code, _, err = run("train", tmp_path / "x.npy", "--network", "conv", "--out", tmp_path / "r")
    assert code == 2 and "need images" in err
    code, _, err = run("sample", trained, "--out", tmp_path / "s.gif")
    assert code == 2 and ".png or .npy" in err
    (tmp_path / "bad.toml").write_text("colour = 1\n")
    code, _, err = run("train", images, "--config", tmp_path / "bad.toml", "--out", tmp_path / "r")
    assert code == 2 and "colour" in err
    (tmp_path / "bad.toml").write_text("= 1\n")
    code, _, err = run("train", images, "--config", tmp_path / "bad.toml", "--out", tmp_path / "r")
    assert code == 1 and "cannot be read as TOML" in err


def test_a_failed_run_leaves_nothing_in_the_way(run, tmp_path):
    np.save(tmp_path / "x.npy", np.full((20, 4), 7.0, np.float32))
    out = tmp_path / "run"
    code, _, err = run("train", tmp_path / "x.npy", "--out", out, "--quiet")
    assert code == 2 and "[0, 1]" in err
    assert not out.exists()
    code, _, err = run("train", "digits", "--out", out, "--quiet", "--accelerator", "abacus", "--steps", 2)
    assert code == 1 and err.count("error: ") == 1 and "Traceback" not in err
    assert not out.exists()
    code, _, err = run("train", "digits", "--out", out, "--quiet", "--limit", 1)
    assert code == 2 and "at least 2" in err
    (tmp_path / "file").touch()
    code, _, err = run("train", "digits", "--out", tmp_path / "file", "--quiet")
    assert code == 2 and "is a file" in err


@pytest.mark.parametrize("there", [False, True])
def test_what_can_be_done_after_an_interrupt_is_said_as_it_is(run, tmp_path, monkeypatch, there):
    from cmim.training import Training

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Training, "training_step", interrupted)  # Lightning makes a SystemExit of it
    out = tmp_path / "run"
    if there:
        out.mkdir()
    code, _, err = run("train", "digits", "--out", out, "--quiet")
    assert code == 130 and "before the first checkpoint" in err and "--resume" not in err
    assert out.exists() == there  # a new folder would be in the way of another try


def test_resume_with_other_settings_is_refused_and_changes_nothing(run, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((40, 6), np.float32))
    out = tmp_path / "run"
    arguments = ("train", tmp_path / "x.npy", "--hidden", 4, "--latent-dim", 2, "--quiet", "--logger", "none")

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cmim.embedder.CodeLaw.fit", interrupted)  # after training, before the model is saved
        code, _, err = run(*arguments, "--steps", 9, "--out", out)
    assert code == 130 and "go on with: cmim train" in err
    before = (out / "config.toml").read_text()
    code, _, err = run("train", "--out", out, "--resume", "--latent-dim", 5)
    assert code == 2 and "latent_dim (--latent-dim) was 2 and is 5" in err
    np.save(tmp_path / "x.npy", np.random.default_rng(1).random((40, 6), np.float32))
    code, _, err = run("train", "--out", out, "--resume")
    assert code == 2 and "the data have changed" in err
    assert (out / "config.toml").read_text() == before
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((40, 6), np.float32))
    assert run("train", "--out", out, "--resume", "--quiet")[0] == 0
    assert Embedder.load(out / "model").n_iter_ == 9


def test_columns_and_label_of_a_table_are_those_of_the_training(run, tmp_path):
    pa, pq = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))
    rng = np.random.default_rng(0)
    table = {name: rng.random(60) for name in "abc"} | {"y": np.arange(60) % 3}
    pq.write_table(pa.table(table), tmp_path / "x.parquet")
    pq.write_table(pa.table({name: table[name] for name in "ycba"}), tmp_path / "other.parquet")
    out = tmp_path / "run"
    arguments = ("--label", "y", "--steps", 3, "--quiet", "--hidden", 4, "--latent-dim", 2)
    assert run("train", tmp_path / "x.parquet", "--out", out, *arguments)[0] == 0
    for name in ("x", "other"):
        code, _, err = run("embed", out, tmp_path / f"{name}.parquet", "--out", tmp_path / f"{name}.npy")
        assert code == 0, err
    assert np.array_equal(np.load(tmp_path / "x.npy"), np.load(tmp_path / "other.npy"))


def test_pictures_of_values_beyond_one_are_scaled_by_those_trained_on(run, tmp_path):
    x, _ = load_digits(return_X_y=True)
    np.save(tmp_path / "x.npy", x[:100].reshape(-1, 8, 8).astype(np.float32))  # 0 to 16
    out = tmp_path / "run"
    assert run("train", tmp_path / "x.npy", "--likelihood", "gaussian", "--out", out, *TINY)[0] == 0
    assert run("reconstruct", out, tmp_path / "x.npy", "--out", tmp_path / "r.png", "-n", 6)[0] == 0
    assert run("reconstruct", out, tmp_path / "x.npy", "--out", tmp_path / "r.npy", "-n", 6)[0] == 0
    rows = np.load(tmp_path / "r.npy").reshape(2, 6, 8, 8)
    shown = pixels(tmp_path / "r.png")[4::8, 4::8].reshape(2, 10, 6, 10).transpose(0, 2, 1, 3)[:, :, 1:9, 1:9]
    np.testing.assert_allclose(shown[0], rows[0] / 16 * 255, atol=1)


@pytest.mark.slow
def test_two_processes_from_the_command_line(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((40, 6), np.float32))
    command = [str(pathlib.Path(sys.executable).with_name("cmim")), "train", str(tmp_path / "x.npy")]
    rest = [
        "--hidden",
        "4",
        "--latent-dim",
        "2",
        "--quiet",
        "--steps",
        "20",
        "--batch",
        "16",
        "--negatives",
        "gathered",
    ]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    for name, devices in (("one", []), ("two", ["--devices", "2", "--strategy", "ddp", "--accelerator", "cpu"])):
        done = subprocess.run(
            [*command, *rest, *devices, "--out", str(tmp_path / name)],
            capture_output=True, text=True, check=False, timeout=200, env=env, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
    x = np.load(tmp_path / "x.npy")
    one, two = (Embedder.load(tmp_path / name / "model").transform(x) for name in ("one", "two"))
    np.testing.assert_allclose(two, one, atol=1e-5)


def test_version(run):
    from cmim import __version__

    assert run("--version") == (0, f"{__version__}\n", "")
