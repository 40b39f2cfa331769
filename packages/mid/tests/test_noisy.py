import copy
import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import softmax
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from infocore.errors import KindError, NonFiniteError, ParameterError, TooFewSamplesError
from mid import MIDLinearRegression, information
from mid.attacks.predictor import Predictor
from mid.defences.noisy import NoisyRelease


def regression(n=600, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 2)) * [1.0, 0.2] + rng.choice([-2.0, 2.0], n)[:, None] * [1.0, 0.0]
    return x, x @ [1.0, 1.0] + 0.3 * rng.standard_normal(n)


def classes(k, n=600, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    return np.eye(k)[y] * 1.5 + rng.standard_normal((n, k)), np.array(list("abcdef"))[y]


@pytest.mark.parametrize("nats", [1e-3, 0.1, 1.0, 3.0])
def test_calibrated_regressor(nats):
    x, y = regression()
    line = LinearRegression().fit(x, y)
    noisy = NoisyRelease(line, information=nats).fit(x)
    assert noisy.information_ == pytest.approx(nats, rel=1e-8)
    assert noisy.information_ == information.exact(line.predict(x), noisy.release_std_)
    assert noisy.information_is_exact_
    low, high = noisy.information_bounds_
    assert low <= noisy.information_ <= high + 1e-9
    # by another way: the definition on a grid of its own
    z = np.linspace(-40, 40, 20_001) * max(1.0, noisy.release_std_)
    mu, s = line.predict(x), noisy.release_std_
    if nats == 1.0:
        p = sum(stats.norm.pdf(z, m, s) for m in mu) / len(mu)
        h = -np.sum(np.where(p > 0, p * np.log(np.maximum(p, 1e-300)), 0.0)) * (z[1] - z[0])
        assert h - 0.5 * math.log(2 * math.pi * math.e * s**2) == pytest.approx(1.0, abs=1e-6)


def test_given_sigma_is_reported():
    x, y = regression()
    line = LinearRegression().fit(x, y)
    noisy = NoisyRelease(line, sigma=0.5).fit(x)
    assert (noisy.release_std_, noisy.information_) == (0.5, information.exact(line.predict(x), 0.5))
    want = (
        information.bhattacharyya_lower(line.predict(x), 0.5),
        min(information.kl_upper(line.predict(x), 0.5), information.gaussian(line.predict(x), 0.5)),
    )
    assert noisy.information_bounds_ == pytest.approx(want, abs=1e-9)


def test_calibrated_classifier_bound():
    x, y = classes(4)
    model = LogisticRegression().fit(x, y)
    noisy = NoisyRelease(model, information=0.7).fit(x)
    scores = noisy.release_mean(x)
    assert scores.shape == (600, 4)
    assert scores.sum(1) == pytest.approx(0.0, abs=1e-9)
    assert softmax(scores, axis=1) == pytest.approx(model.predict_proba(x), abs=1e-9)
    covariance = np.cov(scores.T, bias=True)
    log_det = 0.5 * np.linalg.slogdet(np.eye(4) + covariance / noisy.release_std_**2)[1]
    assert log_det == pytest.approx(0.7, abs=1e-8)
    assert noisy.information_ == pytest.approx(0.7, abs=1e-8)
    assert not noisy.information_is_exact_
    low, high = noisy.information_bounds_
    assert 0 < low < high <= 0.7 + 1e-8


def test_bounds_of_a_vector_enclose_a_monte_carlo_estimate():
    x, y = classes(3, n=300)
    noisy = NoisyRelease(LogisticRegression().fit(x, y), sigma=1.0).fit(x)
    scores = noisy.release_mean(x)
    rng = np.random.default_rng(1)
    i = rng.integers(300, size=6_000)
    z = scores[i] + rng.standard_normal((6_000, 3))
    log_p = stats.norm.logpdf(z[:, None, :], scores[None, :, :]).sum(2)
    terms = log_p[np.arange(6_000), i] - np.logaddexp.reduce(log_p, axis=1) + math.log(300)
    spread = terms.std() / math.sqrt(6_000)
    low, high = noisy.information_bounds_
    assert low - 4 * spread <= terms.mean() <= high + 4 * spread
    assert low < high


def test_two_classes_have_one_number():
    x, y = classes(2)
    model = LogisticRegression().fit(x, y)
    noisy = NoisyRelease(model, information=0.4).fit(x)
    assert noisy.information_is_exact_
    assert noisy.information_ == pytest.approx(0.4, abs=1e-8)
    # half the log-odds in each class with opposite signs: along the diagonal that is log-odds / sqrt 2
    odds = model.decision_function(x)
    assert information.exact(odds / math.sqrt(2), noisy.release_std_) == pytest.approx(0.4, abs=1e-8)


def test_answers_are_noisy_and_repeat_after_fit():
    x, y = regression()
    noisy = NoisyRelease(LinearRegression().fit(x, y), sigma=0.5, random_state=3).fit(x)
    mean = noisy.release_mean(x)[:, 0]
    first, second = noisy.predict(x), noisy.predict(x)
    # 600 draws: the standard error of their spread is 3 %
    assert np.std(first - second) == pytest.approx(0.5 * math.sqrt(2), rel=0.12)
    assert (noisy.fit(x).predict(x) == first).all()
    assert np.std(noisy.release(x, output="values", queries=100, rng=0) - mean) == pytest.approx(0.05, rel=0.12)
    assert (noisy.release(x, output="values", access="mean") == mean).all()
    assert (Predictor(noisy).release(x, output="values", rng=5) == noisy.release(x, output="values", rng=5)).all()
    assert (
        clone(noisy.set_params(release_as="mean", model=FrozenEstimator(noisy.model))).fit(x).predict(x) == mean
    ).all()


def test_answers_of_a_classifier():
    x, y = classes(3)
    model = LogisticRegression().fit(x, y)
    noisy = NoisyRelease(model, sigma=0.8).fit(x)
    logits = noisy.release(x, output="logits", rng=1)
    draw = noisy.release_mean(x) + 0.8 * np.random.default_rng(1).standard_normal((600, 3))
    assert logits == pytest.approx(draw - draw.mean(1, keepdims=True), abs=1e-12)
    assert noisy.release(x, output="probabilities", rng=1) == pytest.approx(softmax(draw, axis=1), abs=1e-12)
    assert (noisy.release(x, output="labels", rng=1) == noisy.classes_[draw.argmax(1)]).all()
    assert noisy.predict_proba(x).sum(1) == pytest.approx(1.0)
    # many answers come back to the model's own label, but for near ties
    many = noisy.release(x, output="labels", queries=200, rng=2)
    assert np.mean(many == model.predict(x)) > 0.95 > np.mean(noisy.predict(x) == model.predict(x))
    mean = noisy.release(x, output="probabilities", queries=50, rng=2)
    assert np.abs(mean - noisy.release(x, output="probabilities", rng=2)).max() > 0.05
    assert noisy.release(x, output="probabilities", access="mean") == pytest.approx(model.predict_proba(x), abs=1e-9)
    assert (noisy.release(x, output="labels", access="mean") == model.predict(x)).all()
    assert noisy.score(x, y) < model.score(x, y)


def test_queries_leak_as_much_as_less_noise():
    x, y = regression()
    noisy = NoisyRelease(LinearRegression().fit(x, y), sigma=2.0).fit(x)
    assert noisy.leakage(x) == noisy.information_
    assert noisy.leakage(x, queries=4) == NoisyRelease(noisy.model, sigma=1.0).fit(x).information_
    assert noisy.leakage(x) < noisy.leakage(x, queries=4) <= 4 * noisy.leakage(x)
    with pytest.raises(ParameterError, match="leakage: `queries`"):
        noisy.leakage(x, queries=0)


def test_style_of_a_meta_estimator():
    x, y = classes(3)
    noisy = NoisyRelease(FrozenEstimator(LogisticRegression().fit(x, y)), sigma=0.1)
    with pytest.raises(NotFittedError):
        noisy.predict(x)
    assert is_classifier(noisy)
    again = clone(noisy).fit(x, y)
    assert again.get_params()["sigma"] == 0.1
    assert (copy.deepcopy(again).release(x, output="labels", rng=0) == again.release(x, output="labels", rng=0)).all()
    assert again.__sklearn_tags__().non_deterministic
    with pytest.raises(NotFittedError):
        NoisyRelease(LogisticRegression(), sigma=0.1).fit(x)
    line = NoisyRelease(make_pipeline(StandardScaler(), LinearRegression()).fit(x, x[:, 0]), sigma=0.1).fit(x)
    assert is_regressor(line)
    assert not hasattr(line, "predict_proba")
    assert line.score(x, x[:, 0]) == pytest.approx(0.99, abs=0.01)


def test_noise_of_the_model_itself_is_replaced():
    x, y = regression()
    inner = MIDLinearRegression(0.5).fit(x, y)
    noisy = NoisyRelease(inner, sigma=0.5).fit(x)
    assert (noisy.release_mean(x) == inner.release_mean(x)).all()


def test_probabilities_of_zero():
    x, y = classes(3)
    forest = RandomForestClassifier(5, random_state=0).fit(x, y)
    assert (forest.predict_proba(x) == 0).any()
    noisy = NoisyRelease(forest, information=0.5).fit(x)
    assert np.isfinite(noisy.release_mean(x)).all()
    assert noisy.information_ == pytest.approx(0.5, abs=1e-8)


def test_many_rows_thin_the_pairwise_bounds():
    x, y = regression(4_500)
    noisy = NoisyRelease(LinearRegression().fit(x, y), sigma=0.5).fit(x)
    low, high = noisy.information_bounds_
    assert low <= noisy.information_ <= high
    assert low == pytest.approx(information.bhattacharyya_lower(noisy.release_mean(x)[:, 0], 0.5), abs=1e-3)


class Broken(LinearRegression):
    def predict(self, X):
        return np.full(len(X), np.nan)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({}, "exactly one of `sigma` and `information`"),
        ({"sigma": 1.0, "information": 1.0}, "exactly one"),
        ({"sigma": 0.0}, "`sigma` must be positive"),
        ({"information": math.inf}, "`information` must be positive"),
        ({"information": 7.0}, "more than these rows carry"),
        ({"sigma": 1.0, "release_as": "labels"}, "`release_as`"),
        ({"sigma": 1.0, "floor": 0.0}, "`floor`"),
    ],
)
def test_refusals(settings, match):
    x, y = regression(60)
    with pytest.raises(ParameterError, match=match):
        NoisyRelease(LinearRegression().fit(x, y), **settings).fit(x)


def test_other_refusals():
    x, y = regression()
    line = LinearRegression().fit(x, y)
    with pytest.raises(ParameterError, match="same score"):
        NoisyRelease(line, information=0.1).fit(np.ones((5, 2)))
    with pytest.raises(TooFewSamplesError, match="at least two rows"):
        NoisyRelease(line, sigma=0.1).fit(x[:1])
    with pytest.raises(KindError, match="StandardScaler"):
        NoisyRelease(StandardScaler().fit(x), sigma=0.1).fit(x)
    with pytest.raises(NonFiniteError, match="600 of 600"):
        NoisyRelease(Broken().fit(x, y), sigma=0.1).fit(x)
    noisy = NoisyRelease(line, sigma=0.1).fit(x)
    with pytest.raises(ParameterError, match="'labels' is not what a LinearRegression"):
        noisy.release(x, output="labels")
    with pytest.raises(ParameterError, match=r"NoisyRelease.release: `queries`"):
        noisy.release(x, output="values", queries=0)
