"""InfoNCE tile by tile: the value and gradient of the full matrix, in the memory of a tile."""

import math

import pytest
import torch
from torch.autograd import gradcheck
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from infocore.bounds import infonce as full
from infocore.errors import ParameterError, ShapeError, TrainingError
from infocore.torch import streamed


def embeddings(rows, columns, width=6, seed=0, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(n, width, generator=g, dtype=dtype) for n in (rows, columns))
    return x.requires_grad_(), y.requires_grad_()


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (7, 7), (7, 12), (64, 64)])
@pytest.mark.parametrize("tile", [1, 3, 7, 1000])
@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_value_and_gradient_of_the_full_matrix(rows, columns, tile, temperature):
    x, y = embeddings(rows, columns)
    want = full(x @ y.T / temperature)
    want_x, want_y = torch.autograd.grad(want, (x, y))
    got = streamed.infonce(x, y, temperature, tile)
    got_x, got_y = torch.autograd.grad(3.0 * got, (x, y))
    assert got.item() == pytest.approx(want.item(), abs=1e-12)
    torch.testing.assert_close(got_x, 3.0 * want_x, atol=1e-12, rtol=1e-10)
    torch.testing.assert_close(got_y, 3.0 * want_y, atol=1e-12, rtol=1e-10)


# float32, 2,000 pairs at temperature .05: differences seen: 1e-7 of the value, 9e-7 of the largest gradient
def test_float32_is_within_a_millionth():
    x, y = embeddings(2000, 2000, 32, dtype=torch.float32)
    with torch.no_grad():
        x /= x.norm(dim=1, keepdim=True)
        y.copy_(torch.nn.functional.normalize(x + 0.2 * y))
    exact_x, exact_y = x.detach().double().requires_grad_(), y.detach().double().requires_grad_()
    want = full(exact_x @ exact_y.T / 0.05)
    got = streamed.infonce(x, y, 0.05, 128)
    want.backward()
    got.backward()
    assert got.item() == pytest.approx(want.item(), rel=1e-6)
    for ours, theirs in ((x.grad, exact_x.grad), (y.grad, exact_y.grad)):
        torch.testing.assert_close(ours.double(), theirs, atol=1e-5 * theirs.abs().max().item(), rtol=0)


def test_gradcheck():
    x, y = embeddings(5, 7)
    assert gradcheck(lambda a, b: streamed.infonce(a, b, 0.7, 2), (x, y))


@pytest.mark.parametrize("which", [0, 1])
def test_one_side_may_be_fixed(which):
    pair = list(embeddings(6, 6))
    fixed = pair[which].detach()
    pair[which] = fixed
    streamed.infonce(*pair, tile=4).backward()
    assert fixed.grad is None
    want = torch.autograd.grad(full(pair[0] @ pair[1].T), pair[1 - which])[0]
    torch.testing.assert_close(pair[1 - which].grad, want)


def test_without_gradients():
    x, y = embeddings(6, 9)
    with torch.no_grad():
        assert not streamed.infonce(x, y, tile=4).requires_grad
    assert streamed.infonce(x.detach(), y.detach(), tile=4).item() == pytest.approx(full(x @ y.T).item(), abs=1e-12)


def test_ceiling():
    eye = torch.nn.functional.normalize(torch.eye(16))
    assert streamed.infonce(eye, eye, 1e-4, 5).item() == pytest.approx(math.log(16), abs=1e-6)


class Largest(TorchDispatchMode):
    """Remember the largest tensor that any operation returned."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for part in tree_iter(out):
            if isinstance(part, torch.Tensor):
                self.elements = max(self.elements, part.numel())
        return out


def test_no_tensor_is_larger_than_a_tile():
    x, y = embeddings(512, 512, 8)
    with Largest() as ours:
        streamed.infonce(x, y, tile=16).backward()
    with Largest() as theirs:
        full(x @ y.T).backward()
    assert ours.elements == 16 * 512
    assert theirs.elements == 512 * 512  # the guard sees what it guards against


def test_second_derivatives_are_an_error_and_not_wrong():
    x, y = embeddings(4, 4)
    with pytest.raises(TrainingError, match="differentiable once"):
        torch.autograd.grad(streamed.infonce(x, y), x, create_graph=True)


@pytest.mark.unchecked
@pytest.mark.parametrize(
    ("x", "y"), [((3,), (3,)), ((3, 2), (3, 4)), ((4, 2), (3, 2)), ((0, 2), (3, 2)), ((3, 2, 1), (3, 2, 1))]
)
def test_shapes_that_are_refused(x, y):
    with pytest.raises(ShapeError, match="`x` and `y` must be matrices of one width"):
        streamed.infonce(torch.zeros(x), torch.zeros(y))


def test_settings_that_are_refused():
    x, y = embeddings(3, 3)
    for temperature in (0.0, -1.0, math.nan):
        with pytest.raises(ParameterError, match="`temperature` must be a finite number > 0"):
            streamed.infonce(x, y, temperature)
    with pytest.raises(ParameterError, match="`tile` must be a whole number >= 1; got 0"):
        streamed.infonce(x, y, tile=0)


@pytest.mark.unchecked
def test_half_a_row_is_no_tile():
    with pytest.raises(ParameterError, match=r"`tile` must be a whole number >= 1; got 2\.5"):
        streamed.infonce(*embeddings(3, 3), tile=2.5)
