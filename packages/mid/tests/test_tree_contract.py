"""What scikit-learn expects of estimators, settings that are refused, and what is left in a fitted tree."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from infocore.errors import NonFiniteError, ParameterError, ShapeError
from mid.attacks import Predictor
from mid.defences.dp_tree import DPDecisionTreeClassifier
from mid.defences.tree import (
    InformationPruning,
    LabelEntropy,
    LeafPruning,
    LeafSmoothing,
    LearnedSmoothing,
    MIDDecisionTreeClassifier,
    MIDDecisionTreeRegressor,
    Priority,
    SensitivePenalty,
)


@parametrize_with_checks(
    [
        MIDDecisionTreeClassifier(),
        MIDDecisionTreeClassifier(SensitivePenalty(0.1), criterion="gini", sensitive_features=[0]),
        MIDDecisionTreeClassifier(LabelEntropy(0.01), release_as="label"),
        MIDDecisionTreeClassifier(LearnedSmoothing(0.1), release_as="sample", random_state=1),
        MIDDecisionTreeClassifier(InformationPruning(0.01), max_bins=8),
        MIDDecisionTreeRegressor(),
        MIDDecisionTreeRegressor(SensitivePenalty(0.1), sigma=0.1, sensitive_features=[0]),
        MIDDecisionTreeRegressor(LeafPruning(0.001)),
        DPDecisionTreeClassifier(1.0, (-3.0, 3.0), max_depth=2, random_state=0),
        DPDecisionTreeClassifier(1.0, (-3.0, 3.0), max_depth=2, candidates=3),
    ]
)
def test_scikit_learn_contract(estimator, check):
    state = np.random.get_state()  # noqa: NPY002 - scikit-learn's own checks shuffle with numpy's global stream
    try:
        check(estimator)
    finally:
        np.random.set_state(state)  # noqa: NPY002


def data(n=300, seed=0):
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.integers(0, 2, n), rng.integers(0, 5, n), rng.standard_normal(n)]).astype(float)
    return x, (x[:, 0] + x[:, 1] + x[:, 2] > 2.5).astype(int) + (x[:, 2] > 1)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"criterion": "error"}, "`criterion` must be one of"),
        ({"defence": "sensitive"}, "`defence` must be None or one of SensitivePenalty"),
        ({"defence": SensitivePenalty(0.1)}, "`sensitive_features` must name the columns"),
        ({"defence": Priority(None)}, "`sensitive_features` must name the columns"),
        ({"max_depth": 0}, "`max_depth` must be at least 1"),
        ({"min_samples_leaf": 0}, "`min_samples_leaf` must be at least 1"),
        ({"max_bins": 1}, "`max_bins` must be at least 2"),
        ({"sensitive_features": ["age"]}, "`sensitive_features` names 'age'.*without names"),
        ({"sensitive_features": [3]}, "`sensitive_features` must hold .* from 0 to 2; got 3"),
        ({"categorical_features": [-1]}, "`categorical_features` must hold .* from 0 to 2; got -1"),
        ({"sensitive_features": []}, "`sensitive_features` is empty"),
        ({"categorical_features": [2]}, "column 2 of `categorical_features` holds 300 different values"),
        ({"sensitive_features": [0, 1, 2], "max_bins": 300}, None),
    ],
)
@pytest.mark.parametrize("kind", [MIDDecisionTreeClassifier, MIDDecisionTreeRegressor])
def test_refusals_of_both_trees(kind, settings, match):
    x, y = data()
    if match is None:
        assert kind(**settings).fit(x, y).n_leaves_ > 1
        return
    with pytest.raises(ParameterError, match=f"{kind.__name__}.*{match}"):
        kind(**settings).fit(x, y)


def test_an_attribute_of_too_many_values_is_refused():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, 2))
    with pytest.raises(ParameterError, match=r"`sensitive_features` together take \d+ values, more than 1000"):
        MIDDecisionTreeClassifier(sensitive_features=[0, 1]).fit(x, x[:, 0] > 0)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"release_as": "logits"}, "`release_as` must be 'proba', 'label' or 'sample'"),
        ({"defence": LabelEntropy(0.1)}, "`release_as` must be 'label' with LabelEntropy"),
    ],
)
def test_refusals_of_the_classifier(settings, match):
    with pytest.raises(ParameterError, match=match):
        MIDDecisionTreeClassifier(**settings).fit(*data())


@pytest.mark.parametrize("sigma", [-1.0, math.inf, math.nan])
def test_refusals_of_the_regressor(sigma):
    with pytest.raises(ParameterError, match="`sigma` must be finite and not negative"):
        MIDDecisionTreeRegressor(sigma=sigma).fit(*data())
    with pytest.raises(ParameterError, match="`defence` must be None"):
        MIDDecisionTreeRegressor(LabelEntropy(0.1)).fit(*data())


@pytest.mark.parametrize(
    ("weight", "error", "match"),
    [
        (np.ones((300, 2)), ShapeError, r"shape \(300,\)"),
        (np.full(300, np.nan), NonFiniteError, "300 of 300"),
        (-np.ones(300), ParameterError, "must not be negative"),
        (np.zeros(300), ParameterError, "nor zero in every row"),
    ],
)
def test_refusals_of_weights(weight, error, match):
    for model in (MIDDecisionTreeClassifier(), MIDDecisionTreeRegressor()):
        with pytest.raises(error, match=f"`sample_weight`.*{match}"):
            model.fit(*data(), sample_weight=weight)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: SensitivePenalty(-0.1), "SensitivePenalty: `lam`"),
        (lambda: InformationPruning(math.nan), "InformationPruning: `lam`"),
        (lambda: InformationPruning(0.1, "entropy"), "`risk`"),  # type: ignore[arg-type]
        (lambda: LeafPruning(math.inf), "LeafPruning: `lam`"),
        (lambda: LabelEntropy(-1), "LabelEntropy: `lam`"),
        (lambda: LearnedSmoothing(-1), "LearnedSmoothing: `lam`"),
        (lambda: LeafSmoothing(1.1), "LeafSmoothing: `a`"),
        (lambda: LeafSmoothing(math.nan), "LeafSmoothing: `a`"),
        (lambda: Priority(-1), "Priority: `depth`"),
    ],
)
def test_refusals_of_settings(make, match):
    with pytest.raises(ParameterError, match=match):
        make()


def test_a_setting_that_does_not_apply_is_a_type_error():
    with pytest.raises(TypeError):
        SensitivePenalty(0.1, risk="gini")  # type: ignore[call-arg]


def test_release_refuses_what_it_does_not_show():
    x, y = data()
    tree = MIDDecisionTreeClassifier(release_as="label").fit(x, y)
    assert not hasattr(tree, "predict_proba")
    with pytest.raises(ParameterError, match=r"`output` 'probabilities'.*Ask for labels\."):
        tree.release(x, output="probabilities")
    with pytest.raises(ParameterError, match=r"`output` 'values'.*Ask for labels or probabilities\."):
        MIDDecisionTreeClassifier().fit(x, y).release(x, output="values")
    with pytest.raises(ParameterError, match="`queries`"):
        tree.release(x, output="labels", queries=0)
    with pytest.raises(ParameterError, match="`output` must be 'values'"):
        MIDDecisionTreeRegressor().fit(x, y).release(x, output="labels")
    with pytest.raises(ParameterError, match="needs `sensitive_features`"):
        tree.conditional_leaf_information(x)


def test_settings_clone_and_take_part_in_a_search():
    x, y = data()
    model = MIDDecisionTreeClassifier(SensitivePenalty(0.5), sensitive_features=[0])
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(defence=LeafSmoothing(0.1)).defence == LeafSmoothing(0.1)
    search = GridSearchCV(model, {"defence": [None, SensitivePenalty(0.1), SensitivePenalty(9.0)]}, cv=3).fit(x, y)
    assert search.best_params_["defence"] is None


def test_data_frames_by_name():
    x, y = data()
    frame = pd.DataFrame(x, columns=["sex", "group", "score"])
    named = MIDDecisionTreeClassifier(
        SensitivePenalty(0.2), sensitive_features="sex", categorical_features=["group"]
    ).fit(frame, y)
    numbered = MIDDecisionTreeClassifier(SensitivePenalty(0.2), sensitive_features=0, categorical_features=[1]).fit(
        x, y
    )
    assert (named.predict_proba(frame) == numbered.predict_proba(x)).all()
    with pytest.raises(ParameterError, match=r"'age'.*'sex', 'group', 'score'"):
        clone(named).set_params(sensitive_features=["age"]).fit(frame, y)


def test_a_fitted_tree_holds_no_training_rows_and_no_counts_of_the_attribute():
    x, y = data(3000)
    tree = MIDDecisionTreeClassifier(sensitive_features=[0], max_depth=3).fit(x, y)
    assert len(pickle.dumps(tree)) < 20_000  # 3 000 rows of three numbers are 72 000 bytes
    assert tree._tree.joint.size == 0
    again = pickle.loads(pickle.dumps(tree))  # noqa: S301 - our own bytes
    assert (again.predict_proba(x) == tree.predict_proba(x)).all()


def test_drawn_labels():
    x, y = data(2000)
    tree = MIDDecisionTreeClassifier(max_depth=2, release_as="sample").fit(x, y)
    first, second = tree.predict(x), tree.predict(x)
    assert (first != second).any()
    assert (tree.fit(x, y).predict(x) == first).all()
    once = tree.release(x, output="probabilities", rng=0)
    assert set(np.unique(once)) == {0.0, 1.0}
    # frequencies of 10 000 draws: standard error at most 0.005
    often = tree.release(x[:50], output="probabilities", queries=10_000, rng=0)
    assert np.abs(often - tree.leaf_distributions_[tree.apply(x[:50])]).max() < 0.025
    sharp = tree.release(x, output="labels", access="mean", rng=0)
    assert (sharp == tree.leaf_labels_[tree.apply(x)]).all()
    assert (tree.release(x, output="probabilities", access="mean") == tree.leaf_distributions_[tree.apply(x)]).all()
    assert (Predictor(tree).release(x, output="labels", rng=3) == tree.release(x, output="labels", rng=3)).all()


def test_noisy_values():
    x, y = data(2000)
    tree = MIDDecisionTreeRegressor(sigma=0.5, max_depth=3).fit(x, y)
    mean = tree.release(x, access="mean")
    # 2 000 draws: standard error of the s.d. is 1.6 %
    assert np.std(tree.predict(x) - mean) == pytest.approx(0.5, rel=0.08)
    assert np.std(tree.release(x, queries=25, rng=1) - mean) == pytest.approx(0.1, rel=0.08)
    assert (tree.predict(x) != tree.predict(x)).all()
