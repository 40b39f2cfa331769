"""A fitted predictor as the target of an attack."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier

from infocore.errors import ParameterError
from mid import MIDLinearRegression
from mid.attacks import Predictor
from mid.attacks.predictor import most_frequent


def test_predictor_answers_as_scikit_learn_does_and_refuses_the_rest():
    X = np.array([[0.0], [1.0], [2.0]])
    tree = DecisionTreeClassifier(random_state=0).fit(X, [0, 1, 1])
    target = Predictor(tree)
    assert target.release(X, output="labels").tolist() == [0, 1, 1]
    assert target.release(X, output="probabilities").tolist() == tree.predict_proba(X).tolist()
    with pytest.raises(ParameterError, match="`output` 'values' is not what a DecisionTreeClassifier answers with"):
        target.release(X, output="values")
    with pytest.raises(ParameterError, match="`output` must be one of"):
        target.release(X, output="words")
    with pytest.raises(ParameterError, match="`access` must be one of"):
        target.release(X, output="labels", access="all")
    with pytest.raises(ParameterError, match="`queries` must be at least 1"):
        target.release(X, output="labels", queries=0)
    assert most_frequent([np.array(["b", "a"]), np.array(["a", "a"]), np.array(["b", "c"])]).tolist() == ["b", "a"]


def test_predictor_averages_a_noisy_model_that_does_not_say_so():
    class Shaky(LinearRegression):
        def predict(self, X):
            self.calls = getattr(self, "calls", 0) + 1
            return super().predict(X) + self.calls

    model = Shaky().fit([[0.0], [1.0]], [0.0, 1.0])
    assert Predictor(model).release([[0.0]], output="values", queries=3) == pytest.approx([2.0])  # mean of 1, 2, 3
    assert model.calls == 3  # each query was asked
    with pytest.raises(ParameterError, match='`access` must be "sampled" for a Shaky'):
        Predictor(model).release([[0.0]], output="values", access="mean")


def test_a_model_that_answers_without_noise_is_asked_so():
    X = np.arange(20.0)[:, None]
    exact = MIDLinearRegression(3.0, release_as="mean").fit(X, X[:, 0])
    assert Predictor(exact).release(X, output="values", queries=1) == pytest.approx(exact.predict(X), abs=0)
    drawn = MIDLinearRegression(3.0).fit(X, X[:, 0])
    assert not np.allclose(Predictor(drawn).release(X, output="values"), drawn.release_mean(X)[:, 0])
