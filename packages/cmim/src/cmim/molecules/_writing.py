"""Molecules written at codes: those given, those around or between molecules, and those drawn from a law."""

import abc
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from cmim._codes import around, between
from cmim._modes import evaluating
from cmim.generation import Method, beam_search, check_method, generate
from cmim.model import Model
from cmim.molecules._embedded import Embedded
from cmim.molecules.chemistry import canonical, rows_of
from cmim.molecules.tokens import Vocabulary
from cmim.sampling import CodeLaw, Sampler
from infocore.errors import DataError, ParameterError

__all__ = ["Writer", "teacher_forced"]

_ROWS = 256  # at a time


def teacher_forced(model: Model, codes: ArrayLike, tokens: NDArray[np.int64]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield rows of tokens with the log-odds that a decoder has for each, given the code and the tokens before it.

    Parameters
    ----------
    model : Model
        Put into evaluation mode until the last of the rows is read.
    codes : array of shape (n, D)
        A code for each row.
    tokens : array of shape (n, T)
        Rows, padded.

    Yields
    ------
    tuple of tensors of shape (m, t) and (m, t, levels)
        Some rows at a time, in order, up to their last token, float32; and log-odds. On the CPU.
    """
    device = next(model.parameters()).device
    given = torch.as_tensor(np.asarray(codes), dtype=torch.float32)
    with evaluating(model), torch.no_grad():
        for at in range(0, len(tokens), _ROWS):
            x = model.trim(torch.from_numpy(tokens[at : at + _ROWS]).float())
            yield x, model.decode(given[at : at + _ROWS].to(device), x.to(device)).cpu()


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
            If `valid` is asked for without "beam", a setting has no effect with `method`, or as
            `cmim.generation.generate`.
        ShapeError, NonFiniteError
            As `cmim.generation.generate`.
        """
        check_is_fitted(self, "model_")
        check_method(method, {"temperature": temperature, "top_p": top_p, "beams": beams}, "MoleculeEmbedder.decode")
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
        codes = around(self._codes(X, "perturb", "X"), radius, n, rng, "MoleculeEmbedder.perturb")
        return self._lists(codes, writing)

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
        a, b = self._codes(A, "interpolate", "A"), self._codes(B, "interpolate", "B")
        return self._lists(between(a, b, n, "MoleculeEmbedder.interpolate"), writing)

    def score_samples(self, X: Iterable[object]) -> NDArray[np.float64]:
        r"""Log-likelihood of each molecule at its own mean code, in nats; not a bound on that of the molecule.

        .. math:: \sum_{t=1}^{T} \log p(x_t \mid x_{<t}, \mu(x))

        over the tokens :math:`x_1, \dots, x_T` of the canonical SMILES, the end included, each given those before it.

        Parameters
        ----------
        X : list, array or Series of n str
            SMILES.

        Returns
        -------
        array of shape (n,)
            Minus the reconstruction term; NaN for what could not be read.

        Raises
        ------
        ParameterError, ShapeError
            As `embed`.
        """
        found = self.embed(rows_of(X, "MoleculeEmbedder.score_samples: `X`"))
        rows = np.flatnonzero(found.valid)
        out = np.full(len(found.valid), np.nan)
        if len(rows):
            tokens = self._vocabulary.encode([found.molecules.smiles[i] for i in rows])
            law, parts = self.model_.law, teacher_forced(self.model_, found.values[rows], tokens)
            out[rows] = torch.cat([-law.nll(x, odds.double()) for x, odds in parts]).numpy()
        return out

    def score(self, X: Iterable[object], y: object = None) -> float:  # noqa: ARG002 - scikit-learn's y
        """Mean of `score_samples` over the molecules that can be read.

        Parameters
        ----------
        X : list, array or Series of n str
            SMILES.
        y : ignored
            Labels are not used.

        Returns
        -------
        float
            In nats a molecule; larger is better.

        Raises
        ------
        ParameterError, ShapeError
            As `embed`.
        DataError
            If not one can be read.
        """
        values = self.score_samples(X)
        if np.isnan(values).all():
            raise DataError(f"MoleculeEmbedder.score: not one of {len(values)} rows of `X` could be read; see `embed`.")
        return float(np.nanmean(values))

    def _lists(self, codes: NDArray[np.float64], writing: dict[str, Any]) -> list[list[str]]:
        """Write molecules at codes of shape (m, n, D), as m lists of n."""
        m, n, d = codes.shape
        texts = self.decode(codes.reshape(-1, d), **writing)
        return [texts[i * n : (i + 1) * n] for i in range(m)]

    def _codes(self, X: Sequence[str], caller: str, name: str) -> NDArray[np.float32]:
        found = self.embed(rows_of(X, f"MoleculeEmbedder.{caller}: `{name}`"))
        if not found.valid.all():
            bad = int((~found.valid).argmax())
            raise DataError(
                f"MoleculeEmbedder.{caller}: {int((~found.valid).sum())} of {len(found.valid)} molecules of `{name}` "
                f"could not be read; row {bad}: {found.reasons[bad]}."
            )
        return found.values
