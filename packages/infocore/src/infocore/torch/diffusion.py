r"""Mutual information from denoising: how much better noise is removed from x by one who knows y.

For the channel :math:`Z_\gamma = \sqrt\gamma X + N`, N standard normal, and the best denoisers
:math:`\hat x = E[X | Z_\gamma]` and :math:`\hat x_y = E[X | Z_\gamma, Y]`,

.. math:: I(X; Y) = \tfrac12 \int_0^\infty E \|X - \hat x\|^2 - E \|X - \hat x_y\|^2 \, d\gamma
    = \tfrac12 \int_0^\infty E \|\hat x_y - \hat x\|^2 \, d\gamma

(Guo, Shamai and Verdu for the derivative of information in :math:`\gamma`; the second form by orthogonality.) Denoisers
are written as the best one for a standard normal x plus a network,

.. math:: \hat x = \frac{\sqrt\gamma\, z + \sqrt{1 + \gamma}\, F(z / \sqrt{1 + \gamma}, \log \gamma, y)}{1 + \gamma}
    \quad\Rightarrow\quad I = \tfrac12 \int \frac{\gamma}{1 + \gamma} E \|F_y - F\|^2 \, d \log \gamma

so that the network's target has variance of order one at every noise.
"""

# torch types some of what it takes and returns as unknown; the rest of strict holds
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from infocore._settings import check_widths
from infocore._validate import Floats, Ints, Pair
from infocore.errors import ParameterError
from infocore.intervals import influence_standard_error
from infocore.torch.features import Features, RankTransform
from infocore.torch.held_out import Reading, Trained, Training, steps
from infocore.torch.layers import mlp

__all__ = ["DiffusionMI", "mmse_gap"]

Form = Literal["gap", "orthogonal"]
# Draws of noise that stop the training, for each row: the same at every look, so that looks can be compared.
LOOKS = 8
# Rows times noise levels in one pass of the network.
CHUNK = 65536

Denoiser = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def mmse_gap(
    network: Denoiser, x: Tensor, y: Tensor, log_snr: tuple[float, float], nodes: int, generator: torch.Generator
) -> tuple[Floats, Floats]:
    r"""Integrals over the noise of what knowing y gains, for each row.

    Parameters
    ----------
    network : callable
        ``network(u, log_gamma, y or None) -> F`` with ``u = z / sqrt(1 + gamma)`` of shape (B, d) and `log_gamma`
        (B, 1), as in the module; None asks for the denoiser that does not know y.
    x, y : tensors of shape (n, d), (n, features)
        Held-out rows.
    log_snr : tuple of two floats
        Ends of the integral over :math:`\log \gamma`.
    nodes : int
        Midpoints of the integral, each jittered within its cell for each row.
    generator : torch.Generator
        Of the noise.

    Returns
    -------
    gap, orthogonal : arrays of shape (n,)
        The first and the second form, whose means are estimates of information in nats. They share their noise.
    """
    low, high = log_snr
    width = (high - low) / nodes
    gap, orthogonal = (torch.zeros(len(x), dtype=torch.float64, device=x.device) for _ in range(2))
    rows = max(1, CHUNK // len(x))
    with torch.no_grad():
        for first in range(0, nodes, rows):
            cells = torch.arange(first, min(first + rows, nodes), dtype=x.dtype)
            jitter = torch.rand(len(cells), len(x), 1, generator=generator, dtype=x.dtype)
            log_gamma = (low + width * (cells[:, None, None] + jitter)).to(x.device)
            noise = torch.randn(len(cells), *x.shape, generator=generator, dtype=x.dtype).to(x.device)
            u, target = _noised(x, log_gamma, noise)
            many = (len(cells) * len(x), -1)
            flat = u.reshape(many), log_gamma.reshape(many)
            alone = network(*flat, None).view_as(target)
            given = network(*flat, y.repeat(len(cells), 1)).view_as(target)
            weight = 0.5 * width * torch.sigmoid(log_gamma[..., 0]).double()
            better = ((target - alone).square() - (target - given).square()).sum(-1)
            gap += (weight * better).sum(0)
            orthogonal += (weight * (given - alone).square().sum(-1)).sum(0)
    return gap.cpu().numpy(), orthogonal.cpu().numpy()


@dataclasses.dataclass(eq=False)
class DiffusionMI(Trained):
    r"""Mutual information from the gap between two denoisers of x (the MMSE gap).

    Parameters
    ----------
    form : {"gap", "orthogonal"}
        Which of the two equal integrals is read on held-out rows. With fitted denoisers they differ: "gap" loses what
        the denoiser that knows y has not learned and gains what the other has not; "orthogonal", the published choice,
        spreads less and adds the squared disagreement of two fits, also where x and y are independent.
    hidden : tuple of int
        Widths of the hidden layers of the network, one for both denoisers.
    log_snr : tuple of two floats
        Range of the integral. What lies beyond is lost: with x at variance one and a spread s of x given y,
        :math:`\tfrac12 \log (1 + e^{-high} / s^2)` a column.
    nodes : int
        Noise levels for each held-out row.
    training : Training
        Settings of the training.

    Notes
    -----
    Each column of x is replaced by normal scores of its ranks, which changes no information. The answer is no bound:
    both denoisers are fitted, and their errors have both signs in it. ``diagnostics`` has the two forms, whose
    difference is zero in the limit (orthogonality), and the standard error of that difference.

    Made for what defeats the rest; it is asked for by name and never run by default.

    References
    ----------
    .. [1] D. Guo, S. Shamai, S. Verdu, "Mutual information and minimum mean-square error in Gaussian channels", IEEE
       Trans. Inf. Theory 51, 2005.
    .. [2] L. Yu et al., "MMG: Mutual Information Estimation via the MMSE Gap in Diffusion", NeurIPS 2025,
       arXiv:2509.20609.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(1500)
    >>> y = x + rng.standard_normal(1500)  # I = 0.347
    >>> e = DiffusionMI(training=Training(max_steps=300)).fit_estimate(x, y)
    >>> abs(e.value - 0.347) < 0.12, e.direction
    (True, 'none')
    """

    form: Form = "gap"
    hidden: tuple[int, ...] = (64, 64)
    log_snr: tuple[float, float] = (-7.0, 8.0)
    nodes: int = 60
    training: Training = Training(max_steps=3000, validate_every=100)  # noqa: RUF009 - frozen

    @property
    def method(self) -> str:
        """Name that the estimate carries."""
        return f"mmse {self.form}"

    def check(self) -> None:
        """Refuse settings that are none."""
        super().check()
        if self.form not in get_args(Form):
            raise ParameterError(f"DiffusionMI: `form` must be 'gap' or 'orthogonal'; got {self.form!r}.")
        check_widths(self.hidden, "DiffusionMI")
        if not self.log_snr[0] < self.log_snr[1] or self.nodes < 2:
            raise ParameterError(
                f"DiffusionMI: `log_snr` must rise and `nodes` be at least 2; got {self.log_snr!r} and {self.nodes!r}."
            )

    def learn(self, pair: Pair, train: Ints, held: Ints, rng: np.random.Generator) -> Mapping[str, Any]:
        """Fit one network as both denoisers."""
        seed, order, noise = (int(s) for s in rng.integers(2**31, size=3))
        self.ranks_ = RankTransform(pair.x.numbers("DiffusionMI")[train])
        self.shown_ = Features(pair.y, train)
        x, y = self._inputs(pair)
        start = torch.Generator().manual_seed(seed)
        model = _Denoiser(x.shape[1], y.shape[1], self.hidden, start).to(self.training.device)
        stream = torch.Generator().manual_seed(noise)
        fixed = [
            self._draw(x[torch.as_tensor(held)], torch.Generator().manual_seed(noise + 1 + k)) for k in range(LOOKS)
        ]

        def objective(m: Any, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
            u, log_gamma, target = self._draw(batch[0], stream)
            return {"loss": _loss(m, u, log_gamma, target, batch[1])}

        history = self.training.run(
            model,
            (x, y),
            train,
            held,
            objective,
            lambda m, kept: -sum(float(_loss(m, u, g, t, kept[1])) for u, g, t in fixed) / LOOKS,
            order,
        )
        self.model_, self.noise_ = model.eval(), noise
        return steps(history)

    def read(self, pair: Pair) -> Reading:
        """Integrate over the noise on rows that the network has not seen."""
        x, y = self._inputs(pair)
        generator = torch.Generator().manual_seed(self.noise_)
        gap, orthogonal = mmse_gap(self.model_, x, y, self.log_snr, self.nodes, generator)
        terms = gap if self.form == "gap" else orthogonal
        facts = {
            "gap": float(gap.mean()),
            "orthogonal": float(orthogonal.mean()),
            "difference_error": influence_standard_error(gap - orthogonal),
            "nodes": self.nodes,
            "log_snr": list(self.log_snr),
        }
        return Reading(float(terms.mean()), terms, diagnostics=facts)

    def _draw(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        low, high = self.log_snr
        log_gamma = low + (high - low) * torch.rand(len(x), 1, generator=generator)
        noise = torch.randn(x.shape, generator=generator)
        u, target = _noised(x, log_gamma.to(x.device), noise.to(x.device))
        return u, log_gamma.to(x.device), target

    def _inputs(self, pair: Pair) -> tuple[Tensor, Tensor]:
        device = self.training.device
        x = self.ranks_(pair.x.numbers("DiffusionMI"))
        return (
            torch.as_tensor(x, dtype=torch.float32, device=device),
            torch.as_tensor(self.shown_(pair.y), device=device),
        )


class _Denoiser(nn.Module):
    """The network F of the module; what it is not told of y is zero, and a flag says whether it is told."""

    def __init__(self, dx: int, dy: int, hidden: tuple[int, ...], generator: torch.Generator) -> None:
        super().__init__()
        self.dy = dy
        self.net = mlp((dx + dy + 5, *hidden, dx), generator, activation=nn.GELU)
        with torch.no_grad():  # zero is the best denoiser of a standard normal x
            for p in self.net[-1].parameters():
                p.mul_(0.1)

    def forward(self, u: Tensor, log_gamma: Tensor, y: Tensor | None) -> Tensor:
        """F for noised rows u (B, dx), their noise (B, 1), and y (B, dy) or None."""
        told = torch.zeros(len(u), self.dy, device=u.device) if y is None else y
        flag = torch.full_like(log_gamma, float(y is not None))
        s = torch.sigmoid(log_gamma)
        level = torch.cat((log_gamma / 5.0, s, s.sqrt(), (1.0 - s).sqrt()), 1)
        return self.net(torch.cat((u, told, flag, level), 1))


def _noised(x: Tensor, log_gamma: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Scaled noised rows u, and the network's target: sqrt(1 + gamma) x - sqrt(gamma) u."""
    s = torch.sigmoid(log_gamma)
    keep, rest = s.sqrt(), (1.0 - s).sqrt()
    # u = keep x + rest n; the target in terms of both, without the large factor sqrt(1 + gamma)
    return keep * x + rest * noise, rest * x - keep * noise


def _loss(model: Any, u: Tensor, log_gamma: Tensor, target: Tensor, y: Tensor) -> Tensor:
    """Squared error of both denoisers, weighted as the integral weights them."""
    weight = torch.sigmoid(log_gamma)
    told = (weight * (target - model(u, log_gamma, y)).square()).mean()
    return told + (weight * (target - model(u, log_gamma, None)).square()).mean()
