"""A device that this process pretends to have, and every attack on a network that lies there and on the CPU.

A tensor "there" holds one of the CPU's, on which all arithmetic is done. As on a GPU, operations on tensors of both
places are refused (save those of a single number, copies, and look-ups by the CPU's row numbers), and so is reading one
as an array. What torch is told about the device holds for the whole process: it is run as a program of its own, and
prints, for each attack, the largest difference between the two places or the error.
"""

import copy
import json
import sys
import warnings

import numpy as np
import torch
from torch.utils._pytree import tree_leaves, tree_map

from infocore.torch.layers import linear, mlp
from mid.torch import InversionAttack, attacks
from mid.torch.bottleneck import BottleneckHead

NAME = "pretended"


class There(torch.Tensor):
    """A tensor on the device."""

    @staticmethod
    def __new__(cls, held):
        layout = {"strides": held.stride(), "storage_offset": held.storage_offset(), "dtype": held.dtype}
        tensor = torch.Tensor._make_wrapper_subclass(cls, held.size(), **layout, device=torch.device(NAME, 0))
        tensor.held = held
        return tensor

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return called(function, args, kwargs or {})


def called(function, args, kwargs):
    name, leaves = str(function).split(".")[1], tree_leaves((args, kwargs))
    there = any(isinstance(a, There) for a in leaves)
    here = any(isinstance(a, torch.Tensor) and not isinstance(a, There) and a.ndim for a in leaves)
    if there and here and name not in ("copy_", "index"):
        raise RuntimeError(f"{name}: tensors on two devices")
    if kwargs.get("device") is not None:
        there = torch.device(kwargs["device"]).type == NAME
        kwargs = kwargs | {"device": torch.device("cpu")}
    answer = function(*tree_map(held, args), **tree_map(held, kwargs))
    if name.endswith("_") and not name.startswith("_to"):
        return args[0]
    return tree_map(lambda a: There(a) if there and isinstance(a, torch.Tensor) else a, answer)


def held(value):
    return value.held if isinstance(value, There) else value


def network(noisy):
    generator = torch.Generator().manual_seed(0)
    body = mlp((16, 8), generator, last_activation=True)
    head = BottleneckHead(8, 3, generator=generator) if noisy else linear(8, 3, generator)
    return attacks.ModuleTarget(head.requires_grad_(False), body.requires_grad_(False))


def moved(target, device):
    return attacks.ModuleTarget(copy.deepcopy(target.head).to(device), copy.deepcopy(target.body).to(device))


def every_attack():
    """Return functions from a target to an array, by name; generators and surrogates lie on the CPU."""
    rng = np.random.default_rng(0)
    x, y = rng.random((60, 16)).astype(np.float32), rng.integers(3, size=60)
    small = {"latent": 2, "network": attacks.Dense((8,)), "steps": 3, "batch_size": 16}
    square = {"shape": (1, 4, 4)}
    free, told = attacks.WGAN(**small).fit(x), attacks.WGAN(**small).fit(x, y)
    surrogate = attacks.distil(network(noisy=False), x, hidden=(4,), max_steps=3)

    def images(attack):
        return lambda target: attack.run(target).images

    def inversion_gan(target):
        gan = attacks.InversionGAN(**small, draws=2).fit(x, target)
        return attacks.KEDMI(gan=gan, steps=3, draws=2, per_class=1).run(target).images

    def pseudo_labels(target):
        views = attacks.RandomShift(**square)
        gan = attacks.PseudoLabelGAN(**small, top=10, views=views, draws=2).fit(x, target)
        return attacks.PLGMI(gan=gan, steps=3, per_class=1, draws=2, views=views).run(target).images

    def lomma(target):
        own = attacks.distil(target, x, hidden=(4,), max_steps=3)
        loss = attacks.ModelAugmentation([own, surrogate], attacks.IdentityLoss(x))
        return attacks.GMI(gan=free, steps=3, restarts=2, draws=2, loss=loss).run(target).images

    def generator(target):
        device = next(target.head.parameters()).device
        gan = attacks.WGAN(**small, device=str(device)).fit(x, y)
        assert next(gan.critic.parameters()).device == device
        z = gan.draw(4, torch.Generator().manual_seed(0))
        return gan.images(z, torch.arange(4, device=device) % 3).cpu().numpy()

    def updates(target):
        if isinstance(target.head, BottleneckHead):
            return np.zeros(1)
        shadow = attacks.ModuleUpdates(network(noisy=False), x[:9], y[:9])
        leaks = attacks.UpdateLeaks(x_probe=x[:5], shadow=shadow, y_shadow=y[:9], hidden=(4,), max_steps=3)
        return leaks.run(attacks.ModuleUpdates(target, x[50:], y[50:])).labels

    def alignment(target):
        attack = InversionAttack(
            x_auxiliary=x[:40], y_auxiliary=y[:40], x=x[40:], y=y[40:], hidden=(8,), max_steps=60, queries=2
        )
        return attack.run(target).reconstructions

    return {
        "MIFace": images(attacks.MIFace(start=np.zeros(16), max_steps=5, window=3, draws=2)),
        "GMI": images(attacks.GMI(gan=told, steps=3, restarts=2, keep=2, draws=2, loss=attacks.MaxMargin())),
        "LOMMA": lomma,
        "VMI": images(attacks.VMI(gan=free, steps=3, samples=2, per_class=1, draws=2, loss=attacks.Poincare())),
        "KEDMI": inversion_gan,
        "PLGMI": pseudo_labels,
        "BREPMI": images(attacks.BREPMI(gan=told, classes=range(3), points=3, steps=3, starts=60)),
        "WGAN": generator,
        "UpdateLeaks": updates,
        "InversionAttack": alignment,
    }


def differences(device):
    """Return, by attack, the largest difference between the CPU's answer and the device's, or the error."""
    found = {}
    for name, attack in every_attack().items():
        try:
            found[name] = 0.0
            for noisy in (False, True):
                target = network(noisy)
                here, there = attack(target), attack(moved(target, device))
                found[name] = max(found[name], float(np.abs(here - there).max()))
        except (RuntimeError, TypeError) as e:
            found[name] = f"{type(e).__name__}: {e}"
    return found


def main():
    from torch import library
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

    _setup_privateuseone_for_python_backend(NAME)
    kernels = library.Library("_", "IMPL")
    kernels.fallback(lambda function, *args, **kwargs: called(function, args, kwargs), "PrivateUse1")
    warnings.simplefilter("ignore")
    json.dump(differences(NAME), sys.stdout)


if __name__ == "__main__":
    main()
