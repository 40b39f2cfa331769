"""Sender, channel, receiver: laws by hand, closed forms, sequences against laws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtheory import rate_fidelity, semantic_information
from gtheory.communication import Channel, Receiver, Sender, expected, transmit
from infocore.errors import InvalidDistributionError, KindError, ParameterError, ShapeError

UNIFORM = np.full(4, 0.25)


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
    # s.d. of the means over 200,000: 0.004 bits, 0.0015; of the plug-in rate 0.002 above
    assert pytest.approx(law.G, abs=0.015) == seen.G
    assert pytest.approx(law.R, abs=0.01) == seen.R
    assert seen.sent == pytest.approx(law.sent, abs=0.01)
    assert seen.mean_squared_error == pytest.approx(law.mean_squared_error, abs=0.01)
    assert transmit(x, sender, link, receiver, rng=1) == seen
    assert transmit(x, sender, link, receiver, rng=2) != seen


def test_the_adaptive_code_is_krichevsky_and_trofimovs():
    labels = np.array([0, 0, 1, 0])
    found = transmit(labels, Sender(np.eye(2)), Channel.symmetric(2), Receiver([0.5, 0.5], np.eye(2)))
    counts, bits = [0.5, 0.5], 0.0
    for label in labels:
        bits -= math.log2(counts[label] / sum(counts))
        counts[label] += 1
    assert found.sent == pytest.approx(bits / 4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Sender([[0.5, 0.6]]), InvalidDistributionError, "`ch` must be a distribution"),
        (lambda: Channel.symmetric(3, 1.5), ParameterError, "`error` must be in"),
        (lambda: Channel([[2.0]]), InvalidDistributionError, "`matrix` must be"),
        (lambda: Receiver([0.5, 0.5], [[0, 1], [0, 1]]), InvalidDistributionError, "label 0 is false of every x"),
        (lambda: Receiver([0.5, 0.5], np.eye(2), values=[1.0]), ShapeError, "`values` must hold 2"),
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
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
