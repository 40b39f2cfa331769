"""The private tree: its budget, its structure, and what it refuses."""

import math

import numpy as np
import pytest

from infocore.errors import ParameterError
from mid.defences.dp_tree import DPDecisionTreeClassifier, _discrete_laplace


def data(n=2000, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(n, 3))
    return x, (x[:, 1] > 0.6).astype(int) + (x[:, 2] > 0.8)


def test_noise_is_discrete_laplace():
    noise = _discrete_laplace(0.7, (200_000,), np.random.default_rng(0))
    decay = math.exp(-0.7)
    for k in range(-3, 4):
        want = (1 - decay) / (1 + decay) * decay ** abs(k)
        assert np.mean(noise == k) == pytest.approx(want, abs=4 * math.sqrt(want / 200_000))


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_likelihood_ratio_of_neighbours(share):
    # one record more or less; every event of the released tree changes its probability by at most exp(epsilon)
    epsilon, runs = 1.0, 1500
    x = np.array([[0.1], [0.2], [0.9]])
    y = np.array([0, 0, 1])
    events: list[dict[tuple, int]] = []
    for rows in (3, 2):
        seen: dict[tuple, int] = {}
        for seed in range(runs):
            tree = DPDecisionTreeClassifier(
                epsilon, (0.0, 1.0), [0, 1], max_depth=1, split_share=share, candidates=2, random_state=seed
            ).fit(x[:rows], y[:rows])
            # rounded, so that every event is frequent: side of the cut, and the count that the third record adds to
            cut = tree._cuts.threshold[0] < 0.5
            key = (bool(cut), int(np.clip(tree.leaf_counts_[1, 1], -1, 2)))
            seen[key] = seen.get(key, 0) + 1
        events.append(seen)
    worst = 0.0
    for key in events[0]:
        a, b = events[0][key], events[1].get(key, 0)
        spread = math.sqrt(1 / a + 1 / max(b, 1))  # of the log ratio
        assert abs(math.log(a / b)) < epsilon + 4 * spread
        worst = max(worst, abs(math.log(a / b)) - 4 * spread)
    # the budget is used; measured 0.65 with all of it on the counts, 0.16 with half of it
    assert worst > 0.25 * epsilon * (1 - share)


def test_one_record_changes_one_count_by_one():
    x, y = data()
    settings = {"epsilon": 1.0, "bounds": (0.0, 1.0), "classes": [0, 1, 2], "split_share": 0.0, "random_state": 3}
    a = DPDecisionTreeClassifier(**settings).fit(x, y)
    b = DPDecisionTreeClassifier(**settings).fit(x[1:], y[1:])
    assert (a._cuts.feature == b._cuts.feature).all()
    assert (a._cuts.threshold == b._cuts.threshold).all()  # the structure does not see the data
    change = a.leaf_counts_ - b.leaf_counts_
    assert change[a.apply(x[:1])[0], y[0]] == 1
    assert np.abs(change).sum() == 1


@pytest.mark.parametrize("depth", [1, 2])
def test_choice_of_a_cut_is_the_exponential_mechanism(depth):
    # Two proposals, uniform on [0, 1]; those in the middle half get both records right, the others one. The better of
    # two different ones is taken with probability 1 / (1 + exp(-e / 2)) for the level's budget e.
    epsilon, share, runs = 4.0, 0.5, 1500
    middle = 0
    for seed in range(runs):
        tree = DPDecisionTreeClassifier(
            epsilon, (0.0, 1.0), [0, 1], max_depth=depth, split_share=share, candidates=2, random_state=seed
        ).fit([[0.25], [0.75]], [0, 1])
        middle += 0.25 <= tree._cuts.threshold[0] < 0.75
    want = 0.25 + 0.5 / (1 + math.exp(-0.5 * epsilon * share / depth))
    # half the budget would give .56 and .53, double the budget .69 and .62, in place of .62 and .56
    assert middle / runs == pytest.approx(want, abs=3.5 * math.sqrt(want * (1 - want) / runs))


@pytest.mark.parametrize("share", [0.0, 0.75])
def test_counts_have_the_noise_of_what_the_cuts_left_of_the_budget(share):
    # a record is in one leaf and one class, so that each of 2048 counts may use all that is left of it
    tree = DPDecisionTreeClassifier(
        2.0, (0.0, 1.0), [0, 1], max_depth=10, split_share=share, candidates=1, random_state=0
    ).fit([[0.5]], [0])
    decay = math.exp(-2.0 * (1 - share))
    size = np.abs(tree.leaf_counts_).mean()
    assert size == pytest.approx(2 * decay / (1 - decay**2), rel=0.15)  # s.d. 5 % and 3 %


def test_cuts_lie_within_what_their_node_holds():
    x, y = data(500)
    tree = DPDecisionTreeClassifier(1.0, (0.0, 1.0), max_depth=6, random_state=0).fit(x, y)
    cuts = tree._cuts
    for node in range(1, 2**6 - 1):
        low, high, below = np.zeros(3), np.ones(3), node
        while below:
            above = (below - 1) // 2
            j, t = cuts.feature[above], cuts.threshold[above]
            if below == 2 * above + 1:
                high[j] = min(high[j], t)
            else:
                low[j] = max(low[j], t)
            below = above
        assert low[cuts.feature[node]] <= cuts.threshold[node] <= high[cuts.feature[node]]


def test_cuts_lie_within_bounds_and_data_outside_them_are_answered():
    x, y = data()
    low, high = np.array([-1.0, 0.0, 5.0]), np.array([1.0, 0.5, 6.0])
    tree = DPDecisionTreeClassifier(1.0, (low, high), max_depth=6, random_state=0).fit(x, y)
    cuts = tree._cuts
    assert (cuts.threshold >= low[cuts.feature]).all()
    assert (cuts.threshold <= high[cuts.feature]).all()
    assert tree.predict_proba([[-1e9, 1e9, 0.0]]).sum() == pytest.approx(1.0)


def test_leaves_by_walking_the_heap():
    x, y = data(200)
    tree = DPDecisionTreeClassifier(1.0, (0.0, 1.0), max_depth=4, random_state=1).fit(x, y)
    for row, leaf in zip(x, tree.apply(x), strict=True):
        node = 0
        for _ in range(4):
            node = 2 * node + (1 if row[tree._cuts.feature[node]] <= tree._cuts.threshold[node] else 2)
        assert node - 15 == leaf


def test_more_budget_is_more_accurate_and_chosen_cuts_beat_random_ones():
    x, y = data(4000)

    def score(epsilon, share):
        # 8 seeds
        return np.mean(
            [
                DPDecisionTreeClassifier(epsilon, (0.0, 1.0), split_share=share, random_state=s).fit(x, y).score(x, y)
                for s in range(8)
            ]
        )

    assert score(0.002, 0.5) < score(1.0, 0.5) - 0.1
    assert score(1.0, 0.0) < score(1.0, 0.5) - 0.02
    assert DPDecisionTreeClassifier(0.3, (0.0, 1.0)).fit(x, y).epsilon_ == 0.3


def test_noise_is_fresh_without_a_seed():
    x, y = data()
    a, b = (DPDecisionTreeClassifier(0.1, (0.0, 1.0), split_share=0.0).fit(x, y).leaf_counts_ for _ in range(2))
    assert (a != b).any()


def test_empty_leaves_know_nothing():
    tree = DPDecisionTreeClassifier(1e-9, (0.0, 1.0), [0, 1], max_depth=5, random_state=0).fit([[0.5]], [1])
    empty = (tree.leaf_counts_ <= 0).all(1)
    assert empty.any()
    assert (tree.leaf_distributions_[empty] == 0.5).all()


def test_release():
    x, y = data()
    tree = DPDecisionTreeClassifier(1.0, (0.0, 1.0), random_state=0).fit(x, y)
    assert (tree.release(x, output="labels") == tree.predict(x)).all()
    assert (tree.release(x, queries=3) == tree.predict_proba(x)).all()
    with pytest.raises(ParameterError, match="`output` must be 'labels' or 'probabilities'"):
        tree.release(x, output="values")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"epsilon": 0.0}, "epsilon"),
        ({"epsilon": math.inf}, "epsilon"),
        ({"max_depth": 0}, "max_depth"),
        ({"split_share": 1.0}, "split_share"),
        ({"split_share": -0.1}, "split_share"),
        ({"candidates": 0}, "candidates"),
        ({"bounds": None}, "bounds"),
        ({"bounds": (0.0, 0.0)}, "bounds"),
        ({"bounds": (0.0, math.inf)}, "bounds"),
        ({"bounds": (np.zeros(2), np.ones(2))}, "bounds"),
        ({"bounds": (0.0, 1.0, 2.0)}, "bounds"),
        ({"classes": [0, 1]}, "classes"),
    ],
)
def test_refusals(settings, name):
    with pytest.raises(ParameterError, match=f"DPDecisionTreeClassifier: `{name}`"):
        DPDecisionTreeClassifier(**{"epsilon": 1.0, "bounds": (0.0, 1.0), **settings}).fit(*data())
