"""Sender, channel, receiver: laws by hand, closed forms, sequences against laws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtheory import rate_fidelity, semantic_information
from gtheory.communication import Channel, Receiver, Sender, expected, transmit
from gtheory.truth import Gaussian, Logistic, truth_matrix
from infocore.errors import InvalidDistributionError, KindError, NonFiniteError, ParameterError, ShapeError
from infocore.rate import rate_distortion


def entropy(p):
    return -sum(q * math.log2(q) for q in p if q > 0)


def test_names_without_noise_say_everything():
    px = [0.5, 0.25, 0.125, 0.125]
    receiver = Receiver(px, np.eye(4), values=[0.0, 1.0, 2.0, 5.0])
    found = expected(px, Sender(np.eye(4)), Channel.symmetric(4), receiver)
    assert (found.sent, found.R, found.G) == pytest.approx((1.75, 1.75, 1.75))
    assert (found.mean_squared_error, found.unit) == (0, "bits")


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.9))
def test_the_chain_is_a_channel_with_meanings(seed, error):
    rng = np.random.default_rng(seed)
    px, ch = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(3), size=5)
    truth = rng.random((5, 3)) + 0.01
    truth /= truth.max(0)
    link = Channel.symmetric(3, error)
    found = expected(px, Sender(ch), link, Receiver(px, truth, values=np.arange(5.0)))
    info = semantic_information(px, truth, ch @ link.matrix)
    assert pytest.approx((info.G, info.R), abs=1e-9) == (found.G, found.R)
    assert found.sent == pytest.approx(entropy(px @ ch), abs=1e-9)
    assert found.G <= found.R + 1e-9 <= found.sent + 2e-9  # meaning, information, bits
    predicted = px[:, None] * truth / (px @ truth)
    error = sum(
        px[i] * (ch @ link.matrix)[i, j] * (i - np.arange(5) @ predicted[:, j]) ** 2 for i in range(5) for j in range(3)
    )
    assert found.mean_squared_error == pytest.approx(error, abs=1e-9)


def test_noise_in_closed_form():
    truth = np.array([[1.0, 0.2], [0.2, 1.0]])
    receiver = Receiver([0.5, 0.5], truth)
    found = expected([0.5, 0.5], Sender(np.eye(2)), Channel.symmetric(2, 0.1), receiver)
    assert pytest.approx(1 - entropy([0.1, 0.9])) == found.R
    assert pytest.approx(math.log2(1 / 0.6) + 0.1 * math.log2(0.2)) == found.G
    useless = expected([0.5, 0.5], Sender(np.eye(2)), Channel.symmetric(2, 0.5), receiver)
    assert pytest.approx(0, abs=1e-12) == useless.R
    assert useless.G < 0  # who believes it is misled
    assert math.isnan(found.mean_squared_error)


def test_a_receiver_believes_its_own_prior():
    truth = np.array([[1.0, 0.3], [0.5, 1.0], [0.0, 0.3]])
    px = np.array([0.6, 0.3, 0.1])
    own, other = Receiver(px, truth, values=np.arange(3.0)), Receiver(px[::-1], truth, values=np.arange(3.0))
    assert own.reconstruction[1] == pytest.approx((0.3 + 2 * 0.03) / (0.18 + 0.3 + 0.03))
    sender = Sender.most_informative(own.information)
    right, wrong = (expected(px, sender, Channel.symmetric(2), r) for r in (own, other))
    assert right.R == wrong.R  # what is carried does not depend on who reads it
    assert right.mean_squared_error < wrong.mean_squared_error


def test_sequences_come_near_their_laws():
    rng = np.random.default_rng(0)
    px = np.array([0.4, 0.3, 0.2, 0.1])
    truth = np.exp(-0.5 * ((np.arange(4)[:, None] - np.arange(4)) / 0.8) ** 2)
    receiver = Receiver(px, truth, values=np.arange(4.0))
    point = rate_fidelity(px, receiver.information / math.log(2), 2.0)
    sender, link = Sender(point.ch), Channel.symmetric(4, 0.05)
    law = expected(px, sender, link, receiver)
    x = rng.choice(4, size=200_000, p=px)
    seen = transmit(x, sender, link, receiver, rng=1)
    # 40 seeds, bias and s.d.: G 0.0006, 0.0026; R 0.0006, 0.0026; sent 0.0001, 0.0015; squared error 0.0003, 0.0014;
    # tolerance = bias + 3 s.d.
    assert pytest.approx(law.G, abs=0.0084) == seen.G
    assert pytest.approx(law.R, abs=0.0084) == seen.R
    assert seen.sent == pytest.approx(law.sent, abs=0.0046)
    assert seen.mean_squared_error == pytest.approx(law.mean_squared_error, abs=0.0045)
    assert transmit(x, sender, link, receiver, rng=1) == seen
    assert transmit(x, sender, link, receiver, rng=2) != seen


def test_the_adaptive_code_is_krichevsky_and_trofimovs():
    labels = np.array([0, 0, 1, 0])
    third = np.full(3, 1 / 3)
    found = transmit(labels, Sender(np.eye(3)), Channel.symmetric(3), Receiver(third, np.eye(3)))
    counts, bits = [0.5, 0.5, 0.5], 0.0  # the third label is provided for, and never sent
    for label in labels:
        bits -= math.log2(counts[label] / sum(counts))
        counts[label] += 1
    assert found.sent == pytest.approx(bits / 4)


@pytest.mark.parametrize(("name", "want"), [("8 grey levels", 2.108563), ("256 grey levels", None), ("ages", 1.392114)])
def test_the_sharpest_sender_reaches_the_most_there_is(name, want):
    if name == "ages":
        x = np.arange(101.0)
        px = 1 / (1 + np.exp((x - 70) / 8))
        meaning = [Logistic(18, -0.8), Gaussian(22, 6), Logistic(18, 0.8), Logistic(65, 0.4)]
    elif name == "256 grey levels":
        x = np.arange(256.0)
        px = np.exp(-((x - 128) ** 2) / 3200)
        meaning = [Gaussian(16.0 + 32 * j, 14) for j in range(8)]
    else:
        x, px = np.arange(8.0), np.ones(8)
        meaning = [Gaussian(j, 0.8) for j in range(8)]
    px /= px.sum()
    receiver = Receiver(px, truth_matrix(meaning, x, log=True), log=True)
    bits = receiver.information / math.log(2)
    link = Channel.symmetric(len(meaning))
    found = expected(px, Sender.most_informative(bits), link, receiver)
    assert pytest.approx(found.sent) == found.R  # nothing is left to chance
    if want is not None:
        assert pytest.approx(want, abs=1e-6) == found.G
    else:
        matched = expected(px, Sender(rate_fidelity(px, bits, 2.0, tol=1e-10).ch), link, receiver)
        assert pytest.approx((1.892081, 2.005187), abs=1e-6) == (matched.G, matched.R)


def test_labels_for_meaning_are_labels_for_squared_error_where_all_is_normal():
    # X ~ N(0, 1), T = exp(-(x - c)^2 / 2 t^2): I(x; theta) = -(x - k c)^2 / 2 k t^2 + a function of x, where k c with
    # k = 1 / (1 + t^2) is the mean of x under the label. So R(G) at slope s is R(D) at slope s / 2 k t^2.
    x, centres, spread, s = np.linspace(-12, 12, 481), np.linspace(-3, 3, 7), 0.75, 1.5
    px = np.exp(-(x**2) / 2) / np.exp(-(x**2) / 2).sum()
    receiver = Receiver(px, -((x[:, None] - centres) ** 2) / (2 * spread**2), values=x, log=True)
    k = 1 / (1 + spread**2)
    assert receiver.reconstruction == pytest.approx(k * centres, abs=1e-9)
    meaning = rate_fidelity(px, receiver.information, s, base=math.e, tol=1e-10)
    cost = (x[:, None] - k * centres) ** 2
    error = rate_distortion(px, cost, s / (2 * k * spread**2), tol=1e-10)
    assert meaning.ch == pytest.approx(error.ch, abs=1e-7)
    found = expected(px, Sender(meaning.ch), Channel.symmetric(7), receiver, base=math.e)
    assert (found.R, found.mean_squared_error) == pytest.approx((error.rate, error.distortion), abs=1e-9)
    assert found.unit == "nats"


def test_a_label_is_read_as_its_mean_or_its_mode():
    px, truth = np.array([0.5, 0.3, 0.2]), np.array([[1.0, 0.1], [1.0, 1.0], [0.0, 1.0]])
    mean = Receiver(px, truth, values=[0.0, 1.0, 4.0])
    mode = Receiver(px, truth, values=[0.0, 1.0, 4.0], reading="mode")
    assert mean.likelihood == pytest.approx(np.array([[5 / 8, 1 / 11], [3 / 8, 6 / 11], [0, 4 / 11]]))
    assert mean.reconstruction == pytest.approx([3 / 8, 2.0])  # (0.3 + 0.8) / 0.55
    assert mode.reconstruction.tolist() == [0.0, 1.0]
    sender = Sender(np.eye(2)[[0, 1, 1]])
    found = expected(px, sender, Channel.symmetric(2), mode)
    assert found.mean_squared_error == pytest.approx(0.2 * 9)
    assert expected(px, sender, Channel.symmetric(2), mean).mean_squared_error == pytest.approx(
        0.5 * (3 / 8) ** 2 + 0.3 + 0.2 * 4
    )


def test_noise_that_makes_a_label_certainly_false_is_told():
    receiver = Receiver([0.5, 0.5], np.eye(2))
    found = expected([0.5, 0.5], Sender(np.eye(2)), Channel.symmetric(2, 0.01), receiver)
    assert -math.inf == found.G
    assert pytest.approx(1 - entropy([0.01, 0.99])) == found.R


def test_an_erasure_is_a_label_that_says_nothing():
    link = Channel([[0.75, 0.0, 0.25], [0.0, 0.75, 0.25]])  # a label more arrives than is sent
    receiver = Receiver([0.5, 0.5], np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]))
    found = expected([0.5, 0.5], Sender(np.eye(2)), link, receiver)
    assert (found.sent, found.R, found.G) == pytest.approx((1.0, 0.75, 0.75))
    x = np.random.default_rng(0).integers(0, 2, 50_000)
    seen = transmit(x, Sender(np.eye(2)), link, receiver, rng=np.random.default_rng(3))
    assert pytest.approx(0.75, abs=0.006) == seen.G  # s.d. of the share that is not erased: 0.0019


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Sender([[0.5, 0.6]]), InvalidDistributionError, "`ch` must be a distribution"),
        (lambda: Channel.symmetric(3, 1.5), ParameterError, "`error` must be in"),
        (lambda: Channel([[2.0]]), InvalidDistributionError, "`matrix` must be"),
        (lambda: Receiver([0.5, 0.5], [[0, 1], [0, 1]]), InvalidDistributionError, "label 0 is false of every x"),
        (lambda: Receiver([0.5, 0.5], np.eye(2), values=[1.0]), ShapeError, "`values` must hold 2"),
        (lambda: Receiver([0.5, 0.5], np.eye(2), values=[1.0, np.nan]), NonFiniteError, "infinity in 1 of 2"),
        (lambda: Receiver([0.5, 0.5], np.eye(2), reading="median"), ParameterError, "'mean' or 'mode'; got 'median'"),
        (lambda: Channel.symmetric(1, 0.1), ParameterError, "`error` must be in"),
        (
            lambda: transmit(
                np.zeros(0, dtype=int), Sender(np.eye(2)), Channel.symmetric(2), Receiver([0.5, 0.5], np.eye(2))
            ),
            ShapeError,
            r"at least one index; got shape \(0,\)",
        ),
        (
            lambda: transmit([[0]], Sender(np.eye(2)), Channel.symmetric(2), Receiver([0.5, 0.5], np.eye(2))),
            ShapeError,
            "at least one index",
        ),
        (lambda: Receiver([0.5, 0.5], np.eye(2)).reconstruction, ParameterError, "which were not given"),
        (
            lambda: expected([1.0], Sender(np.eye(2)), Channel.symmetric(2), Receiver([0.5, 0.5], np.eye(2))),
            ShapeError,
            r"with 1 values of x.*got \(2, 2\)",
        ),
        (
            lambda: transmit([0.5], Sender(np.eye(2)), Channel.symmetric(2), Receiver([0.5, 0.5], np.eye(2))),
            KindError,
            "must hold indices",
        ),
        (
            lambda: transmit([2], Sender(np.eye(2)), Channel.symmetric(2), Receiver([0.5, 0.5], np.eye(2))),
            ParameterError,
            r"indices in 0\.\.1; got 2 to 2",
        ),
        (
            lambda: transmit([-1], Sender(np.eye(2)), Channel.symmetric(2), Receiver([0.5, 0.5], np.eye(2))),
            ParameterError,
            r"got -1 to -1",
        ),
        (
            lambda: transmit([0], Sender(np.eye(2)), Channel.symmetric(3), Receiver([0.5, 0.5], np.eye(2))),
            ShapeError,
            r"transmit: with 2 values of x.*got \(2, 2\), \(3, 3\)",
        ),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
