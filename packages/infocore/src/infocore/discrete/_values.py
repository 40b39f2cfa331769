"""Entropy and mutual information, with a choice of corrections."""

import math
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike

from infocore._validate import Floats, Ints
from infocore.discrete._counting import count_pairs, surprisal_correlations, table_codes
from infocore.discrete._coverage import chao_shen, chao_wang_jost
from infocore.discrete._fingerprint import Fingerprint, alphabet_size, fingerprint, whole_counts
from infocore.discrete._nsb import Posterior, nsb
from infocore.discrete._plugin import grassberger, miller_madow, miller_madow_shift, plug_in
from infocore.discrete._shrinkage import (
    PSEUDO_COUNTS,
    Dirichlet,
    james_stein_intensity,
    pseudo_intensity,
    shrunk_entropy,
)
from infocore.errors import KindError, ParameterError, ShapeError, TooFewSamplesError

__all__ = [
    "Alphabets",
    "Correction",
    "check_correction",
    "discrete_mutual_information",
    "entropy",
    "information",
    "information_posterior",
    "mutual_information_from_counts",
    "nsb_mutual_information",
    "table_sizes",
]

Correction = Literal[
    "none",
    "miller-madow",
    "grassberger",
    "chao-shen",
    "chao-wang-jost",
    "james-stein",
    "dirichlet-jeffreys",
    "dirichlet-laplace",
    "dirichlet-perks",
    "dirichlet-minimax",
    "nsb",
]
Alphabets = tuple[int, int]

# The rest needs to know how many values there are, seen or not.
SUMS = {
    "none": plug_in,
    "miller-madow": miller_madow,
    "grassberger": grassberger,
    "chao-shen": chao_shen,
    "chao-wang-jost": chao_wang_jost,
}


def entropy(counts: ArrayLike, correction: Correction | Dirichlet = "none", *, alphabet: int | None = None) -> float:
    r"""Entropy of a law from how often each value was seen.

    .. math:: \hat H = -\sum_i \frac{c_i}{n} \log \frac{c_i}{n} + \text{correction}

    Parameters
    ----------
    counts : array of any shape
        Non-negative whole numbers; zeros are values that were not seen.
    correction : {"none", "miller-madow", "grassberger", "chao-shen", "chao-wang-jost", "james-stein", \
            "dirichlet-jeffreys", "dirichlet-laplace", "dirichlet-perks", "dirichlet-minimax", "nsb"} or Dirichlet
        ``none``, the plug-in, is biased down by about (K - 1) / 2n. ``miller-madow`` [1]_ adds that, at the number of
        values seen; ``grassberger`` [2]_ replaces the logarithm; ``chao-shen`` [3]_ and ``chao-wang-jost`` [4]_ allow
        for the values that were not seen; ``james-stein`` [5]_ and the pseudo-counts shrink to the uniform law and
        plug that in; ``nsb`` [6]_ is a posterior mean, with its standard deviation in `nsb_entropy`.
    alphabet : int, optional
        Number of values that can occur, for ``james-stein``, the pseudo-counts and ``nsb`` only. The default, the
        number of values seen, makes them underestimate where some were not seen.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    InvalidDistributionError
        If a count is negative, not whole or not finite, or all are zero.
    ParameterError
        If `correction` is not one of its values, or `alphabet` is below the number of values seen or is given to a
        correction that knows no alphabet.

    References
    ----------
    .. [1] G. Miller, "Note on the bias of information estimates", in Information Theory in Psychology, 1955.
    .. [2] P. Grassberger, "Entropy Estimates from Insufficient Samplings", arXiv:physics/0307138, 2003.
    .. [3] A. Chao, T.-J. Shen, "Nonparametric estimation of Shannon's index of diversity when there are unseen
       species in sample", Environmental and Ecological Statistics 10, 2003.
    .. [4] A. Chao, Y. T. Wang, L. Jost, "Entropy and the species accumulation curve", Methods in Ecology and
       Evolution 4, 2013.
    .. [5] J. Hausser, K. Strimmer, "Entropy inference and the James-Stein estimator", JMLR 10, 2009.
    .. [6] I. Nemenman, F. Shafee, W. Bialek, "Entropy and Inference, Revisited", NIPS 14, 2002.

    Examples
    --------
    >>> round(entropy([1, 1]), 6), round(entropy([1, 1], "miller-madow"), 6)
    (0.693147, 0.943147)
    >>> [round(entropy([4, 2, 1, 1], c, alphabet=10), 3) for c in ("james-stein", "dirichlet-perks", "nsb")]
    [1.934, 1.512, 1.604]
    """
    check_correction(correction, "entropy")
    f = fingerprint(whole_counts(counts, "entropy"))
    _refuse_alphabet(correction, alphabet, "entropy")
    return _entropy(f, correction, alphabet_size(alphabet, f.seen, "entropy"), "entropy")


def mutual_information_from_counts(
    table: ArrayLike, correction: Correction | Dirichlet = "none", *, alphabet: Alphabets | None = None
) -> float:
    r"""Mutual information of the rows and columns of a table of counts.

    .. math:: \hat I = \hat H(X) + \hat H(Y) - \hat H(X, Y)

    Parameters
    ----------
    table : array of shape (Kx, Ky)
        Non-negative whole numbers.
    correction : as in `entropy`
        Applied to each of the three entropies; for ``miller-madow`` that makes
        :math:`(K_x + K_y - K_{xy} - 1)/(2n)` with the numbers of rows, columns and cells that were seen. Shrinkage
        (``james-stein`` and the pseudo-counts, one for each cell) is done once, on the table, and the information is
        that of the shrunk table: never negative, and pulled to 0.
    alphabet : tuple of two ints, optional
        Numbers of values that x and y can take, for the corrections that `entropy` names; the table then has their
        product of cells. The default is the numbers of rows and of columns that were seen.

    Returns
    -------
    float
        In nats; may be negative with the corrections that do not shrink.

    Raises
    ------
    ShapeError
        If `table` is not 2-D.
    InvalidDistributionError
        If a count is negative, not whole or not finite, or all are zero.
    ParameterError
        As `entropy`.

    Examples
    --------
    >>> round(mutual_information_from_counts([[2, 0], [0, 2]]), 6)
    0.693147
    """
    caller = "mutual_information_from_counts"
    check_correction(correction, caller)
    prints = _table_prints(table, caller)
    return information(prints, correction, table_sizes(prints, correction, alphabet, caller), caller)


def nsb_mutual_information(table: ArrayLike, *, alphabet: Alphabets | None = None) -> Posterior:
    r"""Mutual information of a table from the NSB posteriors of its three entropies.

    Parameters
    ----------
    table : array of shape (Kx, Ky)
        Non-negative whole numbers.
    alphabet : tuple of two ints, optional
        Numbers of values that x and y can take; the default is the numbers of rows and columns seen.

    Returns
    -------
    Posterior
        The mean is that of H(X) + H(Y) - H(X, Y), in nats, and may be negative. The three posteriors do not say how
        the entropies vary together, so the standard deviation joins theirs with the correlations, over the sample, of
        the logarithms of p(x), p(y) and p(x, y), which is right to first order [1]_ where cells are filled.

    Raises
    ------
    ShapeError
        If `table` is not 2-D.
    InvalidDistributionError
        If a count is negative, not whole or not finite, or all are zero.
    ParameterError
        If `alphabet` is below the numbers of rows or columns seen.

    References
    ----------
    .. [1] E. Archer, I. M. Park, J. Pillow, "Bayesian and Quasi-Bayesian Estimators for Mutual Information from
       Discrete Data", Entropy 15, 2013, for the difference of three NSB entropies; its standard deviation is derived
       here.

    Examples
    --------
    >>> found = nsb_mutual_information([[30, 10], [10, 30]])
    >>> round(found.mean, 4), round(found.standard_deviation, 4)
    (0.1123, 0.052)
    """
    caller = "nsb_mutual_information"
    prints = _table_prints(table, caller)
    sizes = table_sizes(prints, "nsb", alphabet, caller)
    c = whole_counts(table, caller)
    i, j = np.nonzero(c)
    return information_posterior(prints, sizes, surprisal_correlations(c[i, j], c.sum(1)[i], c.sum(0)[j]))


def discrete_mutual_information(
    x: ArrayLike,
    y: ArrayLike,
    correction: Correction | Dirichlet = "none",
    *,
    alphabet: Alphabets | None = None,
) -> float:
    """Mutual information of two samples of whole numbers, as fast as they can be counted.

    Parameters
    ----------
    x, y : int array of shape (n,)
        Paired codes, of any range; a range of little more than n values is fastest.
    correction, alphabet : as in `mutual_information_from_counts`

    Returns
    -------
    float
        In nats. `infocore.estimators.DiscreteMI` gives the same value with its standard error, and takes text,
        categories, data frames and several columns.

    Raises
    ------
    KindError
        If `x` or `y` does not hold whole numbers.
    ShapeError
        If they are not two arrays of shape (n,).
    TooFewSamplesError
        If they are empty.
    ParameterError
        As `entropy`.

    Examples
    --------
    >>> round(discrete_mutual_information([0, 0, 1, 1], [5, 5, 7, 7]), 6)
    0.693147
    """
    caller = "discrete_mutual_information"
    check_correction(correction, caller)
    (a, height), (b, width) = _integer_codes(x, caller, "x"), _integer_codes(y, caller, "y")
    if len(a) != len(b):
        raise ShapeError(f"{caller}: `x` and `y` need one length; got {len(a)} and {len(b)}.")
    counted = count_pairs(a, height, b, width)
    if correction in ("none", "miller-madow"):
        _refuse_alphabet(correction, alphabet, caller)
        return counted.plug_in() - (0.0 if correction == "none" else miller_madow_shift(*counted.seen(), counted.n))
    prints = counted.fingerprints()
    return information(prints, correction, table_sizes(prints, correction, alphabet, caller), caller)


def information(
    prints: tuple[Fingerprint, Fingerprint, Fingerprint],
    correction: Correction | Dirichlet,
    sizes: Alphabets,
    caller: str,
) -> float:
    """Return the mutual information from the fingerprints of x, y and the pairs, with everything checked."""
    fx, fy, fxy = prints
    size_x, size_y = sizes
    size = size_x * size_y
    if correction == "james-stein" or isinstance(correction, Dirichlet) or correction in PSEUDO_COUNTS:
        if correction == "james-stein":
            intensity = james_stein_intensity(fxy, size)
        else:
            intensity = pseudo_intensity(cast(Any, correction), fxy.n, size, caller)
        return (
            shrunk_entropy(fx, size_x, intensity)
            + shrunk_entropy(fy, size_y, intensity)
            - shrunk_entropy(fxy, size, intensity)
        )
    return (
        _entropy(fx, correction, size_x, caller)
        + _entropy(fy, correction, size_y, caller)
        - _entropy(fxy, correction, size, caller)
    )


def information_posterior(
    prints: tuple[Fingerprint, Fingerprint, Fingerprint], sizes: Alphabets, correlations: Floats
) -> Posterior:
    """Return the NSB posterior of the mutual information, from the correlations of the three surprisals."""
    parts = [nsb(f, size) for f, size in zip(prints, (*sizes, sizes[0] * sizes[1]), strict=True)]
    spread = np.array([1.0, 1.0, -1.0]) * [p.standard_deviation for p in parts]
    variance = float(spread @ correlations @ spread)
    return Posterior(parts[0].mean + parts[1].mean - parts[2].mean, math.sqrt(max(variance, 0.0)))


def table_sizes(
    prints: tuple[Fingerprint, Fingerprint, Fingerprint],
    correction: Correction | Dirichlet,
    alphabet: Alphabets | None,
    caller: str,
) -> Alphabets:
    """Return the alphabet sizes of x and y, or refuse them."""
    _refuse_alphabet(correction, alphabet, caller)
    if alphabet is None:
        return prints[0].seen, prints[1].seen
    if not isinstance(alphabet, (tuple, list)) or len(alphabet) != 2:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ParameterError(f"{caller}: `alphabet` must be two sizes, of x and of y; got {alphabet!r}.")
    return alphabet_size(alphabet[0], prints[0].seen, caller), alphabet_size(alphabet[1], prints[1].seen, caller)


def check_correction(correction: Any, caller: str) -> None:
    """Refuse an unknown correction."""
    if isinstance(correction, Dirichlet):
        correction.checked(caller)
    elif correction not in get_args(Correction):
        raise ParameterError(
            f"{caller}: `correction` must be one of {', '.join(get_args(Correction))}, or Dirichlet(pseudo_count); "
            f"got {correction!r}."
        )


def _entropy(f: Fingerprint, correction: Correction | Dirichlet, size: int, caller: str) -> float:
    if isinstance(correction, str) and correction in SUMS:
        return SUMS[correction](f)
    if correction == "nsb":
        return nsb(f, size).mean
    if correction == "james-stein":
        return shrunk_entropy(f, size, james_stein_intensity(f, size))
    return shrunk_entropy(f, size, pseudo_intensity(cast(Any, correction), f.n, size, caller))


def _refuse_alphabet(correction: Correction | Dirichlet, alphabet: Any, caller: str) -> None:
    if alphabet is not None and isinstance(correction, str) and correction in SUMS:
        raise ParameterError(
            f'{caller}: `alphabet` says nothing to correction="{correction}"; leave it out, or use "james-stein", '
            '"nsb" or a Dirichlet pseudo-count.'
        )


def _table_prints(table: ArrayLike, caller: str) -> tuple[Fingerprint, Fingerprint, Fingerprint]:
    c = whole_counts(table, caller)
    if c.ndim != 2:
        raise ShapeError(f"{caller}: `table` must be 2-D; got {c.ndim} axes.")
    return fingerprint(c.sum(1)), fingerprint(c.sum(0)), fingerprint(c)


def _integer_codes(values: ArrayLike, caller: str, name: str) -> tuple[Ints, int]:
    array = np.asarray(values)
    if array.dtype.kind not in "iub":
        raise KindError(
            f"{caller}: `{name}` must hold whole numbers; got dtype {array.dtype}. DiscreteMI takes text and the rest."
        )
    if array.ndim != 1:
        raise ShapeError(f"{caller}: `{name}` must have shape (n,); got {array.shape}.")
    if not len(array):
        raise TooFewSamplesError(f"{caller}: `{name}` is empty.")
    return table_codes(array.astype(np.int64, copy=False)[:, None])
