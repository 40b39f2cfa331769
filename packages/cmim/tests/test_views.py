"""Affine views and corruption; shifts with noise are tested with the models."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from cmim.config import ModelConfig
from cmim.variants import DAE, MIM
from cmim.views import Affine, Corruption, ShiftNoise, view_from_dict
from infocore.errors import ParameterError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blob(size: int = 28) -> torch.Tensor:
    """A smooth image off the centre."""
    y, x = np.mgrid[:size, :size]
    return torch.from_numpy(np.exp(-((x - 17.0) ** 2 + 2 * (y - 10.0) ** 2) / 12)).float().reshape(1, -1)


def test_probability_zero_changes_nothing_and_one_changes_all():
    x = blob().repeat(50, 1)
    torch.testing.assert_close(Affine((1, 28, 28), probability=0.0)(x, generator()), x, atol=1e-5, rtol=0)
    changed = (Affine((1, 28, 28), probability=0.5)(x, generator()) - x).abs().amax(1) > 1e-3
    assert 10 < int(changed.sum()) < 40


@pytest.mark.parametrize(
    ("settings", "of"),
    [
        ({"degrees": 20.0}, lambda a, t: ndimage.rotate(a, t, reshape=False, order=1)),
        ({"shift": 0.2}, lambda a, t: ndimage.shift(a, t, order=1)),
    ],
)
def test_one_kind_of_change_is_that_of_scipy(settings, of):
    """Each view is matched, over a grid of angles or shifts, by what scipy makes of the image."""
    off = {"degrees": 0.0, "shift": 0.0, "shear": 0.0, "scale": (1.0, 1.0), "probability": 1.0}
    views = Affine((1, 28, 28), **{**off, **settings})(blob().repeat(6, 1), generator(1)).reshape(6, 28, 28).numpy()
    image = blob().reshape(28, 28).numpy()
    if "degrees" in settings:
        tries = [of(image, t) for t in np.arange(-20, 20.1, 0.5)]
    else:
        grid = np.arange(-5.75, 5.76, 0.5)
        tries = [of(image, (a, b)) for a in grid for b in grid]
    best = [min(float(np.abs(view - t).max()) for t in tries) for view in views]
    assert max(best) < 0.12  # half a step of the grid; another kind of change is off by .4 or more
    assert min(float(np.abs(view - image).max()) for view in views) > 0.01


def test_images_that_are_not_square_turn_by_the_angle_that_was_asked_for():
    """A bar along the long side of 16 x 48, turned: the direction of its principal axis."""
    image = torch.zeros(1, 16, 48)
    image[0, 7:9, 14:34] = 1.0
    view = Affine((1, 16, 48), degrees=20.0, shift=0.0, shear=0.0, scale=(1.0, 1.0), probability=1.0)
    g = generator(3)
    asked = (2 * torch.rand(6, 40, generator=g) - 1)[0] * 20
    turned = view(image.repeat(40, 1, 1).flatten(1), generator(3)).reshape(40, 16, 48).numpy()
    y, x = np.mgrid[:16, :48]
    for angle, picture in zip(asked.tolist(), turned, strict=True):
        mass = picture / picture.sum()
        dy, dx = y - (mass * y).sum(), x - (mass * x).sum()
        axis = 0.5 * np.degrees(np.arctan2(2 * (mass * dx * dy).sum(), (mass * (dx**2 - dy**2)).sum()))
        assert abs(axis) == pytest.approx(abs(angle), abs=1.0)


def test_scale_and_shear_keep_values_in_range():
    x = (torch.rand(100, 3 * 64, generator=generator()) < 0.5).float()
    view = Affine((3, 8, 8), scale=(0.5, 2.0), shear=30.0, probability=1.0)(x, generator(2))
    assert view.shape == x.shape
    assert view.min() >= 0 and view.max() <= 1


def test_seeds():
    view, x = Affine((1, 28, 28)), blob().repeat(9, 1)
    assert torch.equal(view(x, generator(1)), view(x, generator(1)))
    assert not torch.equal(view(x, generator(1)), view(x, generator(2)))


def test_corruption_masks_a_share_and_adds_noise():
    x = torch.ones(200, 100)
    kept = Corruption(mask=0.3)(x, generator())
    assert set(kept.unique().tolist()) == {0.0, 1.0}
    assert kept.mean().item() == pytest.approx(0.7, abs=0.01)  # s.e. sqrt(.21 / 20000) = .003
    noisy = Corruption(mask=0.0, noise=0.5)(x, generator())
    assert noisy.std().item() == pytest.approx(0.5, abs=0.01)


def test_a_denoising_model_reconstructs_what_it_did_not_see():
    model = DAE(6, latent_dim=2, hidden=(4,), mask=1.0)  # the encoder sees zeros only
    x = torch.rand(5, 6, generator=generator())
    terms = model.objective(x, generator())
    blind = model.law.nll(x, model.decode(model.encode(torch.zeros(5, 6))[0]))
    torch.testing.assert_close(terms["reconstruction"], blind)


def test_auto_encoders_train_on_views():
    x = blob().repeat(4, 1)
    view = Affine((1, 28, 28), probability=1.0)
    model = MIM(784, latent_dim=2, hidden=(4,), views=view)
    seen = view(x, generator(3))
    rest = generator(3)
    view(x, rest)  # the noise of the codes comes after that of the views
    terms = MIM(784, latent_dim=2, hidden=(4,)).objective(seen, rest)
    torch.testing.assert_close(model.objective(x, generator(3))["reconstruction"], terms["reconstruction"])


@pytest.mark.parametrize("view", [ShiftNoise(2, 3), Affine((1, 2, 3), scale=(0.9, 1.0))])
def test_round_trip(view):
    config = ModelConfig("infonce", 6, views=view)
    assert ModelConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Affine((8, 8)), "`shape`"),
        (lambda: Affine((1, 8, 8), scale=(0.0, 1.0)), "`scale`"),
        (lambda: Affine((1, 8, 8), scale=(2.0, 1.0)), "`scale`"),
        (lambda: Affine((1, 8, 8), probability=1.5), "`probability`"),
        (lambda: Affine((1, 8, 8), degrees=-1.0), "`degrees`"),
        (lambda: Corruption(mask=1.5), "`mask`"),
        (lambda: Corruption(noise=-1.0), "`noise`"),
        (lambda: view_from_dict({"kind": "crop"}), "`kind`"),
        (lambda: MIM(6, views=ShiftNoise(2, 3)), "`views` must be free of noise"),
        (lambda: MIM(6, views=Affine((1, 2, 3)), likelihood="categorical"), "`views` must be ShiftNoise"),
        (lambda: DAE(6, noise=0.5, likelihood="categorical"), "`corruption` must be free of noise"),
        (lambda: ModelConfig("infonce", 6, contrast="nt_xent"), "`views` must be given"),
    ],
)
def test_refusals(make, match):
    with pytest.raises(ParameterError, match=match):
        make()
