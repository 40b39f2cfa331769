"""Accuracies against hand counts, intervals against scipy's, baselines against numpy, information through infocore."""

import json
import warnings

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import infocore
from cmim.baselines import baseline_features
from cmim.evaluation import evaluate_all, evaluate_embeddings, information, wilson
from infocore.errors import KindError, NonFiniteError, ParameterError, ShapeError


@pytest.mark.parametrize(("right", "n"), [(0, 7), (7, 7), (3, 10), (590, 597)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_wilson_against_scipy(right, n, level):
    want = binomtest(right, n).proportion_ci(level, method="wilson")
    got = wilson(right, n, level)
    assert (got.low, got.high) == pytest.approx((want.low, want.high), abs=1e-12)
    assert got.value == right / n


@pytest.mark.parametrize(("right", "n", "level"), [(1, 0, 0.9), (3, 2, 0.9), (-1, 2, 0.9), (1, 2, 1.0)])
def test_wilson_refuses(right, n, level):
    with pytest.raises(ParameterError):
        wilson(right, n, level)


def test_neighbours_by_distance_and_by_angle():
    # classes are two directions at two lengths, so that distance and angle disagree
    near_x, far_x = [[1.0, 0.1 * i] for i in range(-2, 3)], [[10.0, 0.1 * i] for i in range(-2, 3)]
    y_axis = [[0.1 * i, 1.0] for i in range(-2, 3)]
    train = np.array(near_x + far_x + y_axis)
    label = np.array(["a"] * 10 + ["b"] * 5)
    test, truth = np.array([[0.0, 9.0], [9.5, 0.0]]), np.array(["b", "a"])
    scores = evaluate_embeddings(train, label, test, truth)
    assert scores.knn_cosine.value == 1.0
    # by distance, (0, 9) has the five of the y axis at 8 and the near ones at 9.06: right as well
    assert scores.knn_euclidean.value == 1.0
    moved = evaluate_embeddings(train, label, np.array([[0.1, 0.4]]), np.array(["b"]))
    assert moved.knn_cosine.value == 1.0
    by_hand = np.argsort(np.linalg.norm(train - [0.1, 0.4], axis=1))[:5]
    assert moved.knn_euclidean.value == float((label[by_hand] == "b").sum() >= 3)


def test_linear_probe_sees_what_neighbours_miss():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((400, 30)) * np.array([1.0] + [50.0] * 29)  # the label is in the smallest column
    y = (z[:, 0] > 0).astype(int)
    scores = evaluate_embeddings(z[:200], y[:200], z[200:], y[200:])
    assert scores.linear.value > 0.85
    assert scores.knn_euclidean.value < 0.65
    assert scores.k == 5
    assert scores.to_dict()["linear"]["n"] == 200


def test_shapes_that_do_not_fit():
    z, y = np.zeros((6, 2)), np.zeros(6)
    for arguments in ((z, y[:5], z, y), (z, y, z[:, :1], y), (z[:, 0], y, z, y), (z, y, z, y[:3])):
        with pytest.raises(ShapeError, match="need `train_z`"):
            evaluate_embeddings(*arguments)
    with pytest.raises(ShapeError, match="at least 5"):
        evaluate_embeddings(z[:4], y[:4], z, y)
    with pytest.raises(ShapeError, match="1 test sample; got 6 and 0"):
        evaluate_embeddings(z, y, z[:0], y[:0])


def crossed(n, seed=0):
    """Return points whose class is the sign of the product of their coordinates, with a gap at the axes."""
    rng = np.random.default_rng(seed)
    z = rng.choice([-1.0, 1.0], (n, 2)) * rng.uniform(0.3, 1.0, (n, 2))
    return z, np.where(z[:, 0] * z[:, 1] > 0, "same", "other")


def test_network_sees_what_the_linear_probe_misses():
    # the rule is relu-expressible: |x + y| - |x - y| has the sign of x y, and no line has
    z, y = crossed(600)
    scores = evaluate_embeddings(z[:300], y[:300], z[300:], y[300:], mlp=True)
    assert scores.mlp is not None
    assert scores.mlp.value == 1.0 and scores.mlp.n == 300
    assert scores.linear.value < 0.65


def test_network_by_hand():
    # scikit-learn's network and a standardisation of our own, from the same seed
    rng = np.random.default_rng(1)
    z = rng.standard_normal((280, 3)) * [1.0, 20.0, 0.01] + [0.0, 5.0, 9.0]
    y = np.where(z[:, 0] + 50 * (z[:, 2] - 9) + rng.standard_normal(280) > 0, "yes", "no")
    scores = evaluate_embeddings(z[:80], y[:80], z[80:], y[80:], mlp=True, seed=7, level=0.8)

    def right(train, test):
        network = MLPClassifier((400,), learning_rate_init=1e-3, max_iter=100, random_state=7)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return int((network.fit(train, y[:80]).predict(test) == y[80:]).sum())

    mean, spread = z[:80].mean(0), z[:80].std(0)
    standardised = right((z[:80] - mean) / spread, (z[80:] - mean) / spread)
    assert scores.mlp == wilson(standardised, 200, 0.8)
    assert right(z[:80], z[80:]) < standardised < 200  # as they are, the scales hide the smallest feature


def test_network_says_whether_it_converged():
    # separable: the loss still falls after 100 epochs; blank features: nothing to learn, so it stops falling at once.
    # Warnings are errors here, so neither lets scikit-learn's out
    z, y = crossed(40)
    assert evaluate_embeddings(z, y, z, y, mlp=True).mlp_converged is False
    assert evaluate_embeddings(0 * z, y, 0 * z, y, mlp=True).mlp_converged is True


def test_other_warnings_of_the_network_are_not_hidden(monkeypatch):
    original = MLPClassifier.fit

    def warned(self, *data):
        warnings.warn("something else", UserWarning, stacklevel=1)
        return original(self, *data)

    monkeypatch.setattr(MLPClassifier, "fit", warned)
    z, y = crossed(20)
    with pytest.raises(UserWarning, match="something else"):
        evaluate_embeddings(z, y, z, y, mlp=True)


def test_network_only_if_asked_and_by_its_seed(monkeypatch):
    seeds = []

    class Noted(MLPClassifier):
        def fit(self, X, y):
            seeds.append(self.random_state)
            return super().fit(X[:6], y[:6])

    monkeypatch.setattr("cmim.evaluation.MLPClassifier", Noted)
    z, y = crossed(40)
    plain = evaluate_embeddings(z, y, z, y)
    assert (plain.mlp, plain.mlp_converged, seeds) == (None, None, [])
    network = evaluate_embeddings(z, y, z, y, mlp=True, seed=3)
    assert seeds == [3]
    assert (network.knn_euclidean, network.knn_cosine, network.linear) == (
        plain.knn_euclidean,
        plain.knn_cosine,
        plain.linear,
    )
    told = network.to_dict()
    assert json.loads(json.dumps(told)) == told
    assert set(told) == {"knn_euclidean", "knn_cosine", "linear", "k", "mlp", "mlp_converged"}


def test_labels_may_be_text_or_numbers():
    z, text = crossed(60)
    number = (text == "same").astype(int)
    first = evaluate_embeddings(z[:40], text[:40], z[40:], text[40:], mlp=True)
    assert first == evaluate_embeddings(z[:40], list(number[:40]), z[40:], list(number[40:]), mlp=True)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, None])
def test_seed_out_of_range(seed):
    z, y = crossed(10)
    x = z.reshape(-1, 2)
    for call in (
        lambda: evaluate_embeddings(z, y, z, y, seed=seed),
        lambda: evaluate_all({"z": (z, z)}, y, y, seed=seed),
        lambda: baseline_features(x, x, 2, seed=seed),
    ):
        with pytest.raises(ParameterError, match="`seed`"):
            call()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_embedding_that_is_not_finite(bad):
    z, y = crossed(10)
    broken = z.copy()
    broken[[2, 5], 1] = bad
    with pytest.raises(NonFiniteError, match=r"`train_z`.*2 of 10"):
        evaluate_embeddings(broken, y, z, y)
    with pytest.raises(NonFiniteError, match=r"`test_z`.*2 of 10"):
        evaluate_embeddings(z, y, broken, y)


def test_all_is_each():
    z, y = crossed(60)
    wide = np.hstack([z, z**2])
    calls = []
    features = {"wide": (wide[:40], wide[40:]), "z": (torch.from_numpy(z[:40]), torch.from_numpy(z[40:]))}
    got = evaluate_all(features, y[:40], y[40:], level=0.8, seed=2, progress=lambda *told: calls.append(told))
    assert list(got) == ["wide", "z"]
    assert calls == [("wide", 1, 2), ("z", 2, 2)]
    for name, (a, b) in features.items():
        assert got[name] == evaluate_embeddings(a, y[:40], b, y[40:], level=0.8, mlp=True, seed=2)
    assert evaluate_all(features, y[:40], y[40:], mlp=False)["z"].mlp is None
    assert evaluate_all({}, y[:40], y[40:]) == {}


def test_all_names_the_features_that_do_not_fit_before_it_trains():
    z, y = crossed(20)
    calls = []
    for pair, error in (((z, z[:5]), ShapeError), ((z * np.nan, z), NonFiniteError), ((z,), ShapeError)):
        with pytest.raises(error, match=r"features\['bad'\]"):
            evaluate_all({"good": (z, z), "bad": pair}, y, y, progress=lambda *told: calls.append(told))
    assert calls == []


def images(n=60, seed=0):
    return np.random.default_rng(seed).random((n, 4, 3)).astype(np.float32)


def test_baseline_raw_is_the_data_and_pca_is_the_svd():
    x = images()
    got = baseline_features(x[:40], x[40:], 5)
    assert list(got) == ["raw", "pca", "random"]
    flat = x.reshape(60, 12).astype(float)
    assert (got["raw"][0] == flat[:40]).all() and (got["raw"][1] == flat[40:]).all()
    centre = flat[:40].mean(0)  # of the training set, for both
    axes = np.linalg.svd(flat[:40] - centre)[2][:5]
    for part, rows in zip(got["pca"], (flat[:40], flat[40:]), strict=True):
        want = (rows - centre) @ axes.T
        signs = np.sign((part * want).sum(0))
        assert part == pytest.approx(want * signs, abs=1e-9)
        assert part.shape == (len(rows), 5)


def test_baseline_random_is_the_encoder_by_hand():
    # torch.nn.Linear's law, weight then bias: uniform within 1 / sqrt(fan in); ReLU; the first D outputs are the mean
    x = images()
    got = baseline_features(x[:40], torch.from_numpy(x[40:]), 5, seed=11)["random"]
    generator = torch.Generator().manual_seed(11)
    h = torch.from_numpy(x.reshape(60, 12))
    for layer, (fan_in, fan_out) in enumerate([(12, 256), (256, 256), (256, 10)]):
        reach = fan_in**-0.5
        weight = torch.empty(fan_out, fan_in).uniform_(-reach, reach, generator=generator)
        bias = torch.empty(fan_out).uniform_(-reach, reach, generator=generator)
        h = h @ weight.T + bias
        h = h if layer == 2 else h.clamp(min=0)
    assert np.vstack(got) == pytest.approx(h[:, :5].double().numpy(), abs=1e-6)


def test_baseline_is_the_same_in_blocks_and_for_a_seed(monkeypatch):
    x = images()
    whole = baseline_features(x, x, 5)["random"][0]
    assert (whole == baseline_features(x, x, 5)["random"][1]).all()
    assert not np.allclose(whole, baseline_features(x, x, 5, seed=1)["random"][0])
    monkeypatch.setattr("cmim.baselines.ROWS_AT_ONCE", 7)
    assert baseline_features(x, x, 5)["random"][0] == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize(("n", "width", "want"), [(40, 50, 12), (6, 50, 6), (6, 3, 3)])
def test_baseline_pca_is_no_wider_than_the_data(n, width, want):
    got = baseline_features(images(n), images(9, seed=1), width)
    assert got["pca"][0].shape == (n, want) and got["pca"][1].shape == (9, want)
    assert got["random"][1].shape == (9, width)
    assert all(part.dtype == np.float64 for pair in got.values() for part in pair)


def test_baseline_of_constant_data_is_no_warning():
    got = baseline_features(np.ones((6, 3)), np.ones((2, 3)), 2)
    assert (got["pca"][1] == 0).all()


def test_baselines_into_scores():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 120)
    x = rng.standard_normal((120, 6)) + 4 * y[:, None]  # two clouds, ten standard deviations apart
    scores = evaluate_all(baseline_features(x[:80], x[80:], 3), y[:80], y[80:], mlp=False)
    assert {name: each.linear.value for name, each in scores.items()} == {"raw": 1.0, "pca": 1.0, "random": 1.0}


@pytest.mark.parametrize("width", [0, -1, 2.0, None])
def test_baseline_width_out_of_range(width):
    with pytest.raises(ParameterError, match="`width`"):
        baseline_features(images(), images(), width)


def test_baseline_data_that_do_not_fit():
    x = images()
    for train, test in ((x, x[:, :2]), (x[:1], x)):
        with pytest.raises(ShapeError, match="samples of one shape"):
            baseline_features(train, test, 2)
    with pytest.raises(ShapeError, match="test set"):
        baseline_features(x, x[:0], 2)
    with pytest.raises(NonFiniteError, match="training set"):
        baseline_features(x * np.nan, x, 2)
    with pytest.raises(KindError, match="test set"):
        baseline_features(x, x.astype(str), 2)


def test_information_of_labels():
    # z = y + noise of sd 0.01: log 3; the method is exact to its ties here
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 1500)
    z = y[:, None] + 0.01 * rng.standard_normal((1500, 2))
    got = information(z, y)
    assert got.label.value == pytest.approx(np.log(3), abs=0.05)
    assert got.data is None


def test_information_asks_infocore(monkeypatch):
    calls = []

    def broken(x, y, **settings):
        calls.append((np.shape(x), np.shape(y), settings))
        return "an estimate"

    monkeypatch.setattr(infocore, "mutual_information", broken, raising=False)
    call = getattr(information, "__wrapped__", information)
    got = call(np.zeros((9, 2)), np.zeros(9), np.zeros((9, 4, 4)), ci_level=0.8, rng=5)
    assert (got.label, got.data) == ("an estimate", "an estimate")
    assert calls == [
        ((9, 2), (9,), {"method": "mixed", "ci_level": 0.8, "rng": 5}),
        ((9, 16), (9, 2), {"method": "infonce", "ci_level": 0.8, "rng": 5}),
    ]
