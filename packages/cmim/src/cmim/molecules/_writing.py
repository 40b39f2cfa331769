"""Molecules written at codes: those given, those around or between molecules, and those drawn from a law."""

import abc
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from cmim.generation import Method, beam_search, generate
from cmim.model import Model
from cmim.molecules._embedded import Embedded
from cmim.molecules.chemistry import canonical
from cmim.molecules.tokens import Vocabulary
from cmim.sampling import CodeLaw, Sampler
from infocore.errors import DataError, ParameterError, ShapeError

__all__ = ["Writer"]


class Writer(abc.ABC):
    """What an embedder of molecules does with codes; it has no state of its own."""

    model_: Model
    code_law_: CodeLaw

    @abc.abstractmethod
    def embed(self, X: Iterable[object]) -> Embedded:
        """Return the codes of molecules."""

    @property
    @abc.abstractmethod
    def _vocabulary(self) -> Vocabulary:
        """What the tokens mean."""

    def decode(
        self,
        codes: ArrayLike,
        method: Method = "greedy",
        *,
        temperature: float = 1.0,
        top_p: float = 1.0,
        beams: int = 4,
        valid: bool = False,
        seed: int = 0,
    ) -> list[str]:
        """Write a SMILES for each code.

        Parameters
        ----------
        codes : array of shape (n, D)
            Finite.
        method, temperature, top_p, beams, seed
            As of `cmim.generation.generate`.
        valid : bool
            With "beam": of the beams of a code the likeliest that RDKit reads; the likeliest of all if it reads none.

        Returns
        -------
        list of n str
            As they come out, which may be no molecule.

        Raises
        ------
        ParameterError
            If `valid` is asked for without "beam", or as `cmim.generation.generate`.
        ShapeError, NonFiniteError
            As `cmim.generation.generate`.
        """
        check_is_fitted(self, "model_")
        if not valid:
            rows = generate(
                self.model_, codes, method, temperature=temperature, top_p=top_p, beams=beams, seed=seed
            )  # fmt: skip
            return self._vocabulary.decode(rows)
        if method != "beam":
            raise ParameterError(f"MoleculeEmbedder.decode: `valid` chooses among beams; got method={method!r}.")
        rows, scores = beam_search(self.model_, codes, beams)
        texts = iter(self._vocabulary.decode(rows.reshape(-1, rows.shape[2])))
        chosen: list[str] = []
        for possible in np.isfinite(scores):
            every = [text for text, real in zip(itertools.islice(texts, beams), possible, strict=True) if real]
            chosen.append(next((text for text in every if canonical(text) is not None), every[0]))
        return chosen

    inverse_transform = decode

    def sample(
        self,
        n: int,
        sampler: Sampler = "prior",
        *,
        temperature: float = 0.7,
        rng: int | np.random.Generator = 0,
        **writing: Any,
    ) -> list[str]:
        """Write molecules at codes drawn from a law of the codes.

        Parameters
        ----------
        n, sampler, temperature, rng
            As of `cmim.sampling.CodeLaw.sample`. The defaults are what gave the shipped model most molecules; the laws
            that are fitted to its codes gave it fewer.
        **writing
            More of `decode`: ``method``, ``beams``, ``valid``.

        Returns
        -------
        list of n str
            As they come out, which may be no molecule.

        Raises
        ------
        ParameterError
            As `cmim.sampling.CodeLaw.sample`.
        """
        check_is_fitted(self, "model_")
        return self.decode(self.code_law_.sample(n, sampler, temperature=temperature, rng=rng), **writing)

    def perturb(
        self,
        X: Sequence[str],
        radius: float = 1.0,
        n: int = 8,
        *,
        rng: int | np.random.Generator = 0,
        **writing: Any,
    ) -> list[list[str]]:
        """Write molecules at codes around those of some molecules.

        Parameters
        ----------
        X : sequence of m str
            Seeds, all of which must be readable.
        radius : float
            Standard deviation of the noise in each dimension.
        n : int
            Codes around each.
        rng : int or numpy Generator
            Seed.
        **writing
            More of `decode`: ``method``, ``beams``, ``valid``.

        Returns
        -------
        list of m lists of n str
            As they come out, which may be no molecule.

        Raises
        ------
        ParameterError
            If `radius` is negative, `n` not positive.
        DataError
            If a seed cannot be read.
        """
        if n < 1 or not radius >= 0:
            raise ParameterError(
                f"MoleculeEmbedder.perturb: `n` must be at least 1 and `radius` at least 0; got {n!r}, {radius!r}."
            )
        z = self._codes(X, "perturb")
        noise = np.random.default_rng(rng).standard_normal((len(z), n, z.shape[1]))
        texts = self.decode((z[:, None] + radius * noise).reshape(-1, z.shape[1]), **writing)
        return [texts[i * n : (i + 1) * n] for i in range(len(z))]

    def interpolate(self, A: Sequence[str], B: Sequence[str], n: int = 8, **writing: Any) -> list[list[str]]:
        """Write molecules on the line between the codes of pairs.

        Parameters
        ----------
        A, B : sequence of m str
            Pairs, row by row.
        n : int
            Points, the two ends included, which are the reconstructions.
        **writing
            More of `decode`: ``method``, ``beams``, ``valid``.

        Returns
        -------
        list of m lists of n str
            As they come out, which may be no molecule.

        Raises
        ------
        ParameterError
            If `n` is below 2.
        ShapeError
            If there are not as many in `A` as in `B`.
        DataError
            If one cannot be read.
        """
        if n < 2:
            raise ParameterError(f"MoleculeEmbedder.interpolate: `n` must be at least 2; got {n!r}.")
        if len(A) != len(B):
            raise ShapeError(
                f"MoleculeEmbedder.interpolate: `A` and `B` must have as many; got {len(A)} and {len(B)}."
            )  # fmt: skip
        a, b = self._codes(A, "interpolate"), self._codes(B, "interpolate")
        share = np.linspace(0.0, 1.0, n)[None, :, None]
        texts = self.decode(((1 - share) * a[:, None] + share * b[:, None]).reshape(-1, a.shape[1]), **writing)
        return [texts[i * n : (i + 1) * n] for i in range(len(a))]

    def _codes(self, X: Sequence[str], caller: str) -> NDArray[np.float32]:
        found = self.embed(X)
        if not found.valid.all():
            bad = int((~found.valid).argmax())
            raise DataError(
                f"MoleculeEmbedder.{caller}: {int((~found.valid).sum())} of {len(found.valid)} molecules could not be "
                f"read; row {bad}: {found.reasons[bad]}."
            )
        return found.values
