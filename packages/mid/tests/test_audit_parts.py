"""Parts of an audit by hand: who gets which records, how attacks and guessers are compared, and what is said of it."""

import dataclasses
import types

import numpy as np
import pandas as pd
import pytest

from infocore.certificates import choose_clip
from mid.attacks.attribute import AttributeGame, Records, SensitiveAttribute
from mid.attacks.attribute.judge import judge_scores
from mid.attacks.protocols import Needs
from mid.auditing import lower
from mid.auditing import played as playing
from mid.auditing.advantage import detectable_advantage, discordance, holm, memory_p_value, paired_advantage
from mid.auditing.lower import attribute_lower_bound, record_lower_bound
from mid.auditing.played import Played, Row, correct, play
from mid.auditing.points import Point
from mid.auditing.split import split_records
from mid.auditing.suite import Facts
from mid.auditing.utility import utility_of
from mid.auditing.verdict import verdict_of
from mid.auditing.words import recommend

FACTS = Facts("regressor", "values", noisy=False, tree=False, mean_access=False, moves=True)
TABLE = pd.DataFrame({"s": [0, 1], "u": [0.0, 1.0]})
ATTRIBUTE = SensitiveAttribute.of(TABLE, "s")


def result(name, wins):
    scores = np.where(np.asarray(wins, bool)[:, None], [1.0, 0.0], [0.0, 1.0])
    truth = np.zeros(len(wins), int)
    return judge_scores(scores, truth, ("a", "b"), name=name, needs=Needs(interface="values"), queries=0)


def wins(n, right, first=0):
    return (np.arange(n) >= first) & (np.arange(n) < first + right)


@dataclasses.dataclass
class Scripted:
    """A game in which each attack wins as it was told to."""

    view: types.SimpleNamespace

    def run(self, attack):
        return result(attack.name, attack.wins)


def scripted(monkeypatch, guessers, attacks, fresh, *, response=True, released=None):
    def made(parts):
        return [types.SimpleNamespace(name=name, wins=w) for name, w in parts.items()]

    monkeypatch.setattr(playing, "baselines_for", lambda _: made(guessers))
    monkeypatch.setattr(playing, "attacks_for", lambda *_: made(attacks))
    view = types.SimpleNamespace(response=response or None, released=released, asked_in_all=7)
    return play(Scripted(view), FACTS, fresh, ci_level=0.95, seed=0)


def test_rows_are_of_fresh_records_and_gaps_of_training_ones(monkeypatch):
    fresh = np.arange(300) < 200
    weak, strong = wins(300, 60), wins(300, 120)
    attack = wins(300, 100) | ~fresh  # between the two on fresh records, always right on training ones
    game = scripted(monkeypatch, {"weak": weak, "strong": strong}, {"attack": attack}, fresh)
    (row,) = game.attacks
    assert (game.n, game.members, game.queries, game.knows) == (200, 100, 7, "response")
    assert (row.result.n, row.result.accuracy, row.member_accuracy) == (200, 0.5, 1.0)
    assert row.gap.value == 0.5
    assert [a.baseline for a in row.over] == ["weak", "strong"]
    assert [a.value for a in row.over] == [pytest.approx(0.2), pytest.approx(-0.1)]
    assert (row.least.baseline, row.least.value) == ("strong", pytest.approx(-0.1))
    assert row.p_value == row.over[1].p_value > 0.9 > row.over[0].p_value
    gain = attack.astype(int) - strong
    assert row.memory_p == memory_p_value(gain[~fresh], gain[fresh]) < 1e-9
    assert [b.member_accuracy for b in game.baselines] == [0.0, 0.0]
    assert game.best_baseline.result.name == "strong"
    alone = scripted(monkeypatch, {"weak": weak}, {"attack": attack}, np.ones(300, bool), response=None, released=1)
    assert (alone.knows, alone.members) == ("release", 0)
    assert alone.attacks[0].gap is alone.attacks[0].memory_p is alone.attacks[0].member_accuracy is None
    assert scripted(monkeypatch, {"weak": weak}, {"attack": attack}, fresh, released=1).knows == "both"


def test_correction_is_holms_over_the_attacks_of_all_games(monkeypatch):
    fresh = np.arange(300) < 200
    guess = wins(300, 80)
    # on fresh records 14, 9 and 40 of them are won by the attack alone, 3 and 2 by the guesser alone
    one = scripted(monkeypatch, {"g": guess}, {"a": wins(300, 91, 3), "b": wins(300, 87, 2)}, fresh)
    two = scripted(monkeypatch, {"g": guess}, {"c": wins(300, 120) | wins(300, 12, 200)}, fresh, released=1)
    games = correct([one, two], ci_level=0.95, seed=0)
    raw = [*one.attacks, *two.attacks]
    done = [r for g in games for r in g.attacks]
    assert [r.p_holm for r in done] == holm([r.p_value for r in raw])
    assert [r.memory_p_holm for r in done] == holm([r.memory_p for r in raw])
    assert done[0].p_holm > done[0].p_value
    assert done[2].memory_p_holm >= done[2].memory_p
    for g in games:
        for r in g.attacks:
            assert r.simultaneous.ci_level == pytest.approx(1 - 0.05 / 3)
            assert (r.simultaneous.value, r.simultaneous.baseline) == (r.least.value, "g")
            assert r.simultaneous.ci[1] - r.simultaneous.ci[0] > r.least.ci[1] - r.least.ci[0]
        differs = discordance(g.strongest.result.wins, g.best_baseline.result.wins)
        assert g.detectable == detectable_advantage(differs, 200, alpha=0.05, comparisons=3)
        assert g.detectable > detectable_advantage(differs, 200)


def made(attacks, guess, *, n=200, detectable=0.1):
    """A game of corrected rows from (name, wins, p_holm, memory_p, memory_p_holm)."""
    base = Row(result("guess", guess), None, None)
    rows = []
    for name, w, p, memory, memory_holm in attacks:
        over = paired_advantage(w, guess, attack=name, baseline="guess")
        gap = None if memory is None else dataclasses.replace(over, baseline="fresh records", value=len(rows) + 1.0)
        wide = dataclasses.replace(over, ci=(-0.9, 0.9))
        rows.append(Row(result(name, w), None, gap, (over,), p / 2, p, memory, memory_holm, wide))
    return Played("release", (base,), tuple(rows), n, 0, 0, detectable)


def test_best_and_strongest_and_most_memorised_are_different_questions():
    guess = wins(200, 50)
    game = made(
        [
            ("often right", wins(200, 120), 0.04, 0.2, 0.4),
            ("surest", wins(200, 90), 0.01, 0.01, 0.03),
            ("as sure, less right", wins(200, 80), 0.01, 0.3, 0.5),
        ],
        guess,
    )
    assert game.best.result.name == "surest"
    assert game.strongest.result.name == "often right"
    assert game.most_memorised.result.name == "surest"
    assert made([("a", guess, 1.0, None, None)], guess).most_memorised is None


def test_verdict_rests_on_corrected_values_and_quotes_the_wide_interval():
    guess = wins(200, 50)

    def verdict(p, memory=None, memory_holm=None, **more):
        return verdict_of(
            made([("attack", wins(200, 90), p, memory, memory_holm)], guess, **more), ATTRIBUTE, FACTS, ci_level=0.95
        )

    found = verdict(0.05)
    assert found.beyond_population
    assert (found.advantage.ci, found.p_holm) == ((-0.9, 0.9), 0.05)
    assert found.text == (
        "To an attacker who sees the released value, the model adds 20.0 points [-90.0, 90.0] to the guessing of s: "
        "attack is right about 45.0% of 200 fresh records, guess about 25.0% (p = 0.05 after Holm)."
    )
    not_found = verdict(0.051)  # uncorrected it is .0255
    assert not not_found.beyond_population
    assert "nothing beyond population inference" in not_found.text
    assert "an advantage of 10.0 points would have been found" in not_found.text
    assert "200 records are too few to find any advantage" in verdict(0.5, detectable=1.0).text
    assert not found.memorised
    assert found.memory is None
    close = verdict(0.5, 0.03, 0.06)
    assert not close.memorised
    assert "No attack gains more on training records" in close.text
    assert verdict(0.5, 0.03, 0.05).memorised
    assert "p < 1e-16" in verdict(1e-17).text
    two = made([("a", guess, 0.001, 0.9, 0.9), ("b", guess, 0.9, 0.001, 0.002)], guess)
    said = verdict_of(two, ATTRIBUTE, FACTS, ci_level=0.95)
    assert (said.attack, said.memory.attack, said.memory.value) == ("a", "b", 2.0)  # each by its own p-value


def test_a_leak_is_never_reported_without_a_way_out():
    guess = wins(200, 50)
    game = made([("attack", wins(200, 120), 0.001, None, None)], guess)
    verdict = verdict_of(game, ATTRIBUTE, FACTS, ci_level=0.95)
    opening = "The model gives away the attribute of records whose released answer is seen."
    for noisy in (False, True):
        for trained in (False, True):
            facts = dataclasses.replace(FACTS, noisy=noisy)
            said = recommend([verdict], [], facts, trained=trained)
            assert said.startswith(opening)
            assert ("Train it without the attribute first; an audit with the curve says" in said) == trained
            assert ("Give the training records" in said) != trained
            assert ("Its noise hides too little: calibrate it for fewer nats, and limit queries" in said) == noisy
            assert ("Noise protects a released number" in said) != noisy
    own = Point("as it is", "audited model", 0.9, {"release": 0.9}, {"release": (0.8, 1.0)}, {}, {"release": 0.5})
    said = recommend([verdict], [own], FACTS, trained=True)
    assert "that could not be tried here, see the notes" in said


def test_split_gives_each_record_to_one_side():
    X = pd.DataFrame({"s": np.arange(101) % 2, "id": np.arange(101.0)})
    training = Records(pd.DataFrame({"s": 0, "id": np.arange(1000.0, 1200.0)}), np.zeros(200))
    parts = split_records(Records(X, X["id"].to_numpy()), training, seed=3)
    known, attacked = set(parts.known.X["id"]), set(parts.attacked.X["id"])
    assert (len(parts.known), len(parts.attacked)) == (50, 51)
    assert not known & attacked
    assert known | attacked == set(range(101))
    assert (parts.attacked.y == parts.attacked.X["id"]).all()
    assert parts.rows["attacked"] == parts.attacked.X["id"].astype(int).tolist()
    assert len(parts.members) == 51
    assert set(parts.members.X["id"]) <= set(range(1000, 1200))
    assert parts.rows["training"] == (parts.members.X["id"] - 1000).astype(int).tolist()
    assert parts.fresh.sum() == 51
    assert (parts.whole.X["id"].to_numpy() < 1000).tolist() == parts.fresh.tolist()
    assert parts.repeated == {"attacked among known": 0, "fresh among training": 0}
    alone = split_records(Records(X, X["id"].to_numpy()), None, seed=3)
    assert alone.members is None
    assert alone.fresh.all()
    assert parts.known.X["id"].tolist() != sorted(known)  # in random order


def test_repeated_records_are_the_same_in_every_column_and_the_response():
    X = pd.DataFrame({"s": 0, "id": np.arange(100.0)})
    same = pd.DataFrame({"s": 0, "id": [5.0, 5.0, 7.0, 500.0]})  # 5 twice; 7 with another response
    parts = split_records(Records(X, np.zeros(100)), Records(same, np.array([0.0, 0.0, 1.0, 0.0])), seed=0)
    assert parts.repeated["fresh among training"] == 1
    twice = pd.DataFrame({"s": 0, "id": np.zeros(100)})
    assert split_records(Records(twice, np.zeros(100)), None, seed=0).repeated == {"attacked among known": 50}
    assert split_records(Records(twice, np.arange(100.0)), None, seed=0).repeated == {"attacked among known": 0}


class Told:
    """Answers with a multiple of its first column and noise, and reads arrays only."""

    def __init__(self, noise, classes=None):
        self.noise = noise
        if classes is not None:
            self.classes_ = np.asarray(classes)

    def release(self, X, *, output, queries, access, rng):
        assert isinstance(X, np.ndarray)
        sd = 0.0 if access == "mean" else self.noise / np.sqrt(queries)
        values = 3.0 * X[:, 0] + sd * np.random.default_rng(rng).standard_normal(len(X))
        return values if output == "values" else self.classes_[(values > 1.5).astype(int)]


def test_utility_is_of_answers_as_they_are_released():
    rng = np.random.default_rng(0)
    X = np.column_stack([np.arange(4000) % 10 < 3, rng.normal(size=4000)]).astype(float)
    attribute = SensitiveAttribute.of(X, 1, bins=2)
    table = pd.DataFrame(X)
    y = 3.0 * X[:, 0] + rng.normal(size=4000)
    var = 9 * 0.3 * 0.7 + 1.0
    for noise in (0.0, 1.0):  # R2 = 1 - (1 + noise^2) / Var(y); 4,000 records: s.d. about .02
        found = utility_of(Told(noise), attribute, Records(table, y), seed=0)
        assert found == (pytest.approx(1 - (1 + noise**2) / var, abs=0.06), 0.0)
    labels = np.where(X[:, 0] > 0, "yes", "no")
    right, constant = utility_of(Told(1.0, ["no", "yes"]), attribute, Records(table, labels), seed=0)
    assert constant == pytest.approx(0.7)
    assert right == pytest.approx(0.933, abs=0.016)  # Phi(1.5); s.e. .004


class Release:
    """Answers with the product of two columns, times 5, and standard normal noise."""

    def __init__(self, noise=1.0):
        self.noise = noise

    def release(self, X, *, output, queries, access, rng):
        mean = 5.0 * (X["s"] * X["on"]).to_numpy(float)
        sd = 0.0 if access == "mean" else self.noise / np.sqrt(queries)
        return mean + sd * np.random.default_rng(rng).standard_normal(len(mean))


def played_on(known, attacked, noise=1.0):
    both = pd.concat([known, attacked])
    attribute = SensitiveAttribute.of(both, "s")
    halves = (Records(part.reset_index(drop=True), np.zeros(len(part))) for part in (known, attacked))
    return AttributeGame(Release(noise), attribute, *halves, knows="release")


def table(n, rng, *, on=1.0, share=0.5):
    return pd.DataFrame({"s": (rng.random(n) < share).astype(int), "on": on, "u": rng.normal(size=n)})


def test_attribute_certificate_is_of_the_attacked_records_in_any_order():
    rng = np.random.default_rng(0)
    known = table(2000, rng)

    def certified(known, attacked, noise=1.0):
        game = played_on(known, attacked, noise)
        return attribute_lower_bound(game.view, attacked["s"].to_numpy(), confidence=0.95).value

    attacked = table(2000, rng)
    mixed = certified(known, attacked)
    assert 0.4 < mixed < np.log(2)
    assert certified(known, attacked.sort_values("s")) == pytest.approx(mixed, abs=0.05)
    # the attacker's own records tell their attribute, the attacked ones do not: nothing is certified
    assert certified(known, table(2000, rng, on=0.0)) <= 0.0
    # the confidence is the certificate's: a surer one is lower
    game = played_on(known, attacked)
    sure, unsure = (
        attribute_lower_bound(game.view, attacked["s"].to_numpy(), confidence=c).value for c in (0.999, 0.6)
    )
    assert sure < unsure - 0.02


def test_clip_is_chosen_on_the_attackers_own_records(monkeypatch):
    # chosen on the held-out ones, the certificate would have been selected by the data that it is about
    rng = np.random.default_rng(3)
    known, attacked, lengths = table(300, rng), table(500, rng), []

    def chosen(joint, product, **more):
        lengths.append(len(joint))
        return choose_clip(joint, product, **more)

    monkeypatch.setattr(lower, "choose_clip", chosen)
    attribute_lower_bound(played_on(known, attacked).view, attacked["s"].to_numpy(), confidence=0.95)
    assert lengths == [300]


def test_answers_that_never_change_certify_nothing():
    rng = np.random.default_rng(4)
    known, attacked = table(300, rng, on=0.0), table(300, rng, on=0.0)
    game = played_on(known, attacked, noise=0.0)
    again = game.view.ask_table(attacked, "values")
    assert record_lower_bound(game.view, again, confidence=0.95).value <= 0.0


def test_attribute_certificate_of_a_rare_value():
    rng = np.random.default_rng(1)
    known, attacked = table(4000, rng, share=0.2), table(4000, rng, share=0.2)
    game = played_on(known, attacked, noise=0.05)
    entropy = -(0.2 * np.log(0.2) + 0.8 * np.log(0.8))
    found = attribute_lower_bound(game.view, attacked["s"].to_numpy(), confidence=0.95).value
    assert 0.38 < found < entropy  # measured .43 and .41; a critic that forgets how rare it is certifies .34


def test_record_certificate_is_of_two_draws_not_of_one_seen_twice():
    rng = np.random.default_rng(2)
    known, attacked = table(2000, rng), table(2000, rng)
    game = played_on(known, attacked, noise=50.0)  # .0012 nats in a draw
    again = game.view.ask_table(attacked, "values")
    assert record_lower_bound(game.view, again, confidence=0.95).value <= 0.002
