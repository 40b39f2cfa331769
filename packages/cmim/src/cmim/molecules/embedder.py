"""Molecules in scikit-learn's words: SMILES in, codes out, and back."""

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from cmim import _saved, losses, variants
from cmim._frames import Named
from cmim.config import Variance
from cmim.embeddings import Code, informative, latent
from cmim.model import Model
from cmim.molecules._embedded import Embedded, noted
from cmim.molecules._writing import Writer
from cmim.molecules.chemistry import Molecules, Salts, read_molecules, rows_of
from cmim.molecules.corpus.batches import Blocks, SmilesBatches, TextBlocks
from cmim.molecules.tokens import Notation, Vocabulary
from cmim.networks import TokenPerceiver
from cmim.sampling import CodeLaw
from cmim.symbols import EOS, PAD
from infocore.errors import DataError, DegenerateWarning, ParameterError

__all__ = ["Embedded", "MoleculeEmbedder"]

Kind = Literal["latent", "informative"]
Name = Literal["cmim", "mim", "vae", "contrastive_vae", "ae"]

_CODES = 20_000
_LOOKED_AT = 100_000


class MoleculeEmbedder(Writer, Named, TransformerMixin, BaseEstimator):
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
    check : bool
        Whether `fit` has RDKit read each row, once, and make it canonical; without, rows are trained on as they are
        written, and left out only for their tokens. `embed` reads by RDKit always.
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
    workers : int
        Processes that read the coming blocks for `fit`, see `SmilesBatches`. They change no result.

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
        Rows that could not be read, by reason, of the blocks that training came to.

    Examples
    --------
    >>> from cmim import TokenPerceiver
    >>> small = TokenPerceiver(slots=2, width=16, encoder_depth=1, decoder_depth=1)
    >>> embedder = MoleculeEmbedder(latent_dim=8, network=small, max_tokens=20, max_steps=5)
    >>> embedder = embedder.fit(["CCO", "CCN", "c1ccccc1", "CC(=O)O"] * 2)
    >>> found = embedder.embed(["CCO", "C=[NH5]"])
    >>> found.values.shape, found.valid.tolist(), found.reasons
    ((2, 8), [True, False], ('', 'valence: atom 1, N, has too many bonds'))
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
        check: bool = True,
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
        workers: int = 0,
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
        self.check = check
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
        self.workers = workers
        self.seed = seed
        self.progress = progress
        self.accelerator = accelerator

    def fit(self, X: Iterable[object] | Blocks, y: object = None, **training: Any) -> "MoleculeEmbedder":  # noqa: ARG002
        """Train the model and fit laws to the codes.

        Parameters
        ----------
        X : list, array or Series of str, or Blocks
            SMILES (anything else is a row that cannot be read), or a corpus that `cmim.molecules.open_corpus` opened.
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
            If not one row of `X` can be read; of a corpus of many blocks, of nine that come one after the other.
        TrainingError
            If the loss is not finite.

        Warns
        -----
        DegenerateWarning
            If some rows could not be read; `skipped_` counts them.
        """
        from cmim.lightning import fit  # Lightning takes seconds to load

        model = self._model()
        blocks = X if isinstance(X, Blocks) else TextBlocks(rows_of(X, "MoleculeEmbedder.fit: `X`"))
        if not blocks.rows:
            raise DataError("MoleculeEmbedder.fit: `X` must hold molecules; it has no row.")
        batches = SmilesBatches(
            blocks, min(self.batch_size, max(blocks.rows)), int(self.seed), length=self.max_tokens + 1,
            vocabulary=self._vocabulary, augment=self.augment, check=self.check, salts=self.salts,
            isomeric=self.isomeric, workers=self.workers,
        )  # fmt: skip
        try:
            result = fit(
                model, batches, max_steps=self.max_steps, learning_rate=self.learning_rate, warmup=self.warmup,
                decay=self.decay, progress=self.progress, accelerator=self.accelerator, **training,
            )  # fmt: skip
            self.model_ = model
            self.history_, self.notes_, self.n_iter_ = result.history, result.notes, result.steps
            self._look_at(batches)
        except DataError as e:
            if isinstance(X, Blocks):
                raise
            raise DataError(f"MoleculeEmbedder.fit: `X` cannot be trained on. {e}") from e
        finally:
            batches.close()
        self.skipped_ = batches.skipped
        if self.skipped_:
            told = ", ".join(f"{kind} ({count})" for kind, count in self.skipped_.items())
            warnings.warn(
                f"MoleculeEmbedder.fit: {sum(self.skipped_.values())} rows could not be read and were not trained on: "
                f"{told}.",
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
            If `X` is one string, `kind` or `code` is not one of its values, or `code` is given for the latent code.
        ShapeError
            If `X` does not have one axis.
        sklearn.exceptions.NotFittedError
            If `fit` was not called; likewise below.
        """
        check_is_fitted(self, "model_")
        if kind not in get_args(Kind):
            raise ParameterError(f"MoleculeEmbedder.embed: `kind` must be 'latent' or 'informative'; got {kind!r}.")
        if kind == "latent" and code != "own":
            raise ParameterError(f"MoleculeEmbedder.embed: `code` is for kind='informative'; got {code!r}.")
        molecules = self._read(rows_of(X, "MoleculeEmbedder.embed: `X`"))
        rows = np.flatnonzero(molecules.valid)
        width = self.latent_dim if kind == "latent" else self._network.width
        values = np.full((len(molecules), width), np.nan, np.float32)
        if len(rows):
            tokens = self._vocabulary.encode([molecules.smiles[i] for i in rows], self.max_tokens + 1)
            molecules = noted(molecules, rows, tokens, self._vocabulary, self.familiar_, self.longest_)
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
            As `embed`, and if `kind` is not "latent" where `set_output` asks for a table.

        Warns
        -----
        DegenerateWarning
            If a row could not be read; `embed` says why.
        """
        self._check_frame(kind, "MoleculeEmbedder.transform")
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
        more = {"familiar": sorted(self.familiar_), "longest": self.longest_, "skipped": self.skipped_}
        return _saved.save(self, path, settings={"network": self._network}, more=more)

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

        def read(embedder: "MoleculeEmbedder", facts: Mapping[str, Any]) -> None:
            embedder.familiar_, embedder.longest_ = frozenset(facts["familiar"]), int(facts["longest"])
            embedder.skipped_ = dict(facts["skipped"])

        return _saved.load(cls, path, read)

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

    def _look_at(self, batches: SmilesBatches) -> None:
        """Fit the law of the codes, and take down what the model has seen."""
        tokens = batches.sample(_LOOKED_AT)
        names = self._vocabulary.tokens
        self.familiar_ = frozenset(names[i] for i in tokens.unique().tolist() if i > EOS)
        self.longest_ = int((tokens != PAD).sum(1).max()) - 1
        codes = latent(self.model_, tokens[:_CODES])
        self.code_law_ = CodeLaw.fit(codes.double().numpy(), self.components, self.seed)
