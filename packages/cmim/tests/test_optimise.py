"""Optimisation with decoders whose best molecule is known, and what it must do with strings that are none."""

import functools
import json
import math
import sys
import warnings

import numpy as np
import pytest

from infocore.errors import DataError, MissingExtraError, NonFiniteError, ParameterError, ShapeError

pytest.importorskip("rdkit.Chem", reason="needs the extra cmim[mol]")
pytest.importorskip("cma", reason="needs the extra cmim[mol]")

from cmim.molecules.search._search import Search
from cmim.molecules.search._walkers import CMA, generators
from cmim.molecules.search.optimisation import optimise, random_search
from cmim.molecules.search.scores import at_least

D = 24
TARGET = np.random.default_rng(5).standard_normal(D)


class Hill:
    """Chains of carbon: 40 atoms at the target, one less for each step of `width` away from it, and then nothing."""

    def __init__(self, target=TARGET, width=0.2, edge=39):
        self.target, self.width, self.edge, self.seen = target, width, edge, []

    def decode(self, codes):
        self.seen.append(codes)
        steps = np.round(np.linalg.norm(codes - self.target, axis=1) / self.width)
        return ["C" * int(40 - n) if n <= self.edge else "C1CC" for n in steps]


def atoms(molecules):
    return [len(m) for m in molecules]


# of four seeds with these settings, CMA-ES found 38, 39, 38 and 39 atoms, and the random search 23, 22, 22 and 22: with
# steps of 0.2 the last ones are a plateau in 24 dimensions
def test_cma_climbs_and_random_search_does_not():
    hill = Hill()
    far = round(40 - np.linalg.norm(TARGET) / 0.2)
    settings = {"sigma": 0.5, "population": 16, "iterations": 90, "seed": 1}
    found = optimise(hill, np.zeros(D), atoms, **settings)
    by_chance = random_search(hill, np.zeros(D), atoms, **settings)
    assert found.method == "cma-es" and by_chance.method == "random"
    assert found.decodes == by_chance.decodes == 1 + 16 * 90
    (run,) = found.runs
    assert run.start.score == far and run.history[0] == far and run.start.evaluation == 1
    assert found.best.score >= 37 and len(found.best.smiles) == found.best.score
    assert by_chance.best.score < 30
    assert len(run.history) == 91 and (np.diff(run.history) >= 0).all() and run.history[-1] == found.best.score
    assert hill.decode(run.best_code[None]) == [found.best.smiles]
    assert run.stopped == "iterations" and run.decodes == found.decodes
    scores = [m.score for m in found.top(99)]
    assert scores == sorted(set(scores), reverse=True) and len(scores) == len(run.molecules)


# of seeds 0 to 11, nine found 40 atoms, and 6, 7 and 8 found 39
def test_the_best_molecule_is_found_in_few_dimensions():
    for seed in range(3):
        found = optimise(Hill(TARGET[:6], 0.3), np.zeros(6), atoms, sigma=0.5, population=12, iterations=60, seed=seed)
        assert found.best.smiles == "C" * 40 and np.linalg.norm(found.runs[0].best_code - TARGET[:6]) <= 0.15


def test_many_coordinates_are_searched_by_variances_only():
    target = np.full(100, 0.3)
    hill = Hill(target, width=0.1)
    found = optimise(hill, np.zeros(100), atoms, sigma=0.1, population=16, iterations=60)
    assert found.method == "sep-cma-es" and found.best.score > found.runs[0].start.score + 10
    full = optimise(hill, np.zeros(100), atoms, sigma=0.1, population=6, iterations=1, diagonal=False)
    assert full.method == "cma-es"
    few = optimise(Hill(), np.zeros(D), atoms, sigma=0.1, population=6, iterations=1, diagonal=True)
    assert few.method == "sep-cma-es"


def test_what_is_counted():
    class Listed:
        """Decodes the start to ethanol, and then what is listed, four at a time."""

        batches = (["CCO"], ["OCC", "C(", "CCC", ""], ["CCC", "CCCO", "C1CC", "CCN"])

        def __init__(self):
            self.at = iter(self.batches)

        def decode(self, codes):
            assert codes.dtype == np.float32 and codes.shape[1] == 3
            return next(self.at)

    asked = []

    def score(molecules):
        asked.append(molecules)
        return [{"CCO": 1.0, "CCC": 3.0, "CCCO": 3.0, "CCN": 9.0}[m] for m in molecules]

    def no_nitrogen(molecules):
        return ["N" not in m for m in molecules]

    found = random_search(
        Listed(), [0.0, 0.0, 0.0], score, sigma=1.0, population=4, iterations=2, constraint=no_nitrogen
    )
    (run,) = found.runs
    # decodes 1 + 4 + 4; valid: ethanol, ethanol, propane, propane, propanol, ethylamine; the last is refused
    assert (run.decodes, run.valid, run.allowed, found.scored) == (9, 6, 5, 3)
    assert asked == [["CCO"], ["CCC"], ["CCCO"]]  # each distinct molecule once, the refused one never
    told = [(m.smiles, m.evaluation, m.allowed) for m in run.molecules]
    assert told == [("CCO", 1, True), ("CCC", 4, True), ("CCCO", 7, True), ("CCN", 9, False)]
    assert math.isnan(run.molecules[-1].score)
    assert run.history.tolist() == [1.0, 3.0, 3.0] and run.best.smiles == "CCC"  # the earlier of two
    assert [m.smiles for m in found.top(9)] == ["CCC", "CCCO", "CCO"]
    plain = json.loads(json.dumps(found.to_dict(top=2), allow_nan=False))
    assert [m["score"] for m in plain["top"]] == [3.0, 3.0]
    assert plain["runs"][0]["distinct"] == 4 and plain["runs"][0]["history"] == [1.0, 3.0, 3.0]


def test_nothing_valid_is_an_answer():
    found = optimise(Hill(edge=-1), np.zeros(D), atoms, sigma=0.1, population=4, iterations=2)
    (run,) = found.runs
    assert found.best is None and run.best is None and run.best_code is None and run.start is None
    assert run.history.tolist() == [-math.inf] * 3 and (run.valid, found.scored) == (0, 0)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["top"] == [] and plain["runs"][0]["best"] is None and plain["runs"][0]["history"] == [None] * 3


def test_a_refused_start_is_told_without_a_score():
    found = optimise(
        Hill(), np.zeros(D), atoms, sigma=0.1, population=4, iterations=1, constraint=lambda m: [False] * len(m)
    )
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["runs"][0]["start"]["score"] is None and found.best is None and found.scored == 0


def test_ranks_put_refused_and_invalid_last_and_the_near_first():
    # three allowed (two alike), two refused, two invalid; by hand, n = 7
    from cmim.molecules.search._search import _costs

    scores = np.array([1.0, 5.0, 5.0, math.nan, math.nan, math.nan, math.nan])
    valid = [True, True, True, True, True, False, False]
    distance = np.array([9.0, 8.0, 7.0, 2.0, 1.0, 3.0, 0.5])
    assert _costs(scores, valid, distance).tolist() == [3, 1, 1, 9, 8, 16, 15]


def test_a_population_that_left_finds_its_way_back():
    # the decoder knows nothing but a ball of radius 7.9 around the target; the start is 4.9 from it, and the first
    # steps, of length 10, leave the ball
    target, settings = np.ones(D), {"sigma": 2.0, "population": 12, "iterations": 80}
    found = optimise(Hill(target), np.zeros(D), atoms, **settings)
    by_chance = random_search(Hill(target), np.zeros(D), atoms, **settings)
    assert by_chance.runs[0].valid < 0.2 * by_chance.decodes
    assert found.runs[0].valid > 0.6 * found.decodes and found.best.score > by_chance.best.score + 5


def test_radius_holds_for_every_code_and_is_reached():
    for search in (optimise, random_search):
        hill = Hill()
        start = np.full((1, D), 0.5)
        found = search(hill, start, atoms, sigma=0.4, population=10, iterations=60, radius=1.5)
        far = np.linalg.norm(np.concatenate(hill.seen) - start, axis=1)
        assert far.max() == pytest.approx(1.5, rel=1e-5)
    # the best within the ball is 1.5 on the way to the target: that much nearer, in steps of 0.2
    found = optimise(Hill(), start, atoms, sigma=0.2, population=16, iterations=120, radius=1.5)
    nearest = np.linalg.norm(TARGET - 0.5) - 1.5
    assert found.best.score in (round(40 - nearest / 0.2), round(40 - nearest / 0.2) - 1)


def test_constraint_of_each_start():
    # chains of at most 20 and at most 30 atoms are allowed: each run stops at its own
    limits = [lambda m, most=most: [len(s) <= most for s in m] for most in (20, 30)]
    starts = np.zeros((2, D))
    found = optimise(Hill(), starts, atoms, sigma=0.3, population=16, iterations=60, constraint=limits)
    assert [run.best.score for run in found.runs] == [20, 30]
    assert found.best.score == 30 and all(run.allowed < run.valid for run in found.runs)
    kept = optimise(
        Hill(), starts[0], atoms, sigma=0.3, population=8, iterations=20,
        constraint=at_least("similarity", 0.9, "C" * 16),
    )  # fmt: skip
    assert kept.best is not None


def test_runs_share_batches_but_not_their_fate():
    hill = Hill()
    starts = np.stack([np.zeros(D), TARGET, TARGET + 0.5])
    together = optimise(hill, starts, atoms, sigma=0.3, population=7, iterations=5, seed=4)
    assert [len(codes) for codes in hill.seen] == [3] + [21] * 5
    alone = optimise(Hill(), starts[:1], atoms, sigma=0.3, population=7, iterations=5, seed=4)
    assert together.runs[0].best == alone.runs[0].best
    assert np.array_equal(together.runs[0].history, alone.runs[0].history)
    assert together.decodes == 3 * 36 and len(together.runs) == 3
    assert together.best.score == 40 and together.best.evaluation == 1  # the second start is the target


def test_seeds_and_scales():
    settings = {"population": 6, "iterations": 4}
    for search in (optimise, random_search):
        same = [search(Hill(), np.zeros(D), atoms, sigma=0.3, seed=s, **settings).runs[0].history for s in (3, 3, 4)]
        assert np.array_equal(same[0], same[1])
        many = []
        for s in (3, 4):
            hill = Hill()
            search(hill, np.zeros(D), atoms, sigma=0.3, seed=s, **settings)
            many.append(np.concatenate(hill.seen))
        assert not np.array_equal(many[0], many[1])
    # sigma by coordinate: nothing moves where it is tiny
    hill = Hill()
    sigma = np.where(np.arange(D) < 2, 1.0, 1e-9)
    random_search(hill, np.zeros(D), atoms, sigma=sigma, population=400, iterations=1)
    spread = np.concatenate(hill.seen[1:]).std(0)
    assert spread[:2] == pytest.approx([1.0, 1.0], rel=0.15) and spread[2:].max() < 1e-8


def test_callback_sees_and_stops():
    calls = []

    def until_third(done, best):
        calls.append((done, best))
        return done == 3

    found = optimise(Hill(), np.zeros(D), atoms, sigma=0.3, population=5, iterations=50, callback=until_third)
    assert [done for done, _ in calls] == [1, 2, 3] and found.decodes == 1 + 5 * 3
    assert [best for _, best in calls] == found.runs[0].history[1:].tolist()
    assert found.runs[0].stopped == "callback"
    on = optimise(Hill(), np.zeros(D), atoms, sigma=0.3, population=5, iterations=4, callback=lambda done, best: None)
    assert on.runs[0].stopped == "iterations" and on.decodes == 21


def test_what_ends_a_search_early_carries_what_was_found():
    def ending(kind):
        def end(done, best):
            raise kind

        return end

    def score(molecules, wrong):
        if len(asked) == 3:
            return wrong(molecules)
        asked.append(molecules)
        return atoms(molecules)

    def broken(molecules):
        raise KeyError("dock")

    settings = {"sigma": 0.3, "population": 6, "iterations": 9}
    for wrong, error, told in ((lambda m: [math.nan] * len(m), NonFiniteError, "NaN"), (broken, KeyError, "dock")):
        for search in (optimise, random_search):
            asked: list[list[str]] = []
            with pytest.raises(error, match=told) as stop:
                search(Hill(), np.zeros(D), functools.partial(score, wrong=wrong), **settings)
            partial = stop.value.partial
            (run,) = partial.runs
            met = [smiles for some in asked for smiles in some]
            assert [m.smiles for m in run.molecules] == list(dict.fromkeys(met)) and len(asked) == 3
            assert partial.best.score == max(atoms(met)) == run.history[-1] and run.stopped == "error"
            assert run.decodes == 1 + 6 * (len(run.history) - 1) and partial.method in ("cma-es", "random")
            assert "attribute `partial`" in stop.value.__notes__[-1]
    assert "`score` raised this for" in stop.value.__notes__[0]
    with pytest.raises(KeyboardInterrupt) as stop:
        optimise(Hill(), np.zeros(D), atoms, **settings, callback=ending(KeyboardInterrupt))
    assert stop.value.partial.decodes == 7


def test_cma_that_cannot_go_on_stops_and_the_other_run_does_not():
    class Endless:
        """The further along the first coordinate the better, without end; all the same below zero."""

        def decode(self, codes):
            return ["C" * (1 + int(150 * np.log10(1 + 100 * max(c, 0.0)))) for c in codes[:, 0]]

    found = optimise(Endless(), [[0.0, 0.0], [-1e9, 0.0]], atoms, sigma=0.01, population=10, iterations=200)
    assert "tolfacupx" in found.runs[0].stopped
    assert found.runs[0].decodes < 2001 and found.runs[1].decodes > found.runs[0].decodes


def test_nothing_printed_and_no_warning(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimise(Hill(edge=20), np.zeros(D), atoms, sigma=3.0, population=5, iterations=30)
    assert capfd.readouterr() == ("", "")


def test_hundreds_of_dimensions_are_as_quiet_as_few(capfd):
    # left to choose, cma adapts its step otherwise in 512 dimensions: it draws from numpy's global random state, and
    # warns when the radius moves what it asked for
    before = np.random.get_state()  # noqa: NPY002
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimise(Hill(np.zeros(512)), np.ones(512), atoms, sigma=0.1, population=6, iterations=12, radius=2.0)
    after = np.random.get_state()  # noqa: NPY002
    assert (before[1] == after[1]).all() and before[2:] == after[2:]
    assert capfd.readouterr() == ("", "")


def test_without_cma(monkeypatch):
    monkeypatch.setitem(sys.modules, "cma", None)
    with pytest.raises(MissingExtraError, match=r"optimise: needs cma.*cmim\[mol\]"):
        optimise(Hill(), np.zeros(D), atoms, sigma=1.0)


def test_generators_do_not_depend_on_their_number():
    first = generators(7, 1)[0].standard_normal(3)
    assert np.array_equal(generators(7, 5)[0].standard_normal(3), first)
    assert not np.array_equal(generators(7, 5)[1].standard_normal(3), first)
    assert CMA(4, 6, False, generators(0, 1)[0]).ask().shape == (6, 4)


class Says:
    def __init__(self, *texts):
        self.texts = texts

    def decode(self, codes):
        return self.texts[0] if len(self.texts) == 1 else list(self.texts)


ZERO = np.zeros(D)


@pytest.mark.parametrize("search", [optimise, random_search])
@pytest.mark.parametrize(
    ("changed", "error", "match"),
    [
        ({"decoder": object()}, ParameterError, "`decoder`"),
        ({"decoder": Says("C", "C")}, ShapeError, "each of the 1 codes; got 2"),
        ({"decoder": Says("C")}, ShapeError, "got a string"),
        ({"decoder": Says([None])}, DataError, "return strings.*None"),
        ({"start_codes": np.zeros((0, D))}, ShapeError, "`start_codes`"),
        ({"start_codes": np.zeros((2, 2, 2))}, ShapeError, "`start_codes`"),
        ({"start_codes": np.stack([ZERO, ZERO * np.nan])}, NonFiniteError, "1 of 2 rows"),
        ({"score": lambda m: [1.0, 2.0]}, ShapeError, "`score`"),
        ({"score": lambda m: [math.inf]}, NonFiniteError, "`score`"),
        ({"score": "beauty"}, ParameterError, "beauty"),
        ({"sigma": 0.0}, ParameterError, "`sigma`"),
        ({"sigma": math.inf}, ParameterError, "`sigma`"),
        ({"sigma": np.ones(3)}, ShapeError, r"`sigma`.*\(24,\); got \(3,\)"),
        ({"population": 1}, ParameterError, "`population`"),
        ({"iterations": 0}, ParameterError, "`iterations`"),
        ({"iterations": 2.5}, ParameterError, "`iterations`"),
        ({"radius": 0.0}, ParameterError, "`radius`"),
        ({"radius": math.nan}, ParameterError, "`radius`"),
        ({"seed": -1}, ParameterError, "`seed`"),
        ({"constraint": [at_least(atoms, 1)] * 2}, ShapeError, "each of the 1 starts; got 2"),
        ({"constraint": lambda m: [1.0]}, ShapeError, "one bool.*float64"),
        ({"constraint": lambda m: [True, True]}, ShapeError, r"one bool.*\(2,\)"),
    ],
)
def test_refusals(search, changed, error, match):
    settings = {"decoder": Hill(), "start_codes": ZERO, "score": atoms, "sigma": 0.1} | changed
    decoder, starts, score = (settings.pop(name) for name in ("decoder", "start_codes", "score"))
    with pytest.raises(error, match=match):
        search(decoder, starts, score, **settings)


def test_steps_within_the_radius_are_left_alone():
    search = Search(Hill(), np.zeros((1, 2)), np.array([2.0, 1.0]), atoms, None, 2.0, "test")
    steps = np.array([[0.5, 0.5], [2.0, 0.0], [0.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(search.within(steps), [[0.5, 0.5], [1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
