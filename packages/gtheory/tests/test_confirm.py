"""Confirmation measures: the worked tables, laws, empty cells, the raven."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtheory import confirmation, confirmation_from_test, optimal_truth, semantic_information
from infocore.errors import InvalidDistributionError, ParameterError

CELL = st.integers(1, 500)


@pytest.mark.parametrize(
    ("sensitivity", "specificity", "want"),
    [
        (0.5, 0.95, {"lr": 10, "b1": 0.9, "F1": 0.8182, "b0": 0.4737, "F0": 0.3103, "c1": 0.7, "c0": 0.8246,
                     "ppv": 0.7692, "npv": 0.8507}),
        (0.8, 0.75, {"lr": 3.2, "b1": 0.6875, "F1": 0.5238, "b0": 0.7333, "c1": 0.0625, "c0": 0.9111,
                     "ppv": 0.5161, "npv": 0.9184}),
    ],
)  # fmt: skip
def test_two_tests_at_prevalence_one_quarter(sensitivity, specificity, want):
    got = confirmation_from_test(sensitivity, specificity, 0.25).measures()
    assert {name: got[name] for name in want} == pytest.approx(want, abs=5e-5)
    assert got["sensitivity"] == pytest.approx(sensitivity)
    assert got["specificity"] == pytest.approx(specificity)


NAMES = ("D", "M", "R", "C", "Z", "S", "N", "L", "F1", "b1", "c1")


@pytest.mark.parametrize(
    ("cells", "want"),
    [
        ((20, 180, 8, 792), (0.5143, 0.072, 1.8365, 0.0144, 0.6429, 0.5291, 0.09, 3.3219, 0.8182, 0.9, 0.6)),
        ((200, 180, 8, 792), (0.6395, 0.35, 1.5781, 0.1127, 0.9433, 0.7764, 0.5163, 5.7179, 0.9627, 0.981, 0.96)),
        ((10, 0, 90, 900), (0.09, 0.9, 3.3219, 0.009, 0.0909, 0.1, 0.9091, 3.4594, 0.8333, 0.9091, -0.8889)),
    ],
)
def test_worked_tables(cells, want):
    got = confirmation(*cells).measures()
    assert [got[name] for name in NAMES] == pytest.approx(want, abs=6e-5)


def test_a_table_without_e0_confirms_nothing_and_says_what_it_cannot_say():
    result = confirmation(100, 0, 900, 0)
    got = result.measures()
    assert [got[name] for name in ("D", "M", "R", "C", "Z", "N", "L", "F1", "b1")] == [0.0] * 9
    assert result.c1 == pytest.approx(-0.8889, abs=5e-5)
    assert set(result.reasons) == {"b0", "F0", "S", "c0", "npv"} == {n for n, v in got.items() if math.isnan(v)}
    assert set(result.reasons.values()) == {"P(e0) is 0"}


@pytest.mark.parametrize("cells", [(a, b, c, d) for a in (0, 3) for b in (0, 5) for c in (0, 7) for d in (0, 11)][1:])
def test_every_undefined_measure_has_a_reason_and_no_other_has(cells):
    result = confirmation(*cells)
    undefined = {name for name, value in result.measures().items() if math.isnan(value)}
    assert undefined == set(result.reasons)
    if all(cells):
        assert not undefined


def test_certain_rules_have_infinite_logarithms_and_bounded_measures():
    sure = confirmation(5, 5, 0, 10)
    assert (sure.b1, sure.F1, sure.c1) == (1.0, 1.0, 1.0)
    assert sure.L == math.inf == sure.lr
    never = confirmation(0, 5, 5, 10)
    assert (never.b1, never.F1, never.c1) == (-1.0, -1.0, -1.0)
    assert never.L == -math.inf == never.R
    assert never.lr == 0.0


@given(a=CELL, b=CELL, c=CELL, d=CELL)
def test_laws(a, b, c, d):
    result = confirmation(a, b, c, d)
    assert result.b1 == pytest.approx(2 * result.F1 / (1 + abs(result.F1)), abs=1e-12)
    assert pytest.approx(result.b1 / (2 - abs(result.b1)), abs=1e-12) == result.F1
    assert result.b0 == pytest.approx(2 * result.F0 / (1 + abs(result.F0)), abs=1e-12)
    swapped = confirmation(c, d, a, b)  # e1 -> h0
    assert result.b1 == pytest.approx(-swapped.b1, abs=1e-12)
    assert result.c1 == pytest.approx(-swapped.c1, abs=1e-12)
    assert result.c1 == confirmation(a, 1, c, 1).c1  # only examples and counter-examples count
    mirrored = confirmation(d, c, b, a)  # e0 -> h0 read as a rule of its own
    assert (result.b0, result.c0, result.F0) == pytest.approx((mirrored.b1, mirrored.c1, mirrored.F1), abs=1e-12)
    assert result.ppv == pytest.approx(1 / (2 - result.c1) if result.c1 >= 0 else (1 + result.c1) / (2 + result.c1))
    # definitions, written out
    n = a + b + c + d
    assert result.b1 == pytest.approx((a / (a + b) - c / (c + d)) / max(a / (a + b), c / (c + d)), abs=1e-12)
    assert pytest.approx(result.D / ((c + d) / n if result.D >= 0 else (a + b) / n), abs=1e-12) == result.Z
    assert pytest.approx(a / (a + c) - (a + b) / n, abs=1e-12) == result.D
    assert pytest.approx(a / (a + b) - (a + c) / n, abs=1e-12) == result.M
    assert pytest.approx(a / n - (a + b) * (a + c) / n**2, abs=1e-12) == result.C
    assert pytest.approx(a / (a + c) - b / (b + d), abs=1e-12) == result.S
    assert pytest.approx(a / (a + b) - c / (c + d), abs=1e-12) == result.N
    assert pytest.approx(math.log2(a / (a + c) / ((a + b) / n)), abs=1e-12) == result.R
    assert pytest.approx(math.log2(a / (a + b) / (c / (c + d))), abs=1e-12) == result.L


@given(a=CELL, b=CELL, c=CELL, d=CELL)
def test_degree_of_disbelief_is_the_one_that_informs_most(a, b, c, d):
    # the truth function of e1 that fits the table is 1 on one hypothesis and 1 - |b1| on the other
    n = a + b + c + d
    truth = optimal_truth([[a / (a + b), b / (a + b)], [c / (c + d), d / (c + d)]])
    assert truth[:, 0].min() == pytest.approx(1 - abs(confirmation(a, b, c, d).b1), abs=1e-12)
    assert confirmation(a, b, c, d).predict((a + b) / n) == pytest.approx(a / (a + c), abs=1e-12)


def test_medical_information_of_a_positive():
    # sens 0.5, spec 0.95, P(h1) = 0.25: disbelief 0.1, information 0.854890 bits
    info = semantic_information([0.25, 0.75], [[1.0, 1.0], [0.1, 1.0]], [[0.5, 0.5], [0.05, 0.95]])
    assert info.per_label[0] == pytest.approx(0.854890, abs=1e-6)


def test_prior_shift_of_a_sharp_test():
    test = confirmation_from_test(0.917, 0.999, 0.3)
    assert 1 - test.b1 == pytest.approx(0.0010905, abs=5e-8)
    assert 1 - test.b0 == pytest.approx(0.083083, abs=5e-7)
    got = [test.predict(prior) for prior in (0.0001, 0.002, 0.1)]
    assert got == pytest.approx([0.0840, 0.6476, 0.9903], abs=5e-5)


def test_a_misleading_test_predicts_by_its_negation():
    test = confirmation_from_test(0.1, 0.2, 0.5)
    assert test.b1 < 0
    assert test.predict(0.25) == pytest.approx(0.25 * 0.1 / (0.25 * 0.1 + 0.75 * 0.8))
    assert math.isnan(confirmation(0, 5, 0, 5).predict(0.5))


@pytest.mark.parametrize("cells", [(10, 1, 1, 6), (20, 5, 1, 6)])
def test_a_white_shoe_counts_more_than_a_black_raven_except_for_c(cells):
    a, b, c, d = cells
    base, raven, shoe = (confirmation(*t).measures() for t in (cells, (a + 1, b, c, d), (a, b, c, d + 1)))
    for name in NAMES[:-1]:
        assert shoe[name] - base[name] > raven[name] - base[name], name
    assert shoe["c1"] == base["c1"]
    assert raven["c1"] > base["c1"]


def test_at_another_table_four_measures_prefer_the_raven():
    base, raven, shoe = (confirmation(*cells).measures() for cells in ((6, 1, 1, 10), (7, 1, 1, 10), (6, 1, 1, 11)))
    assert {n for n in NAMES[:-1] if raven[n] - base[n] > shoe[n] - base[n]} == {"C", "Z", "S", "N"}


def test_units():
    bits, nats = confirmation(20, 180, 8, 792), confirmation(20, 180, 8, 792, base=math.e)
    assert (bits.unit, nats.unit) == ("bits", "nats")
    assert (bits.R * math.log(2), bits.L * math.log(2)) == pytest.approx((nats.R, nats.L))
    assert bits.b1 == nats.b1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: confirmation(-1, 1, 1, 1), InvalidDistributionError, "`a` must be a count.*-1"),
        (lambda: confirmation(1, 1, 1, math.nan), InvalidDistributionError, "`d` must be a count.*nan"),
        (lambda: confirmation(0, 0, 0, 0), InvalidDistributionError, "are all 0"),
        (lambda: confirmation(1, 1, 1, 1, base=1), ParameterError, "confirmation: `base`"),
        (lambda: confirmation_from_test(1.1, 0.5, 0.5), ParameterError, "`sensitivity` must be in"),
        (lambda: confirmation(1, 1, 1, 1).predict(2.0), ParameterError, "`prior` must be in"),
    ],
)
def test_what_is_refused_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
