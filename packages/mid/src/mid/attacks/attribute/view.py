"""`View`: what the attacker of a game sees and may ask, with its questions counted and its answers remembered."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from infocore.errors import NonFiniteError, ParameterError, ShapeError
from mid.attacks.attribute.population import Imputer, log_prior
from mid.attacks.attribute.sensitive import SensitiveAttribute, as_table
from mid.attacks.protocols import Access, Output, Target
from mid.attacks.reading import read

__all__ = ["Records", "View"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclasses.dataclass(frozen=True, eq=False)
class Records:
    """Whole records and their responses.

    Parameters
    ----------
    X : array or data frame of shape (n, dx)
        Records, the sensitive columns included.
    y : array of shape (n,)
        True responses: what the target predicts.

    Raises
    ------
    ShapeError
        If there is not one response per record.
    NonFiniteError
        If a response is missing, or a column of numbers holds infinity. Missing values in columns are allowed.
    """

    X: pd.DataFrame
    y: NDArray[Any]

    def __init__(self, X: ArrayLike, y: ArrayLike) -> None:
        table, responses = as_table(X, "Records"), np.asarray(y)
        if responses.shape != (len(table),):
            raise ShapeError(f"Records: `y` must hold one response per record, {len(table)}; got {responses.shape}.")
        missing = int(pd.isna(responses).sum())
        if missing:
            raise NonFiniteError(f"Records: `y` is missing in {missing} of {len(responses)} records; leave them out.")
        numbers = table.select_dtypes("number")
        endless = [str(c) for c in numbers if np.isinf(numbers[c].to_numpy(np.float64, na_value=np.nan)).any()]
        if endless:
            raise NonFiniteError(
                f"Records: column(s) {', '.join(endless)} hold infinity; replace it, or leave those out."
            )
        object.__setattr__(self, "X", table)
        object.__setattr__(self, "y", responses)

    def __len__(self) -> int:
        return len(self.X)


@dataclasses.dataclass
class _Ledger:
    """Counts the queries that reach a target and are not remembered: of each record of each call."""

    target: Target
    asked: int = 0

    def release(
        self, X: Any, *, output: Output, queries: int, access: Access, rng: int | np.random.Generator
    ) -> NDArray[Any]:
        self.asked += len(X) * (queries if access == "sampled" else 1)
        return np.asarray(self.target.release(X, output=output, queries=queries, access=access, rng=rng))


class View:
    """What the attacker of one game sees. Attacks read it; games make it.

    Attributes
    ----------
    attribute : SensitiveAttribute
        Columns and candidates; which candidate a record holds is not in here.
    hidden : data frame of n rows
        The attacked records without the attribute.
    response : array of shape (n,) or None
        True responses of the attacked records, if the attacker knows them.
    released : array or None
        The released answers about the attacked records, if the attacker sees them.
    released_output : str
        What `released` consists of.
    known : Records
        The attacker's own records, whole.
    known_codes : array of shape (a,)
        Their candidates.
    classes : array of shape (C,) or None
        Labels of a classifier, in the order of its probabilities; None for a regressor.
    log_prior : array of shape (m,)
        Log of the candidates' shares among the attacker's own records.
    model : object
        The target itself; only white-box attacks may read it.
    seed : int
        For whatever an attack draws.
    """

    def __init__(
        self,
        target: Target,
        model: Any,
        attribute: SensitiveAttribute,
        known: Records,
        hidden: pd.DataFrame,
        response: NDArray[Any] | None,
        released: NDArray[Any] | None,
        released_output: Output,
        released_queries: int,
        classes: NDArray[Any] | None,
        seed: int,
        memory: dict[Any, tuple[Any, int]],
    ) -> None:
        self.attribute = attribute
        self.hidden = hidden
        self.response = response
        self.released = released
        self.released_output: Output = released_output
        self.released_queries = released_queries
        self.known = known
        self.known_codes = attribute.codes(known.X)
        self.classes = classes
        self.log_prior = log_prior(self.known_codes, attribute.size)
        self.model = model
        self.seed = seed
        self._target = _Ledger(target)
        self._memory = memory
        self._used: set[Any] = set()
        self._all_used: set[Any] = set()
        self._before, self._tables = 0, 0

    @property
    def asked(self) -> int:
        """Queries since `start`, each answer about one record counted once."""
        return self._cost(self._used) + self._target.asked - self._before

    @property
    def asked_in_all(self) -> int:
        """Queries of all attacks of this game together, each answer about one record counted once."""
        return self._cost(self._all_used) + self._target.asked

    def start(self) -> None:
        """Begin the count of an attack: what it uses counts as asked by it, though an earlier one asked for it too."""
        self._before = self._target.asked
        self._used = set()

    def some_known(self, n: int) -> pd.DataFrame:
        """Some of the attacker's own records, at random.

        Parameters
        ----------
        n : int
            How many at most.

        Returns
        -------
        data frame
            Whole records.
        """
        rows = np.random.default_rng([self.seed, 3]).permutation(len(self.known))[:n]
        return self.known.X.iloc[np.sort(rows)].reset_index(drop=True)

    def ask(self, output: Output, queries: int = 1, access: Access = "sampled") -> NDArray[Any]:
        """Answers about each attacked record with each candidate put in.

        Parameters
        ----------
        output : {"labels", "values", "probabilities", "logits"}
            What is asked for.
        queries : int
            How often each is asked; answers are averaged.
        access : {"sampled", "mean"}
            Noisy answers or those without noise.

        Returns
        -------
        array of shape (n, m) or (n, m, C)
            Labels and values, or scores.
        """
        return self._candidates("attacked", self.hidden, output, queries, access)

    def ask_known(self, output: Output, queries: int = 1, access: Access = "sampled") -> NDArray[Any]:
        """Answers about the attacker's own records as they are.

        Parameters
        ----------
        output, queries, access
            As in `ask`.

        Returns
        -------
        array of shape (a,) or (a, C)
            Labels and values, or scores.
        """
        return self._remember(
            ("own", output, queries, access),
            lambda seed: self._target.release(
                self.attribute.asked(self.known.X), output=output, queries=queries, access=access, rng=seed
            ),
        )

    def ask_known_candidates(self, output: Output, queries: int = 1, access: Access = "sampled") -> NDArray[Any]:
        """Answers about the attacker's own records with each candidate put in.

        Parameters
        ----------
        output, queries, access
            As in `ask`.

        Returns
        -------
        array of shape (a, m) or (a, m, C)
            Labels and values, or scores.
        """
        return self._candidates("known", self.known.X, output, queries, access)

    def ask_release(self) -> NDArray[Any]:
        """Answers about the attacker's own records, obtained as the released answers about the attacked ones were.

        Returns
        -------
        array of shape (a,) or (a, C)
            For attacks that learn what a released answer looks like.
        """
        return self._remember(
            ("release", self.released_output, self.released_queries),
            lambda seed: self._target.release(
                self.attribute.asked(self.known.X),
                output=self.released_output,
                queries=self.released_queries,
                access="sampled",
                rng=seed,
            ),
        )

    def ask_table(self, X: pd.DataFrame, output: Output, queries: int = 1, access: Access = "sampled") -> NDArray[Any]:
        """Answers about records of the attacker's making; not remembered, and each time with fresh noise.

        Parameters
        ----------
        X : data frame
            Whole records.
        output, queries, access
            As in `ask`.

        Returns
        -------
        array of shape (rows,) or (rows, C)
            Labels and values, or scores.
        """
        rows: Any = X[list(self.known.X.columns)]
        self._tables += 1
        return self._target.release(
            self.attribute.asked(rows),
            output=output,
            queries=queries,
            access=access,
            rng=self._seed(("table", self._tables)),
        )

    def imputation(self, *, response: bool, answers: bool = False) -> Floats:
        """Log-probability of each candidate from what is known of a record, without asking about the candidates.

        Parameters
        ----------
        response : bool
            Whether the true response is among what is known.
        answers : bool
            Whether the answer averaged over the candidates is, see `Imputation`.

        Returns
        -------
        array of shape (n, m)
            By an `Imputer` fitted on the attacker's own records.

        Raises
        ------
        ParameterError
            If the response is wanted in a game in which it is not known.
        """
        if response and self.response is None:
            raise ParameterError("View.imputation: `response` is not known in this game.")
        output = self.released_output
        extra: tuple[Floats, Floats] | None = None
        if answers:
            extra = self._averaged(self.ask_known_candidates(output)), self._averaged(self.ask(output))

        def make(seed: int) -> Floats:
            own, attacked = self.attribute.hide(self.known.X), self.hidden
            if response:
                own, attacked = self.with_response(own, self.known.y), self.with_response(attacked, self.response)
            if extra is not None:
                own, attacked = (_beside(x, "average", rows) for x, rows in zip((own, attacked), extra, strict=True))
            return Imputer(self.attribute.size, seed).fit(own, self.known_codes).log_probabilities(attacked)

        return self._remember(("imputation", response, answers), make)

    def _averaged(self, answers: NDArray[Any]) -> Floats:
        """Answers averaged over the candidates by their shares: of labels the share of each, probabilities in logs."""
        shares = np.exp(self.log_prior) / np.exp(self.log_prior).sum()
        if self.released_output == "labels" and self.classes is not None:
            answers = answers[:, :, None] == self.classes
        mean = np.einsum("nm...,m->n...", np.asarray(answers, np.float64), shares).reshape(len(answers), -1)
        return read(mean, "probabilities") if self.released_output == "probabilities" else mean

    def with_response(self, x: pd.DataFrame, y: Any) -> pd.DataFrame:
        """Put the response beside what else is known: a category for a classifier, a number for a regressor.

        Parameters
        ----------
        x : data frame of n rows
            What else is known.
        y : array of shape (n,)
            Responses.

        Returns
        -------
        data frame of n rows
            With one more column.
        """
        column = pd.Series(y, index=x.index)
        return x.assign(**{"response ": column.astype(str) if self.classes is not None else column.astype(np.float64)})

    def _candidates(self, which: str, X: pd.DataFrame, output: Output, queries: int, access: Access) -> NDArray[Any]:
        columns = list(self.known.X.columns)

        def make(seed: int) -> NDArray[Any]:
            bare = X.reindex(columns=columns)
            seeds = np.random.default_rng(seed).integers(2**31, size=self.attribute.size)
            answers = [
                self._target.release(
                    self.attribute.substitute(bare, k), output=output, queries=queries, access=access, rng=int(seeds[k])
                )
                for k in range(self.attribute.size)
            ]
            return np.stack(answers, axis=1)

        return self._remember((which, output, queries, access), make)

    def _remember(self, key: Any, make: Callable[[int], Any]) -> Any:
        """Look an answer up, or ask; its cost is kept beside it, and counts for whoever uses it."""
        if key not in self._memory:
            before = self._target.asked
            answer = make(self._seed(key))
            self._memory[key] = answer, self._target.asked - before
            self._target.asked = before
        self._used.add(key)
        self._all_used.add(key)
        return self._memory[key][0]

    def _cost(self, keys: set[Any]) -> int:
        return sum(self._memory[key][1] for key in keys)

    def _seed(self, key: Any) -> int:
        entropy = [self.seed, *str(key).encode()]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])


def _beside(x: pd.DataFrame, what: str, rows: Floats) -> pd.DataFrame:
    columns = {f"{what} {j}": rows[:, j] for j in range(rows.shape[1])}
    return pd.concat([x, pd.DataFrame(columns, index=x.index)], axis=1)
