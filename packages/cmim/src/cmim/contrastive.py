r"""The contrastive factor of cMIM, InfoNCE in its named forms, the temperature that keeps the factor awake, and gauges.

Cosines are computed in float32 outside autocast. Every comparison of a positive with its negatives is
`infocore.bounds.pointwise`.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from cmim.terms import Codes, Samples, precise
from infocore.bounds import infonce, pointwise
from infocore.errors import ParameterError, ShapeError

__all__ = [
    "calibrated_temperature",
    "checked_temperature",
    "contrastive_log_prob",
    "cosine",
    "diagnostics",
    "gate",
    "infonce_loss",
    "nt_xent_loss",
]

Temperature = float | Tensor


def cosine(a: Codes, b: Float[Tensor, "K D"] | None = None) -> Float[Tensor, "B K"]:
    """Cosine of every row of `a` with every row of `b`, in at least float32 even under autocast.

    Parameters
    ----------
    a : tensor of shape (B, D)
        Codes.
    b : tensor of shape (K, D), optional
        Other codes; `a` itself if not given. A row of zeros has cosine 0 with everything.

    Returns
    -------
    tensor of shape (B, K)
        In [-1, 1].

    Examples
    --------
    >>> cosine(torch.tensor([[2.0, 0.0], [0.0, 5.0]])).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    with torch.autocast(a.device.type, enabled=False):
        u = functional.normalize(precise(a), dim=-1, eps=1e-8)
        v = u if b is None else functional.normalize(precise(b), dim=-1, eps=1e-8)
        return u @ v.T


def contrastive_log_prob(
    z: Codes,
    temperature: Temperature = 0.1,
    similarity: Callable[[Tensor, Tensor], Tensor] = cosine,
    *,
    others: Float[Tensor, "M D"] | None = None,
    groups: Int[Tensor, " K"] | None = None,
    tile: int | None = None,
) -> Samples:
    r"""Log-probability that each code belongs to its own sample, cMIM's contrastive factor.

    .. math:: \log p(k_i{=}1) = -\mathrm{softplus}\Bigl(\log \frac1{B-1} \sum_{j \ne i} e^{s_{ij}/\tau}
              - s_{ii}/\tau\Bigr)

    The positive is the code itself (cosine 1) and the negatives enter as a mean: no second view is needed, and the
    value does not grow with B. It is at least :math:`-\log 2` with the cosine, so against a reconstruction summed over
    pixels it is small; see the guide on when it has any effect.

    Parameters
    ----------
    z : tensor of shape (B, D)
        Posterior samples.
    temperature : float or scalar tensor
        :math:`\tau > 0`.
    similarity : callable
        ``similarity(a, b)`` gives the matrix s of the rows of a and of b.
    others : tensor of shape (M, D), optional
        More negatives, such as the codes of other processes.
    groups : integer tensor of shape (B + M,), optional
        Codes of one number come from identical inputs and are no negatives of each other.
    tile : int, optional
        Rows compared at once; the rest of the matrix is not kept but computed again in the backward pass.

    Returns
    -------
    tensor of shape (B,)
        In nats; 0 where there is nothing to compare with (B = 1).

    Raises
    ------
    ParameterError
        If `temperature` is not positive or `tile` not at least 1.
    ShapeError
        If `groups` does not have a number for each code.

    Notes
    -----
    ``logsigmoid`` of `infocore.bounds.pointwise` with the positive excluded. Since the positive score carries nothing
    about x, InfoNCE's bound on mutual information does not apply (derived).

    Examples
    --------
    >>> [round(v, 4) for v in contrastive_log_prob(torch.eye(3), temperature=1.0).tolist()]  # -softplus(-1)
    [-0.3133, -0.3133, -0.3133]
    """
    tau = checked_temperature(temperature, "contrastive_log_prob")
    if tile is not None and tile < 1:
        raise ParameterError(f"contrastive_log_prob: `tile` must be at least 1; got {tile!r}.")
    size = len(z)
    every = z if others is None else torch.cat([z, others])
    if groups is not None and len(groups) != len(every):
        raise ShapeError(
            f"contrastive_log_prob: `groups` must have a number for each code of `z` and `others`, {len(every)}; got "
            f"{len(groups)}."
        )

    def part(start: int, stop: int) -> Tensor:
        # own rows first: the positives are then on the diagonal
        place = torch.cat([torch.arange(start, stop), torch.arange(start), torch.arange(stop, len(every))])
        columns = every if start == 0 else every[place]
        scores = similarity(every[start:stop], columns) / tau
        if groups is None:
            return functional.logsigmoid(pointwise(scores, over="y", positive="excluded"))
        return functional.logsigmoid(_without(scores, groups[start:stop], groups[place.to(groups.device)]))

    if tile is None or tile >= size:
        return part(0, size)
    ranges = [(start, min(start + tile, size)) for start in range(0, size, tile)]
    return torch.cat([torch.as_tensor(checkpoint(part, *at, use_reentrant=False)) for at in ranges])


def _without(scores: Tensor, mine: Tensor, theirs: Tensor) -> Tensor:
    """Return the log-ratio of each positive to the mean of the negatives that are not of its own group."""
    same = mine[:, None] == theirs[None, :]
    left = scores.shape[1] - same.sum(1)
    itself = torch.arange(len(mine), device=mine.device)[:, None] == torch.arange(len(theirs), device=mine.device)
    skip = same & ~itself & (left > 0)[:, None]
    r = pointwise(torch.where(skip, -math.inf, scores), over="y", positive="excluded")
    r = r + torch.log(left.clamp(min=1).to(r) / max(scores.shape[1] - 1, 1))
    return torch.where(left > 0, r, math.inf)


@torch.no_grad()
def gate(z: Codes, temperature: Temperature = 0.1) -> Float[Tensor, ""]:
    r"""Mean factor by which the contrastive gradient is multiplied, :math:`1 - p(k{=}1)`.

    Parameters
    ----------
    z : tensor of shape (B, D)
        Posterior samples.
    temperature : float or scalar tensor
        :math:`\tau > 0`.

    Returns
    -------
    tensor of shape ()
        In [0, 1/2] with the cosine; below 1e-2 the factor has next to no effect.

    Raises
    ------
    ParameterError
        If `temperature` is not positive.

    Examples
    --------
    >>> round(gate(torch.eye(3), 1.0).item(), 3)
    0.269
    """
    return -torch.expm1(contrastive_log_prob(z, temperature)).mean()


@torch.no_grad()
def calibrated_temperature(z: Codes, target: float = 0.2) -> float:
    r"""Find the temperature at which the mean gate of some codes is `target`.

    The gate rises with :math:`\tau`, to 1/2, since no negative can be closer than the positive. So there is one answer,
    found by bisection.

    Parameters
    ----------
    z : tensor of shape (B, D)
        Codes, at least two.
    target : float
        Wanted gate, in (0, 1/2).

    Returns
    -------
    float
        Between 1e-3 and 1e3: the end of that range, if the gate cannot be reached within it.

    Raises
    ------
    ParameterError
        If `target` is not in (0, 1/2), or there are fewer than two codes.

    Notes
    -----
    Derived. For codes spread evenly over a sphere in D dimensions, 0.2 is at :math:`\tau` = 0.65 for D = 8, 0.69 for
    16, and tends to 0.72; in few dimensions it is lower (0.35 for D = 2).

    Examples
    --------
    >>> round(calibrated_temperature(torch.eye(3), 0.2), 4)  # sigmoid(-1 / tau) = 1/5
    0.7213
    """
    if not 0 < target < 0.5:
        raise ParameterError(f"calibrated_temperature: `target` must be in (0, 1/2); got {target!r}.")
    if len(z) < 2:
        raise ParameterError(f"calibrated_temperature: `z` must hold at least two codes; got {len(z)}.")
    scores = cosine(z.double())
    low, high = math.log(1e-3), math.log(1e3)
    for _ in range(36):
        middle = 0.5 * (low + high)
        ratio = pointwise(scores * math.exp(-middle), over="y", positive="excluded")
        low, high = (low, middle) if torch.sigmoid(-ratio).mean() > target else (middle, high)
    return math.exp(0.5 * (low + high))


def infonce_loss(
    view_a: Codes,
    view_b: Codes,
    temperature: Temperature = 0.1,
    *,
    symmetric: bool = False,
    groups: Int[Tensor, " K"] | None = None,
) -> dict[str, Tensor]:
    """Minus the InfoNCE bound between the codes of two views of the same samples.

    Each code of `view_a` looks for its partner among `view_b`, and the other way round too if `symmetric`. It is the
    cross-entropy of the B x B cosine matrix less log B, so it starts near 0 and cannot fall below ``-log B``.

    Parameters
    ----------
    view_a, view_b : tensor of shape (B, D)
        Codes of two augmented views, row by row of the same samples; twice the same codes for InfoNCE without
        augmentation, whose positive is then the code itself.
    temperature : float or scalar tensor
        Divides the cosines.
    symmetric : bool
        Whether to average over both directions.
    groups : integer tensor of shape (B,), optional
        Samples of one number are identical, and no negatives of each other; the mean is over the others.

    Returns
    -------
    dict
        ``"loss"``, a scalar in nats; minus it is a lower bound on the information between the views, in expectation,
        where all samples are compared.

    Raises
    ------
    ParameterError
        If `temperature` is not positive.
    ShapeError
        If `groups` does not have a number for each sample.

    References
    ----------
    .. [1] A. van den Oord, Y. Li, O. Vinyals, arXiv:1807.03748, 2018.

    Examples
    --------
    >>> round(infonce_loss(torch.eye(4), torch.eye(4), temperature=0.01)["loss"].item(), 4)  # -log 4
    -1.3863
    """
    scores = cosine(view_a, view_b) / checked_temperature(temperature, "infonce_loss")
    if groups is None:
        bound = infonce(scores)
        return {"loss": -0.5 * (bound + infonce(scores.T)) if symmetric else -bound}
    skip = _twins(groups, len(scores), "infonce_loss")
    fewer = torch.log1p(-skip.sum(1).to(scores) / len(scores))
    kept = torch.where(skip, -math.inf, scores)
    ratios = [
        pointwise(way, over="y", positive="included") + fewer for way in ((kept, kept.T) if symmetric else (kept,))
    ]
    return {"loss": -torch.stack(ratios).mean()}


def nt_xent_loss(
    view_a: Codes, view_b: Codes, temperature: Temperature = 0.5, *, groups: Int[Tensor, " K"] | None = None
) -> dict[str, Tensor]:
    """Normalised temperature-scaled cross-entropy of SimCLR: 2B anchors, each with 2B - 2 negatives.

    Parameters
    ----------
    view_a, view_b : tensor of shape (B, D)
        Codes of two augmented views, row by row of the same samples.
    temperature : float or scalar tensor
        Divides the cosines.
    groups : integer tensor of shape (B,), optional
        Samples of one number are identical, and no negatives of each other.

    Returns
    -------
    dict
        ``"loss"``, a scalar in nats, near ``log(2B - 1)`` for random codes.

    Raises
    ------
    ParameterError
        If `temperature` is not positive.
    ShapeError
        If `groups` does not have a number for each sample.

    References
    ----------
    .. [1] T. Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020, Eq. 1.

    Examples
    --------
    >>> round(nt_xent_loss(torch.eye(4), torch.eye(4), 0.5)["loss"].item(), 4)  # log(1 + 6 e^-2)
    0.5944
    """
    tau, size = checked_temperature(temperature, "nt_xent_loss"), len(view_a)
    skip = torch.arange(2 * size, device=view_a.device) == torch.arange(size, device=view_a.device)[:, None] + size
    if groups is not None:
        skip = skip | _twins(groups, size, "nt_xent_loss").repeat(1, 2)

    def one_way(a: Tensor, b: Tensor) -> Tensor:
        scores = cosine(a, torch.cat([b, a])) / tau
        return pointwise(torch.where(skip, -math.inf, scores), over="y", positive="included")

    ratios = torch.cat([one_way(view_a, view_b), one_way(view_b, view_a)])
    return {"loss": math.log(2 * size) - ratios.mean()}


def _twins(groups: Tensor, size: int, caller: str) -> Tensor:
    """Return which samples are identical to which others, itself not counted."""
    if len(groups) != size:
        raise ShapeError(f"{caller}: `groups` must have a number for each sample, {size}; got {len(groups)}.")
    place = torch.arange(size, device=groups.device)
    return (groups[:, None] == groups) & (place[:, None] != place)


@torch.no_grad()
def diagnostics(
    mu: Codes, logvar: Codes, z: Codes, *, temperature: Temperature = 0.1, floor: float = -6.0
) -> dict[str, Tensor]:
    """What to watch while training; none of it enters a loss.

    Parameters
    ----------
    mu, logvar, z : tensor of shape (B, D)
        Posterior mean, floored log-variance, and sample.
    temperature : float or scalar tensor
        Of the contrastive factor.
    floor : float
        Floor of the log-variance.

    Returns
    -------
    dict of scalars
        ``gate``: as `gate`. ``mean_cosine``: over pairs of different codes, NaN if there is no pair. ``code_norm``:
        mean length of `mu`. ``frac_at_floor``: share of log-variances within 0.01 of the floor.

    Raises
    ------
    ParameterError
        If `temperature` is not positive.

    Examples
    --------
    >>> watched = diagnostics(torch.eye(3), torch.full((3, 3), -6.0), torch.eye(3), temperature=1.0)
    >>> {name: round(value.item(), 3) for name, value in watched.items()}
    {'gate': 0.269, 'mean_cosine': 0.0, 'code_norm': 1.0, 'frac_at_floor': 1.0}
    """
    mu, logvar, z = precise(mu), precise(logvar), precise(z)
    unit = functional.normalize(z, dim=-1, eps=1e-8)
    pairs = len(z) * (len(z) - 1)
    total = unit.sum(0).square().sum() - unit.square().sum()
    return {
        "gate": gate(z, temperature),
        "mean_cosine": total / pairs if pairs else torch.full_like(total, math.nan),
        "code_norm": mu.norm(dim=-1).mean(),
        "frac_at_floor": (logvar <= floor + 0.01).float().mean(),
    }


def checked_temperature(value: Temperature, caller: str) -> Temperature:
    """Return a temperature, if it is positive; one that is learned is positive by its form.

    Parameters
    ----------
    value : float or scalar tensor
        The temperature.
    caller : str
        Who asks, for the message.

    Returns
    -------
    float or tensor
        As given.

    Raises
    ------
    ParameterError
        If a number is not positive.
    """
    if not isinstance(value, Tensor) and not value > 0:
        raise ParameterError(f"{caller}: `temperature` must be positive; got {value!r}.")
    return value
