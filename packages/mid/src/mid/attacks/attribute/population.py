"""What a guesser knows without the model: the marginal prior, and imputation from the other columns.

Jayaraman and Evans found that attribute inference often reveals no more than such a guesser does; so each attack is
set beside these, on the same records and with the same auxiliary data.

References
----------
- B. Jayaraman, D. Evans, "Are Attribute Inference Attacks Just Imputation?", CCS 2022.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

__all__ = ["Imputer", "log_prior"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MANY_ROWS = 1000  # from here on boosted trees are tried beside the logistic regression
_JUDGED_ROWS = 3000  # rows on which the two are compared
_OFTEN = 6  # candidates that are rarer take no part in the comparison
_MOST_CATEGORIES = 60
_LEAST = 1e-12


def log_prior(codes: Ints, size: int) -> Floats:
    """Log of the share of each candidate, with one imagined record of each.

    Parameters
    ----------
    codes : array of shape (a,)
        The attacker's own records' candidates.
    size : int
        Number m of candidates.

    Returns
    -------
    array of shape (m,)
        Log-probabilities.

    Examples
    --------
    >>> np.exp(log_prior(np.array([0, 0, 1]), 2)).tolist()
    [0.6, 0.4]
    """
    return np.log((np.bincount(codes, minlength=size) + 1.0) / (len(codes) + size))


class Imputer:
    """Predicts the attribute from other columns: logistic regression, or boosted trees where those do better.

    With 1000 records or more both are tried, and the log-loss on a held-out third of at most 3000 of them chooses.

    Parameters
    ----------
    size : int
        Number m of candidates.
    seed : int
        Seed of folds and trees.

    Attributes
    ----------
    chosen_ : str
        "logistic regression", "boosted trees", or "prior" where the attacker's records hold one value only.

    Examples
    --------
    >>> x = pd.DataFrame({"group": ["a", "b"] * 50})
    >>> guesser = Imputer(2).fit(x, np.array([0, 1] * 50))
    >>> guesser.log_probabilities(x.head(2)).argmax(1).tolist()
    [0, 1]
    """

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size = size
        self.seed = seed

    def fit(self, x: pd.DataFrame, codes: Ints) -> "Imputer":
        """Learn from the attacker's own records.

        Parameters
        ----------
        x : data frame of a rows
            Columns known of every record; numbers, text, categories; missing values are allowed.
        codes : array of shape (a,)
            The candidates, 0 to m - 1.

        Returns
        -------
        Imputer
            Itself.
        """
        x = _named(x)
        self._prior = log_prior(codes, self.size)
        counts = np.bincount(codes, minlength=self.size)
        if (counts > 0).sum() < 2 or x.shape[1] == 0:
            self.chosen_, self._model = "prior", None
            return self
        models = {"logistic regression": _logistic(x)}
        if len(codes) >= _MANY_ROWS:
            models["boosted trees"] = _boosted(x, self.seed)
        self.chosen_ = next(iter(models)) if len(models) == 1 else self._better(models, x, codes, counts)
        self._model = models[self.chosen_].fit(x, codes)
        return self

    def log_probabilities(self, x: pd.DataFrame) -> Floats:
        """Log-probability of each candidate for each record.

        Parameters
        ----------
        x : data frame of n rows
            The columns of `fit`.

        Returns
        -------
        array of shape (n, m)
            Candidates that the attacker never met have a little mass, so that every entry is finite.
        """
        if self._model is None:
            return np.tile(self._prior, (len(x), 1))
        found = np.full((len(x), self.size), _LEAST)
        found[:, self._model.classes_] = np.maximum(self._model.predict_proba(_named(x)), _LEAST)
        return np.log(found / found.sum(1, keepdims=True))

    def _better(self, models: dict[str, Any], x: pd.DataFrame, codes: Ints, counts: Ints) -> str:
        """Name the model with the smaller log-loss on a third of some rows, after a fit on the others."""
        rows = np.random.default_rng(self.seed).permutation(len(codes))[:_JUDGED_ROWS]
        rows = rows[np.isin(codes[rows], np.flatnonzero(counts >= _OFTEN))]
        third = len(rows) // 3
        held, own = rows[:third], rows[third:]
        held = held[np.isin(codes[held], codes[own])]
        if len(np.unique(codes[own])) < 2 or not len(held):
            return "logistic regression"
        loss = {
            name: log_loss(
                codes[held], model.fit(x.iloc[own], codes[own]).predict_proba(x.iloc[held]), labels=model.classes_
            )
            for name, model in models.items()
        }
        return min(loss, key=lambda name: loss[name])


def _named(x: pd.DataFrame) -> pd.DataFrame:
    """Columns by name (scikit-learn reads numbers as places), as floats or as text, missing ones included."""
    columns: dict[str, Any] = {}
    for name in x.columns:
        column: Any = x[name]
        number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        if number:
            columns[str(name)] = column.to_numpy(np.float64, na_value=np.nan)
        else:
            text = column.astype(object)
            columns[str(name)] = text.where(text.notna(), "missing").astype(str).to_numpy(object)
    return pd.DataFrame(columns, index=x.index)


def _kinds(x: pd.DataFrame) -> tuple[list[Any], list[Any]]:
    numbers = [c for c in x.columns if pd.api.types.is_numeric_dtype(x[c]) and not pd.api.types.is_bool_dtype(x[c])]
    return numbers, [c for c in x.columns if c not in numbers]


def _logistic(x: pd.DataFrame) -> Any:
    numbers, others = _kinds(x)
    encoder = make_column_transformer(
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=_MOST_CATEGORIES), others),
    )
    return make_pipeline(encoder, LogisticRegression(max_iter=1000))


def _boosted(x: pd.DataFrame, seed: int) -> Any:
    numbers, others = _kinds(x)
    coder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, max_categories=_MOST_CATEGORIES)
    encoder = make_column_transformer((coder, others), ("passthrough", numbers))
    # the mask is by position: coded columns come first
    mask: Any = [True] * len(others) + [False] * len(numbers) if others else None
    model = HistGradientBoostingClassifier(
        max_iter=60,
        learning_rate=0.1,
        max_leaf_nodes=15,
        categorical_features=mask,
        random_state=seed,
    )
    return make_pipeline(encoder, model)
