"""Accuracies against hand counts, intervals against statsmodels' formula, information through infocore."""

import numpy as np
import pytest
from scipy.stats import binomtest

import infocore
from cmim.evaluation import evaluate_embeddings, information, wilson
from infocore.errors import ParameterError, ShapeError


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
