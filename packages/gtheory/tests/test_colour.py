"""The 3-8 decoder: Boolean algebra, opponent signals, and HSV from the standard library."""

import colorsys
import itertools

import numpy as np
import pytest

from gtheory.colour import COLOURS, decode38, opponents
from infocore.errors import InvalidDistributionError, ShapeError

RGB = np.random.default_rng(0).random((1000, 3))


def test_outputs_sum_to_one():
    out = decode38(*RGB.T)
    assert out.shape == (1000, 8)
    assert np.abs(out.sum(-1) - 1).max() <= 1e-12
    assert out.min() >= 0
    assert (out > 0).sum(-1).max() == 4


def test_corners_are_boolean():
    for code, (r, g, b) in enumerate(itertools.product((0, 1), repeat=3)):
        assert decode38(r, g, b).tolist() == np.eye(8)[code].tolist()
    names = dict(zip(COLOURS, itertools.product((0, 1), repeat=3), strict=True))
    assert names["yellow"] == (1, 1, 0)
    assert names["cyan"] == (0, 1, 1)
    assert names["magenta"] == (1, 0, 1)


def test_the_three_inputs_are_thresholds_on_one_random_set():
    # coupling: one uniform threshold; a colour is on where its input is above it
    r, g, b = 0.62, 0.13, 0.4
    grid = (np.arange(200_000) + 0.5) / 200_000
    code = 4 * (grid < r) + 2 * (grid < g) + (grid < b)
    share = np.bincount(code, minlength=8) / len(grid)
    assert decode38(r, g, b).tolist() == pytest.approx(share.tolist(), abs=1e-5)


def test_opponents_are_the_chromatic_outputs():
    out, found = decode38(*RGB.T), opponents(*RGB.T)
    by = {name: out[:, k] for k, name in enumerate(COLOURS)}
    for signal, primary, secondary in (
        ("red", "red", "cyan"),
        ("green", "green", "magenta"),
        ("blue", "blue", "yellow"),
    ):
        np.testing.assert_allclose(getattr(found, signal), by[primary] - by[secondary], atol=1e-12)
    np.testing.assert_allclose(found.median, np.sort(RGB, axis=1)[:, 1], atol=0)
    # for r >= g >= b
    ordered = -np.sort(-RGB, axis=1)
    r, g, b = ordered.T
    out = decode38(r, g, b)
    want = {"white": b, "yellow": g - b, "red": r - g, "black": 1 - r}
    for name, values in want.items():
        np.testing.assert_allclose(out[:, COLOURS.index(name)], values, atol=1e-12)


def test_it_is_hsv():
    out = decode38(*RGB.T)
    hsv = np.array([colorsys.rgb_to_hsv(*rgb) for rgb in RGB])
    white, black = out[:, COLOURS.index("white")], out[:, COLOURS.index("black")]
    np.testing.assert_allclose(1 - black, hsv[:, 2], atol=1e-12)
    np.testing.assert_allclose(1 - white / (1 - black), hsv[:, 1], atol=1e-12)
    # hue: between the primary and the secondary that are on, in sixths of a turn
    corner = {"red": 0, "yellow": 1, "green": 2, "cyan": 3, "blue": 4, "magenta": 5}
    for k, row in enumerate(out):
        on = {corner[name]: row[COLOURS.index(name)] for name in corner if row[COLOURS.index(name)] > 0}
        if len(on) == 2:
            low, high = sorted(on)
            if (low, high) == (0, 5):
                low, high = 5, 0
            hue = (low + on[high] / (on[low] + on[high])) / 6
            assert hue % 1 == pytest.approx(hsv[k, 0], abs=1e-9)


def test_shapes_broadcast():
    assert decode38(np.zeros((4, 1)), np.ones(3), 0.5).shape == (4, 3, 8)


@pytest.mark.parametrize("call", [decode38, opponents])
def test_what_is_refused_is_named(call):
    with pytest.raises(InvalidDistributionError, match=r"must be in \[0, 1\]; got 0 to 255 and 0 NaN. Divide RGB"):
        call(255, 0, 0)
    with pytest.raises(InvalidDistributionError, match="1 NaN"):
        call(np.nan, 0, 0)
    with pytest.raises(ShapeError, match="of one shape"):
        call(np.zeros(3), np.zeros(2), 0)
