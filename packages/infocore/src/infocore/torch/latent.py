r"""Latent mutual information: codes of few columns are learned on some rows, and k-NN reads the codes of others.

k-NN estimates are of no use in many columns, yet what two variables share often lives in few. Encoders g and h are
fitted on training rows; on fresh rows :math:`I(g(X); h(Y)) \le I(X; Y)`, whatever the encoders are, and the left side
has few columns.
"""

# scipy has no types, and torch types some of what it takes and returns as unknown; the rest of strict holds
# pyright: reportMissingTypeStubs=false
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from infocore import bounds
from infocore._settings import check_whole, check_widths
from infocore._validate import Floats, Ints, Pair
from infocore.errors import ParameterError
from infocore.estimators._doubts import FEW_COLUMNS
from infocore.estimators._ksg import Margins, ksg_values, scaled
from infocore.torch.critics import Critic, Separable
from infocore.torch.features import Features
from infocore.torch.held_out import Reading, Trained, Training, steps
from infocore.torch.layers import mlp

__all__ = ["LatentMI"]

Objective = Literal["infonce", "cross-prediction"]
CRITIC = Separable((64,), 16, activation="gelu", unary=True)
# Rows of a score matrix that stops the training.
LARGEST = 1700


@dataclasses.dataclass(eq=False)
class LatentMI(Trained):
    r"""Mutual information of learned codes by k nearest neighbours.

    Parameters
    ----------
    codes : int
        Columns of the code of each side.
    objective : {"infonce", "cross-prediction"}
        How the encoders are trained. "infonce": a critic that sees the codes only is to tell pairs from mixed pairs,
        so that the codes keep what the sides share. "cross-prediction": from each code its own side and the other side
        are predicted (mean squared error on the inputs of the encoders), which keeps what varies as well.
    hidden : tuple of int
        Widths of the hidden layers of the encoders and decoders.
    k : int
        Neighbours.
    margins : {"standard", "rank", "none"}
        What is done to each column of the codes before distances are taken, see `infocore.estimators.KSG`.
    training : Training
        Settings of the training; nearly half of the rows are kept for k-NN by default.

    Notes
    -----
    The encoders are fixed before the rows reported on are seen, so the value tends to the information of the codes,
    which is at most that of the sides (data processing): direction "lower", strength "asymptotic". Where codes of
    both sides have more than four columns together, k-NN itself is far from its limit at any n a machine holds, and
    the answer says "none", "heuristic". How much the codes lose is not known; ``diagnostics["critic"]`` is what the
    critic of "infonce" reads on the same rows, a lower bound in expectation that may exceed the answer.

    The published method trains by "cross-prediction"; "infonce" is ours.

    References
    ----------
    .. [1] G. Gowri et al., "Approximating mutual information of high-dimensional variables using learned
       representations", NeurIPS 2024.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.standard_normal((2, 1500, 3))
    >>> y[:, 0] = x[:, 2] + 0.5 * rng.standard_normal(1500)  # I = 0.805, in one of 3 columns
    >>> e = LatentMI(codes=1, training=Training(max_steps=200, test_fraction=0.45)).fit_estimate(x, y)
    >>> bool(0.65 < e.value < 0.9), e.direction, e.strength
    (True, 'lower', 'asymptotic')
    """

    codes: int = 2
    objective: Objective = "infonce"
    hidden: tuple[int, ...] = (64, 64)
    k: int = 3
    margins: Margins = "rank"
    training: Training = Training(max_steps=600, validation_fraction=0.15, test_fraction=0.45)  # noqa: RUF009 - frozen

    @property
    def method(self) -> str:
        """Name that the estimate carries."""
        return "latent"

    def check(self) -> None:
        """Refuse settings that are none."""
        super().check()
        if self.objective not in get_args(Objective):
            raise ParameterError(
                f"LatentMI: `objective` must be one of {', '.join(get_args(Objective))}; got {self.objective!r}."
            )
        check_whole(self.codes, "LatentMI", "codes", 1)
        check_whole(self.k, "LatentMI", "k", 1)
        check_widths(self.hidden, "LatentMI")
        scaled(np.array([[0.0], [1.0]]), self.margins, "LatentMI")

    def learn(self, pair: Pair, train: Ints, held: Ints, rng: np.random.Generator) -> Mapping[str, Any]:
        """Fit the encoders."""
        seed, order = (int(s) for s in rng.integers(2**31, size=2))
        self.shown_ = Features(pair.x, train), Features(pair.y, train)
        u, v = self._inputs(pair)
        start = torch.Generator().manual_seed(seed)
        kind = _Contrast if self.objective == "infonce" else _Predict
        model = kind(u.shape[1], v.shape[1], self.codes, self.hidden, start).to(self.training.device)
        history = self.training.run(
            model,
            (u, v),
            train,
            held[:LARGEST],
            lambda m, batch: {"loss": -m.gain(*batch)},
            lambda m, kept: m.gain(*kept),
            order,
        )
        self.model_ = model.eval()
        return steps(history)

    def read(self, pair: Pair) -> Reading:
        """Estimate the information of the codes of all rows by k-NN."""
        from scipy.special import polygamma

        u, v = self._inputs(pair)
        facts: dict[str, Any] = {"codes": self.codes, "k": self.k, "objective": self.objective}
        with torch.no_grad():
            codes = [net(a).double().cpu().numpy() for net, a in zip(self.model_.encoders, (u, v), strict=True)]
            if self.objective == "infonce":
                facts["critic"] = float(self.model_.gain(u[:LARGEST], v[:LARGEST]))
        a, b = (scaled(c[:, _varied(c)], self.margins, "LatentMI") for c in codes)
        if not (a.shape[1] and b.shape[1]):
            return Reading(0.0, np.zeros(pair.n), diagnostics={**facts, "notes": ["a code is constant"]})
        value, terms = ksg_values(a, b, [self.k])[self.k]
        # values that repeat in a side repeat in its code, and k-NN distances do not allow for that
        certain = 2 * self.codes <= FEW_COLUMNS and pair.kinds <= {"continuous"}
        return Reading(
            value,
            terms,
            "lower" if certain else "none",
            "asymptotic" if certain else "heuristic",
            facts,
            noise=float(polygamma(1, self.k)),
        )

    def _inputs(self, pair: Pair) -> tuple[Tensor, Tensor]:
        u, v = (
            torch.as_tensor(shown(side), device=self.training.device)
            for shown, side in zip(self.shown_, (pair.x, pair.y), strict=True)
        )
        return u, v


class _Contrast(nn.Module):
    """Two encoders and a critic that sees the codes only."""

    def __init__(self, dx: int, dy: int, codes: int, hidden: tuple[int, ...], generator: torch.Generator) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(mlp((d, *hidden, codes), generator, activation=nn.GELU) for d in (dx, dy))
        self.critic = Critic(codes, codes, CRITIC, seed=int(torch.randint(2**31, (1,), generator=generator)))

    def gain(self, x: Tensor, y: Tensor) -> Tensor:
        """InfoNCE value of a batch, over rows and over columns."""
        scores = self.critic(*(net(a) for net, a in zip(self.encoders, (x, y), strict=True)))
        return 0.5 * (bounds.infonce(scores) + bounds.infonce(scores.T))


class _Predict(nn.Module):
    """Two encoders, and decoders from each code to both sides."""

    def __init__(self, dx: int, dy: int, codes: int, hidden: tuple[int, ...], generator: torch.Generator) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(mlp((d, *hidden, codes), generator, activation=nn.GELU) for d in (dx, dy))
        self.decoders = nn.ModuleList(
            mlp((codes, *hidden, dx + dy), generator, activation=nn.GELU) for _ in self.encoders
        )

    def gain(self, x: Tensor, y: Tensor) -> Tensor:
        """Minus the mean squared error of both sides from either code."""
        both = torch.cat((x, y), 1)
        return -sum(
            (
                (decode(encode(a)) - both).square().mean()
                for encode, decode, a in zip(self.encoders, self.decoders, (x, y), strict=True)
            ),
            torch.zeros((), device=x.device),
        )


def _varied(codes: Floats) -> list[int]:
    return [j for j, c in enumerate(codes.T) if (c != c[0]).any()]
