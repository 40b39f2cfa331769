r"""Semantic information as a training loss, for a finite set of labels.

A network with one output per label learns truth functions instead of posteriors: what a label means, whatever its
frequency. Only the scores of the labels that were given, and the mean truth of each label over all x, enter; no
label serves as another's negative.
"""

import math
from typing import Literal

import torch
from jaxtyping import Float, Integer, Shaped
from torch import Tensor, nn

from infocore.errors import KindError, NotFittedError, ParameterError, ShapeError

__all__ = ["SemanticInfoLoss"]


class SemanticInfoLoss(nn.Module):
    r"""Minus the semantic information of the labels given, in nats.

    .. math:: -\frac1B \sum_i \sum_{j \in y_i} \log \frac{T_\phi(\theta_j|x_i)}{\bar T(\theta_j)}

    :math:`y_i` holds one label of `x_i`, or any number of them. The logical probability :math:`\bar T(\theta_j)` is a
    running mean over batches. With a fresh mean of each batch (``momentum=0``) the information could not exceed log B;
    the running mean removes that ceiling (derived).

    Parameters
    ----------
    n_labels : int
        C.
    truth : {"max", "sigmoid"}
        How a logit f is read: "max" as :math:`T = e^{f - \max_x f}`, where the maximum cancels from the loss, or
        "sigmoid" as :math:`T = 1 / (1 + e^{-f})`.
    momentum : float
        Share of the past in the running mean, in [0, 1). Its memory is about ``B / (1 - momentum)`` rows.
    population : {"all", "known"}
        Whose mean truth the logical probability of a label is, where indicator targets are missing: everybody's, which
        is right if whether a label is missing does not depend on x among its positives (so too for positive and
        unlabelled data); or that of the rows where the label is known, right if it depends on x alone.
    reduction : {"mean", "sum", "none"}
        What becomes of the values of the rows of a batch.

    Raises
    ------
    ParameterError
        If a setting is outside what is listed.

    Notes
    -----
    The minimum of the expected loss is the mutual information of x and each label, weighted by how often labels are
    given, with its sign turned; it is reached where :math:`T(\theta_j|x)` is proportional to :math:`P(y_j|x)`, and the
    factor, which no loss here can see, is fixed by the maximum (derived).

    In training the value uses the running mean and the gradient is that of ``mean(T) / running mean``. That is the
    gradient of the batch's own value for ``momentum=0``, whose mean over batches is not that of the population: it is
    a ratio of means. While weights stand still the bias shrinks at least as ``1 - momentum``, as in MINE; weights that
    move leave a lag. On digits with classes 10 and 50 times rarer than others a memory of one pass or less left the
    information worse calibrated than one of several passes (0.99 for batches of 64 of 500 rows); past that, neither a
    mean that leaves the batch out, nor a learned dual variable per label (whose gradient has no bias), nor a queue of
    past scores did better, so none is offered. The lag makes values read in training wrong by 0.1 to 0.4 nats there;
    `set_population` removes that.

    In evaluation the mean is constant. It is kept as a logarithm, in buffers that are saved with the model: `log_lp`
    and `log_max`, -inf for a label not seen yet.

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

    Several labels a row, one of them not known:

    >>> round(float(loss(logits, torch.tensor([[1.0, 1.0], [0.0, torch.nan]]))), 4)
    0.4338
    """

    log_lp: Tensor
    log_max: Tensor

    def __init__(
        self,
        n_labels: int,
        *,
        truth: Literal["max", "sigmoid"] = "max",
        momentum: float = 0.99,
        population: Literal["all", "known"] = "all",
        reduction: Literal["mean", "sum", "none"] = "mean",
    ) -> None:
        super().__init__()
        if n_labels < 1:
            raise ParameterError(f"SemanticInfoLoss: `n_labels` must be at least 1; got {n_labels!r}.")
        if truth not in ("max", "sigmoid"):
            raise ParameterError(f"SemanticInfoLoss: `truth` must be 'max' or 'sigmoid'; got {truth!r}.")
        if not 0 <= momentum < 1:
            raise ParameterError(f"SemanticInfoLoss: `momentum` must be in [0, 1); got {momentum!r}.")
        if population not in ("all", "known"):
            raise ParameterError(f"SemanticInfoLoss: `population` must be 'all' or 'known'; got {population!r}.")
        if reduction not in ("mean", "sum", "none"):
            raise ParameterError(f"SemanticInfoLoss: `reduction` must be 'mean', 'sum' or 'none'; got {reduction!r}.")
        self.n_labels = n_labels
        self.truth = truth
        self.momentum = momentum
        self.population = population
        self.reduction = reduction
        self.register_buffer("log_lp", torch.full((n_labels,), -math.inf))
        self.register_buffer("log_max", torch.full((n_labels,), -math.inf))

    def forward(
        self,
        logits: Float[Tensor, "B C"],
        targets: Integer[Tensor, " B"] | Shaped[Tensor, "B C"],
        pool: Float[Tensor, "P C"] | None = None,
    ) -> Tensor:
        """Return the loss, and in training take the batch into the running mean.

        Parameters
        ----------
        logits : Tensor of shape (B, C)
            Scores of each label at each x.
        targets : Tensor of shape (B,) or (B, C)
            The label of each x, an integer in 0..C-1; or 1 where a label was given, 0 where not, and NaN (-1 in a
            tensor of integers) where that is not known. Only the ones are learned from.
        pool : Tensor of shape (P, C), optional
            Scores at x without labels, from the prior that the logical probability is meant for. If left out, `logits`,
            and with ``population="known"`` of each label those at which it is known.

        Returns
        -------
        Tensor of shape () or, with ``reduction="none"``, (B,)
            In nats; of a row with several labels the sum over them, of one without any 0.

        Raises
        ------
        ShapeError, KindError
            If the tensors do not fit together, are empty, or are not floating point and integer.
        ParameterError
            If a target is not one of the labels, or an indicator holds something else.
        NotFittedError
            In evaluation, before any batch was seen in training.
        """
        self._check_scores(logits, "logits")
        self._check_targets(logits, targets)
        if pool is not None:
            self._check_scores(pool, "pool")
        log_truth = self._unscaled(logits)
        if self.training:
            known = None if pool is not None else self._known(targets)
            log_lp = self._update(logits if pool is None else pool, known)
        else:
            self._need_fit("forward")
            log_lp = self.log_lp.to(logits.dtype)
        if targets.ndim == 1:
            index = targets.long()
            values = log_lp[index] - log_truth.gather(1, index[:, None])[:, 0]
        else:
            values = torch.where(targets == 1, log_lp - log_truth, 0.0).sum(1)
        if self.reduction == "none":
            return values
        return values.mean() if self.reduction == "mean" else values.sum()

    @torch.no_grad()
    def set_population(
        self, logits: Float[Tensor, "P C"], targets: Integer[Tensor, " P"] | Shaped[Tensor, "P C"] | None = None
    ) -> None:
        """Take logical probabilities and largest scores from these x alone, and forget the running mean.

        Do so after training, on all x, as the running mean lags behind the weights; or on x of another population, in
        which labels mean the same but are true of others.

        Parameters
        ----------
        logits : Tensor of shape (P, C)
            Scores of each label at each x.
        targets : Tensor of shape (P,) or (P, C), optional
            As in `forward`; with ``population="known"`` each label's population is the x at which it is known.

        Raises
        ------
        ShapeError, KindError, ParameterError
            If the tensors are not as in `forward`.
        """
        self._check_scores(logits, "logits")
        if targets is not None:
            self._check_targets(logits, targets)
        mean, largest, _ = self._mean_truth(logits, None if targets is None else self._known(targets))
        self.log_lp.copy_(mean)
        self.log_max.copy_(largest)

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

    def _known(self, targets: Tensor) -> Tensor | None:
        """Where labels are known, if that matters."""
        if self.population == "all" or targets.ndim == 1:
            return None
        return ~torch.isnan(targets) if targets.is_floating_point() else targets != -1

    def _mean_truth(self, scores: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        """Log-mean truth and largest score of each label where it is known; the third says which are known at all."""
        log_truth = self._unscaled(scores)
        if known is None:
            return torch.logsumexp(log_truth, 0) - math.log(len(scores)), scores.max(0).values, None
        count = known.sum(0)
        some = count > 0
        hidden = ~known & some  # a label known nowhere is kept whole here, as a gradient through -inf would be NaN
        mean = torch.logsumexp(torch.where(hidden, -math.inf, log_truth), 0) - count.clamp(min=1).to(scores.dtype).log()
        largest = torch.where(known, scores, -math.inf).max(0).values
        return torch.where(some, mean, -math.inf), largest, some

    def _update(self, pool: Tensor, known: Tensor | None) -> Tensor:
        batch, largest, some = self._mean_truth(pool, known)
        with torch.no_grad():
            past = self.log_lp.to(batch.dtype)
            now = batch
            if self.momentum > 0:
                mixed = torch.logaddexp(past + math.log(self.momentum), batch + math.log1p(-self.momentum))
                now = torch.where(past == -math.inf, batch, mixed)
            if some is not None:
                now = torch.where(some, now, past)
            self.log_lp.copy_(now)
            self.log_max.copy_(torch.maximum(self.log_max, largest.to(self.log_max.dtype)))
        ratio = batch - now  # at most -log(1 - momentum), as the running mean holds this batch
        share = torch.exp(ratio if some is None else torch.where(some, ratio, 0.0))
        return now + share - share.detach()

    def _need_fit(self, caller: str) -> None:
        unseen = self.log_lp == -math.inf
        if bool(unseen.any()):
            raise NotFittedError(
                f"SemanticInfoLoss.{caller}: no batch was seen in training mode yet that tells how often label "
                f"{int(unseen.int().argmax())} is true ({int(unseen.sum())} of {self.n_labels} labels). Call the loss "
                "on training data first, or load a state_dict."
            )

    def _check_scores(self, scores: Tensor, name: str) -> None:
        if scores.ndim != 2 or scores.shape[1] != self.n_labels or len(scores) == 0:
            raise ShapeError(
                f"SemanticInfoLoss: `{name}` must have shape (B, {self.n_labels}) with B at least 1; got "
                f"{tuple(scores.shape)}."
            )
        if not scores.is_floating_point():
            raise KindError(f"SemanticInfoLoss: `{name}` must be floating point; got {scores.dtype}.")

    def _check_targets(self, logits: Tensor, targets: Tensor) -> None:
        if targets.shape not in (logits.shape[:1], logits.shape):
            raise ShapeError(
                f"SemanticInfoLoss: `targets` must have shape ({len(logits)},), one label per row of `logits`, or "
                f"{tuple(logits.shape)}, an indicator per label; got {tuple(targets.shape)}."
            )
        if targets.ndim == 2:
            missing = torch.isnan(targets) if targets.is_floating_point() else targets == -1
            other = targets[~missing & (targets != 0) & (targets != 1)]
            if len(other):
                raise ParameterError(
                    "SemanticInfoLoss: `targets` with a column per label must hold 0, 1 and, for what is not known, "
                    f"NaN (-1 among integers); got {other[0].item()!r} in {len(other)} entries."
                )
            return
        if targets.is_floating_point() or targets.is_complex() or targets.dtype == torch.bool:
            raise KindError(f"SemanticInfoLoss: `targets` must be integers; got {targets.dtype}.")
        low, high = int(targets.min()), int(targets.max())
        if low < 0 or high >= self.n_labels:
            raise ParameterError(
                f"SemanticInfoLoss: `targets` must be labels in 0..{self.n_labels - 1}; got {low} to {high}."
            )
