"""A network is attacked where it lies: on a device that a process pretends to have, and in what moves there."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from infocore.torch.layers import linear
from mid.torch import InversionAttack, MIDClassifier, attacks
from mid.torch._device import device_of

EVERY = {"MIFace", "GMI", "LOMMA", "VMI", "KEDMI", "PLGMI", "BREPMI", "WGAN", "UpdateLeaks", "InversionAttack"}


@pytest.mark.slow
def test_every_attack_runs_where_the_target_is_and_finds_the_same():
    # its arithmetic is the CPU's, so the answers are equal; whatever is left behind is refused
    program = pathlib.Path(__file__).with_name("pretend_device.py")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # one surrogate stays on the CPU, and torch adds up the gradients of two devices in the order they come: 6e-8
    assert found.pop("LOMMA") == pytest.approx(0.0, abs=1e-6)
    assert found == dict.fromkeys(EVERY - {"LOMMA"}, 0.0)


def test_the_device_is_that_of_the_parameters():
    generator = torch.Generator().manual_seed(0)
    layer = linear(2, 2, generator).to("meta")
    normed = torch.nn.BatchNorm1d(2, affine=False).to("meta")
    for target in (layer, normed, attacks.ModuleTarget(layer), attacks.ModuleTarget(torch.nn.Identity(), layer)):
        assert device_of(target).type == "meta"
    model = MIDClassifier(hidden=(3,), epochs=1).fit(np.eye(4), [0, 1, 0, 1])
    assert device_of(model).type == "cpu"
    model.module_.to("meta")
    assert device_of(model).type == "meta"
    assert device_of(object()).type == "cpu"


def test_a_generator_is_copied_to_a_device_and_stays_where_it_is():
    gan = attacks.GAN.build(attacks.Dense((3,)), kind="wasserstein", latent=2, pixels=4)
    assert gan.to("cpu") is gan
    there = gan.to("meta")
    assert there.draw(3, torch.Generator().manual_seed(0)).device.type == "meta"
    assert {p.device.type for p in (*there.generator.parameters(), *there.critic.parameters())} == {"meta"}
    assert {p.device.type for p in (*gan.generator.parameters(), *gan.critic.parameters())} == {"cpu"}


def test_alignment_says_what_it_needs():
    x, y = np.zeros((20, 3)), np.arange(20) % 2
    for output in ("logits", "probabilities"):
        needs = InversionAttack(x_auxiliary=x, y_auxiliary=y, x=x, y=y, output=output).needs
        assert (needs.interface, needs.released, needs.auxiliary, needs.response) == (output, True, True, False)
