"""DP-SGD: differentially private training, by opacus.

References
----------
- M. Abadi, A. Chu, I. Goodfellow, H. B. McMahan, I. Mironov, K. Talwar, L. Zhang, "Deep Learning with Differential
  Privacy", CCS 2016.
- I. Mironov, K. Talwar, L. Zhang, "Renyi Differential Privacy of the Sampled Gaussian Mechanism", 2019.
"""

import dataclasses
import importlib
import warnings
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import MissingExtraError, ParameterError, TrainingWarning
from mid.torch._training import Moment, Schedule, train
from mid.torch.defences import Defence
from mid.torch.networks import Plain

__all__ = ["DPSGD", "PrivacySpent"]

_LARGE = 50.0


class PrivacySpent(NamedTuple):
    """What a private training has spent.

    Parameters
    ----------
    epsilon, delta : float
        The guarantee, for adding or removing one record.
    noise_multiplier : float
        Standard deviation of the noise over the clipping norm.
    sample_rate : float
        Probability with which a record takes part in a step.
    steps : int
        Number of steps.
    """

    epsilon: float
    delta: float
    noise_multiplier: float
    sample_rate: float
    steps: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class DPSGD(Defence):
    """Clipped per-record gradients with Gaussian noise, batches by Poisson sampling.

    Parameters
    ----------
    epsilon : float, optional
        Privacy to be spent by the whole training, positive; the noise is chosen for it.
    noise_multiplier : float, optional
        Standard deviation of the noise over `max_grad_norm`, positive. Exactly one of the two is given.
    delta : float
        Second parameter of the guarantee; must be below one over the number of records.
    max_grad_norm : float
        Norm to which the gradient of each record is clipped, positive.
    accountant : {"rdp", "prv"}
        How opacus counts what was spent. "prv" is tighter, but fails for some large `epsilon`.

    Raises
    ------
    ParameterError
        If not exactly one of `epsilon` and `noise_multiplier` is given, or a number is outside its range.

    Notes
    -----
    The guarantee is about adding or removing one training record. It bounds what depends on membership, and **says
    nothing about what the trained model tells about its inputs**: a constant "training" is (0, 0)-private whatever it
    releases. The guarantee holds against those who do not know `random_state`, from which batches and noise are drawn;
    the noise is ordinary floating-point noise (opacus' secure mode is off).

    A batch may be empty: that step is noise alone, and counts.

    Examples
    --------
    >>> DPSGD(noise_multiplier=1.1).spent(sample_rate=0.01, steps=1000).epsilon.__round__(2)
    1.71
    """

    epsilon: float | None = None
    noise_multiplier: float | None = None
    delta: float = 1e-5
    max_grad_norm: float = 1.0
    accountant: Literal["rdp", "prv"] = "rdp"

    def __post_init__(self) -> None:
        if (self.epsilon is None) == (self.noise_multiplier is None):
            raise ParameterError(
                "DPSGD: exactly one of `epsilon` and `noise_multiplier` must be given; got "
                f"epsilon={self.epsilon}, noise_multiplier={self.noise_multiplier}."
            )
        for name in ("epsilon", "noise_multiplier", "max_grad_norm"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ParameterError(f"DPSGD: `{name}` must be positive and finite; got {value!r}.")
        if not 0 < self.delta < 1:
            raise ParameterError(f"DPSGD: `delta` must be in (0, 1); got {self.delta!r}.")
        if self.accountant not in ("rdp", "prv"):
            raise ParameterError(f'DPSGD: `accountant` must be "rdp" or "prv"; got {self.accountant!r}.')

    def prepare(self, network: Plain) -> None:
        """Refuse a network whose gradients are not those of single records.

        Parameters
        ----------
        network : Plain
            What will be trained.

        Raises
        ------
        ParameterError
            If there is a BatchNorm in it.
        """
        for name, part in network.named_modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                raise ParameterError(
                    f"DPSGD: `network` holds a {type(part).__name__} ({name}), which mixes the records of a batch, so "
                    'that no gradient belongs to one record and no epsilon holds. Use CNN(..., norm="group").'
                )

    def loss(self, network: nn.Module, x: Tensor, y: Tensor, moment: Moment) -> Mapping[str, Tensor]:
        """Cross-entropy, 0 for an empty batch.

        Parameters
        ----------
        network : module
            Called on `x`, returns logits.
        x : tensor of shape (B, dx)
            Records.
        y : tensor of shape (B,)
            Class numbers.
        moment : Moment
            Not needed.

        Returns
        -------
        mapping of str to Tensor
            "loss".
        """
        del moment
        return {"loss": functional.cross_entropy(network(x), y, reduction="sum") / max(len(x), 1)}

    def spent(self, sample_rate: float, steps: int) -> PrivacySpent:
        """What a training of this length spends, by opacus' accountant.

        Parameters
        ----------
        sample_rate : float
            Probability with which a record takes part in a step.
        steps : int
            Number of steps.

        Returns
        -------
        PrivacySpent
            With the noise that was given, or the least that keeps to `epsilon`.
        """
        accountants = _opacus("accountants")
        noise = self.noise_multiplier
        with warnings.catch_warnings():
            # of an order of Renyi's divergence at the edge of its list: the epsilon holds, a longer list may lower it
            warnings.filterwarnings("ignore", message="Optimal order is the")
            if noise is None:
                noise = float(
                    _opacus("accountants.utils").get_noise_multiplier(
                        target_epsilon=self.epsilon,
                        target_delta=self.delta,
                        sample_rate=sample_rate,
                        steps=steps,
                        accountant=self.accountant,
                    )
                )
            accountant = accountants.create_accountant(mechanism=self.accountant)
            accountant.history = [(noise, sample_rate, steps)]
            epsilon = float(accountant.get_epsilon(delta=self.delta))
        return PrivacySpent(epsilon, self.delta, noise, sample_rate, steps)


def train_privately(
    network: Plain, x: np.ndarray, y: np.ndarray, defence: DPSGD, schedule: Schedule, seeds: tuple[int, int]
) -> PrivacySpent:
    """Train in place with the noise that `defence` asks for; `seeds` are those of batches and noise."""
    n = len(x)
    if schedule.validation > 0:
        raise ParameterError(
            "DPSGD: `validation` must be 0: rows that choose when to stop are read without noise, and no accountant "
            f"counts them. Got {schedule.validation!r}."
        )
    if defence.delta >= 1 / n:
        raise ParameterError(
            f"DPSGD: `delta` must be below 1/n = {1 / n:.3g} for {n} records; got {defence.delta!r}. From there on, "
            "publishing one record outright would count as private."
        )
    size = min(schedule.batch_size, n)
    rate, steps = size / n, schedule.epochs * (n // size)
    spent = defence.spent(rate, steps)
    if spent.epsilon > _LARGE:
        warnings.warn(
            f"DPSGD: epsilon is {spent.epsilon:.3g} (noise multiplier {spent.noise_multiplier:.3g}, {steps} steps at "
            f"rate {rate:.3g}): above {_LARGE:g} the guarantee is empty. Do not call such a training private.",
            TrainingWarning,
            stacklevel=3,
        )
    order, noise = seeds
    records, labels = torch.from_numpy(x), torch.from_numpy(y)

    def poisson(step: int) -> tuple[Tensor, ...]:
        rows = torch.from_numpy(np.flatnonzero(np.random.default_rng((order, step)).random(n) < rate))
        return records[rows], labels[rows]

    per_sample = _opacus().GradSampleModule(network)
    optimizer = _opacus("optimizers").DPOptimizer(
        schedule.optimizer.build(network.parameters(), schedule.learning_rate),
        noise_multiplier=spent.noise_multiplier,
        max_grad_norm=defence.max_grad_norm,
        expected_batch_size=size,
        generator=torch.Generator(schedule.device).manual_seed(noise),
    )
    with warnings.catch_warnings():
        # the hooks of opacus see gradients of outputs, which is what they are for
        warnings.filterwarnings("ignore", message="Full backward hook is firing", category=UserWarning)
        train(
            per_sample,
            poisson,
            defence.loss,
            max_steps=steps,
            schedule=schedule,
            noise=noise,
            optimizer=optimizer,
        )
    optimizer.zero_grad(set_to_none=True)
    per_sample.to_standard_module()
    for parameter in network.parameters():
        delattr(parameter, "summed_grad")  # what the optimiser of opacus put there
    return spent


def _opacus(module: str = "") -> Any:
    try:
        return importlib.import_module(f"opacus.{module}" if module else "opacus")
    except ImportError as error:
        raise MissingExtraError(
            "DPSGD needs opacus, which is not installed: "
            "pip install -c constraints.txt './packages/infocore[torch]' './packages/mid[torch]'"
        ) from error
