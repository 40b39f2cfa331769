"""`MMIClassifier`: scikit-learn's contract, the law it is asked about, and what its certificate says."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from gtheory.learning import MMIClassifier, mmi_classifier, mmi_partition
from infocore.errors import (
    InvalidDistributionError,
    ParameterError,
    TooFewSamplesError,
)

from .partition_laws import FIVE, Z, bits


@parametrize_with_checks(
    [MMIClassifier(), MMIClassifier(posterior=DecisionTreeClassifier(max_depth=2, random_state=0))]
)
def test_scikit_learn_contract(estimator, check):
    state = np.random.get_state()  # noqa: NPY002 - scikit-learn's own checks shuffle with numpy's global stream
    try:
        check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002


def medical(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(n) < 0.2, "ill", "healthy")
    return np.where(y == "ill", rng.normal(70, 10, n), rng.normal(30, 15, n))[:, None], y


class Exact(LogisticRegression):
    """P(x|z) of the 2x2 test from its formula."""

    def predict_proba(self, X):
        joint = np.exp(-0.5 * ((X - [30, 70]) / [15, 10]) ** 2) / [15, 10] * [0.8, 0.2]
        return joint / joint.sum(1, keepdims=True)


def test_on_the_medical_test_it_cuts_where_the_information_is():
    x, y = medical()
    exact = Exact().fit(x, y)
    model = MMIClassifier(posterior=FrozenEstimator(exact)).fit(x, y)
    z = np.arange(1.0, 101.0)[:, None]
    predicted = model.predict(z)
    cut = int(np.argmax(predicted == "ill"))  # the last z that is healthy
    assert (predicted[cut:] == "ill").all()
    # 20 samples of 2000: 54 in each, as of the law (between whole numbers 54.50, s.d. 0.19); the most probable class
    # changes at 57.8
    assert abs(cut - 54) <= 1
    assert model.certificate_.kind == "global"
    assert model.certificate_.gap == pytest.approx(0.0, abs=1e-9)
    # the information that labels and true classes share in the sample; 20 samples: difference -0.006 (s.d. 0.017)
    assert mutual_info_score(y, model.predict(x)) / np.log(2) == pytest.approx(model.information_, abs=0.06)
    assert model.classes_.tolist() == ["healthy", "ill"]
    assert ((model.decision_function(x) > 0) == (model.predict(x) == "ill")).all()


def test_labels_beyond_the_classes_carry_more():
    x, y = load_iris(return_X_y=True)
    as_classes = MMIClassifier().fit(x, y)
    assert as_classes.score(x, y) > 0.95
    assert as_classes.labels_.tolist() != [] and set(as_classes.labels_) == {0, 1, 2}
    finer = MMIClassifier(n_labels=5).fit(x, y)
    assert finer.labels_.tolist() == [0, 1, 2, 3, 4]
    assert set(finer.predict(x)) == {0, 1, 2, 3, 4}
    assert as_classes.information_ < finer.information_ < finer.partition_.ceiling
    assert finer.certificate_.kind == "ceiling"
    assert finer.certificate_.gap == pytest.approx(finer.partition_.ceiling - finer.information_)
    assert finer.decision_function(x).shape == (150, 5)
    assert finer.history_[-1] == finer.information_


def test_what_is_stated_is_what_the_predicted_labels_have():
    x, y = load_iris(return_X_y=True)
    model = MMIClassifier(n_labels=4).fit(x, y)
    post = model.posterior_.predict_proba(x)
    assert model.information_ == pytest.approx(bits(post, np.full(150, 1 / 150), model.predict(x)), abs=1e-9)
    # the mean over rows of what the label that each gets says of it
    assert model.information_ == pytest.approx(model.decision_function(x).max(1).mean(), abs=1e-9)


def ends_and_middle():
    x = np.arange(9.0)[:, None]
    return x, np.array(["a", "a", "a", "b", "c", "b", "a", "a", "a"])


def test_a_partition_that_is_no_intervals_can_beat_the_best_intervals():
    x, y = ends_and_middle()
    tree = DecisionTreeClassifier(max_leaf_nodes=3, random_state=0)
    model = MMIClassifier(n_labels=2, posterior=tree).fit(x, y)
    assert model.certificate_.kind == "intervals"
    assert model.certificate_.gap < -0.1
    assert model.information_ == pytest.approx(0.918296, abs=1e-6)  # h(1/3): the ends against the middle
    assert len(set(model.predict(x)[[0, 1, 2, 6, 7, 8]])) == 1


def test_two_classes_are_ordered_by_posterior_not_by_the_column():
    x, y = ends_and_middle()
    y = np.where(y == "a", "a", "b")
    model = MMIClassifier(posterior=DecisionTreeClassifier(random_state=0)).fit(x, y)
    assert model.certificate_.kind == "global"
    assert model.certificate_.value == pytest.approx(0.918296, abs=1e-6)
    assert model.certificate_.gap == pytest.approx(0.0, abs=1e-12)
    assert model.certificate_.unit == "bits"


def test_rows_that_the_posterior_does_not_tell_apart_are_one():
    x, y = load_iris(return_X_y=True)
    tree = DecisionTreeClassifier(max_leaf_nodes=4, random_state=0)
    model = MMIClassifier(posterior=tree).fit(x, y)
    assert len(model.partition_.labels) == len(np.unique(model.posterior_.predict_proba(x), axis=0)) == 4


def test_dynamic_programming_takes_over_where_starts_failed(monkeypatch):
    z, (posterior, weights) = Z[:, None].astype(float), FIVE
    law = FrozenEstimator(Table().fit(z, np.arange(100) % 5))
    alone = mmi_partition(posterior, weights, 5, n_init=1, rng=np.random.default_rng(0))
    assert alone.information < 1.4
    y = np.arange(100) % 5
    model = MMIClassifier(posterior=law, n_init=1).fit(z, y, sample_weight=weights)
    assert model.information_ == pytest.approx(1.4651335, abs=1e-6)
    assert model.partition_.restarts[0] == pytest.approx(alone.information)
    assert len(model.partition_.restarts) == 2
    assert model.certificate_.gap == pytest.approx(0.0, abs=1e-9)
    monkeypatch.setattr(mmi_classifier, "_DP_ROWS", 50)
    assert MMIClassifier(posterior=law, n_init=1).fit(z, y, sample_weight=weights).certificate_.kind == "ceiling"


class Table(LogisticRegression):
    """P(x|z) of the five classes."""

    def predict_proba(self, X):
        return FIVE[0][X[:, 0].astype(int) - 1]


def test_data_frames_and_weights():
    x, y = load_iris(return_X_y=True, as_frame=True)
    model = MMIClassifier().fit(x, y)
    assert model.feature_names_in_.tolist() == x.columns.tolist()
    assert (model.predict(x) == MMIClassifier().fit(x.to_numpy(), y.to_numpy()).predict(x.to_numpy())).all()
    weights = np.random.default_rng(0).integers(0, 3, 150)
    keep = np.repeat(np.arange(150), weights)
    # the posterior's own tolerance is 1e-4
    solver = LogisticRegression(tol=1e-10, max_iter=1000)
    a = MMIClassifier(posterior=solver).fit(x, y, sample_weight=pd.Series(weights))
    b = MMIClassifier(posterior=solver).fit(x.iloc[keep], y.iloc[keep])
    assert a.information_ == pytest.approx(b.information_, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x, y: MMIClassifier(n_labels=0).fit(x, y), ParameterError, "`n_labels` must be at least 1; got 0"),
        (lambda x, y: MMIClassifier(n_init=0).fit(x, y), ParameterError, "`n_init` must be at least 1; got 0"),
        (lambda x, y: MMIClassifier(n_labels=10).fit(x, y), TooFewSamplesError, "tells apart, 9; got 10"),
        (lambda x, y: MMIClassifier(posterior=LinearSVC()).fit(x, y), ParameterError, "LinearSVC has none.*Calibrated"),
        (
            lambda x, y: MMIClassifier(posterior=KNeighborsClassifier()).fit(x, y, np.ones(9)),
            ParameterError,
            "KNeighborsClassifier, takes none",
        ),
        (lambda x, y: MMIClassifier().fit(x, y, -np.ones(9)), InvalidDistributionError, "must not be negative"),
    ],
)
def test_settings_that_cannot_be_used(call, error, message):
    with pytest.raises(error, match=message):
        call(*ends_and_middle())


def test_the_wrapper_that_the_message_names_works():
    x, y = load_iris(return_X_y=True)
    assert (
        MMIClassifier(posterior=CalibratedClassifierCV(LinearSVC(dual=False, random_state=0))).fit(x, y).score(x, y)
        > 0.9
    )
