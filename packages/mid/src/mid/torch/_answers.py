"""What scikit-learn asks of a classifier, in terms of its `release`."""

import abc
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin

from mid.attacks.protocols import Access, Output

__all__ = ["AnswersWithLabels", "Rng"]

Rng = int | np.random.Generator | None


class AnswersWithLabels(ClassifierMixin, abc.ABC):
    """A classifier whose labels and probabilities are means over draws of what it releases."""

    classes_: NDArray[Any]
    _scores: ClassVar[Output] = "logits"  # whose largest mean is the label

    @abc.abstractmethod
    def release(
        self, X: ArrayLike, *, output: Output, queries: int = 1, access: Access = "sampled", rng: Rng = None
    ) -> NDArray[Any]:
        """Answer a batch of queries."""

    def predict_proba(
        self, X: ArrayLike, queries: int = 1, access: Access = "sampled", rng: Rng = None
    ) -> NDArray[np.float32]:
        """Class probabilities, averaged over `queries` draws.

        Parameters
        ----------
        X, queries, access, rng
            As in `release`.

        Returns
        -------
        array of shape (n, C)
            Rows sum to 1.
        """
        return self.release(X, output="probabilities", queries=queries, access=access, rng=rng)

    def predict(self, X: ArrayLike, queries: int = 1, access: Access = "sampled", rng: Rng = None) -> NDArray[Any]:
        """Label with the largest averaged logit, or probability where no logits are released.

        Parameters
        ----------
        X, queries, access, rng
            As in `release`.

        Returns
        -------
        array of shape (n,)
            Labels.
        """
        scores = self.release(X, output=self._scores, queries=queries, access=access, rng=rng)
        return self.classes_[scores.argmax(1)]
