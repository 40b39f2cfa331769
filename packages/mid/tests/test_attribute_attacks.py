"""Each attack against a target made by hand, whose answers are a table, and against its formula."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from infocore.errors import KindError, NonFiniteError, ParameterError, ShapeError, TooFewSamplesError
from mid.attacks.attribute import (
    CSMIA,
    LOMIA,
    AttributeGame,
    ConfidenceMAP,
    ConfusionMAP,
    Imputation,
    LearnedAttack,
    MapRegression,
    MatchRelease,
    Prior,
    Records,
    SensitiveAttribute,
    WhiteBoxCounts,
)
from mid.attacks.protocols import Needs
from mid.defences.tree import MIDDecisionTreeClassifier


@dataclasses.dataclass
class Lookup:
    """Answers with the probabilities of class 1 that a table gives for (row, s)."""

    p: np.ndarray
    classes_: np.ndarray = dataclasses.field(default_factory=lambda: np.array([0, 1]))
    asked: int = 0

    def release(self, X, *, output, queries, access, rng):
        self.asked += len(X) * queries
        p = self.p[X["row"].to_numpy(int), X["s"].to_numpy(int)]
        return (p > 0.5).astype(int) if output == "labels" else np.stack([1 - p, p], axis=1)


def game(p, response, *, known=40, knows="response", truth=None, **more):
    p = np.asarray(p, float)
    n = len(p)
    rows = np.arange(n)
    attacked = pd.DataFrame({"row": rows, "s": np.zeros(n, int) if truth is None else truth})
    own = pd.DataFrame({"row": np.arange(known) % n, "s": np.arange(known) % p.shape[1]})
    attribute = SensitiveAttribute.of(pd.DataFrame({"row": 0, "s": np.arange(p.shape[1])}), "s")
    y_own = np.arange(known) // 2 % 2
    return AttributeGame(Lookup(p), attribute, Records(own, y_own), Records(attacked, response), knows=knows, **more)


def test_csmia_takes_the_three_cases_apart():
    # class 1 is true. One candidate says 1; two do, the surer wins; none does, the least sure one wins.
    p = [[0.9, 0.2, 0.3], [0.7, 0.8, 0.1], [0.1, 0.45, 0.2]]
    result = game(p, [1, 1, 1]).run(CSMIA())
    assert result.guesses.tolist() == [0, 1, 1]
    assert result.queries == 9


def test_lomia_keeps_what_one_candidate_alone_explains_and_learns_the_rest():
    # rows 0 to 29: s = 0 explains label 1 alone where row < 15, s = 1 where row >= 15; rows 30, 31 are not told apart
    p = np.full((32, 2), 0.9)
    p[:15, 1] = 0.1
    p[15:30, 0] = 0.1
    p[30:] = 0.1
    attack = game(p, np.ones(32, int))
    result = attack.run(LOMIA())
    assert result.guesses[:30].tolist() == [0] * 15 + [1] * 15
    assert result.guesses[30:].tolist() == [1, 1]  # large rows hold s = 1: learned from the solved ones
    nothing = game(np.full((3, 2), 0.9), [1, 1, 1]).run(LOMIA())
    assert nothing.scores == pytest.approx(-math.log(2))


def test_confusion_map_is_the_confusion_matrix_times_the_prior():
    p = np.array([[0.9, 0.2], [0.3, 0.4]])
    played = game(p, [1, 0])
    said = (p[np.arange(40) % 2, np.arange(40) % 2] > 0.5).astype(int)
    y_own = np.arange(40) // 2 % 2
    counts = np.full((2, 2), 0.5)
    for t, s in zip(y_own, said, strict=True):
        counts[t, s] += 1
    confusion = counts / counts.sum(1, keepdims=True)
    want = np.log(confusion[np.array([1, 0])[:, None], (p > 0.5).astype(int)]) + math.log(0.5)
    assert played.run(ConfusionMAP()).scores == pytest.approx(want, abs=1e-12)


def test_confidence_map_is_confidence_times_the_prior():
    p = np.array([[0.9, 0.2], [0.3, 0.4]])
    played = game(p, [1, 0], known=41)  # 21 of s = 0, 20 of s = 1
    want = np.log([[0.9, 0.2], [0.7, 0.6]]) + np.log([22 / 43, 21 / 43])
    assert played.run(ConfidenceMAP()).scores == pytest.approx(want, abs=1e-12)
    uniform = played.run(ConfidenceMAP("uniform"))
    assert uniform.scores == pytest.approx(np.log([[0.9, 0.2], [0.7, 0.6]]), abs=1e-12)
    assert uniform.queries == 4  # what it would have asked alone
    assert played.view.asked_in_all == 4  # both asked the same


def test_map_regression_is_equation_36():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"s": rng.integers(0, 3, 300), "u": rng.normal(size=300)})
    y = 1.5 * X["s"] + X["u"] + 0.7 * rng.normal(size=300)
    model = LinearRegression().fit(X, y)
    attribute = SensitiveAttribute.of(X, "s")
    own, attacked = Records(X[:200], y[:200]), Records(X[200:], y[200:])
    played = AttributeGame(model, attribute, own, attacked)
    a, b = model.coef_
    variance = np.mean((y[:200] - model.predict(X[:200])) ** 2)
    answers = model.intercept_ + a * np.arange(3)[None, :] + b * X["u"].to_numpy()[200:, None]
    log_p = np.log((np.bincount(X["s"][:200]) + 1) / 203)
    want = -((y.to_numpy()[200:, None] - answers) ** 2) / (2 * variance) + log_p
    assert played.run(MapRegression()).scores == pytest.approx(want, abs=1e-9)
    # an unknown column, integrated by hand over the same rows of the attacker's own records
    rows = np.random.default_rng(0).integers(200, size=32)
    terms = [
        -((y.to_numpy()[200:, None] - model.intercept_ - a * np.arange(3)[None, :] - b * X["u"][r]) ** 2)
        / (2 * variance)
        for r in rows
    ]
    want = np.log(np.mean(np.exp(terms), axis=0)) + log_p
    got = played.run(MapRegression(unknown=["u"]))
    assert got.scores == pytest.approx(want, abs=1e-9)
    assert got.queries == 200 + 32 * 3 * 100  # the attacker's own records too, for the error's variance


@dataclasses.dataclass
class Squeezed:
    """A regressor whose answers are shrunk: noise-free, so nothing is hidden."""

    model: object
    factor: float

    def release(self, X, *, output, queries, access, rng):
        return self.factor * self.model.predict(X)


def test_recalibration_undoes_shrinkage():  # C7: within 0.5 point for every factor
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"s": rng.integers(0, 2, 2000), "u": rng.normal(size=2000)})
    y = X["s"] + X["u"] + 0.5 * rng.normal(size=2000)
    model = LinearRegression().fit(X, y)
    attribute = SensitiveAttribute.of(X, "s")
    halves = Records(X[:1000], y[:1000]), Records(X[1000:], y[1000:])

    def accuracy(factor, recalibrate):
        return (
            AttributeGame(Squeezed(model, factor), attribute, *halves)
            .run(MapRegression(recalibrate=recalibrate))
            .accuracy
        )

    plain = accuracy(1.0, False)
    for factor in (0.01, 0.3, 0.9):
        assert accuracy(factor, True) == pytest.approx(plain, abs=0.005)
    assert accuracy(0.01, False) < plain - 0.05  # the attack that trusts the scale is fooled


@dataclasses.dataclass
class Noisy:
    model: object
    sigma: float

    def release(self, X, *, output, queries, access, rng):
        mean = self.model.predict(X)
        noise = np.random.default_rng(rng).standard_normal(len(mean))
        return mean if access == "mean" else mean + self.sigma / math.sqrt(queries) * noise


def test_matching_is_the_likelihood_of_the_release():
    rng = np.random.default_rng(2)
    X = pd.DataFrame({"s": rng.integers(0, 2, 3000), "u": rng.normal(size=3000)})
    model = LinearRegression().fit(X, X["s"] + X["u"])
    attribute = SensitiveAttribute.of(X, "s")
    own, attacked = Records(X[:1500], np.zeros(1500)), Records(X[1500:], np.zeros(1500))
    exact = AttributeGame(model, attribute, own, attacked, knows="release")
    assert exact.run(MatchRelease()).accuracy == 1.0
    noisy = AttributeGame(Noisy(model, 0.5), attribute, own, attacked, knows="release", seed=3)
    # two Gaussians one apart with s.d. 0.5: Phi(1) = .841; n = 1500, s.e. .0094; 3 s.e. and .005 for the estimated s.d.
    assert noisy.run(MatchRelease(access="mean")).accuracy == pytest.approx(0.8413, abs=0.033)
    # own questions are as noisy as the release: the gap is one, its noise .707, Phi(1 / 1.414) = .760
    once, often = noisy.run(MatchRelease()).accuracy, noisy.run(MatchRelease(queries=400)).accuracy
    assert once < often
    assert often == pytest.approx(0.8413, abs=0.033)
    averaged = AttributeGame(Noisy(model, 0.5), attribute, own, attacked, knows="release", released_queries=25, seed=3)
    assert averaged.run(MatchRelease(access="mean")).accuracy > 0.99  # Phi(5)


def test_white_box_counts_equal_counting_by_hand():  # C15
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = pd.DataFrame({"s": rng.integers(0, 3, 400), "u": rng.integers(0, 5, 400), "w": rng.normal(size=400)})
        y = (X["s"] + X["u"] + rng.integers(0, 3, 400) > 4).astype(int).to_numpy()
        tree = DecisionTreeClassifier(max_depth=5, random_state=seed).fit(X, y)
        attribute = SensitiveAttribute.of(X, "s")
        attacked = X[:60].reset_index(drop=True)
        scores = AttributeGame(tree, attribute, Records(X, y), Records(attacked, y[:60])).run(WhiteBoxCounts()).scores
        leaf_of, leaves = tree.apply(X), np.unique(tree.apply(X))
        share = {leaf: np.mean(leaf_of == leaf) for leaf in leaves}
        label = {leaf: np.bincount(y[leaf_of == leaf], minlength=2).argmax() for leaf in leaves}
        log_p = np.log((np.bincount(X["s"], minlength=3) + 1) / 403)
        # a leaf is open to a candidate if some point of the input space with that candidate ends there: try a grid
        w = np.sort(np.append(tree.tree_.threshold[tree.tree_.feature == 2], [-9.0, 9.0]))
        middle = np.append((w[1:] + w[:-1]) / 2, [-10.0, 10.0])
        grid = pd.DataFrame([(s, u, v) for s in range(3) for u in range(5) for v in middle], columns=["s", "u", "w"])
        ends = tree.apply(grid)
        for v in range(3):
            mass = sum(share[leaf] for leaf in set(ends[grid["s"] == v]))
            reached = tree.apply(attacked.assign(s=v))
            want = [
                math.log((share[leaf] if label[leaf] == t else 0.0) / mass + 1e-12) + log_p[v]
                for leaf, t in zip(reached, y[:60], strict=True)
            ]
            assert scores[:, v] == pytest.approx(want, abs=1e-9)


def test_white_box_counts_read_a_pipeline_and_refuse_what_is_no_tree():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"s": rng.integers(0, 2, 200), "u": rng.normal(size=200)})
    y = (X["s"] + X["u"] > 0.5).astype(int).to_numpy()
    attribute = SensitiveAttribute.of(X, "s")
    records = Records(X[:100], y[:100]), Records(X[100:], y[100:])
    bare = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, y)
    scaled = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=4, random_state=0)).fit(X, y)
    want = AttributeGame(bare, attribute, *records).run(WhiteBoxCounts()).scores
    assert AttributeGame(scaled, attribute, *records).run(WhiteBoxCounts()).scores == pytest.approx(want, abs=1e-9)
    with pytest.raises(ParameterError, match="must be a classification tree"):
        game([[0.1, 0.2]], [1]).run(WhiteBoxCounts())
    mixed = make_pipeline(PolynomialFeatures(2), DecisionTreeClassifier(max_depth=3, random_state=0)).fit(X, y)
    played = AttributeGame(mixed, attribute, *records)
    with pytest.raises(ParameterError, match="mix the attribute with others"):
        played.run(WhiteBoxCounts())
    assert not WhiteBoxCounts.can_read(played.view)
    assert WhiteBoxCounts.can_read(AttributeGame(scaled, attribute, *records).view)


def test_white_box_counts_read_our_trees_as_they_read_scikit_learns():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"s": rng.integers(0, 3, 400), "u": rng.integers(0, 5, 400)})
    y = (X["s"] + X["u"] + rng.integers(0, 2, 400) > 4).astype(int).to_numpy()
    ours = MIDDecisionTreeClassifier(max_depth=4).fit(X, y)
    theirs = DecisionTreeClassifier(criterion="entropy", max_depth=4, random_state=0).fit(X, y)
    assert (ours.predict(X) == theirs.predict(X)).all()
    records = Records(X, y), Records(X[:60], y[:60])
    attribute = SensitiveAttribute.of(X, "s")
    got = [AttributeGame(tree, attribute, *records).run(WhiteBoxCounts()).scores for tree in (ours, theirs)]
    assert got[0] == pytest.approx(got[1], abs=1e-9)


def test_learned_attack_finds_what_no_formula_reads():
    # the answer is exclusive-or of s and a hidden bit of the row: with the row known, it tells s
    rng = np.random.default_rng(0)
    n = 3000
    X = pd.DataFrame({"row": rng.integers(0, 2, n), "s": rng.integers(0, 2, n)})
    attribute = SensitiveAttribute.of(X, "s")
    target = Lookup(np.array([[0.2, 0.8], [0.8, 0.2]]))
    y = np.zeros(n, int)
    played = AttributeGame(target, attribute, Records(X[:1500], y[:1500]), Records(X[1500:], y[1500:]), knows="release")
    assert played.run(LearnedAttack()).accuracy == 1.0
    assert played.run(Imputation()).accuracy < 0.55


def test_a_target_that_ignores_the_attribute_gives_nothing_away():
    rng = np.random.default_rng(0)
    n = 2000
    X = pd.DataFrame({"s": rng.integers(0, 2, n), "u": rng.normal(size=n)})
    y = X["u"] + 0.1 * rng.normal(size=n)
    model = LinearRegression().fit(X[["u"]], y)

    class Blind:
        def release(self, X, *, output, queries, access, rng):
            return model.predict(X[["u"]])

    records = Records(X[:1000], y[:1000]), Records(X[1000:], y[1000:])
    for knows in ("response", "release"):
        played = AttributeGame(Blind(), SensitiveAttribute.of(X, "s"), *records, knows=knows)
        attacks = [MatchRelease(), LearnedAttack()] if knows == "release" else [MapRegression(), LearnedAttack()]
        for attack in attacks:
            # coin: .5, s.e. .016, 4 s.e.
            assert played.run(attack).accuracy == pytest.approx(0.5, abs=0.064)


def test_what_the_attacker_sees_does_not_hold_the_truth():
    played = game([[0.9, 0.2]] * 30, np.ones(30, int), truth=np.arange(30) % 2)
    view = played.view
    assert "s" not in view.hidden.columns
    assert view.released is None
    other = game([[0.9, 0.2]] * 30, np.ones(30, int), truth=(np.arange(30) + 1) % 2)
    for attack in (Prior(), Imputation(), Imputation(True), ConfusionMAP(), ConfidenceMAP(), CSMIA(), LOMIA()):
        assert (played.run(attack).scores == other.run(attack).scores).all()


@pytest.mark.parametrize("knows", ["response", "release", "both"])
def test_a_result_says_what_its_attack_was_given(knows):
    for output in ("labels", "probabilities"):
        played = game([[0.9, 0.2]] * 30, np.ones(30, int), truth=np.arange(30) % 2, knows=knows, released_output=output)
        given = played.run(LearnedAttack()).needs
        assert given == Needs(
            interface=output, response=knows != "release", released=knows != "response", auxiliary=True
        )
        attacks = [Imputation(answers=True), *([] if knows == "response" else [MatchRelease()])]
        assert [played.run(attack).needs.interface for attack in attacks] == [output] * len(attacks)
        assert played.run(Imputation()).needs.interface == "nothing"
    assert LearnedAttack().needs == Needs(interface="released", auxiliary=True)  # before there is a game


def test_refusals():
    played = game([[0.9, 0.2]], [1])
    with pytest.raises(ParameterError, match="needs the released answers"):
        played.run(MatchRelease())
    with pytest.raises(ParameterError, match="needs the true response"):
        game([[0.9, 0.2]], [1], knows="release").run(CSMIA())
    with pytest.raises(ParameterError, match="`response` is not known in this game"):
        game([[0.9, 0.2]], [1], knows="nothing").view.imputation(response=True)
    with pytest.raises(ParameterError, match=r"must be labels the target knows, \[0, 1\]; got \[7\]"):
        game([[0.9, 0.2]], [7])
    with pytest.raises(NonFiniteError, match="`y` is missing in 1 of 2 records"):
        Records(pd.DataFrame({"a": [1, 2]}), [1.0, np.nan])
    with pytest.raises(NonFiniteError, match=r"column\(s\) a hold infinity"):
        Records(pd.DataFrame({"a": [1.0, np.inf]}), [1.0, 2.0])
    with pytest.raises(ParameterError, match="`knows` must be one of"):
        game([[0.9, 0.2]], [1], knows="all")
    with pytest.raises(TooFewSamplesError, match="at least 20 known"):
        game([[0.9, 0.2]], [1], known=19)
    with pytest.raises(ShapeError, match="`y` must hold one response per record, 3"):
        Records(pd.DataFrame({"a": [1, 2, 3]}), [1])
    for make in (
        lambda: MapRegression("flat"),
        lambda: MapRegression(queries=0),
        lambda: MapRegression(draws=0),
        lambda: ConfusionMAP("flat"),
        lambda: ConfidenceMAP(queries=0),
        lambda: CSMIA(0),
        lambda: LOMIA(0),
        lambda: MatchRelease("flat"),
        lambda: MatchRelease(queries=0),
        lambda: LearnedAttack(0),
        lambda: WhiteBoxCounts("flat"),
    ):
        with pytest.raises(ParameterError, match="must be"):
            make()

    class Wrong:
        name, needs = "wrong", Needs(interface="labels")

        def scores(self, view):
            return np.zeros((1, 5))

    with pytest.raises(ParameterError, match=r"wrong must score every candidate of every record, shape \(1, 2\)"):
        played.run(Wrong())
    X = pd.DataFrame({"s": [0, 1] * 20, "u": 0.0})
    attribute, records = SensitiveAttribute.of(X, "s"), Records(X, np.zeros(40))
    linear = AttributeGame(LinearRegression().fit(X, np.zeros(40)), attribute, records, records)
    with pytest.raises(ParameterError, match="other than the attribute's; got s"):
        linear.run(MapRegression(unknown=["s"]))
    turned = Records(X[["u", "s"]], np.zeros(40))
    words = Records(X, np.array(["a"] * 40))
    with pytest.raises(KindError, match="must be numbers for a regressor"):
        AttributeGame(LinearRegression().fit(X, np.zeros(40)), attribute, words, words)
    with pytest.raises(ParameterError, match="same columns in the same order"):
        AttributeGame(Lookup(np.ones((2, 2))), attribute, records, turned)
    with pytest.raises(ParameterError, match="must have predict or release"):
        AttributeGame(object(), attribute, records, records)


def test_control_holds_what_the_model_learned_of_the_population_and_no_more():
    # the answer is a function of u alone, and u tells s in a way no short table would: the learned attack and the
    # control read it alike, though imputation without the answer does not see it
    rng = np.random.default_rng(0)
    n = 3000
    u = rng.integers(0, 40, n)
    code = rng.integers(0, 2, 40)
    X = pd.DataFrame({"s": np.where(rng.random(n) < 0.9, code[u], 1 - code[u]), "u": u})
    attribute = SensitiveAttribute.of(X, "s")

    class Deaf:
        def release(self, X, *, output, queries, access, rng):
            return code[X["u"].to_numpy()].astype(float)

    y = np.zeros(n)
    played = AttributeGame(Deaf(), attribute, Records(X[:300], y[:300]), Records(X[300:], y[300:]), knows="release")
    control = played.run(Imputation(answers=True)).accuracy
    assert control == pytest.approx(0.9, abs=0.025)  # s.e. .006 and the fit
    assert played.run(LearnedAttack()).accuracy <= control + 0.01
    assert played.run(Imputation()).accuracy < control - 0.1
