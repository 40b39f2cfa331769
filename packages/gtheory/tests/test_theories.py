"""Theories side by side: a propositional language counted by hand, paradoxes, what agrees and what does not."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtheory import semantic_information
from gtheory.theories import compare_theories
from infocore.errors import InvalidDistributionError, ParameterError, ShapeError

# Three atomic statements p, q, r: 8 worlds.
WORLDS = np.array(list(itertools.product((1.0, 0.0), repeat=3)))
UNIFORM = np.full(8, 1 / 8)
P, Q, R = WORLDS.T
SENTENCES = {
    "p": P,
    "p and q": P * Q,
    "p and q and r": P * Q * R,
    "p or q": np.maximum(P, Q),
    "tautology": np.ones(8),
    "contradiction": np.zeros(8),
}
SAID = compare_theories(UNIFORM, np.stack(list(SENTENCES.values()), axis=1))


def test_carnap_and_bar_hillel_count_worlds():
    assert SAID.cont.tolist() == pytest.approx([1 / 2, 3 / 4, 7 / 8, 1 / 4, 0, 1])
    assert SAID.inf.tolist() == pytest.approx([1, 2, 3, math.log2(4 / 3), 0, math.inf])
    # inf is additive and cont is not, for independent statements (1953)
    assert SAID.inf[1] == pytest.approx(2 * SAID.inf[0])
    assert SAID.cont[1] != pytest.approx(2 * SAID.cont[0])


def test_the_contradiction_says_most_by_content_and_nothing_here():
    assert SAID.cont.argmax() == 5
    assert np.isnan(SAID.lu[:, 5]).all()
    assert SAID.logical_entropy[5] == 0


def test_information_of_what_is_true_is_inf_and_of_what_is_false_is_infinitely_negative():
    for j, sentence in enumerate(list(SENTENCES.values())[:5]):
        assert SAID.lu[sentence == 1, j].tolist() == pytest.approx([SAID.inf[j]] * int(sentence.sum()))
        assert (SAID.lu[sentence == 0, j] == -np.inf).all()


def test_floridi_needs_a_count_of_errors_for_what_is_false():
    assert SAID.floridi[0].tolist() == pytest.approx(
        [1 - 1 / 4, 1 - 1 / 16, 1 - 1 / 64, 1 - 9 / 16, 0, math.nan], nan_ok=True
    )
    wrong = np.zeros((8, 6))
    wrong[:, 2] = (WORLDS == 0).mean(1)  # "p and q and r": the share of its three atoms that fail
    wrong[:, 5] = 1  # a contradiction is wrong everywhere
    told = compare_theories(UNIFORM, np.stack(list(SENTENCES.values()), axis=1), inaccuracy=wrong)
    by_errors = {errors: told.floridi[(WORLDS == 0).sum(1) == errors, 2] for errors in (1, 2, 3)}
    for errors, values in by_errors.items():
        assert values.tolist() == pytest.approx([1 - (errors / 3) ** 2] * len(values))
    assert (told.floridi[:, 5] == 0).all()  # the paradox is gone
    # one wrong atom in three is said to inform more than the true "p or q": here it misinforms
    assert told.floridi[1, 2] > told.floridi[0, 3]
    assert told.lu[1, 2] == -np.inf


def test_shannon_knows_use_and_not_meaning():
    px, truth, ch = [0.8, 0.2], np.array([[1.0, 0.125], [0.2222, 1.0]]), [[0.9, 0.1], [0.2, 0.8]]
    right, wrong = (compare_theories(px, t, ch) for t in (truth, truth[:, ::-1]))
    assert right.specific is not None and wrong.specific is not None
    assert right.specific.tolist() == wrong.specific.tolist()
    info = semantic_information(px, truth, ch)
    assert right.specific @ info.py == pytest.approx(info.R, abs=1e-12)
    assert semantic_information(px, truth[:, ::-1], ch).G < 0 < info.G
    assert right.surprisal.tolist() == pytest.approx([-math.log2(0.8), -math.log2(0.2)])


def test_an_answer_to_is_it_true_carries_the_binary_entropy():
    for sentence, entropy in zip(SENTENCES.values(), SAID.logical_entropy, strict=True):
        share = sentence.mean()
        ch = np.stack([sentence, 1 - sentence], axis=1)
        carried = compare_theories(UNIFORM, ch, ch).specific
        assert carried is not None
        used = np.array([share, 1 - share])
        assert np.nansum(carried * used) == pytest.approx(entropy, abs=1e-12)


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=6), st.integers(0, 2**32 - 1))
def test_fuzzy_events(weights, seed):
    px = np.array(weights) / sum(weights)
    truth = np.random.default_rng(seed).random((len(px), 3))
    got = compare_theories(px, truth, base=math.e)
    want = [
        -sum(p * (t * math.log(t) + (1 - t) * math.log(1 - t)) for p, t in zip(px, column, strict=True))
        for column in truth.T
    ]
    assert got.fuzziness.tolist() == pytest.approx(want, abs=1e-12)
    events = [-sum(t * p * math.log(p) for p, t in zip(px, column, strict=True)) for column in truth.T]
    assert got.event_entropy.tolist() == pytest.approx(events, abs=1e-12)
    info = semantic_information(px, truth, np.full(truth.shape, 1 / 3), base=math.e)
    np.testing.assert_allclose(got.lu, info.pointwise, rtol=0, atol=1e-12)
    # the entropy of "is it true?" exceeds its mean over x, as information is not negative
    assert (got.logical_entropy >= got.fuzziness - 1e-12).all()
    assert got.unit == "nats"


def test_a_crisp_label_is_not_fuzzy():
    assert SAID.fuzziness.tolist() == [0.0] * 6


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([0.5, 0.6], np.ones((2, 1))), {}, InvalidDistributionError, "`px` must be a distribution"),
        (([0.5, 0.5], np.ones((3, 1))), {}, ShapeError, "`truth` must have one row"),
        (([0.5, 0.5], np.full((2, 1), 2.0)), {}, InvalidDistributionError, "degrees of truth in"),
        (([0.5, 0.5], np.ones((2, 1))), {"ch": np.ones((2, 2)) / 2}, ShapeError, "`ch` must have shape"),
        (([0.5, 0.5], np.zeros((2, 1))), {"inaccuracy": np.ones((2, 2))}, ShapeError, "`inaccuracy` must have"),
        (([0.5, 0.5], np.zeros((2, 1))), {"inaccuracy": [[0.5], [3.0]]}, InvalidDistributionError, "got 3"),
        (([0.5, 0.5], np.ones((2, 1))), {"base": 0.5}, ParameterError, "`base` must be"),
    ],
)
def test_what_is_refused_is_named(arguments, options, error, message):
    with pytest.raises(error, match=message):
        compare_theories(*arguments, **options)
