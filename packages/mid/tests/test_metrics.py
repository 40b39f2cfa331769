import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_squared_error

from infocore.errors import NonFiniteError, ParameterError, ShapeError
from mid.attacks import AttackResult, metrics


def records(n=90, dx=4, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    return rng.random((n, dx)) + y[:, None], y


def test_squared_error_against_scikit_learn():
    (x, _), (other, _) = records(), records(seed=1)
    assert metrics.squared_error(x, other).mean() == pytest.approx(mean_squared_error(x, other), abs=1e-12)


def test_psnr_golden():
    assert metrics.psnr(1e-4) == pytest.approx(40.0)
    assert metrics.psnr(65.025, peak=255.0) == pytest.approx(30.0)
    assert metrics.psnr(0.0) == math.inf


def test_floors_are_the_variances_within_and_in_all():
    x, y = records()
    class_mean, global_mean = metrics.floors(x, y, x, y)
    within = np.mean([x[y == c].var(0).mean() for c in range(3)])
    assert class_mean == pytest.approx(within, abs=1e-12)
    assert global_mean == pytest.approx(x.var(0).mean(), abs=1e-12)


def test_interval_over_classes_covers_the_mean_of_new_classes():
    # error of record j in class c: class effect N(0, 1) + N(0, 1); 20 classes of 10, truth 0.
    # 200 seeds: 86.5 % of 90 % intervals cover (percentile intervals of 20 units are a little short); s.d. 2.4 points.
    # An interval over records covers 45 %.
    covered = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y = np.repeat(np.arange(20), 10)
        errors = rng.standard_normal(20)[y] + rng.standard_normal(200)
        low, high = metrics.bootstrap_over_classes(errors, y, rng, draws=400)
        covered += low <= 0 <= high
    assert covered / 200 > 0.80


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=20), st.integers(1, 5))
def test_interval_lies_within_the_class_means(errors, classes):
    y = np.arange(len(errors)) % classes
    means = [np.mean(np.array(errors)[y == c]) for c in np.unique(y)]
    low, high = metrics.bootstrap_over_classes(errors, y, 0, draws=50)
    assert min(means) - 1e-9 <= low <= high <= max(means) + 1e-9


def test_judge_counts_overlap_and_speaks():
    x, y = records()
    result = metrics.judge(x, x, y, x_known=x[:30], y_known=y[:30], output="logits", queries=5, access="sampled")
    assert isinstance(result, AttackResult)
    assert (result.mse, result.psnr, result.overlap, result.n, result.classes) == (0.0, math.inf, 30, 90, 3)
    assert "5 sampled queries" in str(result)
    assert "30 of these records" in str(result)
    assert json.loads(json.dumps(result.to_dict()))["psnr"] == "inf"
    clean = metrics.judge(
        x[30:], x[30:], y[30:], x_known=x[:30], y_known=y[:30], output="logits", queries=1, access="mean"
    )
    assert clean.overlap == 0
    assert "own data" not in str(clean)


def test_refusals():
    x, y = records()
    with pytest.raises(ShapeError, match=r"\(90, 4\) and \(90, 3\)"):
        metrics.squared_error(x, x[:, :3])
    bad = x.copy()
    bad[5, 0] = np.nan
    with pytest.raises(NonFiniteError, match=r"`reconstructions`.*1 of 90"):
        metrics.squared_error(x, bad)
    with pytest.raises(ParameterError, match="psnr: `mse`"):
        metrics.psnr(-1.0)
    with pytest.raises(ParameterError, match="no record of class 2"):
        metrics.floors(x, y, x[y < 2], y[y < 2])
    with pytest.raises(ParameterError, match="`ci_level`"):
        metrics.bootstrap_over_classes([1.0], [0], 0, ci_level=90)
