"""The leakage audit, with its critic trained here."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from infocore.errors import ShapeError
from mid.attacks.protocols import Access, Output, Target
from mid.attacks.reading import read
from mid.leakage import LeakageAudit, leakage_lower_bound, leakage_upper_bound

__all__ = ["Audited", "Scorer", "audit_leakage"]


class Audited(Target, Protocol):
    """A target that also knows how far its latent is from the prior."""

    def information(self, X: ArrayLike) -> NDArray[np.floating[Any]] | None:
        """Divergence of each record's latent from the prior.

        Parameters
        ----------
        X : array of shape (n, dx)
            Records.

        Returns
        -------
        array of shape (n,) or None
            In nats; None without a noisy bottleneck.
        """
        ...


class Scorer(Protocol):
    """What the audit needs of an estimator; `infocore.torch.VariationalMI` is one."""

    def fit(self, x: Any, y: Any, rng: Any) -> Any:
        """Learn a critic from pairs."""
        ...

    def score_matrix(self, x: Any, y: Any) -> NDArray[np.floating[Any]]:
        """Scores of every x with every y, positives on the diagonal."""
        ...


def audit_leakage(
    model: Audited,
    x_train: ArrayLike,
    x_test: ArrayLike,
    *,
    output: Output = "logits",
    queries: int = 1,
    access: Access = "sampled",
    rng: int | np.random.Generator = 0,
    ci_level: float = 0.9,
    estimator: Scorer | None = None,
) -> LeakageAudit:
    r"""Bound what a model's answers tell about its inputs, from below and from above.

    A critic learns on pairs of a record of `x_train` and its answer; the lower bound on :math:`I(X; \hat Y)` is then
    evaluated on fresh pairs from `x_test`. Beside it stands the upper bound on :math:`I(X; Z)` of the bottleneck, on
    the same fresh records.

    Parameters
    ----------
    model : Audited
        A `MIDClassifier`, or anything with its `release` and `information`.
    x_train, x_test : array of shape (n, dx), array of shape (m, dx)
        Records for the critic and for the two bounds; disjoint, and for a statement about fresh data also disjoint from
        the model's training data.
    output : {"logits", "probabilities"}
        The released quantity.
    queries : int
        Queries averaged per record.
    access : {"sampled", "mean"}
        Noisy answers, or the answer without noise; for the latter no upper bound is known.
    rng : int or numpy.random.Generator
        Seed of the noise and of the critic.
    ci_level : float
        Nominal coverage of the intervals.
    estimator : Scorer, optional
        What learns the critic; ``VariationalMI(bound="infonce", critic=Separable())`` if left out.

    Returns
    -------
    LeakageAudit
        The two bounds; `print` states them in words.

    Raises
    ------
    ShapeError
        If `x_train` and `x_test` are not matrices with the same columns.
    """
    train, test = np.asarray(x_train, np.float32), np.asarray(x_test, np.float32)
    if train.ndim != 2 or test.ndim != 2 or train.shape[1] != test.shape[1]:
        raise ShapeError(
            "audit_leakage: `x_train` and `x_test` must be matrices with the same columns; got "
            f"{train.shape} and {test.shape}. Flatten images first."
        )
    rng = np.random.default_rng(rng)
    answers = [
        read(model.release(x, output=output, queries=queries, access=access, rng=rng), output) for x in (train, test)
    ]
    scorer = _default_estimator() if estimator is None else estimator
    scorer.fit(train, answers[0], rng=rng)
    kl = model.information(test) if access == "sampled" else None
    return LeakageAudit(
        lower=leakage_lower_bound(scorer.score_matrix(test, answers[1]), ci_level),
        upper=None if kl is None else leakage_upper_bound(kl, ci_level, queries=queries),
        output=output,
        queries=queries,
        access=access,
    )


def _default_estimator() -> Scorer:
    from infocore.torch.critics import Separable
    from infocore.torch.variational import VariationalMI

    return VariationalMI(bound="infonce", critic=Separable())
