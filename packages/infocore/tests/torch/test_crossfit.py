"""Cross-fitted critics: every pair is read by a critic that has not seen it, and the answer says what it certifies."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from infocore._validate import paired
from infocore.errors import NotFittedError, ParameterError, SaturationWarning, ShapeError, TooFewSamplesError
from infocore.tasks import task
from infocore.testing import CHECKS
from infocore.torch import CrossFittedMI, Separable
from infocore.torch.crossfit import CrossFit
from infocore.torch.features import features_of

NET = Separable((32, 32), 8, activation="gelu", unary=True)
SHORT = {
    "folds": 2, "critic": NET, "max_steps": 60, "batch_size": 128, "learning_rate": 1e-2, "weight_decay": (0.05,),
    "validate_every": 20,
}  # fmt: skip
FEW = SHORT | {"critic": Separable((16,), 4, activation="gelu", unary=True), "max_steps": 30}


def gaussian(n, rho, d=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal((n, d))


def parabola(n, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n)
    return x, x**2 + 0.5 * rng.standard_normal(n)


def text(n, seed=0):
    rng = np.random.default_rng(seed)
    code = rng.integers(3, size=n)
    return np.array(["a", "b", "c"])[code], code + 0.3 * rng.standard_normal(n)


def mixed(n, seed=0):
    """A bit that is wrong once in ten, and beside it a number plus as much noise."""
    rng = np.random.default_rng(seed)
    code, number = rng.integers(2, size=n), rng.standard_normal(n)
    x = pd.DataFrame({"code": np.array(["a", "b"])[code], "number": number})
    return x, pd.DataFrame(
        {"sum": number + rng.standard_normal(n), "bit": np.where(rng.random(n) < 0.9, code, 1 - code)}
    )


MIXED = 0.5 * math.log(2) + math.log(2) + 0.9 * math.log(0.9) + 0.1 * math.log(0.1)


@pytest.mark.parametrize("check", CHECKS)
def test_contract(check):
    check(CrossFittedMI(**FEW))


@pytest.mark.parametrize("check", CHECKS)
def test_contract_of_the_bound(check):
    check(CrossFittedMI(report="held_out", **FEW))


# n = 800, 8 seeds of 60 steps, bias / s.d. of the value, and of what is held out. The critics are far from trained,
# so that the bias is theirs and not the method's. Information of the parabola and of the text by quadrature.
@pytest.mark.parametrize(
    ("law", "want", "tolerance"),
    [
        (lambda: gaussian(800, 0.8), 0.5108, 0.12),  # -.018 / .033, held out -.035 / .029
        (lambda: gaussian(800, 0.6, 3), 0.6694, 0.13),  # -.025 / .033, held out -.190 / .033
        (lambda: gaussian(800, 0.0, 2), 0.0, 0.04),  # +.016 / .007, held out -.049 / .030
        (lambda: parabola(800), 0.803, 0.23),  # -.130 / .033, held out -.144 / .028
        (lambda: text(800), 0.936, 0.065),  # -.024 / .013, held out -.030 / .013
        (lambda: mixed(800), MIXED, 0.12),  # -.013 / .034, held out -.050 / .036
    ],
    ids=["normal 1+1", "normal 3+3", "independent", "parabola", "text", "mixed"],
)
def test_known_laws(law, want, tolerance):
    e = CrossFittedMI(**SHORT).fit_estimate(*law(), rng=0)
    assert e.value == pytest.approx(want, abs=tolerance)
    assert (e.direction, e.strength, e.n, e.method, e.cap) == ("consistent", "heuristic", 800, "crossfit", None)
    # a lower bound in expectation: above by chance only
    assert e.diagnostics["held_out"] < want + 2 * e.standard_error
    assert e.ci[0] < e.value < e.ci[1]


def test_the_bound_is_what_is_held_out_and_says_its_ceiling():
    x, y = gaussian(500, 0.8)
    e = CrossFittedMI(report="held_out", **SHORT).fit_estimate(x, y, rng=1)
    both = CrossFittedMI(**SHORT).fit_estimate(x, y, rng=1)
    assert e.value == both.diagnostics["held_out"] != both.value
    assert (e.direction, e.strength, e.n) == ("lower", "expectation", 500)
    assert e.cap == pytest.approx(math.log(250))  # two folds
    assert e.ci[0] < e.value < e.ci[1]


def test_value_and_error_by_hand():
    x, y = gaussian(300, 0.5, 2)
    e = CrossFittedMI(**SHORT).fit_estimate(x, y)
    held_out, trained = e.diagnostics["held_out"], e.diagnostics["trained"]
    assert trained == pytest.approx(np.mean([f["trained"] for f in e.diagnostics["folds"]]), abs=1e-12)
    bound = CrossFittedMI(report="held_out", **SHORT).fit_estimate(x, y)
    found = CrossFittedMI(**SHORT).cross_fit(paired(x, y, "test"), 0)
    scaling = found.growth - found.growth_error if found.growth > 3 * found.growth_error else 0.0
    way = trained - held_out
    assert e.value == pytest.approx(held_out + max(2 / 3 * way, min(scaling, way)), abs=1e-12)
    doubt = max((trained - held_out) / 2, 2 / 3 * scaling)
    assert e.standard_error == pytest.approx(math.hypot(bound.standard_error, doubt), abs=1e-12)
    terms = found.pointwise
    assert terms.mean() == pytest.approx(held_out, abs=1e-12)
    assert bound.standard_error == pytest.approx(terms.std(ddof=1) / math.sqrt(300), rel=0.01)


def said(held_out, trained, growth, growth_error=0.01):
    """What three folds of 10,000 rows say."""
    return CrossFit(held_out, trained, np.full(10_000, held_out), ({},) * 3, held_out - growth, growth, growth_error)


def test_where_the_expansion_holds_scaling_says_the_same_as_overfitting():
    # d = 200 parameters at n = 1000 on each side of a truth of 1
    found = said(0.9, 1.1, growth=0.1)
    assert (found.value, found.doubt) == pytest.approx((0.9 + 0.2 * 2 / 3, 0.1), abs=1e-12)
    assert found.rising == []


def test_what_is_still_to_be_learned_is_put_back_up_to_what_training_rows_say():
    found = said(2.0, 2.8, growth=0.7)
    assert (found.value, found.doubt) == pytest.approx((2.69, 0.46), abs=1e-12)
    # half of the rows showed nothing: that the other half would bring as much again is no reason to double it
    jump = said(0.9, 1.0, growth=0.9)
    assert (jump.value, jump.doubt) == pytest.approx((1.0, 0.89 * 2 / 3), abs=1e-12)
    assert "still rising with the rows" in str(*found.rising) and "0.00 nats learned from half" in str(*jump.rising)


def test_a_rise_that_may_be_chance_says_nothing():
    found = said(0.5, 0.6, growth=0.29, growth_error=0.1)
    assert found.doubt == pytest.approx(0.05)
    assert found.rising == [] and found.value == pytest.approx(0.5 + 0.1 * 2 / 3)
    assert said(0.5, 0.6, growth=-0.2).doubt == pytest.approx(0.05)
    # below zero, a rise is less overfitting: one sample of 10 independent ones in 200 rows rises by 4.7 errors
    nothing = said(-0.05, 0.02, growth=0.4)
    assert nothing.rising == [] and nothing.doubt == pytest.approx(0.035)


def test_half_of_the_rows_train_the_critic_that_scaling_asks_for():
    pair = paired(*gaussian(303, 0.8), "test")
    estimator = CrossFittedMI(**FEW | {"folds": 3})
    found = estimator.cross_fit(pair, 0)
    first, half, fold = estimator.fits_[0], estimator.half_, estimator.parts_[0]
    assert len(half.rows) == len(first.rows) / 2 and set(half.rows) < set(first.rows)
    u, v = half.inputs(pair)
    with torch.no_grad():
        s = half.critic(u[fold], v[fold]).double().numpy()
    terms = np.mean([np.diag(s) - np.log(np.exp(s).mean(axis)) for axis in (0, 1)], axis=0)
    assert found.halved == pytest.approx(terms.mean(), abs=1e-6)
    more = found.pointwise[fold] - terms
    assert found.growth == pytest.approx(more.mean(), abs=1e-6)
    assert found.growth_error == pytest.approx(more.std() / math.sqrt(len(fold)), rel=0.01)


def test_a_law_that_takes_more_rows_is_said_to_read_low():
    e = CrossFittedMI(**SHORT | {"max_steps": 200}).fit_estimate(*task("high-flow-3-3-3").sample(800))
    assert e.value < 3.0 and any("still rising with the rows" in note for note in e.diagnostics["notes"])
    assert not any(
        "rising" in note for note in CrossFittedMI(**SHORT).fit_estimate(*gaussian(800, 0.8)).diagnostics["notes"]
    )


def test_terms_are_those_of_the_critic_that_has_not_seen_the_row():
    pair = paired(*gaussian(301, 0.8), "test")
    estimator = CrossFittedMI(**FEW | {"folds": 3})
    found = estimator.cross_fit(pair, 0)
    assert sorted(np.concatenate(estimator.parts_).tolist()) == list(range(301))
    for f, fold in zip(estimator.fits_, estimator.parts_, strict=True):
        assert not set(f.rows.tolist()) & set(fold.tolist())
        u, v = f.inputs(pair)
        with torch.no_grad():
            s = f.critic(u[fold], v[fold]).double().numpy()
        # log of a softmax times the fold's size, along rows and along columns
        along = [np.diag(s) - np.log(np.exp(s).mean(axis)) for axis in (0, 1)]
        assert found.pointwise[fold] == pytest.approx(np.mean(along, axis=0), abs=1e-6)


def test_what_a_critic_reads_has_no_part_in_it():
    x, y = gaussian(300, 0.8)
    estimator = CrossFittedMI(**FEW).fit(x, y, rng=4)
    first = estimator.parts_[0]
    changed = y.copy()
    changed[first] = 100.0 - y[first]  # the order of these rows alone turns round
    other = CrossFittedMI(**FEW).fit(x, changed, rng=4)

    def weights(e, k):
        return torch.cat([p.flatten() for p in e.fits_[k].critic.parameters()]).tolist()

    assert estimator.parts_[0].tolist() == other.parts_[0].tolist()
    assert weights(estimator, 0) == weights(other, 0)
    assert weights(estimator, 1) != weights(other, 1)


def test_fresh_rows_are_read_by_the_mean_of_the_critics():
    x, y = gaussian(1000, 0.8)
    fitted = CrossFittedMI(**SHORT).fit(x[:700], y[:700])
    e = fitted.estimate(x[700:], y[700:], ci_level=0.5)
    assert (e.direction, e.strength, e.n, e.ci_level) == ("lower", "expectation", 300, 0.5)
    assert e.cap == pytest.approx(math.log(300))
    # .511 less what 60 steps leave, and three standard errors of 300 rows (.046)
    assert 0.3 < e.value < 0.511 + 3 * e.standard_error
    pair = paired(x[700:], y[700:], "test")
    with torch.no_grad():
        s = np.mean([f.critic(*f.inputs(pair)).double().numpy() for f in fitted.fits_], axis=0)
    both = [np.diag(s) - np.log(np.exp(s).mean(axis)) for axis in (0, 1)]
    assert e.value == pytest.approx(np.mean(both), abs=1e-6)


def test_more_rows_than_one_matrix_holds(monkeypatch):
    x, y = gaussian(300, 0.8)
    fitted = CrossFittedMI(**FEW).fit(x, y)
    whole = fitted.estimate(x, y)
    monkeypatch.setattr("infocore.torch._fits.LARGEST_FOLD", 100)
    parts = fitted.estimate(x, y)
    assert parts.cap == pytest.approx(math.log(100))
    thirds = [fitted.estimate(x[a : a + 100], y[a : a + 100]).value for a in (0, 100, 200)]
    assert parts.value == pytest.approx(np.mean(thirds), abs=1e-9)
    assert parts.value != whole.value
    bound = CrossFittedMI(report="held_out", **FEW).fit_estimate(x, y)
    assert bound.cap == pytest.approx(math.log(100))


def test_near_the_ceiling_it_says_so():
    # 8 samples of 24 fresh rows: 2.57 to 2.90, above .8 log 24 = 2.54; the information is 5.41
    x, y = gaussian(2000, 0.99999)
    fitted = CrossFittedMI(**SHORT | {"max_steps": 150}).fit(x, y)
    with pytest.warns(SaturationWarning, match=r"is near the ceiling log 24 = 3\.18 of a critic"):
        e = fitted.estimate(*gaussian(24, 0.99999, seed=5))
    assert 0.8 * e.cap < e.value < e.cap


def test_the_stronger_decay_is_kept_out_where_it_forgets_everything():
    # a rate of .01 times a decay of 90 leaves a tenth of every weight a step
    x, y = gaussian(300, 0.8)
    e = CrossFittedMI(**SHORT | {"weight_decay": (90.0, 0.05)}).fit_estimate(x, y)
    assert [f["weight_decay"] for f in e.diagnostics["folds"]] == [0.05, 0.05]
    alone = CrossFittedMI(**SHORT | {"weight_decay": (90.0,)}).fit_estimate(x, y)
    assert abs(alone.value) < 0.05 < 0.3 < e.value


def test_seeds():
    x, y = gaussian(200, 0.8)
    found = [CrossFittedMI(**FEW).fit_estimate(x, y, rng=rng).value for rng in (3, 3, np.random.default_rng(3), 4)]
    assert found[0] == found[1] == found[2] != found[3]


def test_frames_and_arrays_agree():
    x, y = gaussian(200, 0.5, 2)
    frames = pd.DataFrame(x, columns=["a", "b"]), pd.DataFrame(y, index=np.arange(200)[::-1])
    e = CrossFittedMI(**FEW).fit_estimate(x, y)
    assert CrossFittedMI(**FEW).fit_estimate(*frames).value == e.value
    letters, numbers = text(200)
    as_text, as_category = (
        CrossFittedMI(**FEW).fit_estimate(a, numbers).value for a in (letters, pd.Series(letters, dtype="category"))
    )
    assert as_text == as_category


def test_a_side_that_never_changes_says_nothing():
    e = CrossFittedMI(**FEW).fit_estimate(np.ones(100), gaussian(100, 0.0)[1])
    assert e.value == pytest.approx(0.0, abs=1e-3)  # a little below: the critic's term of y alone is no constant


def test_refusals():
    x, y = gaussian(100, 0.5)
    with pytest.raises(NotFittedError, match="call `fit` before `estimate`, or use `fit_estimate`"):
        CrossFittedMI().estimate(x, y)
    with pytest.raises(TooFewSamplesError, match="40"):
        CrossFittedMI(**FEW).fit_estimate(x[:39], y[:39])
    with pytest.raises(ParameterError, match="`ci_level`"):
        CrossFittedMI(**FEW).fit_estimate(x, y, ci_level=1.0)
    for settings, message in [
        ({"folds": 1}, "`folds` must be a whole number >= 2; got 1"),
        ({"folds": 2.5}, "`folds` must be a whole number >= 2; got 2.5"),
        ({"weight_decay": ()}, r"`weight_decay` must hold numbers >= 0; got \(\)"),
        ({"weight_decay": 0.1}, "`weight_decay` must hold numbers >= 0; got 0.1"),
        ({"weight_decay": (0.1, -1.0)}, "`weight_decay` must hold numbers >= 0"),
        ({"report": "upper"}, "`report` must be 'debiased' or 'held_out'; got 'upper'"),
        ({"validation_fraction": 0.0}, r"`validation_fraction` must be in \(0, 0\.5\]; got 0\.0"),
        ({"max_steps": 0}, "`max_steps` must be a whole number >= 1; got 0"),
        ({"batch_size": 1}, "`batch_size` must be a whole number >= 2; got 1"),
        ({"learning_rate": -1.0}, "`learning_rate` must be a finite number > 0; got -1.0"),
        ({"workers": 0}, "`workers` must be at least 1, or -1; got 0"),
        ({"folds": 11}, "11 `folds` need 110 rows; got 100"),
        ({"validation_fraction": 0.6}, r"`validation_fraction` must be in \(0, 0\.5\]; got 0\.6"),
    ]:
        for call in ("fit", "fit_estimate"):
            with pytest.raises(ParameterError, match=message):
                getattr(CrossFittedMI(**settings), call)(x, y)
    fitted = CrossFittedMI(**FEW).fit(x, y)
    with pytest.raises(ShapeError, match=r"\(1, 1\) columns were fitted; got \(2, 1\)"):
        fitted.estimate(np.column_stack([x, y]), y)


def test_workers_change_nothing_and_leave_torch_as_it_was():
    x, y = gaussian(300, 0.8, 2)
    before = torch.get_num_threads()
    one, two = (CrossFittedMI(**SHORT | {"folds": 3, "workers": w}).fit_estimate(x, y) for w in (1, 2))
    assert (one.value, one.standard_error) == (two.value, two.standard_error)
    assert torch.get_num_threads() == before


# 20 columns a side of which two are related; n = 600: the critic is shown the others at a tenth of their size
def test_columns_without_a_cross_moment_step_back():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 600, 20))
    y[:, :2] = 0.8 * x[:, :2] + 0.6 * y[:, :2]
    pair = paired(x, y, "test")
    of_x, of_y = features_of(pair, np.arange(600))
    for made, side in ((of_x, pair.x), (of_y, pair.y)):
        assert made.scale.tolist() == [1.0, 1.0] + [0.1] * 18
        assert made(side).shape == (600, 20 + 2 + 1)  # squares of the two, and the radius
    alone = features_of(paired(x[:, 2:], y[:, 2:], "test"), np.arange(600))
    assert set(alone[0].scale) == {1.0}


# 8 steps a fold have learned nothing of a wave; 60 have learned what there is of a normal
def test_it_says_when_the_steps_ran_out():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(400)
    wave = x, np.sin(3 * x) + 0.1 * rng.standard_normal(400)
    settings = SHORT | {"max_steps": 24, "validate_every": 6}
    fitted = CrossFittedMI(**settings)
    for e in (fitted.fit_estimate(*wave), fitted.estimate(*wave)):
        assert "of 2 trainings ran out while held-out rows were still read better" in " ".join(e.diagnostics["notes"])
    assert CrossFittedMI(**SHORT).fit_estimate(*gaussian(400, 0.0)).diagnostics["notes"] in ([], [BELOW])


BELOW = "below zero within error, as half of all estimates at independence are"


def test_values_below_zero_are_named():
    below = 0
    for seed in range(6):
        e = CrossFittedMI(**FEW).fit_estimate(*gaussian(200, 0.0, seed=seed), rng=seed)
        assert (BELOW in e.diagnostics["notes"]) == (-2 * e.standard_error <= e.value < 0)
        assert any("below zero" in note for note in e.diagnostics["notes"]) == (e.value < 0)
        below += e.value < 0
    assert below > 0
    bound = CrossFittedMI(report="held_out", **FEW).fit_estimate(*gaussian(200, 0.0, 4))
    assert bound.value < 0
    assert "nothing that was learned holds on held-out rows" in " ".join(bound.diagnostics["notes"])


def test_inputs_of_a_fold_are_made_once(monkeypatch):
    made = []
    monkeypatch.setattr(
        "infocore.torch.crossfit.features_of", lambda pair, rows: made.append(len(rows)) or features_of(pair, rows)
    )
    CrossFittedMI(**FEW | {"weight_decay": (0.05, 1.0)}).fit(*gaussian(200, 0.8))
    # one a fold, however many strengths are tried on the first, and one of half of its rows
    assert made == [80, 80, 40]
