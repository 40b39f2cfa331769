"""What each defence of the trees minimises, against closed forms and brute force over subtrees and labellings."""

import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from mid import information
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
from mid.defences.tree._release import best_labels


def H(weights):
    """Entropy of unnormalised weights, in nats."""
    p = np.asarray(weights, dtype=float)
    p = p[p > 0] / p.sum()
    return -(p * np.log(p)).sum()


def population(n=6000, seed=0):
    """A binary attribute, a proxy of it, and two more columns; three classes that depend on all of them."""
    rng = np.random.default_rng(seed)
    s = (rng.uniform(size=n) < 0.4).astype(float)
    proxy = np.where(rng.uniform(size=n) < 0.8, s, 1 - s)
    rest = np.round(rng.normal(size=(n, 2)), 1)
    score = 1.2 * s + 0.6 * proxy + rest[:, 0] + 0.5 * rng.normal(size=n)
    return np.column_stack([s, proxy, rest]), np.digitize(score, [0.3, 1.4])


def rough(seed=0, n=60):
    """Few records of weights without ties, for grown trees of some ten leaves."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 4, (n, 2)).astype(float)
    return x, (x.sum(1) / 2 + rng.normal(size=n)).astype(int) % 3, rng.uniform(0.5, 2.0, n)


# --- information ------------------------------------------------------------------------------------------------------


def test_information_is_that_of_the_answers():
    x, y = population()
    tree = MIDDecisionTreeClassifier(max_depth=5, sensitive_features=[0]).fit(x, y)
    leaf = tree.apply(x)
    # soft: on its own frequencies a leaf's label is as informative about the leaf as the target is
    assert tree.information_by_release_["sample"] == pytest.approx(mutual_info_score(leaf, y), abs=1e-12)
    labels = np.unique(tree.predict(x), return_counts=True)[1]
    assert tree.information_by_release_["label"] == pytest.approx(H(labels), abs=1e-12)
    answers = np.unique(tree.predict_proba(x), axis=0, return_counts=True)[1]
    assert tree.information_by_release_["proba"] == pytest.approx(H(answers), abs=1e-12)
    assert tree.leaf_information_ == pytest.approx(mutual_info_score(leaf, x[:, 0]), abs=1e-12)
    for form, value in tree.information_by_release_.items():
        assert MIDDecisionTreeClassifier(max_depth=5, release_as=form).fit(x, y).information_ == value


@pytest.mark.parametrize("criterion", ["entropy", "gini"])
def test_soft_information_is_the_sum_of_the_gains_of_all_splits(criterion):  # eqs 25 and 28
    x, y = population()
    w = np.random.default_rng(0).uniform(0.5, 2, len(y))
    fitted = MIDDecisionTreeClassifier(criterion=criterion, max_depth=7).fit(x, y, w)
    tree = fitted._tree
    total = 0.0
    for node in np.flatnonzero(tree.feature >= 0):
        parts = [tree.sums[k] for k in (node, tree.left[node], tree.right[node])]
        total += parts[0].sum() * H(parts[0]) - parts[1].sum() * H(parts[1]) - parts[2].sum() * H(parts[2])
    assert fitted.information_by_release_["sample"] == pytest.approx(total / w.sum(), abs=1e-9)


def test_the_charges_of_all_splits_are_the_information_of_the_leaf_about_the_attribute():
    x, y = population()
    fitted = MIDDecisionTreeClassifier(SensitivePenalty(0.1), sensitive_features=[0, 1], max_depth=6).fit(x, y)
    joint = 2 * x[:, 0] + x[:, 1]  # two columns are one attribute of four values
    assert fitted.leaf_information_ == pytest.approx(mutual_info_score(fitted.apply(x), joint), abs=1e-12)


def test_conditional_information_by_enumeration():
    x, y = population(800)
    fitted = MIDDecisionTreeClassifier(sensitive_features=[0], max_depth=5).fit(x, y)
    p, want = np.bincount(x[:, 0].astype(int)) / len(x), []
    w = np.random.default_rng(0).uniform(size=len(x))
    for row in x:
        leaves = [fitted.apply([[v, *row[1:]]])[0] for v in (0.0, 1.0)]
        want.append(H(p) if leaves[0] != leaves[1] else 0.0)
    assert fitted.conditional_leaf_information(x) == pytest.approx(np.mean(want), abs=1e-12)
    assert fitted.conditional_leaf_information(x, w) == pytest.approx(np.average(want, weights=w), abs=1e-12)
    blind = MIDDecisionTreeClassifier(Priority(None), sensitive_features=[0], max_depth=5).fit(x, y)
    assert blind.conditional_leaf_information(x) == 0.0
    assert blind.leaf_information_ > 0.01  # the proxy is still there


def test_information_of_noisy_leaf_means():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, (300, 2)).astype(float)
    y = x[:, 0] + x[:, 1] ** 2 + rng.normal(size=300)
    w = rng.integers(1, 4, 300)
    fitted = MIDDecisionTreeRegressor(sigma=1.5, max_depth=3).fit(x, y, w)
    mean = fitted.release(np.repeat(x, w, axis=0), access="mean")
    assert fitted.information_ == pytest.approx(information.exact(mean, 1.5), abs=1e-9)
    plain = MIDDecisionTreeRegressor(max_depth=3).fit(x, y, w)
    assert plain.information_ == pytest.approx(H(np.unique(mean, return_counts=True)[1]), abs=1e-12)
    assert fitted.information_ < plain.information_
    assert MIDDecisionTreeRegressor(sigma=1.0).fit(x, np.ones(300)).information_ == 0.0


# --- pruning ----------------------------------------------------------------------------------------------------------


def test_log_loss_makes_the_penalty_degenerate():  # claim: nothing below 1, everything above
    x, y = population()
    grown = MIDDecisionTreeClassifier(max_depth=6).fit(x, y)
    proba = grown.predict_proba(x)
    for lam in (0.0, 0.2, 0.5, 0.9):
        pruned = MIDDecisionTreeClassifier(InformationPruning(lam, "log_loss"), max_depth=6).fit(x, y)
        assert (pruned.predict_proba(x) == proba).all()
    for lam in (1.0, 1.01):  # at 1 all subtrees cost the same, and the smallest is taken
        assert MIDDecisionTreeClassifier(InformationPruning(lam, "log_loss"), max_depth=6).fit(x, y).n_leaves_ == 1
    path = grown.information_pruning_path(x, y, risk="log_loss")
    assert path.lam == pytest.approx([0.0, 1.0], abs=1e-9)
    # Gini risk with the same price is not
    assert 1 < MIDDecisionTreeClassifier(InformationPruning(0.4), max_depth=6).fit(x, y).n_leaves_ < grown.n_leaves_


def subtrees(tree, node=0):
    """Leaves of every subtree with this root."""
    yield (node,)
    if tree.feature[node] >= 0:
        for a, b in itertools.product(subtrees(tree, tree.left[node]), subtrees(tree, tree.right[node])):
            yield a + b


RISKS = {
    "gini": lambda c: 1 - ((c / c.sum()) ** 2).sum(),
    "error": lambda c: 1 - c.max() / c.sum(),
    "log_loss": H,
}


@pytest.mark.parametrize("risk", ["gini", "error", "log_loss"])
@pytest.mark.parametrize("seed", range(4))
def test_pruning_and_its_path_against_all_subtrees(risk, seed):
    x, y, w = rough(seed)
    grown = MIDDecisionTreeClassifier(max_depth=3).fit(x, y, w)
    tree, total = grown._tree, w.sum()
    table = []
    for leaves in subtrees(tree):
        counts = tree.sums[list(leaves)]
        mass = counts.sum(1)
        r = sum(m * RISKS[risk](c) for m, c in zip(mass, counts, strict=True)) / total
        i = H(counts.sum(0)) - sum(m * H(c) for m, c in zip(mass, counts, strict=True)) / total
        table.append((r, i, len(leaves)))
    r, i, size = map(np.array, zip(*table, strict=True))
    path = grown.information_pruning_path(x, y, w, risk=risk)
    assert path.lam[0] == 0.0
    assert (np.diff(path.lam) > 0).all()
    assert path.n_leaves[-1] == 1
    between = np.append((path.lam[:-1] + path.lam[1:]) / 2, 2 * path.lam[-1] + 1)
    for k, lam in enumerate(between):
        best = np.min(r + lam * i)
        assert path.risk[k] + lam * path.information[k] == pytest.approx(best, abs=1e-12)
        assert path.n_leaves[k] == size[r + lam * i <= best + 1e-12].min()
        fitted = MIDDecisionTreeClassifier(InformationPruning(lam, risk), max_depth=3).fit(x, y, w)
        assert fitted.n_leaves_ == path.n_leaves[k]
        assert fitted.information_by_release_["sample"] == pytest.approx(path.information[k], abs=1e-12)


@pytest.mark.parametrize("lam", [0.0, 0.02, 0.1, 0.3, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_leaf_pruning_against_all_subtrees(lam, seed):
    x, y, w = rough(seed)
    for criterion in ("entropy", "gini"):
        grown = MIDDecisionTreeClassifier(criterion=criterion, max_depth=3).fit(x, y, w)._tree
        risk = RISKS["log_loss" if criterion == "entropy" else "gini"]
        costs = []
        for leaves in subtrees(grown):
            mass = grown.sums[list(leaves)].sum(1) / w.sum()
            costs.append(mass @ [risk(c) for c in grown.sums[list(leaves)]] + lam * H(mass))
        fitted = MIDDecisionTreeClassifier(LeafPruning(lam), criterion=criterion, max_depth=3).fit(x, y, w)
        counts = fitted.leaf_counts_
        mass = counts.sum(1) / w.sum()
        assert mass @ [risk(c) for c in counts] + lam * H(mass) == pytest.approx(min(costs), abs=1e-12)
    # regression: squared error in the units of y
    z = 3.0 * y + 10.0
    grown = MIDDecisionTreeRegressor(max_depth=3).fit(x, z, w)
    costs, scale = [], np.cov(z, aweights=w, ddof=0)
    for leaves in subtrees(grown._tree):
        sums = grown._tree.sums[list(leaves)]
        mass = sums[:, 0] / w.sum()
        costs.append(scale * mass @ (sums[:, 2] / sums[:, 0] - (sums[:, 1] / sums[:, 0]) ** 2) + 9 * lam * H(mass))
    fitted = MIDDecisionTreeRegressor(LeafPruning(9 * lam), max_depth=3).fit(x, z, w)
    cost = np.average((z - fitted.predict(x)) ** 2, weights=w) + 9 * lam * H(fitted.leaf_weights_)
    assert cost == pytest.approx(min(costs), abs=1e-10)


def test_a_price_on_the_leaf_keeps_log_loss_from_being_degenerate():
    x, y = population()
    sizes = [MIDDecisionTreeClassifier(LeafPruning(lam), max_depth=6).fit(x, y).n_leaves_ for lam in (0, 0.05, 0.2, 9)]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 4
    assert sizes[-1] == 1


# --- labels and smoothing ---------------------------------------------------------------------------------------------


def test_labels_against_all_labellings():
    # 200 problems of 5 leaves and 3 classes: the descent found the optimum of all 243 labellings in 194
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(200):
        pi, q, lam = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(3), 5), rng.uniform(0, 1)

        def cost(labels, pi=pi, q=q, lam=lam):
            return 1 - pi @ q[np.arange(5), labels] + lam * H(np.bincount(labels, pi))

        costs = [cost(np.array(labels)) for labels in itertools.product(range(3), repeat=5)]
        reached = cost(best_labels(pi, q, lam))
        assert reached <= cost(q.argmax(1)) + 1e-12
        found += reached <= min(costs) + 1e-12
    assert found >= 190


def test_labels_of_many_leaves_are_best_at_their_own_prices():
    # H(label) is the smallest mean of -log r over laws r, so an optimum has the best labels at r = its own law
    rng = np.random.default_rng(0)
    pi, q = rng.dirichlet(np.ones(1000)), rng.dirichlet([3.0, 1.0, 0.7], 1000)
    labels = best_labels(pi, q, 0.2)
    mass = np.bincount(labels, pi, minlength=3)
    assert (labels != q.argmax(1)).sum() > 50
    with np.errstate(divide="ignore"):
        assert (labels == (q + 0.2 * np.log(mass)).argmax(1)).all()


def test_label_entropy_relabels_rare_classes_and_merges_their_leaves():
    rng = np.random.default_rng(0)
    x = np.repeat([[0.0], [1.0], [2.0], [3.0]], [40, 40, 40, 4], axis=0)
    y = np.array([0] * 40 + [0] * 25 + [1] * 15 + [1] * 40 + [2] * 3 + [1])
    order = rng.permutation(len(y))
    plain = MIDDecisionTreeClassifier(LabelEntropy(0.0), release_as="label").fit(x[order], y[order])
    assert plain.predict([[0.0], [1.0], [2.0], [3.0]]).tolist() == [0, 0, 1, 2]
    assert plain.n_leaves_ == 3  # the first two leaves have one label
    paid = MIDDecisionTreeClassifier(LabelEntropy(0.2), release_as="label").fit(x[order], y[order])
    # class 2: 4 of 124 records; giving it up costs 2 errors, 0.016, and saves 0.2 * 0.118 nats
    assert paid.predict([[0.0], [1.0], [2.0], [3.0]]).tolist() == [0, 0, 1, 1]
    assert (paid.n_leaves_, paid.leaf_labels_.tolist()) == (2, [0, 1])
    assert paid.information_ == pytest.approx(H([80, 44]), abs=1e-12)
    assert paid.leaf_counts_.sum() == 124
    dear = MIDDecisionTreeClassifier(LabelEntropy(5.0), release_as="label").fit(x[order], y[order])
    assert (dear.n_leaves_, dear.information_) == (1, 0.0)


def test_smoothing():
    x, y = population()
    raw = MIDDecisionTreeClassifier(max_depth=5).fit(x, y)
    pi = raw.leaf_counts_.sum(1) / len(y)
    informations = []
    for a in np.linspace(0, 1, 21):
        tree = MIDDecisionTreeClassifier(LeafSmoothing(a), max_depth=5).fit(x, y)
        want = (1 - a) * raw.leaf_distributions_ + a * np.bincount(y) / len(y)
        assert tree.leaf_distributions_ == pytest.approx(want, abs=1e-14)
        assert pi @ tree.leaf_distributions_ == pytest.approx(np.bincount(y) / len(y), abs=1e-12)
        informations.append(tree.information_by_release_["sample"])
    assert (np.diff(informations) < 0).all()
    assert informations[-1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("lam", [0.0, 0.05, 0.5, 2.0, 50.0])
def test_learned_smoothing_is_the_best_of_a_grid(lam):
    x, y = population()
    raw = MIDDecisionTreeClassifier(max_depth=4).fit(x, y)
    counts = raw.leaf_counts_
    pi, q = counts.sum(1) / len(y), raw.leaf_distributions_

    def cost(a):
        mixed = (1 - a) * q + a * (pi @ q)
        with np.errstate(divide="ignore", invalid="ignore"):
            loss = -np.nansum(np.where(counts > 0, counts * np.log(mixed), 0.0)) / len(y)
        return loss + lam * (H(pi @ mixed) - pi @ -(mixed * np.log(np.where(mixed > 0, mixed, 1.0))).sum(1))

    fitted = MIDDecisionTreeClassifier(LearnedSmoothing(lam), max_depth=4).fit(x, y)
    grid = np.linspace(0, 1, 1001)
    best = grid[np.argmin([cost(a) for a in grid])]
    assert fitted.smoothing_ == pytest.approx(best, abs=1.1e-3)
    assert cost(fitted.smoothing_) <= cost(best) + 1e-12
    assert (fitted.smoothing_ == 0.0) == (lam == 0.0)


# --- attacks ----------------------------------------------------------------------------------------------------------


def confusion_attack(tree, x, y, confusion, prior):
    """Eq. 37: the attribute value that best explains the true label."""
    scores = []
    for v in (0.0, 1.0):
        guess = x.copy()
        guess[:, 0] = v
        scores.append(confusion[y, tree.predict(guess)] * prior[int(v)])
    return np.argmax(scores, axis=0)


def confidence_attack(tree, x, y, prior):
    scores = []
    for v in (0.0, 1.0):
        guess = x.copy()
        guess[:, 0] = v
        scores.append(tree.predict_proba(guess)[np.arange(len(y)), y] * prior[int(v)])
    return np.argmax(scores, axis=0)


def test_a_large_price_keeps_the_attribute_out_of_the_tree():
    x, y = population()
    fresh, label = population(seed=1)
    prior = np.bincount(x[:, 0].astype(int)) / len(x)
    scores = {}
    for lam in (0.0, 10.0):
        tree = MIDDecisionTreeClassifier(SensitivePenalty(lam), sensitive_features=[0], max_depth=6).fit(x, y)
        confusion = np.array([np.bincount(tree.predict(x[y == c]), minlength=3) for c in range(3)], dtype=float)
        confusion /= confusion.sum(1, keepdims=True)
        scores[lam] = np.mean(confusion_attack(tree, fresh, label, confusion, prior) == fresh[:, 0])
        splits = tree._tree.feature
        assert (0 in splits) == (lam == 0.0)
        assert (1 in splits) == (lam == 0.0)  # the proxy pays too
    floor = max(np.mean(fresh[:, 0] == 0), np.mean(fresh[:, 0] == 1))
    assert scores[10.0] == pytest.approx(floor, abs=0.02)
    assert scores[0.0] > floor + 0.05


def test_information_about_the_attribute_falls_with_its_price():
    x, y = population()
    said = [
        MIDDecisionTreeClassifier(SensitivePenalty(lam), sensitive_features=[0], max_depth=6)
        .fit(x, y)
        .leaf_information_
        for lam in (0.0, 0.2, 0.5, 1.0, 3.0)
    ]
    assert (np.diff(said) <= 0).all()
    assert said[0] > 0.1 > 0.01 > said[-1]


def test_smoothing_does_not_stop_the_confidence_attack():
    x, y = population()
    fresh, label = population(seed=1)
    prior = np.bincount(x[:, 0].astype(int)) / len(x)
    hits = [
        np.mean(
            confidence_attack(MIDDecisionTreeClassifier(LeafSmoothing(a), max_depth=6).fit(x, y), fresh, label, prior)
            == fresh[:, 0]
        )
        for a in (0.0, 0.3)
    ]
    assert abs(hits[0] - hits[1]) < 0.03
    assert hits[0] > max(np.mean(fresh[:, 0]), 1 - np.mean(fresh[:, 0])) + 0.05


def test_regression_pays_in_squared_target_per_nat():
    # y is 3 on one half by the attribute and 1 on one half by an independent column: variances 2.25 and 0.25, both with
    # log 2 nats at stake for the attribute alone, so the attribute is worth a price of at most 2.25 / log 2
    x = np.array(list(itertools.product([0.0, 1.0], [0.0, 1.0])) * 25)
    y = 3.0 * x[:, 0] + x[:, 1]
    for lam, leaves in ((2.24 / math.log(2), 4), (2.26 / math.log(2), 2)):
        tree = MIDDecisionTreeRegressor(SensitivePenalty(lam), sensitive_features=[0]).fit(x, y)
        assert tree.n_leaves_ == leaves
