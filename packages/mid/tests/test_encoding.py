"""Which columns of an encoded table are the attribute: told by the encoder, never by splitting names."""

import numpy as np
import pandas as pd
import pytest

from infocore.errors import ParameterError
from mid.defences.encoding import encoder_for, own_columns


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 400
    return pd.DataFrame(
        {
            "gene": rng.choice(["A_A", "A_G", "G_G"], n),
            "gene_A": rng.choice(["A", "x_1"], n),  # gene and A_A, gene_A and A: the same name
            "age": rng.normal(size=n),
            "gene_A_A": rng.choice([1, 2], n),  # a number of the same name
            "town": [f"t_{k % 40}" for k in range(n)],  # more than are kept apart: the rest share a column
            "onehotencoder__x": rng.choice(["1", "2_"], n),
        }
    )


def moved(table, column):
    """Columns of the encoded table that change when one column of the table does."""
    encoder = encoder_for(table).fit(table)
    other = table.assign(**{column: table[column].iloc[::-1].to_numpy()})
    change = encoder.transform(table) != encoder.transform(other)
    return own_columns(encoder, [column]), np.flatnonzero(change.any(0)).tolist()


@pytest.mark.parametrize("column", ["gene", "gene_A", "age", "gene_A_A", "town", "onehotencoder__x"])
def test_own_columns_are_those_that_move_with_the_attribute(table, column):
    own, changed = moved(table, column)
    assert own == changed
    assert len(own) == {"gene": 3, "age": 1, "gene_A_A": 1, "town": 30}.get(column, 2)


def test_several_columns_are_one_attribute_in_order(table):
    encoder = encoder_for(table).fit(table)
    parts = [own_columns(encoder, [c]) for c in ("town", "age")]
    assert own_columns(encoder, ["town", "age"]) == sorted(parts[0] + parts[1])
    every = own_columns(encoder, list(table))
    assert every == list(range(encoder.transform(table).shape[1]))


def test_tables_of_one_kind_and_of_numbered_columns():
    numbers = pd.DataFrame(np.arange(12.0).reshape(4, 3))
    assert own_columns(encoder_for(numbers).fit(numbers), [1]) == [1]
    text = pd.DataFrame({"a": ["p", "q"], "b": ["_", "a_p"]})
    assert own_columns(encoder_for(text).fit(text), ["b"]) == [2, 3]
    mixed = pd.DataFrame({0: ["p", "q", "r"], 1: [1.0, 2.0, 3.0]})
    assert own_columns(encoder_for(mixed).fit(mixed), [0]) == [1, 2, 3]


def test_refusals(table):
    with pytest.raises(ParameterError, match="the encoder reads no column A, gene_"):
        own_columns(encoder_for(table).fit(table), ["gene_", "gene", "A"])
    with pytest.raises(ParameterError, match=r"numbered columns must be 0, 1, ... in this order; got \[1, 0\]"):
        encoder_for(pd.DataFrame({1: [0.0], 0: [1.0]}))
