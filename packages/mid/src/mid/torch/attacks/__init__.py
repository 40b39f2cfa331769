"""Attacks that reconstruct the classes of a network, and what they share."""

from mid.torch.attacks.boundary import BREPMI as BREPMI
from mid.torch.attacks.gan import GAN as GAN
from mid.torch.attacks.gan import WGAN as WGAN
from mid.torch.attacks.gan_networks import Convolutional as Convolutional
from mid.torch.attacks.gan_networks import Dense as Dense
from mid.torch.attacks.inversion_gan import InversionGAN as InversionGAN
from mid.torch.attacks.latent import GMI as GMI
from mid.torch.attacks.latent import KEDMI as KEDMI
from mid.torch.attacks.latent import VMI as VMI
from mid.torch.attacks.lomma import IdentityLoss as IdentityLoss
from mid.torch.attacks.lomma import ModelAugmentation as ModelAugmentation
from mid.torch.attacks.lomma import distil as distil
from mid.torch.attacks.losses import AttackLoss as AttackLoss
from mid.torch.attacks.losses import CrossEntropy as CrossEntropy
from mid.torch.attacks.losses import MaxMargin as MaxMargin
from mid.torch.attacks.losses import Poincare as Poincare
from mid.torch.attacks.miface import MIFace as MIFace
from mid.torch.attacks.module_target import ModuleTarget as ModuleTarget
from mid.torch.attacks.plg import PLGMI as PLGMI
from mid.torch.attacks.plg import PseudoLabelGAN as PseudoLabelGAN
from mid.torch.attacks.plg import RandomShift as RandomShift
from mid.torch.attacks.reach import Reach as Reach
from mid.torch.attacks.reconstructions import ClassReconstructions as ClassReconstructions
from mid.torch.attacks.update_leaks import ModuleUpdates as ModuleUpdates
from mid.torch.attacks.update_leaks import UpdateGuesses as UpdateGuesses
from mid.torch.attacks.update_leaks import UpdateLeaks as UpdateLeaks
from mid.torch.attacks.update_leaks import one_step as one_step

__all__ = [
    "BREPMI",
    "GAN",
    "GMI",
    "KEDMI",
    "PLGMI",
    "VMI",
    "WGAN",
    "AttackLoss",
    "ClassReconstructions",
    "Convolutional",
    "CrossEntropy",
    "Dense",
    "IdentityLoss",
    "InversionGAN",
    "MIFace",
    "MaxMargin",
    "ModelAugmentation",
    "ModuleTarget",
    "ModuleUpdates",
    "Poincare",
    "PseudoLabelGAN",
    "RandomShift",
    "Reach",
    "UpdateGuesses",
    "UpdateLeaks",
    "distil",
    "one_step",
]
