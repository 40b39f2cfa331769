r"""Semantic information as a training loss, for a finite set of labels.

A network with one output per label learns truth functions instead of posteriors: what a label means, whatever its
frequency. Only the scores of the labels that were given, and the mean truth of each label over all x, enter; no
label serves as another's negative.
"""

import math
from typing import Literal

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from infocore.errors import KindError, NotFittedError, ParameterError, ShapeError

__all__ = ["SemanticInfoLoss"]


class SemanticInfoLoss(nn.Module):
    r"""Minus the semantic information of the labels given, in nats.

    .. math:: -\frac1B \sum_i \log \frac{T_\phi(\theta_{y_i}|x_i)}{\bar T(\theta_{y_i})}

    The logical probability :math:`\bar T(\theta_j)` is a running mean over batches. With a fresh mean of each batch
    (``momentum=0``) the information could not exceed log B; the running mean removes that ceiling (derived).

    Parameters
    ----------
    n_labels : int
        C.
    truth : {"max", "sigmoid"}
        How a logit f is read: "max" as :math:`T = e^{f - \max_x f}`, where the maximum cancels from the loss, or
        "sigmoid" as :math:`T = 1 / (1 + e^{-f})`.
    momentum : float
        Share of the past in the running mean, in [0, 1).
    reduction : {"mean", "sum", "none"}
        What becomes of the values of a batch.

    Raises
    ------
    ParameterError
        If a setting is outside what is listed.

    Notes
    -----
    In training the value uses the running mean and the gradient is that of
    ``mean(T) / running mean``, which is exact for ``momentum=0`` and has a vanishing bias for a slow mean, as in
    MINE. In evaluation the running mean is constant. It is kept as a logarithm, in buffers that are saved with the
    model: `log_lp`, `log_max` and `n_batches`.

    References
    ----------
    .. [1] C. Lu, "Reviewing Evolution of Learning Functions and Semantic Information Measures for Understanding Deep
       Learning", Entropy 25:802, 2023 (the idea; this loss is derived).

    Examples
    --------
    >>> loss = SemanticInfoLoss(2, momentum=0.0)
    >>> logits = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    >>> round(float(loss(logits, torch.tensor([0, 1]))), 4)
    -0.5662
    """

    log_lp: Tensor
    log_max: Tensor
    n_batches: Tensor

    def __init__(
        self,
        n_labels: int,
        *,
        truth: Literal["max", "sigmoid"] = "max",
        momentum: float = 0.99,
        reduction: Literal["mean", "sum", "none"] = "mean",
    ) -> None:
        super().__init__()
        if n_labels < 1:
            raise ParameterError(f"SemanticInfoLoss: `n_labels` must be at least 1; got {n_labels!r}.")
        if truth not in ("max", "sigmoid"):
            raise ParameterError(f"SemanticInfoLoss: `truth` must be 'max' or 'sigmoid'; got {truth!r}.")
        if not 0 <= momentum < 1:
            raise ParameterError(f"SemanticInfoLoss: `momentum` must be in [0, 1); got {momentum!r}.")
        if reduction not in ("mean", "sum", "none"):
            raise ParameterError(f"SemanticInfoLoss: `reduction` must be 'mean', 'sum' or 'none'; got {reduction!r}.")
        self.n_labels = n_labels
        self.truth = truth
        self.momentum = momentum
        self.reduction = reduction
        self.register_buffer("log_lp", torch.zeros(n_labels))
        self.register_buffer("log_max", torch.full((n_labels,), -math.inf))
        self.register_buffer("n_batches", torch.zeros((), dtype=torch.int64))

    def forward(
        self, logits: Float[Tensor, "B C"], targets: Integer[Tensor, " B"], pool: Float[Tensor, "P C"] | None = None
    ) -> Tensor:
        """Return the loss, and in training take the batch into the running mean.

        Parameters
        ----------
        logits : Tensor of shape (B, C)
            Scores of each label at each x.
        targets : Tensor of shape (B,)
            The label of each x, an integer in 0..C-1.
        pool : Tensor of shape (P, C), optional
            Scores at x without labels, from the prior that the logical probability is meant for. `logits` by default.

        Returns
        -------
        Tensor of shape () or, with ``reduction="none"``, (B,)
            In nats.

        Raises
        ------
        ShapeError, KindError
            If the tensors do not fit together, are empty, or are not floating point and integer.
        ParameterError
            If a target is not one of the labels.
        NotFittedError
            In evaluation, before any batch was seen in training.
        """
        self._check(logits, targets, pool)
        log_truth = self._unscaled(logits)
        if self.training:
            log_lp = self._update(logits if pool is None else pool)
        else:
            self._need_fit("forward")
            log_lp = self.log_lp.to(logits.dtype)
        index = targets.long()
        values = log_lp[index] - log_truth.gather(1, index[:, None])[:, 0]
        if self.reduction == "none":
            return values
        return values.mean() if self.reduction == "mean" else values.sum()

    def information(self, logits: Float[Tensor, "B C"]) -> Float[Tensor, "B C"]:
        """Return the information of each label about each x, ``log T(theta_j|x_i) / T(theta_j)``.

        Its argmax over labels is the most informative label, whatever the frequencies of labels were in training.

        Parameters
        ----------
        logits : Tensor of shape (B, C)
            Scores of each label at each x.

        Returns
        -------
        Tensor of shape (B, C)
            In nats.

        Raises
        ------
        NotFittedError
            Before any batch was seen in training.
        """
        self._need_fit("information")
        return self._unscaled(logits) - self.log_lp.to(logits.dtype)

    def log_truth(self, logits: Float[Tensor, "B C"]) -> Float[Tensor, "B C"]:
        """Return log T(theta_j|x_i), scaled by the largest score seen in training where ``truth="max"``.

        Parameters
        ----------
        logits : Tensor of shape (B, C)
            Scores of each label at each x.

        Returns
        -------
        Tensor of shape (B, C)
            At most 0 where ``truth="sigmoid"``; where "max", at most 0 for the scores seen in training.

        Raises
        ------
        NotFittedError
            Before any batch was seen in training.
        """
        self._need_fit("log_truth")
        if self.truth == "sigmoid":
            return self._unscaled(logits)
        return logits - self.log_max.to(logits.dtype)

    def _unscaled(self, logits: Tensor) -> Tensor:
        return nn.functional.logsigmoid(logits) if self.truth == "sigmoid" else logits

    def _update(self, pool: Tensor) -> Tensor:
        batch = torch.logsumexp(self._unscaled(pool), 0) - math.log(len(pool))
        with torch.no_grad():
            now = batch
            if self.momentum > 0 and int(self.n_batches) > 0:
                past = self.log_lp.to(batch.dtype) + math.log(self.momentum)
                now = torch.logaddexp(past, batch + math.log1p(-self.momentum))
            self.log_lp.copy_(now)
            self.log_max.copy_(torch.maximum(self.log_max, pool.max(0).values.to(self.log_max.dtype)))
            self.n_batches += 1
        share = torch.exp(batch - now)  # at most 1 / (1 - momentum), as the running mean holds this batch
        return now + share - share.detach()

    def _need_fit(self, caller: str) -> None:
        if int(self.n_batches) == 0:
            raise NotFittedError(
                f"SemanticInfoLoss.{caller}: no batch was seen in training mode yet, so how often a label is true is "
                "unknown. Call the loss on training data first, or load a state_dict."
            )

    def _check(self, logits: Tensor, targets: Tensor, pool: Tensor | None) -> None:
        for name, scores in (("logits", logits), ("pool", pool)):
            if scores is None:
                continue
            if scores.ndim != 2 or scores.shape[1] != self.n_labels or len(scores) == 0:
                raise ShapeError(
                    f"SemanticInfoLoss: `{name}` must have shape (B, {self.n_labels}) with B at least 1; got "
                    f"{tuple(scores.shape)}."
                )
            if not scores.is_floating_point():
                raise KindError(f"SemanticInfoLoss: `{name}` must be floating point; got {scores.dtype}.")
        if targets.shape != logits.shape[:1]:
            raise ShapeError(
                f"SemanticInfoLoss: `targets` must have shape ({len(logits)},), one label per row of `logits`; got "
                f"{tuple(targets.shape)}."
            )
        if targets.is_floating_point() or targets.is_complex() or targets.dtype == torch.bool:
            raise KindError(f"SemanticInfoLoss: `targets` must be integers; got {targets.dtype}.")
        low, high = int(targets.min()), int(targets.max())
        if low < 0 or high >= self.n_labels:
            raise ParameterError(
                f"SemanticInfoLoss: `targets` must be labels in 0..{self.n_labels - 1}; got {low} to {high}."
            )
