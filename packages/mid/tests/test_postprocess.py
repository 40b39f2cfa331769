import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import is_classifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler

from infocore.errors import KindError, ParameterError
from mid import MIDLinearRegression
from mid.attacks.predictor import Predictor
from mid.defences.noisy import NoisyRelease
from mid.defences.postprocess import LabelOnly, Mixing, PostProcessed, Rounding, Temperature, TopK

KEEP_ARGMAX = [Rounding(1), TopK(2), TopK(1, rest="uniform"), LabelOnly(), Temperature(5.0), Mixing(0.6)]


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=400)
    x = np.eye(4)[y] + 0.7 * rng.standard_normal((400, 4))
    return x, np.array(list("abcd"))[y], LogisticRegression().fit(x, np.array(list("abcd"))[y])


@pytest.mark.parametrize(
    ("setting", "want"),
    [
        (Rounding(1), [0.6, 0.2, 0.1, 0.0]),
        (TopK(2), [0.62, 0.24, 0.0, 0.0]),
        (TopK(2, rest="uniform"), [0.62, 0.24, 0.07, 0.07]),
        (TopK(4, rest="uniform"), [0.62, 0.24, 0.1, 0.04]),
        (LabelOnly(), [1.0, 0.0, 0.0, 0.0]),
        (Mixing(0.5), [0.435, 0.245, 0.175, 0.145]),
        (Mixing(1.0), [0.25, 0.25, 0.25, 0.25]),
        (Temperature(1.0), [0.62, 0.24, 0.1, 0.04]),
        # squares .3844 .0576 .01 .0016, of .4536
        (Temperature(0.5), [0.8474, 0.1270, 0.0220, 0.0035]),
    ],
)
def test_by_hand(setting, want):
    p = np.array([[0.62, 0.24, 0.1, 0.04]])
    assert setting.apply(p)[0] == pytest.approx(want, abs=5e-5)
    assert p.tolist() == [[0.62, 0.24, 0.1, 0.04]]  # the model's own answer is left alone


@settings(max_examples=60, deadline=None)
@given(raw=arrays(float, (3, 5), elements=st.floats(0.001, 1.0)))
def test_settings_keep_the_argmax(raw):
    p = raw / raw.sum(1, keepdims=True)
    for setting in KEEP_ARGMAX:
        out = setting.apply(p)
        rows = np.arange(3)
        assert (out[rows, p.argmax(1)] >= out.max(1) - 1e-12).all()


@settings(max_examples=60, deadline=None)
@given(raw=arrays(float, (3, 4), elements=st.floats(0.01, 1.0)), t=st.floats(0.3, 5.0), w=st.floats(0.0, 0.9))
def test_temperature_and_mixing_are_one_to_one(raw, t, w):
    p = raw / raw.sum(1, keepdims=True)
    assert Temperature(1.0 / t).apply(Temperature(t).apply(p)) == pytest.approx(p, abs=1e-9)
    assert (Mixing(w).apply(p) - w / 4) / (1 - w) == pytest.approx(p, abs=1e-9)


def test_zero_stays_zero_under_temperature():
    assert Temperature(3.0).apply(np.array([[0.0, 1.0]])).tolist() == [[0.0, 1.0]]
    with pytest.raises(ParameterError, match="1 of 2 rows are 0 throughout"):
        Temperature(3.0).apply(np.array([[0.0, 0.0], [0.5, 0.5]]))


def test_equal_entries_are_cut_from_the_end():
    assert TopK(1).apply(np.array([[0.4, 0.4, 0.2]])).tolist() == [[0.4, 0.0, 0.0]]


@pytest.mark.parametrize("setting", KEEP_ARGMAX)
def test_label_does_not_change(fitted, setting):
    x, _, model = fitted
    wrapped = PostProcessed(model, setting)
    assert (wrapped.predict(x) == model.predict(x)).all()
    assert (wrapped.release(x, output="labels") == model.predict(x)).all()
    assert wrapped.predict_proba(x) == pytest.approx(setting.apply(model.predict_proba(x)), abs=0)
    assert (wrapped.release(x, output="probabilities") == wrapped.predict_proba(x)).all()
    assert (Predictor(wrapped).release(x, output="probabilities") == wrapped.predict_proba(x)).all()


def test_settings_apply_in_order(fitted):
    x, _, model = fitted
    p = model.predict_proba(x)
    wrapped = PostProcessed(model, Mixing(0.4), Rounding(1))
    assert (wrapped.predict_proba(x) == np.round(0.6 * p + 0.1, 1)).all()
    assert is_classifier(wrapped)
    assert (wrapped.classes_ == model.classes_).all()


def test_values_are_rounded():
    x = np.arange(5.0)[:, None]
    line = LinearRegression().fit(x, 12.34 * x[:, 0])
    assert PostProcessed(line, Rounding(-1)).predict([[1.0], [2.0]]).tolist() == [10.0, 20.0]
    assert PostProcessed(line, Rounding(1)).release([[1.0]], output="values").tolist() == [12.3]
    with pytest.raises(ParameterError, match="predict_proba: a regressor"):
        PostProcessed(line, Rounding(1)).predict_proba(x)


def test_noisy_answers_are_processed_before_they_are_averaged(fitted):
    x, _, model = fitted
    noisy = NoisyRelease(model, sigma=1.0).fit(x)
    wrapped = PostProcessed(noisy, LabelOnly())
    answers = wrapped.release(x, output="probabilities", queries=10, rng=0)
    assert set(np.unique((10 * answers).round(9))) <= set(np.arange(11.0))  # means of ten ones and zeros
    assert ((answers > 0) & (answers < 1)).any()
    labels = wrapped.release(x, output="labels", queries=15, rng=0)
    assert np.mean(labels == model.predict(x)) > np.mean(wrapped.release(x, output="labels", rng=0) == model.predict(x))
    mean = wrapped.release(x, output="probabilities", queries=10, access="mean")
    assert (mean == LabelOnly().apply(model.predict_proba(x))).all()
    line = MIDLinearRegression(0.5).fit(x, x[:, 0] * 3)
    rounded = PostProcessed(line, Rounding(0))
    assert (rounded.release(x, output="values", rng=4) % 1 == 0).all()
    assert (rounded.release(x, output="values", queries=7, rng=4) % 1 > 0).any()


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Rounding(1.5), "Rounding: `decimals`"),
        (lambda: Rounding(True), "Rounding: `decimals`"),
        (lambda: TopK(0), "TopK: `k`"),
        (lambda: TopK(1, rest="mean"), "TopK: `rest`"),
        (lambda: Temperature(0.0), "Temperature: `t`"),
        (lambda: Temperature(np.inf), "Temperature: `t`"),
        (lambda: Mixing(1.1), "Mixing: `weight`"),
        (lambda: TopK(3).apply(np.array([[0.5, 0.5]])), "at most the number of classes, 2"),
    ],
)
def test_settings_refuse(make, match):
    with pytest.raises(ParameterError, match=match):
        make()


def test_wrapper_refuses(fitted):
    x, _, model = fitted
    line = LinearRegression().fit(x, x[:, 0])
    with pytest.raises(KindError, match="StandardScaler"):
        PostProcessed(StandardScaler(), Rounding(1))
    with pytest.raises(ParameterError, match="got none"):
        PostProcessed(model)
    with pytest.raises(ParameterError, match="does not apply to the values"):
        PostProcessed(line, Mixing(0.1))
    with pytest.raises(ParameterError, match="would round all probabilities"):
        PostProcessed(model, Rounding(-1))
    with pytest.raises(ParameterError, match='"logits" would pass'):
        PostProcessed(model, Rounding(1)).release(x, output="logits")
    with pytest.raises(ParameterError, match="`queries`"):
        PostProcessed(model, Rounding(1)).release(x, output="labels", queries=0)
    with pytest.raises(ParameterError, match="'values' is not what"):
        PostProcessed(model, Rounding(1)).release(x, output="values")
