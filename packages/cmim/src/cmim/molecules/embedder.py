"""Molecules in scikit-learn's words: SMILES in, codes out, and back."""

import dataclasses
import itertools
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from cmim import losses, variants
from cmim.checkpoint import rebuild
from cmim.config import Variance
from cmim.embedder import part
from cmim.embeddings import Code, informative, latent
from cmim.generation import Method, beam_search, generate
from cmim.model import Model
from cmim.molecules.chemistry import Molecules, Salts, canonical, read_molecules
from cmim.molecules.corpus.batches import Blocks, SmilesBatches, TextBlocks
from cmim.molecules.tokens import Notation, Vocabulary
from cmim.networks import TokenPerceiver, network_from_dict
from cmim.sampling import CodeLaw, Sampler
from cmim.symbols import EOS, PAD
from infocore.errors import CheckpointError, DataError, DegenerateWarning, ParameterError, ShapeError
from infocore.result import plain
from infocore.torch import checkpoint

__all__ = ["Embedded", "MoleculeEmbedder"]

Kind = Literal["latent", "informative"]
Name = Literal["cmim", "mim", "vae", "contrastive_vae", "ae"]

_CODES = 20_000
_LOOKED_AT = 100_000


@dataclasses.dataclass(frozen=True, eq=False)
class Embedded:
    """Embeddings of molecules, a row for each string given.

    Parameters
    ----------
    values : array of shape (n, D)
        float32; NaN where a string could not be read.
    molecules : Molecules
        What was read: ``valid``, ``reasons`` and ``notes``, row by row.
    """

    values: NDArray[np.float32]
    molecules: Molecules

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Which rows have an embedding, of shape (n,)."""
        return self.molecules.valid

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the others have none; empty where there is one."""
        return self.molecules.reasons

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed, or is new to the model: tokens it was never trained on, and greater length."""
        return self.molecules.notes


class MoleculeEmbedder(TransformerMixin, BaseEstimator):
    """Learn codes of molecules from their SMILES; a scikit-learn transformer, which also writes molecules.

    Parameters
    ----------
    model : {"cmim", "mim", "vae", "contrastive_vae", "ae"}
        What to train.
    latent_dim : int
        Length D of a code, a multiple of the network's slots.
    network : TokenPerceiver, optional
        Its size; if not given, about 1.4 million parameters.
    max_tokens : int
        Most tokens of a SMILES; longer ones cannot be read.
    notation : {"smiles-1", "selfies-1"}
        Vocabulary.
    augment : {"canonical", "invariant", "equivariant"}
        What is trained on: canonical SMILES; a random one in and the canonical out; or one random one in and out.
    isomeric : bool
        Whether stereochemistry and isotopes are part of a molecule; without, they are left out, and noted.
    salts : {"keep", "largest"}
        Whether to keep the largest fragment of several.
    temperature, w_k, beta, logvar_floor
        As of `cmim.Embedder`.
    scaling : {"sum", "mean", "kermt"}
        See `cmim.losses.weighted_loss`. Under "mean", as MolMIM has it, latent terms count by the dimension and the
        reconstruction by the token. Under "sum" the prior holds codes of many dimensions so small that they say little.
    variance : {"sampled", "learned", "fixed"}
        Of the codes, see `cmim.ModelConfig`. "sampled", as MolMIM has it, keeps the neighbourhood of a code decodable.
        Of a VAE, whose divergence is to set it, it is always learned.
    ramp : int
        Steps over which the latent terms reach their weight.
    max_steps, batch_size, learning_rate, seed, progress, accelerator
        As of `cmim.Embedder`.
    warmup, decay
        As of `cmim.fit`.
    components : int
        Of the mixture that is fitted to the codes, for `sample`.

    Attributes
    ----------
    model_ : cmim.Model
        The trained model.
    history_ : tuple of dict
        Terms of the loss during training.
    notes_ : tuple of str
        What the end of the training shows, with advice.
    n_iter_ : int
        Steps of training.
    code_law_ : cmim.sampling.CodeLaw
        Laws fitted to training codes.
    familiar_ : frozenset of str
        Tokens that were met in training, in the first 100,000 molecules looked at.
    longest_ : int
        Tokens of the longest of those.
    skipped_ : dict of str to int
        Training molecules that could not be read, by reason.

    Examples
    --------
    >>> from cmim import TokenPerceiver
    >>> small = TokenPerceiver(slots=2, width=16, encoder_depth=1, decoder_depth=1)
    >>> embedder = MoleculeEmbedder(latent_dim=8, network=small, max_tokens=20, max_steps=5)
    >>> embedder = embedder.fit(["CCO", "CCN", "c1ccccc1", "CC(=O)O"] * 2)
    >>> found = embedder.embed(["CCO", "C1CC"])
    >>> found.values.shape, found.valid.tolist(), found.reasons
    ((2, 8), [True, False], ('', 'not SMILES: unclosed ring'))
    """

    def __init__(
        self,
        model: Name = "cmim",
        *,
        latent_dim: int = 256,
        network: TokenPerceiver | None = None,
        max_tokens: int = 127,
        notation: Notation = "smiles-1",
        augment: Literal["canonical", "invariant", "equivariant"] = "canonical",
        isomeric: bool = True,
        salts: Salts = "keep",
        temperature: variants.Temperature = 0.1,
        w_k: float = 1.0,
        beta: float = 1.0,
        variance: Variance = "sampled",
        scaling: losses.Scaling = "mean",
        logvar_floor: float = -6.0,
        ramp: int = 1000,
        max_steps: int = 2000,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        warmup: int = 300,
        decay: Literal["none", "cosine"] = "cosine",
        components: int = 10,
        seed: int = 0,
        progress: bool = False,
        accelerator: str = "auto",
    ) -> None:
        self.model = model
        self.latent_dim = latent_dim
        self.network = network
        self.max_tokens = max_tokens
        self.notation: Notation = notation
        self.augment: Literal["canonical", "invariant", "equivariant"] = augment
        self.isomeric = isomeric
        self.salts: Salts = salts
        self.temperature: variants.Temperature = temperature
        self.w_k = w_k
        self.beta = beta
        self.variance: Variance = variance
        self.scaling: losses.Scaling = scaling
        self.logvar_floor = logvar_floor
        self.ramp = ramp
        self.max_steps = max_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.warmup = warmup
        self.decay: Literal["none", "cosine"] = decay
        self.components = components
        self.seed = seed
        self.progress = progress
        self.accelerator = accelerator

    def fit(self, X: Iterable[object] | Blocks, y: object = None, **training: Any) -> "MoleculeEmbedder":  # noqa: ARG002
        """Train the model and fit laws to the codes.

        Parameters
        ----------
        X : list, array or Series of str, or Blocks
            SMILES, which are read and made canonical first (anything else is a row that cannot be read); or a corpus
            that `cmim.molecules.open_corpus` opened, which is trained on as it is written.
        y : ignored
            Labels are not used.
        **training
            More arguments of `cmim.fit`, such as ``logger``, ``checkpoint_dir``, ``resume``, ``precision``.

        Returns
        -------
        MoleculeEmbedder
            Itself.

        Raises
        ------
        ParameterError
            If a setting is out of range.
        DataError
            If not one molecule can be read.
        TrainingError
            If the loss is not finite.

        Warns
        -----
        DegenerateWarning
            If some molecules could not be read; `skipped_` counts them.
        """
        from cmim.lightning import fit  # Lightning takes seconds to load

        model = self._model()
        skipped: dict[str, int] = {}
        if isinstance(X, Blocks):
            blocks = X
        else:
            read = self._read(X)
            if not read.valid.any():
                raise DataError(
                    f"MoleculeEmbedder.fit: `X` holds no molecule that can be read; the first of {len(read)}: "
                    f"{next(iter(read.reasons), 'there is none')}."
                )
            skipped = dict(read.report()["reasons"])
            blocks = TextBlocks([text for text in read.smiles if text])
        batches = SmilesBatches(
            blocks, min(self.batch_size, max(blocks.rows)), int(self.seed), length=self.max_tokens + 1,
            vocabulary=self._vocabulary, augment=self.augment,
        )  # fmt: skip
        result = fit(
            model, batches, max_steps=self.max_steps, learning_rate=self.learning_rate, warmup=self.warmup,
            decay=self.decay, progress=self.progress, accelerator=self.accelerator, **training,
        )  # fmt: skip
        self.model_ = model
        self.history_, self.notes_, self.n_iter_ = result.history, result.notes, result.steps
        self._look_at(batches)
        for kind, count in batches.skipped.items():
            skipped[kind] = skipped.get(kind, 0) + count
        self.skipped_ = skipped
        if skipped:
            warnings.warn(
                f"MoleculeEmbedder.fit: {sum(skipped.values())} molecules could not be read and were not trained on: "
                f"{', '.join(f'{kind} ({count})' for kind, count in skipped.items())}.",
                DegenerateWarning,
                stacklevel=2,
            )
        return self

    def embed(self, X: Iterable[object], kind: Kind = "latent", *, code: Code = "own") -> Embedded:
        """Embed molecules, and say what became of each.

        Parameters
        ----------
        X : list, array or Series of n str
            SMILES; anything else in it, such as None, is a row with a reason.
        kind : {"latent", "informative"}
            The code; or the decoder's activations at the code, the mean over the tokens it writes.
        code : {"own", "zero", "other"}
            Controls for "informative": zeros in place of the code, or the code of another of the molecules, the next
            shorter one.

        Returns
        -------
        Embedded
            A row for each of X, with NaN where it could not be read, and reasons and notes.

        Raises
        ------
        ParameterError
            If `kind` or `code` is not one of its values, or `code` is given for the latent code itself.
        sklearn.exceptions.NotFittedError
            If `fit` was not called; likewise below.
        """
        check_is_fitted(self, "model_")
        if kind not in get_args(Kind):
            raise ParameterError(f"MoleculeEmbedder.embed: `kind` must be 'latent' or 'informative'; got {kind!r}.")
        if kind == "latent" and code != "own":
            raise ParameterError(f"MoleculeEmbedder.embed: `code` is for kind='informative'; got {code!r}.")
        molecules = self._read(X)
        rows = np.flatnonzero(molecules.valid)
        width = self.latent_dim if kind == "latent" else self._network.width
        values = np.full((len(molecules), width), np.nan, np.float32)
        if len(rows):
            tokens = self._vocabulary.encode([molecules.smiles[i] for i in rows], self.max_tokens + 1)
            molecules = self._noted(molecules, rows, tokens)
            order = np.argsort((tokens != PAD).sum(1), kind="stable")  # short ones together cost least
            given = torch.from_numpy(tokens[order])
            if kind == "latent":
                found = latent(self.model_, given, batch_size=512)
            else:
                found = informative(self.model_, given, code=code, batch_size=512)
            values[rows[order]] = found.numpy()
        return Embedded(values, molecules)

    def transform(self, X: Iterable[object], kind: Kind = "latent") -> NDArray[np.float32]:
        """Embed molecules.

        Parameters
        ----------
        X, kind
            As in `embed`.

        Returns
        -------
        array of shape (n, D)
            float32; NaN in the rows of what could not be read.

        Raises
        ------
        ParameterError
            As `embed`.

        Warns
        -----
        DegenerateWarning
            If a row could not be read; `embed` says why.
        """
        found = self.embed(X, kind)
        if not found.valid.all():
            bad = np.flatnonzero(~found.valid)
            warnings.warn(
                f"MoleculeEmbedder: {len(bad)} of {len(found.valid)} rows could not be read and are NaN; row {bad[0]}: "
                f"{found.reasons[bad[0]]}.",
                DegenerateWarning,
                stacklevel=2,
            )
        return found.values

    def encode(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        """Return codes, for what searches among them.

        Parameters
        ----------
        smiles : sequence of n str
            Molecules.

        Returns
        -------
        array of shape (n, D)
            float32; NaN in the rows of what could not be read.
        """
        return self.embed(smiles).values

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

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write settings, weights and the law of the codes as a new folder.

        Parameters
        ----------
        path : path
            Must not exist yet.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        CheckpointError
            If the folder exists or cannot be written.
        """
        check_is_fitted(self, "model_")
        weights = {f"model.{name}": tensor for name, tensor in self.model_.state_dict().items()}
        codes = {f"codes.{name}": tensor for name, tensor in self.code_law_.tensors().items()}
        params = {**self.get_params(deep=False), "network": {"kind": "tokens", **dataclasses.asdict(self._network)}}
        meta = {
            "kind": "cmim.MoleculeEmbedder", "params": params, "history": self.history_, "notes": self.notes_,
            "n_iter": self.n_iter_, "familiar": sorted(self.familiar_), "longest": self.longest_,
            "skipped": self.skipped_, **self.model_.facts(),
        }  # fmt: skip
        return checkpoint.save(path, weights={**weights, **codes}, meta=plain(meta))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "MoleculeEmbedder":
        """Read what `save` wrote.

        Parameters
        ----------
        path : path
            The folder.

        Returns
        -------
        MoleculeEmbedder
            Fitted.

        Raises
        ------
        CheckpointError
            If anything is missing, damaged, or of another kind.
        """
        found = checkpoint.load(path)
        meta = found.meta
        if meta.get("kind") != "cmim.MoleculeEmbedder":
            raise CheckpointError(
                f"MoleculeEmbedder.load: {path} holds {meta.get('kind')!r}, not a cmim.MoleculeEmbedder."
            )
        try:
            params: Mapping[str, Any] = meta["params"]
            embedder = cls(**{**params, "network": network_from_dict(params["network"])})
            embedder.code_law_ = CodeLaw.from_tensors(part(found.weights, "codes."))
            history = ({name: float(value) for name, value in entry.items()} for entry in meta["history"])
            embedder.history_, embedder.notes_ = tuple(history), tuple(meta["notes"])
            embedder.n_iter_, embedder.longest_ = int(meta["n_iter"]), int(meta["longest"])
            embedder.familiar_, embedder.skipped_ = frozenset(meta["familiar"]), dict(meta["skipped"])
        except (KeyError, TypeError) as e:
            raise CheckpointError(f"MoleculeEmbedder.load: {path} is not of this version ({e}).") from e
        embedder.model_ = rebuild(meta, part(found.weights, "model."), path)
        return embedder

    @property
    def _network(self) -> TokenPerceiver:
        return self.network or TokenPerceiver()

    @property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.notation)

    def _model(self) -> Model:
        if self.max_tokens < 1:
            raise ParameterError(f"MoleculeEmbedder: `max_tokens` must be at least 1; got {self.max_tokens!r}.")
        vae = self.model in ("vae", "contrastive_vae")
        return variants.by_name(
            self.model, self.max_tokens + 1, self.latent_dim, temperature=self.temperature, w_k=self.w_k,
            beta=self.beta, caller="MoleculeEmbedder", names=get_args(Name), network=self._network,
            likelihood="tokens", levels=len(self._vocabulary), variance="learned" if vae else self.variance,
            scaling=self.scaling, logvar_floor=self.logvar_floor, ramp=self.ramp, seed=int(self.seed),
        )  # fmt: skip

    def _read(self, X: Iterable[object]) -> Molecules:
        return read_molecules(
            X, max_tokens=self.max_tokens, salts=self.salts, isomeric=self.isomeric, vocabulary=self._vocabulary
        )

    def _codes(self, X: Sequence[str], caller: str) -> NDArray[np.float32]:
        found = self.embed(X)
        if not found.valid.all():
            bad = int((~found.valid).argmax())
            raise DataError(
                f"MoleculeEmbedder.{caller}: {int((~found.valid).sum())} of {len(found.valid)} molecules could not be "
                f"read; row {bad}: {found.reasons[bad]}."
            )
        return found.values

    def _look_at(self, batches: SmilesBatches) -> None:
        """Fit the law of the codes, and take down what the model has seen."""
        tokens = batches.sample(_LOOKED_AT)
        names = self._vocabulary.tokens
        self.familiar_ = frozenset(names[i] for i in tokens.unique().tolist() if i > EOS)
        self.longest_ = int((tokens != PAD).sum(1).max()) - 1
        codes = latent(self.model_, tokens[:_CODES])
        self.code_law_ = CodeLaw.fit(codes.double().numpy(), self.components, self.seed)

    def _noted(self, molecules: Molecules, rows: NDArray[np.intp], tokens: NDArray[np.int64]) -> Molecules:
        """Note what is new to the model, of the rows whose tokens are given."""
        names = self._vocabulary.tokens
        known = np.array([name in self.familiar_ or i <= EOS for i, name in enumerate(names)])
        lengths = (tokens != PAD).sum(1) - 1
        notes = list(molecules.notes)
        for j in np.flatnonzero(~known[tokens].all(1) | (lengths > self.longest_)):
            new = sorted({names[i] for i in tokens[j] if not known[i]})
            said = [f"new to the model: {', '.join(new)}"] if new else []
            if lengths[j] > self.longest_:
                said.append(f"longer than the model knows: {lengths[j]} tokens, {self.longest_} at most in training")
            notes[rows[j]] = "; ".join(filter(None, [notes[rows[j]], *said]))
        return dataclasses.replace(molecules, notes=tuple(notes))
