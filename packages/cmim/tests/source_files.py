"""Arrays of grey images and of a table, the files that tests write of them, and a source read to its end."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cmim.data.sources import Source

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (7, 4, 5), dtype=np.uint8)
TABLE = RNG.standard_normal((7, 3)).astype(np.float32)


def collect(source: Source, size: int) -> np.ndarray:
    got = list(source.batches(size))
    assert all(batch.dtype == np.float32 and batch.shape[1:] == source.shape for batch in got)
    assert [len(batch) for batch in got] == [size] * (len(source) // size) + [len(source) % size] * bool(
        len(source) % size
    )
    return np.concatenate(got)


def npy(path: Path, array) -> Path:
    np.save(path, array)
    return path


def parquet(path: Path, columns: dict, **settings) -> Path:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table(columns), path, **settings)
    return path


def folder(path: Path, pictures: dict) -> Path:
    for name, pixels in pictures.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path / name)
    return path
