"""The models that predict properties from features, each with the small grid of settings it is tuned over."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC, SVR

__all__ = ["GRIDS", "MODELS", "candidate", "outputs"]

MODELS = ("ridge", "svr", "forest", "mlp")
TREES = 100
UNITS = 64
EPOCHS = 50
BATCH = 64

GRIDS: dict[str, dict[str, dict[str, Sequence[Any]]]] = {
    "regression": {
        "ridge": {"model__alpha": tuple(10.0**k for k in range(-4, 5))},  # codes of correlated columns want 1e-3
        "svr": {"kernel__gamma": (0.03, 0.1, 0.3), "model__C": (2.0, 20.0)},
        "forest": {"model__max_features": ("sqrt", 0.2)},
        "mlp": {"model__alpha": (1.0, 10.0)},
    },
    "classification": {
        "ridge": {"model__C": (1e-4, 1e-3, 1e-2, 1e-1, 1.0)},
        "svr": {"kernel__gamma": (0.03, 0.1, 0.3), "model__C": (2.0, 20.0)},
        "forest": {"model__max_features": ("sqrt", 0.2)},
        "mlp": {"model__alpha": (1.0, 10.0)},
    },
}


class RadialKernel(TransformerMixin, BaseEstimator):
    """Gaussian kernel with the training rows, by one matrix product, where libsvm would go pair by pair."""

    def __init__(self, gamma: float = 0.1) -> None:
        self.gamma = gamma

    def fit(self, X: NDArray[Any], y: Any = None) -> "RadialKernel":  # noqa: ARG002 - scikit-learn's signature
        """Keep the rows."""
        self.rows_ = X
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[Any]:
        """Return exp(-gamma / D times the squared distance) to the rows kept."""
        return rbf_kernel(X, self.rows_, self.gamma / X.shape[1])


class SupportVectors(SVR):
    """Regression that draws from no global random state: scikit-learn's takes a seed from it, which libsvm ignores."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SupportVectors":
        """Fit with a seed of its own."""
        self.random_state = 0
        return super().fit(X, y, sample_weight)


def candidate(
    name: str, kind: Literal["regression", "classification"], seed: int, rows: int = BATCH
) -> tuple[Any, dict[str, Sequence[Any]]]:
    """Return an unfitted estimator, which standardises features and targets by its training rows, and its grid.

    `rows` are those of the smallest training set: the networks' batches are no larger.
    """
    regression = kind == "regression"
    model: Any
    if name == "ridge":
        model = Ridge() if regression else LogisticRegression(max_iter=2000, random_state=seed)
    elif name == "svr":
        model = SupportVectors(kernel="precomputed") if regression else SVC(kernel="precomputed", random_state=seed)
    elif name == "forest":
        forest = RandomForestRegressor if regression else RandomForestClassifier
        model = forest(TREES, random_state=seed)
    else:
        network: Any = MLPRegressor if regression else MLPClassifier
        model = network(hidden_layer_sizes=(UNITS,), batch_size=min(BATCH, rows), max_iter=EPOCHS, random_state=seed)
    steps = [("scale", StandardScaler()), ("model", model)]
    if name == "ridge":  # its linear systems are too close to singular for float32
        steps.insert(0, ("double", FunctionTransformer(_double)))
    if name == "svr":
        steps.insert(1, ("kernel", RadialKernel()))
    grid = GRIDS[kind][name]
    if not regression:
        return Pipeline(steps), grid
    wrapped = TransformedTargetRegressor(Pipeline(steps), transformer=StandardScaler(), check_inverse=False)
    return wrapped, {f"regressor__{key}": values for key, values in grid.items()}


def _double(x: Any) -> NDArray[np.float64]:
    return np.asarray(x, np.float64)


def outputs(model: Any, X: NDArray[Any], kind: str) -> NDArray[np.float64]:
    """Return predicted values, or for classes what ranks the rows: the more, the likelier 1."""
    if kind == "regression":
        return np.asarray(model.predict(X), np.float64)
    if hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(X), np.float64)
    return np.asarray(model.predict_proba(X)[:, 1], np.float64)
