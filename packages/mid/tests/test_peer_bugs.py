"""Faults seen in other packages, which must not be ours. Those met by a test elsewhere are not repeated here."""

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from mid.attacks.attribute import AttributeGame, Records, SensitiveAttribute, WhiteBoxCounts


def game(rows, *, column="gene", flip=False):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"gene": rng.integers(0, 3, 900), "age": rng.integers(0, 8, 900), "sex": rng.integers(0, 2, 900)}
    )
    y = ((table["gene"] == 2) ^ (table["age"] > 3) ^ (rng.random(900) < 0.1)).to_numpy(int)
    tree = DecisionTreeClassifier(max_depth=5, random_state=0).fit(table[:300], y[:300])
    known, attacked = Records(table[300:600], y[300:600]), Records(table[600 : 600 + rows], y[600 : 600 + rows] ^ flip)
    return AttributeGame(tree, SensitiveAttribute.of(table, column), known, attacked, knows="response")


@pytest.mark.parametrize("prior", ["marginal", "imputation"])
def test_white_box_guess_of_a_record_does_not_depend_on_who_else_is_attacked(prior):
    # a peer estimates the mass of the paths from the attacked batch
    attack = WhiteBoxCounts(prior)
    assert game(7).run(attack).scores == pytest.approx(game(300).run(attack).scores[:7], abs=1e-12)


def test_white_box_guess_reads_the_response():
    # the same peer's attack ignores the label that it is given
    attack = WhiteBoxCounts("marginal")
    assert (game(300).run(attack).guesses != game(300, flip=True).run(attack).guesses).mean() > 0.2


@pytest.mark.parametrize("column", ["gene", "age", "sex"])
def test_white_box_attacks_any_column(column):
    # a peer refuses the last one: it compares the column's number with the width of the records without it
    assert game(300, column=column).run(WhiteBoxCounts("marginal")).n == 300
