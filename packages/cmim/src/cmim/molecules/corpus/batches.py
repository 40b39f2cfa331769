"""Batches of tokens from a corpus of SMILES, by the number of the step."""

import collections
import contextlib
import functools
import multiprocessing
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cmim.molecules.chemistry import Salts
from cmim.molecules.corpus._preparing import Check, Cut, Prepared, prepare
from cmim.molecules.corpus._reading import rewritten
from cmim.molecules.corpus.files import Blocks as Blocks
from cmim.molecules.corpus.files import TextBlocks as TextBlocks
from cmim.molecules.tokens import Vocabulary
from infocore.errors import DataError, ParameterError, TrainingError

if TYPE_CHECKING:  # loaded by the first batch, so that the workers start without them
    from torch import Tensor

    from cmim.training import Batch

__all__ = ["Blocks", "SmilesBatches", "TextBlocks", "Writing"]

Writing = Literal["canonical", "invariant", "equivariant", "two-views"]

_NEAR = 8  # blocks that are looked at for rows in place of those of a block that has none
_RANDOM = 1  # of the streams of random numbers that belong to a step
_Key = tuple[int, int]


class SmilesBatches:
    """Batches of tokens of similar length; the batch of a step depends on the corpus, the seed and the step alone.

    The blocks of an epoch come in random order; the rows of a block are shuffled, windows of them sorted by length, cut
    into batches, and these shuffled again. Rows that cannot be read give their place to others of their block, and are
    counted; where too few others are left, these come again. A block in which no row can be read gives its batches to
    the rows of the next block of the epoch that has some.

    Parameters
    ----------
    blocks : Blocks
        The corpus: `cmim.molecules.corpus.files.open_corpus`, or `TextBlocks`.
    batch_size : int
        Rows a step; at most those of a block.
    seed : int
        Of the order, and of random SMILES.
    length : int
        Most tokens of a row, its end included; longer rows cannot be read.
    vocabulary : Vocabulary
        What the numbers mean.
    window : int
        Batches that are sorted by length together.
    augment : {"canonical", "invariant", "equivariant", "two-views"}
        What is seen and what is to be written: the SMILES as the corpus has it, for both; a random SMILES of the same
        molecule, and that of the corpus; one random SMILES, for both; two random SMILES, for InfoNCE. "As the corpus
        has it" is canonical if the corpus is, or with `check`.
    check : bool
        Whether RDKit reads the rows, each once, and makes them canonical; without, they are taken as they are written.
    salts, isomeric
        As of `cmim.molecules.chemistry.read_molecules`, with `check`.
    workers : int
        Processes that prepare the coming blocks and random SMILES. They change no batch.

    Attributes
    ----------
    steps : array of shape (blocks,)
        Batches of each block, which follow from its rows, readable or not.
    left_out : int
        Rows an epoch leaves out, those that do not fill a last batch of their block: other ones each epoch.
    never : int
        Of these, the rows of blocks smaller than a batch, which no epoch has.
    rewritten : collections.Counter
        What became of random SMILES so far: ``"random"``, or ``"as given"`` where RDKit cannot read the row, or no
        random SMILES of some tries has tokens and length for a row.

    Raises
    ------
    ParameterError
        If a setting is out of its range, or no block holds a batch.

    Notes
    -----
    Workers are started by *spawn*: a script that uses them must guard its entry by ``if __name__ == "__main__":``. Each
    needs the memory of a block, and so does the main process for each of them. They end with `close`, or with the
    object.

    What RDKit read is kept in a temporary folder, as much of it as there is text, until the object ends.

    Rows of one text have one number in `Batch.groups`, so that they are no negatives of each other. With `check` the
    text is the canonical one; without, other SMILES of the same molecule are not noticed.

    Examples
    --------
    >>> batches = SmilesBatches(TextBlocks(["C", "CC", "not SMILES", "CCO"]), batch_size=2, seed=0)
    >>> batches(0).x.shape[0], batches.skipped, batches.steps
    (2, {'not SMILES': 1}, array([2]))
    """

    def __init__(
        self,
        blocks: Blocks,
        batch_size: int,
        seed: int,
        *,
        length: int = 128,
        vocabulary: Vocabulary | None = None,
        window: int = 50,
        augment: Writing = "canonical",
        check: bool = False,
        salts: Salts = "keep",
        isomeric: bool = True,
        workers: int = 0,
    ) -> None:
        for name, value, least in (
            ("batch_size", batch_size, 1), ("length", length, 2), ("window", window, 1), ("workers", workers, 0),
        ):  # fmt: skip
            if value < least:
                raise ParameterError(f"SmilesBatches: `{name}` must be at least {least}; got {value!r}.")
        if augment not in get_args(Writing):
            raise ParameterError(
                f"SmilesBatches: `augment` must be one of {', '.join(get_args(Writing))}; got {augment!r}."
            )
        if salts not in get_args(Salts):
            raise ParameterError(f"SmilesBatches: `salts` must be 'keep' or 'largest'; got {salts!r}.")
        self.blocks, self.batch_size, self.seed = blocks, batch_size, seed
        self.length, self.window = length, window
        self.augment, self.workers = augment, workers
        self.check, self.isomeric = check, isomeric
        self.salts: Salts = salts
        self.vocabulary = vocabulary or Vocabulary()
        self.steps = np.array([rows // batch_size for rows in blocks.rows])
        if not self.steps.sum():
            raise ParameterError(
                f"SmilesBatches: `batch_size` must be at most the rows of a block; got {batch_size}, and blocks of "
                f"{max(blocks.rows, default=0)}."
            )
        self.left_out = sum(rows % batch_size for rows in blocks.rows)
        self.never = sum(rows for rows in blocks.rows if rows < batch_size)
        self.rewritten: collections.Counter[str] = collections.Counter()
        self._orders: dict[int, tuple[NDArray[np.intp], NDArray[np.int64]]] = {}
        self._skipped: dict[int, dict[str, int]] = {}
        self._kept: tuple[_Key, Prepared] | None = None
        self._pool: ProcessPoolExecutor | None = None
        self._coming: dict[_Key, Future[Prepared]] = {}
        self._writing: dict[tuple[int, _Key], Future[Any]] = {}
        self._folder: str | None = None

    def __call__(self, step: int, part: tuple[int, int] = (0, 1), /) -> "Batch":
        """As `cmim.training.Batches`.

        Parameters
        ----------
        step : int
            Number of the batch.
        part : (int, int)
            Which part of how many.

        Returns
        -------
        Batch
            Rows of the part, up to the longest of them.

        Raises
        ------
        DataError
            If no row can be read, of the block and of the eight that come after it in the epoch; or a file has changed
            or is damaged.
        TrainingError
            If a worker was ended from outside.
        """
        import torch

        from cmim.training import Batch

        prepared, first = self._block(step)
        mine, at = self._mine(prepared, first, part)
        x = prepared.read.rows(mine)
        seen = None
        if self.augment != "canonical":
            views, counts = self._rewritten(step, part, prepared, mine, at)
            self.rewritten.update(counts)
            seen = views[-1] if self.augment != "equivariant" else None
            x = x if self.augment == "invariant" else views[0]
        _, numbers = np.unique(prepared.same[mine], return_inverse=True)
        groups = torch.from_numpy(numbers) if numbers.max(initial=-1) + 1 < len(numbers) else None
        return Batch(torch.from_numpy(x), groups, None if seen is None else torch.from_numpy(seen))

    @property
    def skipped(self) -> dict[str, int]:
        """How many rows could not be read for which kind of reason, in the blocks read so far.

        The kinds are those of `cmim.molecules.chemistry.Molecules`.
        """
        found: collections.Counter[str] = collections.Counter()
        for counts in self._skipped.values():
            found.update(counts)
        return dict(found.most_common())

    def sample(self, n: int, /) -> "Tensor":
        """As `cmim.training.Batches`: of the first block that holds a batch, and as the corpus has them.

        Parameters
        ----------
        n : int
            How many; at most those in batches of the block.

        Returns
        -------
        tensor of shape (n, length)
            Tokens.
        """
        import torch

        block = int(np.flatnonzero(self.steps)[0])
        prepared = self._take((0, block), self._job((0, block))())
        return torch.from_numpy(prepared.read.rows(prepared.order[:n], self.length))

    def digest(self) -> str:
        """As `cmim.training.Batches`.

        Returns
        -------
        str
            Of the corpus, the vocabulary and all settings that change a batch.
        """
        facts = [self.blocks.digest(), *(["read", self.salts, str(self.isomeric)] if self.check else [])]
        facts += [self.vocabulary.notation, str(self.length), str(self.window)]
        return " ".join([*facts, *([self.augment] if self.augment != "canonical" else [])])

    def close(self) -> None:
        """End the workers, and remove what RDKit has read; the next batch starts again."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool, self._coming, self._writing = None, {}, {}
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to this process."""
        return {**vars(self), "_pool": None, "_coming": {}, "_writing": {}, "_kept": None, "_folder": None}

    def _mine(self, prepared: Prepared, first: int, part: _Key) -> tuple[NDArray[np.intp], int]:
        """Return the rows of a part of a batch, and the place of the first of them in the batch."""
        rows = prepared.order[first : first + self.batch_size]
        index, parts = part
        at = index * len(rows) // parts
        return rows[at : (index + 1) * len(rows) // parts], at

    def _place(self, step: int) -> tuple[int, int, int]:
        """Return the epoch of a step, its block's place in the epoch's order, and its number in the block."""
        epoch, place = divmod(step, int(self.steps.sum()))
        ends = self._order(epoch)[1]
        at = int(np.searchsorted(ends, place, side="right"))
        return epoch, at, place - int(ends[at - 1] if at else 0)

    def _order(self, epoch: int) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Return the blocks of an epoch in their order, and how many steps there are up to the end of each."""
        if epoch not in self._orders:
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.steps))
            while len(self._orders) > 1:
                self._orders.pop(min(self._orders))
            self._orders[epoch] = order, self.steps[order].cumsum()
        return self._orders[epoch]

    def _from(self, epoch: int, at: int) -> Iterator[_Key]:
        """Yield blocks in the order in which they come."""
        while True:
            yield from ((epoch, block) for block in map(int, self._order(epoch)[0][at:]) if self.steps[block])
            epoch, at = epoch + 1, 0

    def _job(self, key: _Key, of: int | None = None) -> "functools.partial[tuple[Prepared, dict[str, int]]]":
        """Return what prepares a block, of its own rows or `of` another's; in memory they travel alone to workers."""
        epoch, block = key
        blocks, of = self.blocks, block if of is None else of
        source: functools.partial[Any] = functools.partial(blocks.read, of)
        if isinstance(blocks, TextBlocks):
            source = functools.partial(list, source())
        steps, keep = int(self.steps[block]), self.augment != "canonical"
        cut = Cut(steps, self.batch_size, self.window, self.length, self.vocabulary, keep)
        check = None
        if self.check:
            if self._folder is None:
                self._folder = tempfile.mkdtemp(prefix="cmim-")
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            check = Check(self.salts, self.isomeric, Path(self._folder, str(of)))
        return functools.partial(prepare, source, (self.seed, epoch, block), cut, check)

    def _take(self, key: _Key, found: tuple[Prepared, dict[str, int]]) -> Prepared:
        """Note what could not be read; where that is all of a block, take the rows of the next one that has some."""
        epoch, block = key
        prepared, self._skipped[block] = found
        order = self._order(epoch)[0]
        near = np.roll(order, -int((order == block).argmax()))[1 : 1 + _NEAR]
        for other in map(int, near):
            if len(prepared.order):
                return prepared
            if sum(self._skipped.get(other, {}).values()) < self.blocks.rows[other]:
                prepared, self._skipped[other] = self._job(key, other)()
        if not len(prepared.order):
            more = f", nor have {len(near)} others" if len(near) else ""
            raise DataError(
                f"SmilesBatches: `blocks` must have rows that can be read; block {block} has none{more}: "
                f"{self.skipped}. Look at them, and at `length` and `vocabulary`."
            )
        return prepared

    def _block(self, step: int) -> tuple[Prepared, int]:
        """Return the block of a step and the first of the step's rows in it; let workers prepare the next ones."""
        epoch, at, number = self._place(step)
        ahead = self._from(epoch, at)
        key = next(ahead)
        if self.workers:
            wanted = [next(ahead) for _ in range(self.workers)]
            for other in set(self._coming) - {key, *wanted}:
                self._coming.pop(other).cancel()
            for other in wanted:
                if other not in self._coming and other != key:
                    self._coming[other] = self._submit(self._job(other))
        if self._kept is None or self._kept[0] != key:
            future = self._coming.pop(key, None)
            self._kept = None  # before the next is there
            self._kept = key, self._take(key, self._job(key)() if future is None else self._result(future))
        return self._kept[1], number * self.batch_size

    def _rewritten(
        self, step: int, part: _Key, prepared: Prepared, mine: NDArray[np.intp], at: int
    ) -> tuple[list[NDArray[np.int64]], dict[str, int]]:
        """Return random SMILES of the rows of a part of a batch, and let workers make the next ones."""

        def job(step: int, mine: NDArray[np.intp]) -> "functools.partial[Any]":
            texts = [prepared.texts[row] for row in map(int, mine)]
            seeds = [(self.seed, step, at + i, _RANDOM) for i in range(len(mine))]
            views = 2 if self.augment == "two-views" else 1
            return functools.partial(rewritten, texts, seeds, views, self.vocabulary, self.length)

        if not self.workers:
            return job(step, mine)()
        for step_, part_ in list(self._writing):
            if not step <= step_ <= step + 2 * self.workers:
                self._writing.pop((step_, part_)).cancel()
        first = self._place(step)[2]
        ends = len(prepared.order) // self.batch_size
        for number in range(first, min(first + 2 * self.workers + 1, ends)):
            key = step + number - first, part
            if key not in self._writing:
                rows = self._mine(prepared, number * self.batch_size, part)[0]
                self._writing[key] = self._submit(job(key[0], rows))
        return self._result(self._writing.pop((step, part)))

    def _submit(self, job: "functools.partial[Any]") -> "Future[Any]":
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.workers, multiprocessing.get_context("spawn"))
            weakref.finalize(self, self._pool.shutdown, wait=False, cancel_futures=True)
        with self._alive():
            return self._pool.submit(job)

    def _result(self, future: "Future[Any]") -> Any:
        with self._alive():
            return future.result()

    @contextlib.contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except (BrokenProcessPool, CancelledError) as e:
            self.close()
            raise TrainingError(
                "SmilesBatches: a process of `workers` could not start, or was ended from outside. Guard the script's "
                "entry by `if __name__ == '__main__':`, look at the memory, or set workers=0."
            ) from e
