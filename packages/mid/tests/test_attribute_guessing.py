"""Guesses of an attribute from the rest of a record, and how guesses are judged."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from infocore.errors import ShapeError
from mid.attacks.attribute import (
    AttributeGame,
    Imputation,
    Records,
    SensitiveAttribute,
)
from mid.attacks.attribute.judge import judge_scores, restrict
from mid.attacks.attribute.population import Imputer, log_prior
from mid.attacks.protocols import Needs


def test_imputer_prefers_trees_where_they_help_and_gives_unseen_candidates_a_little_mass():
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"a": rng.integers(0, 2, 2000).astype(str), "b": rng.integers(0, 2, 2000).astype(str)})
    codes = ((x["a"] == "1") ^ (x["b"] == "1")).astype(int).to_numpy()
    trees = Imputer(3).fit(x, codes)
    assert trees.chosen_ == "boosted trees"  # exclusive-or is nothing to a linear model
    assert (trees.log_probabilities(x).argmax(1) == codes).all()
    assert np.isfinite(trees.log_probabilities(x)).all()
    assert Imputer(2).fit(x, np.zeros(2000, int)).chosen_ == "prior"
    line = pd.DataFrame({"a": rng.normal(size=1500)})
    assert Imputer(2).fit(line, (line["a"] + rng.logistic(size=1500) > 0).astype(int).to_numpy()).chosen_ == (
        "logistic regression"
    )
    assert np.exp(log_prior(np.array([0, 0, 1]), 3)) == pytest.approx([0.5, 1 / 3, 1 / 6])


def test_columns_of_an_array_are_not_mistaken_for_places():
    # the attribute is column 0, column 1 is noise and column 2 tells it: read by place, column 2 would not be there
    rng = np.random.default_rng(0)
    s = rng.integers(0, 2, 600)
    X = np.column_stack([s, rng.normal(size=600), s + 0.1 * rng.normal(size=600)]).astype(float)
    model = LinearRegression().fit(X, s)
    attribute = SensitiveAttribute.of(X, 0)
    played = AttributeGame(model, attribute, Records(X[:300], s[:300]), Records(X[300:], s[300:]))
    assert played.run(Imputation()).accuracy > 0.99


def test_imputation_keeps_rows_with_holes_and_new_categories():
    x = pd.DataFrame({"a": [1.0, np.nan, 2.0, 3.0] * 10, "b": ["p", None, "q", "q"] * 10})
    codes = np.array([0, 0, 1, 1] * 10)
    guesser = Imputer(2).fit(x, codes)
    got = guesser.log_probabilities(pd.DataFrame({"a": [np.nan, 9.0], "b": ["new", None]}))
    assert got.shape == (2, 2)
    assert np.isfinite(got).all()


def test_judge_by_hand():
    scores = np.log([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    truth = np.array([0, 1, 1, 2])
    r = judge_scores(scores, truth, ("a", "b", "c"), name="n", needs=Needs(interface="labels"), queries=3)
    assert r.wins.tolist() == [True, True, False, True]
    assert (r.accuracy, r.balanced_accuracy) == (0.75, pytest.approx((1 + 0.5 + 1) / 3))
    assert r.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert r.g_mean == pytest.approx(0.5 ** (1 / 3))
    assert r.top_precision == 1.0
    from sklearn.metrics import f1_score, matthews_corrcoef

    assert r.macro_f1 == pytest.approx(f1_score(truth, r.guesses, average="macro"))
    assert r.mcc == pytest.approx(matthews_corrcoef(truth, r.guesses))
    assert r.auroc == pytest.approx((3 / 3 + 3.0 / 4 + 3 / 3) / 3, abs=0.1)
    part = restrict(r, np.array([True, True, False, False]))
    assert (part.n, part.accuracy, part.queries) == (2, 1.0, 3)
    one = judge_scores(scores[:1], truth[:1], ("a", "b", "c"), name="n", needs=Needs(interface="labels"), queries=0)
    assert one.auroc is None
    assert set(r.to_dict()) >= {"accuracy", "needs"}
    assert "wins" not in r.to_dict()
    with pytest.raises(ShapeError, match="`scores` must have shape"):
        judge_scores(scores[:2], truth, ("a", "b", "c"), name="n", needs=Needs(interface="labels"), queries=0)
    with pytest.raises(ShapeError, match="must mark some of 4"):
        restrict(r, np.zeros(4, bool))
