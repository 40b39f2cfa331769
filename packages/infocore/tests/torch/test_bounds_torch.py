"""The score matrix on torch tensors: the numbers of numpy, right gradients, dtype, device and graph kept."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from infocore import bounds
from infocore.bounds import BOUNDS, influence, infonce, pointwise
from infocore.errors import KindError, ShapeError

EXTRA = {"tuba": (0.3,), "smile": (1.5,)}


def scores_of(seed, rows=5, columns=5):
    return 2.0 * torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def call(name, scores, library):
    """A bound with its extra arguments, in the library of `scores`."""
    if name == "flo":
        u = np.linspace(-1.0, 1.0, len(scores))
        return BOUNDS[name].function(scores, torch.from_numpy(u) if library is torch else u)
    return BOUNDS[name].function(scores, *EXTRA.get(name, ()))


@pytest.mark.parametrize("name", sorted(BOUNDS))
@pytest.mark.parametrize("seed", range(5))
def test_bounds_agree_with_numpy(name, seed):
    columns = 5 if name in ("semantic", "l1out") else 8
    s = scores_of(seed, 5, columns)
    got = call(name, s, torch)
    assert (got.shape, got.dtype) == ((), torch.float64)
    assert got.item() == pytest.approx(float(call(name, s.numpy(), np)), abs=1e-12)


@pytest.mark.parametrize("over", ["x", "y"])
@pytest.mark.parametrize("positive", ["included", "excluded"])
def test_pointwise_and_influence_agree_with_numpy(over, positive):
    s = scores_of(9)
    got = pointwise(s, over=over, positive=positive)
    np.testing.assert_allclose(got, pointwise(s.numpy(), over=over, positive=positive), atol=1e-12)
    np.testing.assert_allclose(influence(s, over=over), influence(s.numpy(), over=over), atol=1e-12)


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_gradients(name):
    s = (scores_of(11) / 3).requires_grad_()
    assert gradcheck(lambda a: call(name, a, torch), (s,))
    one = torch.ones((), dtype=torch.float64, requires_grad=True)  # given, for torch draws it from its global stream
    assert gradgradcheck(lambda a: call(name, a, torch), (s,), grad_outputs=(one,))


@pytest.mark.parametrize("over", ["x", "y"])
@pytest.mark.parametrize("positive", ["included", "excluded"])
def test_gradients_of_pointwise(over, positive):
    s = scores_of(12).requires_grad_()
    assert gradcheck(lambda a: pointwise(a, over=over, positive=positive), (s,))


def test_gradient_of_infonce_is_identity_minus_softmax():
    s = scores_of(13, 4, 6).requires_grad_()
    infonce(s).backward()
    want = (torch.eye(4, 6, dtype=torch.float64) - s.detach().softmax(1)) / 4
    torch.testing.assert_close(s.grad, want, atol=1e-14, rtol=0)


def test_gradients_reach_the_second_arguments():
    s = scores_of(14)
    u = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda a: bounds.flo(s, a), (u,))
    assert gradcheck(lambda a: bounds.tuba(s, a), (u,))


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_float32_value_and_gradient_are_finite_at_the_score_the_table_names(name):
    reach = BOUNDS[name].largest_score / (2 if name == "flo" else 1)  # it exponentiates differences
    s = torch.from_numpy(np.random.default_rng(0).uniform(-reach, reach, (8, 8)).astype(np.float32))
    s[0, 0], s[0, 1], s[1, 1] = reach, -reach, -reach
    s.requires_grad_()
    u = torch.zeros(8)
    value = bounds.flo(s, u) if name == "flo" else call(name, s, torch)
    value.backward()
    assert value.dtype == torch.float32
    assert bool(value.isfinite())
    assert bool(s.grad.isfinite().all())


def test_masked_negatives_have_no_gradient():
    s = scores_of(15)
    s[0, 1] = -math.inf
    s.requires_grad_()
    infonce(s).backward()
    assert s.grad[0, 1] == 0
    assert bool(s.grad.isfinite().all())


def test_integers_become_float64_and_complex_is_refused():
    assert infonce(torch.eye(3, dtype=torch.int64)).dtype == torch.float64
    with pytest.raises(KindError, match=r"`scores` must hold real numbers; got dtype torch\.complex64"):
        infonce(torch.eye(3, dtype=torch.complex64))


def test_shapes_are_refused_alike():
    with pytest.raises(ShapeError, match=r"got shape \(3, 2\)"):
        infonce(torch.zeros(3, 2))


def test_meta_device_is_kept():
    assert infonce(torch.zeros(3, 4, device="meta")).device.type == "meta"
