r"""Knowledge alignment: a network learns to turn a model's answers back into its inputs.

.. math:: \min_\theta E_{x \sim \mathrm{aux}} \| G_\theta(\mathrm{trunc}_r(f(x))) - x \|^2 \qquad (42)

References
----------
- Z. Yang, J. Zhang, E.-C. Chang, Z. Liang, "Neural Network Inversion in Adversarial Setting via Background
  Knowledge Alignment", CCS 2019.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional

from infocore.errors import ParameterError, ShapeError
from infocore.torch.layers import mlp
from infocore.torch.training import ArrayBatches, TrainState, fit
from mid.attacks.metrics import judge
from mid.attacks.protocols import Access, AttackResult, Needs, Output, Target
from mid.attacks.reading import read
from mid.torch._device import device_of

__all__ = ["InversionAttack"]

Floats = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, kw_only=True)
class InversionAttack:
    r"""Inversion network from released answers to records, trained on auxiliary data.

    The attacker queries the target with records of its own, learns to undo the answers, and applies what it learned to
    answers about records it has never seen. It reads probabilities in logs and scales its inputs, so neither softmax
    nor shrinkage alone hides anything from it. Its network is trained where the target's parameters are.

    Parameters
    ----------
    x_auxiliary, y_auxiliary : array of shape (m, dx), array of shape (m,)
        The attacker's records and their classes; disjoint from the target's training data, which only the caller can
        see to. The classes are used for the floor and the interval alone.
    x, y : array of shape (n, dx), array of shape (n,)
        Records attacked, with their classes.
    output : {"logits", "probabilities"}
        What the target releases.
    truncation : int, optional
        Largest entries of an answer that are released; the others come as 0 (probabilities) or as the smallest one kept
        (logits).
    queries : int
        Queries averaged per record, for auxiliary and attacked records alike.
    access : {"sampled", "mean"}
        Noisy answers, or white-box answers without noise.
    hidden : sequence of int
        Widths of the inversion network (ReLU, linear output, clipped to the range of the auxiliary data).
    max_steps, batch_size, learning_rate : int, int, float
        Training with Adam; a fifth of the auxiliary data is held out and chooses when to stop.
    patience : int
        Validations without improvement before training stops.
    seed : int
        Seed of weights, batches, release noise and bootstrap.
    ci_level : float
        Nominal coverage of the interval.
    progress : bool
        Whether to show a progress bar.

    Raises
    ------
    ShapeError
        If records are not matrices with the same number of columns, or classes do not match them.
    ParameterError
        If `queries` or `truncation` is less than 1, or there are fewer than 10 auxiliary records.

    Examples
    --------
    >>> class Mirror:
    ...     def release(self, X, *, output, queries, access, rng):
    ...         return np.asarray(X)
    >>> x = np.random.default_rng(0).random((300, 3))
    >>> y = np.arange(300) % 2
    >>> attack = InversionAttack(x_auxiliary=x[:200], y_auxiliary=y[:200], x=x[200:], y=y[200:], max_steps=300)
    >>> result = attack.run(Mirror())  # a target that answers with its input hides nothing
    >>> result.mse < 0.1 * result.global_mean_floor
    True
    """

    x_auxiliary: ArrayLike
    y_auxiliary: ArrayLike
    x: ArrayLike
    y: ArrayLike
    output: Output = "logits"
    truncation: int | None = None
    queries: int = 1
    access: Access = "sampled"
    hidden: Sequence[int] = (256, 256)
    max_steps: int = 2000
    batch_size: int = 64
    learning_rate: float = 1e-3
    patience: int = 10
    seed: int = 0
    ci_level: float = 0.9
    progress: bool = False

    def __post_init__(self) -> None:
        known, attacked = np.asarray(self.x_auxiliary), np.asarray(self.x)
        if known.ndim != 2 or attacked.ndim != 2 or known.shape[1] != attacked.shape[1]:
            raise ShapeError(
                "InversionAttack: `x_auxiliary` and `x` must be matrices with the same columns; got "
                f"{known.shape} and {attacked.shape}. Flatten images first."
            )
        for name, rows, classes in (("y_auxiliary", known, self.y_auxiliary), ("y", attacked, self.y)):
            if np.shape(classes) != (len(rows),):
                raise ShapeError(
                    f"InversionAttack: `{name}` must hold one class per record, {len(rows)}; "
                    f"got shape {np.shape(classes)}."
                )
        if len(known) < 10:
            raise ParameterError(f"InversionAttack: `x_auxiliary` must hold at least 10 records; got {len(known)}.")
        for name, value in (("queries", self.queries), ("truncation", self.truncation)):
            if value is not None and value < 1:
                raise ParameterError(f"InversionAttack: `{name}` must be at least 1; got {value}.")

    @property
    def needs(self) -> Needs:
        """What it must be given: the released answers, those about the attacked records too, and records of its own."""
        return Needs(interface=self.output, released=True, auxiliary=True)

    def run(self, target: Target) -> AttackResult:
        """Query the target, train the inversion network, reconstruct, and have it judged.

        Parameters
        ----------
        target : Target
            What answers the queries.

        Returns
        -------
        AttackResult
            Reconstructions of `x` and their error beside the floors.

        Raises
        ------
        ParameterError
            If `truncation` exceeds the length of an answer.
        """
        known, attacked = np.asarray(self.x_auxiliary, np.float32), np.asarray(self.x, np.float32)
        rng = np.random.default_rng(self.seed)
        answers, questions = (self._ask(target, x, rng) for x in (known, attacked))
        center, scale = answers.mean(0), answers.std(0)
        scale = np.where(scale > 0, scale, 1.0)
        device = device_of(target)
        inverse = self._train((answers - center) / scale, known, rng, device)
        with torch.no_grad():
            scaled = torch.from_numpy(((questions - center) / scale).astype(np.float32)).to(device)
            guesses = inverse(scaled).cpu().numpy()
        return judge(
            np.clip(guesses, known.min(0), known.max(0)),
            attacked,
            self.y,
            x_known=known,
            y_known=self.y_auxiliary,
            output=self.output,
            queries=self.queries,
            access=self.access,
            rng=rng,
            ci_level=self.ci_level,
        )

    def _ask(self, target: Target, x: Floats, rng: np.random.Generator) -> Floats:
        """Ask the target, and read its answers as the attacker does."""
        answers = np.asarray(
            target.release(x, output=self.output, queries=self.queries, access=self.access, rng=rng), np.float64
        )
        if self.truncation is not None:
            answers = self._truncate(answers, self.truncation)
        return read(answers, self.output).astype(np.float32)

    def _truncate(self, answers: NDArray[np.float64], keep: int) -> NDArray[np.float64]:
        if keep > answers.shape[1]:
            raise ParameterError(
                f"InversionAttack: `truncation` must be at most {answers.shape[1]}, an answer's length; got {keep}."
            )
        least = np.sort(answers, 1)[:, -keep, None]
        return np.where(answers >= least, answers, 0.0 if self.output == "probabilities" else least)

    def _train(self, answers: Floats, records: Floats, rng: np.random.Generator, device: torch.device) -> nn.Module:
        """Fit the inversion network, stopping on a fifth of the data that it is not fitted on."""
        order = rng.permutation(len(records))
        held, used = np.split(order, [max(1, len(order) // 5)])
        weights, batch_order = (int(s) for s in rng.integers(2**63, size=2))
        widths = (answers.shape[1], *self.hidden, records.shape[1])
        inverse = mlp(widths, torch.Generator().manual_seed(weights))
        last = inverse[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.bias.copy_(torch.from_numpy(records[used].mean(0)))  # start from the global mean
        inverse.to(device)
        data = [torch.from_numpy(a).to(device) for a in (answers, records)]
        validation = data[0][held], data[1][held]

        def objective(model: nn.Module, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
            return {"loss": functional.mse_loss(model(batch[0]), batch[1])}

        def validate(model: nn.Module) -> float:
            return -float(objective(model, validation)["loss"])

        state = TrainState(inverse, torch.optim.Adam(inverse.parameters(), lr=self.learning_rate))
        batches = ArrayBatches(
            data[0][used], data[1][used], batch_size=min(self.batch_size, len(used)), seed=batch_order
        )
        fit(
            state,
            batches,
            objective,
            max_steps=self.max_steps,
            validate=validate,
            validate_every=50,
            patience=self.patience,
            progress=self.progress,
        )
        return inverse
