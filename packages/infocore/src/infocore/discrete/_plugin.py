"""Plug-in entropy, and the two corrections that add up over the values seen."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import math

import numpy as np

from infocore.discrete._fingerprint import Fingerprint

__all__ = ["grassberger", "miller_madow", "miller_madow_shift", "plug_in"]


def plug_in(f: Fingerprint) -> float:
    r"""Entropy of the empirical law, :math:`\log n - \frac1n \sum_i c_i \log c_i`; biased by about -(K - 1) / 2n."""
    return math.log(f.n) - float((f.counts * f.times) @ np.log(f.counts)) / f.n


def miller_madow(f: Fingerprint) -> float:
    """Plug-in entropy with its first-order bias, (K - 1) / 2n at the number of values seen, taken out [1]_.

    References
    ----------
    .. [1] G. Miller, "Note on the bias of information estimates", in Information Theory in Psychology, 1955.
    """
    return plug_in(f) + (f.seen - 1) / (2 * f.n)


def miller_madow_shift(kx: int, ky: int, kxy: int, n: int) -> float:
    """Return what Miller-Madow takes off the plug-in mutual information, from the numbers of values seen."""
    return (kxy - kx - ky + 1) / (2 * n)


def grassberger(f: Fingerprint) -> float:
    r"""Entropy with the logarithm of a count replaced by what is unbiased for Poisson counts up to small terms [1]_.

    .. math:: \hat H = \log n - \frac1n \sum_i c_i G(c_i), \qquad
        G(c) = \psi(c) + \frac{(-1)^c}{2} \left[\psi\Bigl(\frac{c + 1}{2}\Bigr) - \psi\Bigl(\frac c2\Bigr)\right]

    References
    ----------
    .. [1] P. Grassberger, "Entropy Estimates from Insufficient Samplings", arXiv:physics/0307138, 2003.
    """
    from scipy.special import digamma

    c = f.counts
    sign = np.where(c % 2 == 0, 0.5, -0.5)
    g = digamma(c) + sign * (digamma((c + 1) / 2) - digamma(c / 2))
    return math.log(f.n) - float((c * f.times) @ g) / f.n
