import json

import numpy as np
import pytest

pytest.importorskip("torch")

from infocore.errors import NonFiniteError, ParameterError, ShapeError
from mid.torch.attacks import ClassReconstructions
from mid.torch.class_judge import judge_classes

RNG = np.random.default_rng(0)
CENTERS = 3.0 * np.eye(8, dtype=np.float32)
Y = np.arange(160) % 8
X = (CENTERS[Y] + 0.1 * RNG.standard_normal((160, 8))).astype(np.float32)


def shown(images, classes):
    n = len(images)
    return ClassReconstructions(
        np.asarray(images, np.float32), np.asarray(classes), np.full(n, 0.9, np.float32), 11, 3, {"kind": "none"}
    )


def scores(x):
    return x @ CENTERS.T


def judged(images, classes, **settings):
    return judge_classes(shown(images, classes), **{"evaluator": scores, "x_private": X, "y_private": Y} | settings)


def test_by_hand():
    # class 0 shown right, class 1 shown as class 2, class 3 shown with six others above it
    worst = np.array([1, 1, 1, 0, 1, 1, 1, 0.0])
    found = judged([CENTERS[0], CENTERS[2], worst], [0, 1, 3])
    # class 1 ties with six others at 0 behind class 2: places 2 to 8, four of seven of them among the best five;
    # class 3 ties with class 7 for places 7 and 8
    assert found.accuracy.value == pytest.approx(1 / 3)
    assert found.accuracy_top5.value == pytest.approx((1 + 4 / 7 + 0) / 3)
    a = np.array([CENTERS[0], CENTERS[2], worst], np.float64)
    distances = [
        [float(((x.astype(float) - row) ** 2).sum()) for x in X[c == Y]] for row, c in zip(a, (0, 1, 3), strict=True)
    ]
    assert found.knn_squared_distance.value == pytest.approx(np.mean([min(d) for d in distances]))
    assert found.nearest_mse.value == pytest.approx(np.mean([min(d) for d in distances]) / 8)
    means = [X[c == Y].astype(float).mean(0) for c in (0, 1, 3)]
    to_mean = [((row - m) ** 2).sum() for row, m in zip(a, means, strict=True)]
    assert found.feature_squared_distance.value == pytest.approx(np.mean(to_mean), rel=1e-5)
    assert found.class_mean_mse.value == pytest.approx(np.mean(to_mean) / 8, rel=1e-5)
    assert (found.n, found.classes, found.queries, found.steps, found.chance) == (3, 3, 11, 3, 1 / 8)
    assert found.target_score == pytest.approx(0.9) and found.evaluator_accuracy is None
    assert json.loads(json.dumps(found.to_dict()))["accuracy"]["value"] == found.accuracy.value
    assert "chance 0.125, evaluator's own accuracy unknown" in str(found)


def test_an_evaluator_of_equal_scores_is_at_chance():
    found = judged(CENTERS, np.arange(8), evaluator=lambda x: np.zeros((len(x), 8)))
    assert found.accuracy.value == pytest.approx(1 / 8) and found.accuracy_top5.value == pytest.approx(5 / 8)


def test_interval_is_over_classes_not_images():
    # 100 images each of two classes, one all right and one all wrong: two units, so the interval is everything
    images = np.concatenate([np.repeat(CENTERS[:1], 100, 0), np.repeat(CENTERS[:1], 100, 0)])
    found = judged(images, np.repeat([0, 1], 100), ci_level=0.8)
    assert (found.accuracy.low, found.accuracy.value, found.accuracy.high) == (0.0, 0.5, 1.0)
    assert found.classes == 2 and found.n == 200


def test_features_and_held_out():
    found = judged(CENTERS, np.arange(8), features=lambda x: 2.0 * np.asarray(x), x_held_out=X[:9], y_held_out=Y[:9])
    plain = judged(CENTERS, np.arange(8))
    assert found.knn_squared_distance.value == pytest.approx(4 * plain.knn_squared_distance.value)
    assert found.nearest_mse == plain.nearest_mse
    wrong = np.where(np.arange(9) < 3, (Y[:9] + 1) % 8, Y[:9])
    half = judged(CENTERS, np.arange(8), x_held_out=X[:9], y_held_out=wrong)
    assert (found.evaluator_accuracy, half.evaluator_accuracy) == (1.0, pytest.approx(6 / 9))
    few = judged(CENTERS[:3], np.arange(3), evaluator=lambda x: x[:, :5])
    assert few.accuracy_top5 is None


def test_refusals():
    good = (CENTERS, np.arange(8))
    with pytest.raises(ShapeError, match=r"`x_private` must have the 8 columns.*\(160, 7\) and \(160,\)"):
        judged(*good, x_private=X[:, :7])
    with pytest.raises(ParameterError, match=r"`y_private` has no record of class \[0\]"):
        judged(*good, y_private=np.where(Y == 0, 1, Y))
    with pytest.raises(ParameterError, match=r"must come together"):
        judged(*good, x_held_out=X)
    with pytest.raises(ParameterError, match=r"`evaluator` must have a column for class 7; it answers with 4"):
        judged(*good, evaluator=lambda x: x[:, :4])
    with pytest.raises(ShapeError, match=r"scores of shape \(8, C\); got \(8,\)"):
        judged(*good, evaluator=lambda x: x[:, 0])
    with pytest.raises(NonFiniteError, match=r"`evaluator` answers with NaN"):
        judged(*good, evaluator=lambda x: x * np.nan)
