import numpy as np
import pandas as pd
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from infocore.errors import KindError, ParameterError, ShapeError
from mid import MIDLinearRegression
from mid.attacks.predictor import Predictor
from mid.defences.baselines import HeldConstant, drop_attribute, scale_attribute, shrink


def data(n=300, seed=0):
    rng = np.random.default_rng(seed)
    s = rng.integers(3, size=n)
    x = np.column_stack([np.eye(3)[s][:, 1:], rng.standard_normal((n, 2)) + 0.3 * s[:, None]])
    return x, x @ np.array([1.0, 2.0, 0.5, -1.0]) + 0.5 * rng.standard_normal(n)


def frame(n=200, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": rng.integers(20, 80, n),
            "genotype": rng.choice(["AA", "AG", "GG"], n, p=[0.2, 0.5, 0.3]),
            "weight": rng.standard_normal(n),
        }
    )
    return table, 0.1 * table["age"] + 2.0 * (table["genotype"] == "GG") + table["weight"]


def test_dropping_from_least_squares_is_leaving_the_columns_out():
    x, y = data()
    dropped = drop_attribute(LinearRegression(), x, y, [0, 1])
    want = LinearRegression().fit(x[:, 2:], y).predict(x[:, 2:])
    assert dropped.predict(x) == pytest.approx(want, abs=1e-9)
    assert is_regressor(dropped)
    assert (Predictor(dropped).release(x, output="values") == dropped.predict(x)).all()


@pytest.mark.parametrize("make", [RandomForestClassifier, LogisticRegression])
def test_the_attribute_cannot_matter(make):
    x, y = data()
    settings = {"n_estimators": 10, "random_state": 0} if make is RandomForestClassifier else {}
    label = np.where(y > np.median(y), "high", "low")
    dropped = drop_attribute(make(**settings), x, label, [0, 1])
    kept = make(**settings).fit(x, label)
    other = x.copy()
    other[:, :2] = np.random.default_rng(1).standard_normal((300, 2))
    assert (dropped.predict_proba(x) == dropped.predict_proba(other)).all()
    assert (dropped.predict(x) == dropped.predict(other)).all()
    assert (kept.predict_proba(x) != kept.predict_proba(other)).any()
    assert is_classifier(dropped)
    assert dropped.classes_.tolist() == ["high", "low"]


def test_joint_value_is_one_that_occurs():
    # of the columns alone the modes are 0 and 0, which is the third category and the rarest here
    x = np.zeros((9, 3))
    x[:4, 0] = x[4:8, 1] = 1.0
    x[:, 2] = np.arange(9.0)
    dropped = drop_attribute(LinearRegression(), x, x[:, 2], [0, 1])
    assert dropped.values in ((1.0, 0.0), (0.0, 1.0))
    # no value twice: the median
    assert drop_attribute(LinearRegression(), x, x[:, 0], 2).values == (4.0,)


def test_data_frames_and_pipelines():
    table, y = frame()
    encode = make_column_transformer((OneHotEncoder(), ["genotype"]), remainder="passthrough")
    dropped = drop_attribute(make_pipeline(encode, LinearRegression()), table, y, "genotype")
    assert dropped.values == ("AG",)
    swapped = table.assign(genotype="unseen")
    assert dropped.predict(swapped) == pytest.approx(dropped.predict(table), abs=0)
    assert (table["genotype"] != "AG").any()  # the caller's table is left alone
    # numbers: a median of floats in a column of integers
    line = LinearRegression().fit(table[["age"]], y)
    assert np.ptp(HeldConstant(line, (0,), (41.5,)).predict(table[["age"]])) == 0
    line = LinearRegression().fit(table[["age"]].to_numpy(), y)
    assert HeldConstant(line, (0,), (41.5,)).predict(np.array([[1], [2]])) == pytest.approx(line.predict([[41.5]] * 2))


def test_categories_that_the_new_table_lacks():
    table, y = frame()
    table["genotype"] = table["genotype"].astype("category")
    model = HistGradientBoostingRegressor(max_iter=5, random_state=0, categorical_features="from_dtype")
    dropped = drop_attribute(model, table, y, "genotype")
    few = table[table["genotype"] == "GG"].copy()
    few["genotype"] = few["genotype"].cat.remove_unused_categories()
    assert (dropped.predict(few) == dropped.predict(table)[table["genotype"] == "GG"]).all()


def test_short_text_is_not_cut():
    held = HeldConstant(None, (0,), ("long value",))
    from mid.defences.baselines import _held

    assert _held(np.array([["a"], ["b"]]), held.columns, held.values).tolist() == [["long value"]] * 2


@pytest.mark.parametrize("model", [LinearRegression(), Ridge(3.0), LinearRegression(fit_intercept=False)])
def test_scaled_attribute(model):
    x, y = data()
    full = model.fit(x, y)
    assert scale_attribute(model, x, y, [0, 1], 1.0).predict(x) == pytest.approx(full.predict(x), abs=0.02)
    half = scale_attribute(model, x, y, [0, 1], 0.5)
    assert half.coef_[:2] == pytest.approx(0.5 * full.coef_[:2], abs=1e-12)
    others = type(model)(**model.get_params()).fit(x[:, 2:], y - x[:, :2] @ half.coef_[:2])
    assert half.coef_[2:] == pytest.approx(others.coef_, abs=1e-9)
    assert half.intercept_ == pytest.approx(others.intercept_, abs=1e-9)
    none = scale_attribute(model, x, y, [0, 1], 0.0)
    assert (none.coef_[:2] == 0).all()


def test_trade_off_between_keeping_and_dropping_is_monotone():
    x, y = data()
    errors = [
        np.mean((y - scale_attribute(LinearRegression(), x, y, [0, 1], c).predict(x)) ** 2) for c in (1, 0.7, 0.4, 0)
    ]
    assert errors == sorted(errors)
    assert errors[-1] == pytest.approx(
        np.mean((y - drop_attribute(LinearRegression(), x, y, [0, 1]).predict(x)) ** 2), abs=1e-9
    )


@pytest.mark.parametrize("factor", [0.05, 0.5, 1.0])
def test_shrinkage_is_undone_by_a_linear_regression_on_the_answers(factor):
    x, y = data()
    line = LinearRegression().fit(x, y)
    shrunk = shrink(line, x, factor)
    answers = shrunk.predict(x)
    assert answers.mean() == pytest.approx(y.mean())
    assert np.std(answers) == pytest.approx(factor * np.std(line.predict(x)))
    back = LinearRegression().fit(answers[:, None], y).predict(answers[:, None])
    assert back == pytest.approx(line.predict(x), abs=1e-9)
    # and so the attribute is found as often: the attack is the distance to the answer for each value, recalibrated
    assert (Predictor(shrunk).release(x, output="values") == answers).all()
    assert is_regressor(shrunk)


def test_shrunk_noise():
    x, y = data()
    model = MIDLinearRegression(1.0).fit(x, y)
    shrunk = shrink(model, x, 0.5)
    want = shrunk.center + 0.5 * (model.release(x, rng=3) - shrunk.center)
    assert (shrunk.release(x, rng=3) == want).all()
    assert shrunk.center == pytest.approx(y.mean())


def test_refusals():
    x, y = data()
    line = LinearRegression().fit(x, y)
    with pytest.raises(ShapeError, match="drop_attribute: `X`"):
        drop_attribute(line, y, y, 0)
    with pytest.raises(ParameterError, match="drop_attribute: `sensitive` column 4 is not"):
        drop_attribute(line, x, y, 4)
    with pytest.raises(ParameterError, match="'race' is not there"):
        drop_attribute(line, frame()[0], y, "race")
    with pytest.raises(ParameterError, match="scale_attribute: `factor`"):
        scale_attribute(line, x, y, 0, 1.1)
    for model in (make_pipeline(StandardScaler(), LinearRegression()), MIDLinearRegression(0.1)):
        with pytest.raises(KindError, match="scale_attribute: `model`"):
            scale_attribute(model, x, y, 0, 0.5)
    with pytest.raises(KindError, match=r"scale_attribute: `model`.*LogisticRegression"):
        scale_attribute(LogisticRegression(), x, y > 0, 0, 0.5)
    with pytest.raises(KindError, match="shrink: `model`"):
        shrink(LogisticRegression().fit(x, y > 0), x, 0.5)
    with pytest.raises(ParameterError, match="shrink: `factor`"):
        shrink(line, x, -0.5)
    with pytest.raises(ParameterError, match=r"Shrunk.release: `queries`"):
        shrink(line, x, 0.5).release(x, queries=0)
