"""What an attack and its target promise each other, and the frozen answer of an attack."""

import dataclasses
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Access", "Attack", "AttackResult", "Interface", "Needs", "Output", "Target"]

Output = Literal["labels", "values", "probabilities", "logits"]
Access = Literal["sampled", "mean"]
Interface = Literal["nothing", "released", "labels", "values", "probabilities", "logits", "gradients", "parameters"]


def in_words(access: str, queries: int) -> str:
    """Say how answers were obtained, for the sentences of results."""
    if access == "mean":
        return "without noise"
    return "from 1 sampled query per record" if queries == 1 else f"from {queries} sampled queries per record"


class Target(Protocol):
    """What an attack can reach: anything that answers queries.

    The models of this package are targets; `mid.attacks.Predictor` makes one of any other fitted predictor.
    """

    def release(
        self, X: ArrayLike, *, output: Output, queries: int, access: Access, rng: int | np.random.Generator
    ) -> NDArray[np.floating[Any]]:
        """Answer a batch of queries.

        Parameters
        ----------
        X : array of shape (n, dx)
            Records asked about.
        output : {"labels", "values", "probabilities", "logits"}
            What is released: the label of a classifier, the value of a regressor, or a row of scores.
        queries : int
            How often each record is asked; answers are averaged, of labels the most frequent one is taken.
        access : {"sampled", "mean"}
            Noisy answers, or (white box) the answer without noise.
        rng : int or numpy.random.Generator
            Seed of the release's noise.

        Returns
        -------
        array of shape (n, C), or (n,) for labels and values
            The averaged answers.
        """
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Needs:
    """What an attack must be given before it can start.

    Parameters
    ----------
    interface : {"nothing", "released", "labels", "values", "probabilities", "logits", "gradients", "parameters"}
        The least that the target must answer with; "released" is whatever is released, which the result of a
        game names. Gradients and parameters are white-box access.
    response : bool
        Whether the true response (the label or value to be predicted) of an attacked record must be known.
    released : bool
        Whether the released answer about the attacked record itself must be seen.
    auxiliary : bool
        Whether records from the same population are needed, sensitive values included.
    """

    interface: Interface
    response: bool = False
    released: bool = False
    auxiliary: bool = False


@dataclasses.dataclass(frozen=True)
class AttackResult:
    """How well an attack reconstructed records, beside what it takes to beat.

    Parameters
    ----------
    reconstructions : array of shape (n, dx)
        The attacker's guesses.
    mse : float
        Mean squared error over records and features.
    mse_ci : tuple of two floats
        Bootstrap interval of `mse` over classes, at level `ci_level`.
    ci_level : float
        Nominal coverage of `mse_ci`; with few classes a percentile interval covers less.
    psnr : float
        ``10 log10(1 / mse)`` in dB, for features scaled to [0, 1]; infinite without error.
    class_mean_floor : float
        Mean squared error of answering with the record's class mean: what knowing the class alone is worth.
    global_mean_floor : float
        Mean squared error of answering with the mean of all records: what knowing nothing is worth.
    output : {"logits", "probabilities"}
        The released quantity.
    queries : int
        Queries averaged per record.
    access : {"sampled", "mean"}
        Noisy answers or the answer without noise.
    n : int
        Number of records attacked.
    classes : int
        Number of their classes, the units of the bootstrap.
    overlap : int
        Records attacked that the attacker also held as auxiliary data; should be 0.
    """

    reconstructions: NDArray[np.floating[Any]]
    mse: float
    mse_ci: tuple[float, float]
    ci_level: float
    psnr: float
    class_mean_floor: float
    global_mean_floor: float
    output: Output
    queries: int
    access: Access
    n: int
    classes: int
    overlap: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, without the reconstructions.

        Returns
        -------
        dict
            Every other field under its name.
        """
        fields = (field.name for field in dataclasses.fields(self) if field.name != "reconstructions")
        values = {name: getattr(self, name) for name in fields}
        values["mse_ci"] = list(self.mse_ci)
        values["psnr"] = self.psnr if np.isfinite(self.psnr) else str(self.psnr)
        return values

    def __str__(self) -> str:
        """Two lines: the error with its interval and access, and the floors."""
        how = in_words(self.access, self.queries)
        warning = f" {self.overlap} of these records were in the attacker's own data." if self.overlap else ""
        return (
            f"reconstruction MSE {self.mse:.4f} ({100 * self.ci_level:g}% CI {self.mse_ci[0]:.4f} to "
            f"{self.mse_ci[1]:.4f} over {self.classes} classes; PSNR {self.psnr:.1f} dB) from {self.output}, {how}, "
            f"n={self.n}.{warning}\nThe class mean alone gives {self.class_mean_floor:.4f}, "
            f"the global mean {self.global_mean_floor:.4f}."
        )


class Attack(Protocol):
    """An attack: configured first, then run on a target."""

    def run(self, target: Target) -> AttackResult:
        """Attack.

        Parameters
        ----------
        target : Target
            What answers the queries.

        Returns
        -------
        AttackResult
            The reconstructions and how they were judged.
        """
        ...
