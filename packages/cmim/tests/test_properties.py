"""Nested cross-validation of property models: known noise, no leaks, intervals that cover."""

import dataclasses
import json
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, mean_absolute_error, r2_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.svm import SVR

from cmim.molecules.properties import _models as _property_models
from cmim.molecules.properties import _scores as _property_scores
from cmim.molecules.properties import prediction as properties
from cmim.molecules.properties.prediction import evaluate_properties
from infocore.errors import KindError, NonFiniteError, ParameterError, ShapeError, TooFewSamplesError


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(_property_models, "TREES", 10)
    monkeypatch.setattr(_property_models, "EPOCHS", 10)


def linear(n=300, d=6, noise=1.0, seed=0):
    """Signal of variance 4 and noise of variance noise**2."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    w = rng.standard_normal(d)
    return x, x @ (2 * w / np.linalg.norm(w)) + noise * rng.standard_normal(n)


def summary(predictions, y, kind, level=0.95, n_boot=500, seed=0, folds=None):
    nested = {name: {"best": p} for name, p in predictions.items()}
    folds = np.arange(len(y)) % 5 if folds is None else folds
    return _property_scores.summarise(
        nested, y, folds, kind, inner=2, level=level, n_boot=n_boot, seed=seed, chosen={}, settings={}
    )


def test_linear_data_where_ridge_wins_at_the_noise():
    x, y = linear()
    told = []
    scores = evaluate_properties(
        {"x": x, "blank": np.zeros((300, 2))},
        y,
        kind="regression",
        folds=np.arange(300) % 3,
        inner=2,
        n_boot=200,
        progress=lambda *call: told.append(call),
    )
    ridge = scores.scores["x"]["ridge"]
    # R2 of the truth: 4 / (4 + 1) = 0.8, with a standard error of about 0.02; RMSE of the truth: 1, with 0.04
    assert ridge["r2"].value == pytest.approx(0.8, abs=0.06)
    assert ridge["rmse"].value == pytest.approx(1.0, abs=0.12)
    assert ridge["rmse"].low < ridge["rmse"].value < ridge["rmse"].high
    for other in ("forest", "mlp"):
        assert scores.scores["x"][other]["rmse"].value > ridge["rmse"].value
    # nothing to learn from: as the mean, but for the support vectors, which take the median
    blank = scores.scores["blank"]["ridge"]["rmse"].value
    assert blank == pytest.approx(scores.scores["mean"]["mean"]["rmse"].value, rel=1e-6)
    assert [call[1:] for call in told] == [(i, 8) for i in range(1, 9)]
    assert [call[0] for call in told[:2]] == ["x, ridge", "x, svr"]
    assert scores.compare("x", "blank").difference.high < 0 < scores.compare("blank", "x").difference.low


def test_metrics_are_scikit_learns_of_the_pooled_predictions():
    x, y = linear(60)
    folds = np.arange(60) % 4
    scores = evaluate_properties({"x": x}, y, kind="regression", folds=folds, inner=3, models=["ridge"], n_boot=100)
    p = scores.predictions["x"]["ridge"]
    found = scores.scores["x"]["ridge"]
    assert found["mae"].value == pytest.approx(mean_absolute_error(y, p))
    assert found["r2"].value == pytest.approx(r2_score(y, p))
    assert found["mse"].value == pytest.approx(found["rmse"].value ** 2)
    each = [np.sqrt(np.mean((y - p)[folds == f] ** 2)) for f in range(4)]
    assert scores.per_fold["x"]["ridge"] == pytest.approx(each)


def test_mean_baseline_in_closed_form():
    # each molecule its own fold: the error is (y - mean) n / (n - 1)
    x, y = linear(12)
    scores = evaluate_properties(
        {"x": x}, y, kind="regression", folds=np.arange(12), inner=2, models=["ridge"], n_boot=100
    )
    assert scores.scores["mean"]["mean"]["rmse"].value == pytest.approx(y.std() * 12 / 11)
    assert scores.scores["mean"]["mean"]["r2"].value == pytest.approx(1 - (12 / 11) ** 2)


@pytest.mark.parametrize("model", ["ridge", "svr", "forest", "mlp"])
@pytest.mark.parametrize("kind", ["regression", "classification"])
def test_a_fold_is_predicted_from_the_others_alone(kind, model, monkeypatch):
    # other values of a fold's own targets, or another feature of one of its rows, change no prediction of other rows
    monkeypatch.setattr(_property_models, "EPOCHS", 2)
    x, y = linear(60, 3)
    y = y if kind == "regression" else (y > 0).astype(float)
    folds = np.arange(60) % 3

    def predict(features, target):
        settings = {"kind": kind, "folds": folds, "inner": 2, "models": [model], "n_boot": 100}
        return evaluate_properties({"x": features}, target, **settings).predictions["x"][model]

    own = folds == 0
    first = predict(x, y).ravel()
    rng = np.random.default_rng(1)
    other = np.where(own, rng.permutation(y) if kind == "regression" else 1 - y, y)
    assert predict(x, other).ravel()[own].tolist() == first[own].tolist()
    assert predict(x, other).ravel()[~own].tolist() != first[~own].tolist()
    moved = x.copy()
    moved[0] += 100.0
    now = predict(moved, y).ravel()
    assert now[own][1:] == pytest.approx(first[own][1:], rel=1e-9)
    assert now[0] != first[0]


class OneColumn(RegressorMixin, BaseEstimator):
    """A line through one column: with many columns of noise, one of them fits the test folds by luck."""

    def __init__(self, column=0):
        self.column = column

    def fit(self, X, y):
        self.mean_ = y.mean()
        self.slope_ = X[:, self.column] @ (y - self.mean_) / (X[:, self.column] @ X[:, self.column])
        return self

    def predict(self, X):
        return self.mean_ + self.slope_ * X[:, self.column]


def test_nested_folds_are_not_optimistic_where_the_best_of_a_grid_is(monkeypatch):
    grid = {"column": range(100)}
    monkeypatch.setattr(properties, "candidate", lambda *_: (OneColumn(), grid))
    nested, flat, covered = [], [], []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((40, 100)), rng.standard_normal(40)
        folds = np.arange(40) % 4
        scores = evaluate_properties({"x": x}, y, kind="regression", folds=folds, inner=3, models=["ridge"], n_boot=200)
        r2 = scores.scores["x"]["best"]["r2"]
        nested.append(r2.value)
        covered.append(r2.low <= 0)
        search = GridSearchCV(OneColumn(), grid, scoring="neg_mean_squared_error", cv=PredefinedSplit(folds)).fit(x, y)
        flat.append(1 + search.best_score_ / y.var())
    assert all(covered) and np.mean(nested) < 0
    assert min(flat) > 0 and np.mean(flat) > 0.05  # what a leak of the test folds into the choice would report


def test_noise_is_predicted_no_better_than_by_the_mean():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((80, 20)), rng.standard_normal(80)
    scores = evaluate_properties(
        {"x": x}, y, kind="regression", folds=np.arange(80) % 4, inner=3, models=["ridge", "forest"], n_boot=200
    )
    assert all(scores.scores["x"][m]["r2"].low <= 0 for m in ("ridge", "forest", "best"))
    assert scores.modelability("x", reference="mean").low < 1


def test_inner_folds_are_whole_outer_folds():
    numbers = np.array([0, 1, 2, 3, 4, 0, 1, 2, 3, 4])
    outer = properties._outer(np.arange(10), numbers, 4)
    for fold, one in enumerate(outer):
        assert set(numbers[one.test]) == {fold} and len(one.inner) == 4
        held = [set(numbers[one.train][test]) for _, test in one.inner]
        assert sorted(map(tuple, held)) == sorted((f,) for f in range(5) if f != fold)
        for train, test in one.inner:
            assert sorted([*train, *test]) == list(range(8))
    halves = properties._outer(np.arange(10), numbers, 2)[2]
    assert [set(numbers[halves.train][test]) for _, test in halves.inner] == [{0, 3}, {1, 4}]


def test_best_is_chosen_by_inner_scores():
    two = {"ridge": np.array([[-1.0, -3.0, -1.0]]), "svr": np.array([[-2.0, -1.0, -2.5]])}
    assert properties._choose(two, "regression") == ("ridge", "svr", "ridge")
    assert properties._choose(two, "classification") == ("ridge",) * 3  # means -5/3 and -5.5/3
    numbers = np.array([0, 1, 2, 1])
    parts = {"ridge": np.zeros((4, 1)), "svr": np.ones((4, 1))}
    assert properties._stitch(parts, ("ridge", "svr", "ridge"), numbers).ravel().tolist() == [0, 1, 0, 1]
    # a step is for a forest, a line for ridge
    x = np.linspace(-1, 1, 90)[:, None]
    folds = np.arange(90) % 3
    for y, best in ((np.sign(x[:, 0]), "forest"), (x[:, 0], "ridge")):
        scores = evaluate_properties(
            {"x": x}, y, kind="regression", folds=folds, inner=2, models=["ridge", "forest"], n_boot=100
        )
        assert scores.chosen["x"] == (best,) * 3
        assert scores.predictions["x"]["best"].tolist() == scores.predictions["x"][best].tolist()


def test_a_small_penalty_is_found_where_it_is_best():
    x, y = linear(240, 4, noise=1e-4)  # a penalty of 0.1 would cost 0.1 / 160 of the signal, which is 1e-3
    folds = np.arange(240) % 3
    found = evaluate_properties({"x": x}, y, kind="regression", folds=folds, inner=2, models=["ridge"], n_boot=100)
    assert found.scores["x"]["ridge"]["rmse"].value < 1.5e-4


def test_kernel_is_that_of_support_vectors_with_their_own():
    x, y = linear(80, 4)
    model, grid = _property_models.candidate("svr", "regression", 0)
    assert set(grid) == {"regressor__kernel__gamma", "regressor__model__C"}
    model.set_params(regressor__kernel__gamma=0.2, regressor__model__C=3.0)
    found = model.fit(x[:60], y[:60]).predict(x[60:])
    a, b = x[:60].mean(0), x[:60].std(0)
    c, d = y[:60].mean(), y[:60].std()
    own = SVR(gamma=0.2 / 4, C=3.0, epsilon=0.1)
    own.random_state = 0  # or else it takes its seed from the global state
    own.fit((x[:60] - a) / b, (y[:60] - c) / d)
    assert found == pytest.approx(own.predict((x[60:] - a) / b) * d + c, abs=2e-3)  # libsvm stops at 1e-3


def classes(n=240, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 3))
    y = (x @ np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 1.0]]) + rng.standard_normal((n, 2)) > 0.5).astype(float)
    y[rng.random(n) < 0.3, 1] = np.nan
    return x, y


def test_areas_are_scikit_learns_of_the_measured_by_task():
    x, y = classes()
    folds = np.arange(240) % 4
    scores = evaluate_properties(
        {"x": x}, y, kind="classification", folds=folds, inner=3, models=["ridge", "forest"], n_boot=200
    )
    seen = ~np.isnan(y[:, 1])
    for model in ("ridge", "forest"):
        p = scores.predictions["x"][model]
        assert np.array_equal(np.isnan(p), np.isnan(y))
        for metric, area in (("roc_auc", roc_auc_score), ("pr_auc", average_precision_score)):
            want = (area(y[:, 0], p[:, 0]) + area(y[seen, 1], p[seen, 1])) / 2
            assert scores.scores["x"][model][metric].value == pytest.approx(want, abs=1e-12)
    # the same by hand for the first fold, with the penalty that was chosen
    chosen = scores.settings["x"]["ridge"]
    assert len(chosen) == 2 and len(chosen[1]) == 4
    train, test = seen & (folds != 0), seen & (folds == 0)
    a, b = x[train].mean(0), x[train].std(0)
    own = LogisticRegression(C=chosen[1][0]["C"], max_iter=2000).fit((x[train] - a) / b, y[train, 1])
    got = scores.predictions["x"]["ridge"][test, 1]
    assert got == pytest.approx(own.decision_function((x[test] - a) / b), abs=1e-4)
    assert scores.scores["mean"]["mean"]["roc_auc"].value == 0.5
    prevalence = (y[:, 0].mean() + y[seen, 1].mean()) / 2
    assert scores.scores["mean"]["mean"]["pr_auc"].value == pytest.approx(prevalence)
    assert scores.compare("x", "mean").difference.low > 0.2
    assert len(set(scores.chosen["x"])) == 1
    assert "ROC-AUC" in str(scores) and "PR-AUC" in str(scores)
    with pytest.raises(ParameterError, match="ratio of squared errors"):
        scores.modelability("x", reference="mean")


def test_weighted_areas_are_scikit_learns():
    rng = np.random.default_rng(0)
    y = (rng.random(60) < 0.4).astype(float)
    scores = np.round(y + rng.standard_normal(60), 1)  # with ties
    w = rng.multinomial(60, np.full(60, 1 / 60), 20).astype(float)
    roc, pr = _property_scores.weighted_areas(w, y, scores)
    assert roc == pytest.approx([roc_auc_score(y, scores, sample_weight=row) for row in w], abs=1e-12)
    assert pr == pytest.approx([average_precision_score(y, scores, sample_weight=row) for row in w], abs=1e-12)
    repeated = np.repeat(np.arange(60), w[0].astype(int))  # a weight is a number of copies
    assert roc[0] == pytest.approx(roc_auc_score(y[repeated], scores[repeated]), abs=1e-12)
    none = _property_scores.weighted_areas(np.stack([y, 1 - y]), y, scores)
    assert np.isnan(none).all()


def test_resamples_without_a_class_are_counted():
    y = np.zeros((40, 1))
    y[0] = 1.0
    scores = summary({"x": np.arange(40.0)[:, None]}, y, "classification", n_boot=400)
    (note,) = scores.notes
    lacking = int(note.split()[0])
    assert lacking == pytest.approx(400 * (1 - 1 / 40) ** 40, abs=30)  # 145 of 400, standard deviation 10
    assert np.isfinite(scores.scores["x"]["best"]["roc_auc"].low)
    assert np.isnan(scores.per_fold["x"]["best"][1:]).all()  # folds without a one
    assert scores.to_dict()["per_fold"]["x"]["best"][1] is None


def test_paired_interval_covers_and_is_shorter_for_pairs():
    # errors a = e + u, b = 1.2 (e + v) with variances 1.25 and 1.8: the true difference of mean squared errors is -0.55
    hits, runs = 0, 200
    ratios = 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        y, e, u, v = rng.standard_normal((4, 150))
        predicted = {"a": y + e + 0.5 * u, "b": y + 1.2 * (e + 0.5 * v)}
        scores = summary(predicted, y, "regression", level=0.9, n_boot=300, seed=seed)
        found = scores.compare("a", "b").difference
        hits += found.low <= -0.55 <= found.high
        ratio = scores.modelability("a", reference="b")
        ratios += ratio.low <= 1.44 <= ratio.high
    # 200 runs of a share of 0.9 have a standard deviation of 0.021
    assert hits / runs == pytest.approx(0.9, abs=0.05)
    assert ratios / runs == pytest.approx(0.9, abs=0.05)


def test_paired_interval_is_shorter_than_of_independent_resamples():
    rng = np.random.default_rng(0)
    e = 2 * rng.standard_normal(400)
    y = rng.standard_normal(400)
    scores = summary({"a": y + e, "b": y + e + 0.1 * rng.standard_normal(400)}, y, "regression")
    found = scores.compare("a", "b").difference
    mse = scores.scores["a"]["best"]["mse"]
    assert found.high - found.low < 0.3 * (mse.high - mse.low)
    # the closed form of the standard error of a mean of differences
    d = (scores.predictions["a"]["best"] - y) ** 2 - (scores.predictions["b"]["best"] - y) ** 2
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * d.std() / 20, rel=0.15)
    assert found.value == pytest.approx(d.mean())


def test_modelability_by_hand():
    y = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    scores = summary({"morgan": y + 2.0, "z": y - 1.0}, y, "regression", n_boot=100)
    found = scores.modelability("z")
    assert (found.value, found.low, found.high) == pytest.approx((4.0, 4.0, 4.0))
    assert str(scores.compare("z", "morgan", metric="rmse")).startswith("rmse of z less morgan: -1.000")


def test_answer_is_the_same_again_and_can_be_told():
    x, y = linear(45, 2)
    call = {"kind": "regression", "folds": np.arange(45) % 3, "inner": 2, "models": ["ridge", "forest"], "n_boot": 150}
    one, two = (evaluate_properties({"x": x}, y, **call) for _ in range(2))
    told = one.to_dict()
    assert told == two.to_dict() == json.loads(json.dumps(told))
    assert told != evaluate_properties({"x": x}, y, seed=1, **call).to_dict()
    assert (told["n"], told["outer"], told["inner"], told["n_boot"]) == (45, 3, 2, 150)
    assert told["scores"]["x"]["ridge"]["rmse"] == dataclasses.asdict(one.scores["x"]["ridge"]["rmse"])
    lines = str(one).splitlines()
    assert lines[0].split() == ["features", "model", "RMSE", "MAE", "R2"]
    assert [line.split()[:2] for line in lines[1:5]] == [
        ["mean", "mean"],
        ["x", "ridge"],
        ["x", "forest"],
        ["x", "best"],
    ]
    assert f"best ({', '.join(dict.fromkeys(one.chosen['x']))})" in lines[4]
    assert "45 molecules, 3 outer and 2 inner folds" in lines[5] and "95%" in lines[5]
    value = one.scores["x"]["ridge"]["rmse"]
    assert f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]" in lines[2]


def test_unfinished_fits_are_told_and_other_warnings_come_out(monkeypatch):
    x, y = classes(60)
    y = y[:, 0]
    call = {"kind": "classification", "folds": np.arange(60) % 3, "inner": 2, "models": ["ridge"], "n_boot": 100}

    def short(*_):
        return LogisticRegression(max_iter=1), {"C": (0.1, 1.0)}

    monkeypatch.setattr(properties, "candidate", short)
    (note,) = evaluate_properties({"x": x}, y, **call).notes
    assert note == "x, ridge: 15 of 15 fits stopped at their limit of iterations."

    class Loud(DummyRegressor):
        def fit(self, X, y):
            warnings.warn("something else", UserWarning, stacklevel=1)
            return super().fit(X, y)

    monkeypatch.setattr(properties, "candidate", lambda *_: (Loud(), {"strategy": ("mean", "median")}))
    with pytest.raises(UserWarning, match="something else"):
        evaluate_properties({"x": x}, x[:, 0], **{**call, "kind": "regression"})


X, Y = linear(30, 2)
GOOD = {"kind": "regression", "folds": np.arange(30) % 3, "inner": 2, "models": ["ridge"], "n_boot": 100}


@pytest.mark.parametrize(("folds", "inner"), [(3, 2), (4, 3), (5, 4), (6, 4)])
def test_inner_folds_are_four_or_as_many_as_there_can_be(folds, inner):
    numbers = np.arange(30) % folds
    found = evaluate_properties({"x": X}, Y, kind="regression", folds=numbers, models=["ridge"], n_boot=100)
    assert found.inner == inner


def spoilt(value):
    x = X.copy()
    x[[3, 7]] = value
    return x


@pytest.mark.parametrize(
    ("features", "y", "changes", "error", "match"),
    [
        ({"x": spoilt(np.nan)}, Y, {}, NonFiniteError, r"features\['x'\] hold NaN or infinity in 2 of 30 rows"),
        ({"x": spoilt(np.inf)}, Y, {}, NonFiniteError, "2 of 30"),
        ({"x": X[:29]}, Y, {}, ShapeError, r"\(30, D\).*\(29, 2\)"),
        ({"x": X[:, 0]}, Y, {}, ShapeError, r"\(30, D\).*\(30,\)"),
        ({"x": X[:, :0]}, Y, {}, ShapeError, r"\(30, D\)"),
        ({}, Y, {}, ParameterError, "at least one feature set"),
        ({"mean": X}, Y, {}, ParameterError, "'mean' is the name"),
        ({"x": X}, np.where(np.arange(30) < 3, np.nan, Y), {}, NonFiniteError, "`y` holds NaN or infinity in 3 of 30"),
        ({"x": X}, np.zeros(30), {}, ParameterError, "`y` is 0 for every molecule"),
        ({"x": X}, np.stack([Y, Y], 1), {}, ShapeError, "one at a time"),
        ({"x": X}, Y, {"kind": "classification"}, KindError, "must be 0 or 1"),
        ({"x": X}, Y, {"kind": "ranking"}, ParameterError, "`kind`.*'ranking'"),
        ({"x": X}, Y, {"models": ["tree"]}, ParameterError, "`models`.*'tree'"),
        ({"x": X}, Y, {"models": []}, ParameterError, "`models`"),
        ({"x": X}, Y, {"models": "ridge"}, ParameterError, "`models`"),
        ({"x": X}, Y, {"models": ["ridge", "ridge"]}, ParameterError, "each once"),
        ({"x": X}, Y, {"folds": np.arange(29) % 3}, ShapeError, "30 whole numbers"),
        ({"x": X}, Y, {"folds": np.arange(30) / 10}, ShapeError, "30 whole numbers.*float64"),
        ({"x": X}, Y, {"folds": np.arange(30) % 2}, ParameterError, "at least 3 different `folds`.*got 2"),
        ({"x": X}, Y, {"inner": 3}, ParameterError, "got 3 folds and inner=3"),
        ({"x": X}, Y, {"inner": 1}, ParameterError, "inner=1"),
        ({"x": X}, Y, {"level": 1.0}, ParameterError, "`level`"),
        ({"x": X}, Y, {"n_boot": 99}, ParameterError, "`n_boot`"),
        ({"x": X}, Y, {"seed": -1}, ParameterError, "`seed`"),
        (
            {"x": X},
            np.where(np.arange(30) == 0, 1.0, np.where(np.arange(30) == 1, np.nan, 0.0)),
            {"kind": "classification"},
            TooFewSamplesError,
            "task 0 has 1 ones and 28 zeros, and without outer fold 0",
        ),
    ],
)
def test_what_is_refused(features, y, changes, error, match):
    with pytest.raises(error, match=match):
        evaluate_properties(features, y, **{**GOOD, **changes})


def test_names_that_are_not_there():
    scores = summary({"a": Y, "b": Y + 1}, Y, "regression", n_boot=100)
    for call, match in (
        (lambda: scores.compare("a", "c"), "features a, b; got 'c'"),
        (lambda: scores.compare("a", "b", model="svr"), "`model`.*'svr'"),
        (lambda: scores.compare("a", "b", metric="auc"), "`metric`.*'auc'"),
        (lambda: scores.modelability("a"), "'morgan'"),
    ):
        with pytest.raises(ParameterError, match=match):
            call()


def test_ridge_of_many_counts_is_solved_in_double_precision():
    # columns far more than rows, nearly alike, in float32: scikit-learn warns of such systems, and warnings are errors
    rng = np.random.default_rng(0)
    x = np.repeat(rng.poisson(0.5, (120, 2)), 20_000, axis=1).astype(np.float32)
    y = x[:, 0] + rng.normal(0, 0.1, 120)
    found = evaluate_properties({"x": x}, y, kind="regression", folds=np.arange(120) % 4, inner=3, models=("ridge",))
    assert np.isfinite(found.scores["x"]["ridge"]["rmse"].value)
