"""A t copula of training rows as scores of all pairs, and a network on top of it that starts at zero."""

# torch types some of what it takes and returns as unknown; the rest of strict holds
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import dataclasses
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from infocore._ranks import cdf_levels
from infocore._validate import Floats, Ints, Pair
from infocore.errors import TrainingError
from infocore.estimators._elliptical import Ellipse, fit_ellipse
from infocore.estimators.copula import EXACT
from infocore.torch.critics import Critic
from infocore.torch.features import Features
from infocore.torch.training import History

__all__ = ["CopulaFit", "Ratio", "fitted_ellipse", "numbers_of", "start_at_zero"]

UNTRAINED = History((), (), 0, stopped_early=False)


def fitted_ellipse(numbers: Floats, dx: int) -> Ellipse:
    """Fit the copula, or refuse rows to which none can be fitted."""
    try:
        if (numbers != numbers[0]).any(0).all():
            found = fit_ellipse(cdf_levels(numbers), dx)
            if float(np.linalg.eigvalsh(found.scatter)[0]) >= EXACT:
                return found
    except np.linalg.LinAlgError:
        pass
    raise TrainingError(
        f"CopulaCritic: no copula can be fitted to {len(numbers)} rows of {dx} + {numbers.shape[1] - dx} columns: a "
        'relation of ranks is exact, a column is constant in a fold, or columns outnumber rows; method="t-copula" and '
        '"ksg" say which.'
    )


class Ratio(nn.Module):
    """`Ellipse.log_ratio` of all pairs, in torch: each of its three quadratic forms is two norms and a product."""

    def __init__(self, e: Ellipse) -> None:
        super().__init__()
        self.ellipse = e
        r, dx = e.scatter, e.dx
        for name, m in (("joint", r), ("own_x", r[:dx, :dx]), ("own_y", r[dx:, dx:])):
            self.register_buffer(name, torch.as_tensor(np.linalg.inv(m), dtype=torch.float32))
        zero = np.zeros((1, 1))
        self.constant = float(e.log_ratio(zero @ np.zeros((1, dx)), zero @ np.zeros((1, len(r) - dx)))[0])

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores of every row of x against every row of y."""
        joint, own_x, own_y = self.get_buffer("joint"), self.get_buffer("own_x"), self.get_buffer("own_y")
        dx, d, v = self.ellipse.dx, len(joint), self.ellipse.dof
        in_x, out_x = (((x @ m) * x).sum(1)[:, None] for m in (joint[:dx, :dx], own_x))
        in_y, out_y = (((y @ m) * y).sum(1) for m in (joint[dx:, dx:], own_y))
        whole = in_x + in_y + 2.0 * x @ joint[:dx, dx:] @ y.T
        if math.isinf(v):
            return self.constant - 0.5 * (whole - out_x - out_y)
        return (
            self.constant
            - 0.5 * (v + d) * torch.log1p(whole / v)
            + 0.5 * (v + dx) * torch.log1p(out_x / v)
            + 0.5 * (v + d - dx) * torch.log1p(out_y / v)
        )


@dataclasses.dataclass(frozen=True)
class CopulaFit:
    """A copula and the network on top of it, and the rows both were fitted on."""

    critic: Critic
    made: tuple[Features, Features]
    reference: Floats  # sorted training rows
    ellipse: Ellipse
    rows: Ints
    facts: dict[str, Any]
    device: str
    history: History = UNTRAINED

    def quantiles(self, numbers: Floats) -> Floats:
        """Scores of rows under the fitted margins, by their place among the training rows."""
        n = len(self.reference)
        levels = [
            (np.searchsorted(r, c, "left") + np.searchsorted(r, c, "right") + 1.0) / (2.0 * n + 2.0)
            for r, c in zip(self.reference.T, numbers.T, strict=True)
        ]
        return self.ellipse.scores(np.stack(levels, axis=1))

    def scores(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """Scores of all pairs by the copula, and what the network adds, float64."""
        dx = self.ellipse.dx
        z = self.quantiles(numbers_of(pair))
        u, v = (torch.as_tensor(m(s), device=self.device) for m, s in zip(self.made, (pair.x, pair.y), strict=True))
        with torch.no_grad():
            added = self.critic(u, v).double().cpu()
        return torch.as_tensor(self.ellipse.log_ratio(z[:, :dx], z[:, dx:], all_pairs=True)), added


def start_at_zero(critic: Critic) -> None:
    """Make every score zero and leave a gradient: one side of the product, and both single terms, give zero."""
    last_x, last_y = (next(m for m in reversed(list(net.children()))) for net in (critic.x_net, critic.y_net))
    with torch.no_grad():
        for p in last_x.parameters():
            p.zero_()
        if critic.settings.unary:  # pyright: ignore[reportAttributeAccessIssue]
            for p in last_y.parameters():
                p[-1] = 0.0


def numbers_of(pair: Pair) -> Floats:
    return np.concatenate([s.numbers("CopulaCritic") for s in (pair.x, pair.y)], axis=1)
