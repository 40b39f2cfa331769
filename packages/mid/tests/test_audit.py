import json
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

import infocore.report as page
from infocore.errors import ParameterError, TooFewSamplesError
from mid import MIDDecisionTreeClassifier, MIDLinearRegression, audit
from mid.attacks.attribute import AttributeGame, MatchRelease, Records, SensitiveAttribute
from mid.auditing.caps import release_cap
from mid.auditing.lower import attribute_lower_bound, record_lower_bound
from mid.auditing.points import Point, areas, pareto
from mid.data import WarfarinLaw
from mid.data.warfarin import GENOTYPES, design
from mid.defences.noisy import NoisyRelease

LAW = WarfarinLaw()
GENES = ["vkorc1_A/A", "vkorc1_A/G"]


@pytest.fixture(scope="module")
def patients():
    table, dose = LAW.sample(6000, rng=0)
    return table, design(table), dose


@pytest.fixture(scope="module")
def linear(patients):
    _, X, dose = patients
    model = LinearRegression().fit(X[:2000], dose[:2000])
    return audit(model, X[2000:], dose[2000:], sensitive=GENES, X_train=X[:2000], y_train=dose[:2000])


def test_verdict_on_least_squares(linear, patients):
    """C5 and C6 as the law has them: the response tells what there is to tell; the released dose tells all."""
    table, _, dose = patients
    response, release = linear.verdicts
    assert not response.beyond_population
    assert "nothing beyond population inference" in response.text
    assert release.beyond_population
    rates = {r.result.name: r.result.accuracy for g in linear.games for r in (*g.baselines, *g.attacks)}
    # the accuracy no attack can exceed, .661, and the imputer's, .593, both of the law; 2000 records: s.e. .011
    best = (np.array(GENOTYPES)[LAW.log_posterior(table, dose).argmax(1)] == table["vkorc1"]).mean()
    assert best == pytest.approx(0.661, abs=0.02)
    assert rates["imputation"] == pytest.approx(0.593, abs=0.033)
    assert rates["imputation with the response"] == pytest.approx(best, abs=0.035)
    assert rates["MAP regression (imputation prior)"] == pytest.approx(best, abs=0.035)
    assert (
        rates["MAP regression (marginal prior)"] < rates["imputation"] + 0.02
    )  # the attack of 2014 loses to imputation
    assert rates["match the release (marginal prior)"] > 0.99  # C8: undefended >= 99 %
    assert not response.memorised
    assert response.memory.ci[0] < 0 < response.memory.ci[1]
    assert response.detectable == linear.games[0].detectable


def test_certificates_of_the_release(linear):
    assert linear.release_caps == ()
    assert linear.record_cap is None
    attribute = linear.leaks_at_least["I(X_s; Yhat)"]
    assert 0.1 < attribute.value < math.log(3)
    assert linear.leaks_at_least["I(X; Yhat)"].value > 3  # without noise there is no end but the certificate's own


def test_curve_shows_the_price_of_each_way_out(linear):
    points = {p.name: p for p in linear.curve}
    own, dropped = points["as it is"], points["without the attribute"]
    assert own.utility - dropped.utility == pytest.approx(0.17, abs=0.05)
    assert dropped.success["release"] <= dropped.floor["release"] + 0.02
    private = [p for p in linear.curve if p.family == "differential privacy"]
    assert {p.epsilon for p in private} == {1.0, 10.0, 100.0}
    assert all(p.success["release"] > 0.99 for p in private)  # the law is what leaks, whatever epsilon is
    noisy = [p.success["release"] for p in linear.curve if p.family == "MID linear regression"]
    assert noisy == sorted(noisy, reverse=True)  # a higher price leaves less
    for p in linear.curve:
        for game in p.dominated:
            assert any(
                q.utility >= p.utility and q.success[game] <= p.success[game] for q in linear.curve if q is not p
            )


def test_report_is_written_whole_and_read_back(linear, tmp_path):
    json_file, html = linear.write(tmp_path)
    data = json.loads(json_file.read_text())
    assert data["facts"]["split"].keys() == {"known", "attacked", "training"}
    assert data["facts"]["versions"].keys() >= {"infocore", "mid-defense", "scikit-learn"}
    assert not set(data["facts"]["split"]["known"]) & set(data["facts"]["split"]["attacked"])
    assert data["games"][0]["attacks"][0]["result"]["queries"] >= 0
    assert data["verdicts"][1]["beyond_population"] is True
    area = data["areas"]["release"]
    assert area["all"] < area["MID linear regression"] < area["audited model"] == data["curve"][0]["success"]["release"]
    text = html.read_text()
    assert "Game 2: the released answer is seen" in text
    assert "Area under the curve" in text
    assert 'src="http' not in text
    assert 'href="http' not in text
    assert page.read(tmp_path / "report.json")["title"] == "Attribute inference audit"
    assert "Recommendation" in str(linear)


def test_same_seed_same_audit(patients):
    _, X, dose = patients
    model = MIDLinearRegression(0.5, random_state=1).fit(X[:500], dose[:500])

    def run(seed):
        found = audit(model, X[500:900], dose[500:900], sensitive=GENES, curve=False, seed=seed).to_dict()
        found["facts"] = {k: v for k, v in found["facts"].items() if "seconds" not in k}
        return found

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_caps_hold_for_every_attack_on_noisy_releases(patients):
    """C8: no attack in its game exceeds the certificate, here with the best guess without the release known exactly."""
    table, X, dose = patients
    genes = SensitiveAttribute.of(X, GENES)
    known, attacked = Records(X[2000:4000], dose[2000:4000]), Records(X[4000:], dose[4000:])
    ceiling = np.exp(LAW.log_prior(table[4000:])).max(1).mean()
    kept = []
    for share in (0.05, 0.2, 0.5, 0.8):
        model = MIDLinearRegression(share * 2 * 0.88).fit(X[:2000], dose[:2000])
        game = AttributeGame(model, genes, known, attacked, knows="release")
        caps = release_cap(model, genes, game.view.hidden, list(X.columns), queries=1, confidence=0.99)
        best = game.run(MatchRelease("imputation", access="mean")).accuracy
        # one-sided 99 % of the success of 2000 records
        assert best - 2.33 * math.sqrt(best * (1 - best) / 2000) - ceiling <= caps.advantage
        kept.append(best)
    assert kept == sorted(kept, reverse=True)
    assert kept[0] - ceiling > 0.25


def test_lower_bounds_stay_below_the_information_there_is(patients):
    """The certificates against the exact information of the noisy release."""
    _, X, dose = patients
    genes = SensitiveAttribute.of(X, GENES)
    known, attacked = Records(X[2000:4000], dose[2000:4000]), Records(X[4000:], dose[4000:])
    model = MIDLinearRegression(0.3).fit(X[:2000], dose[:2000])
    game = AttributeGame(model, genes, known, attacked, knows="release")
    record = record_lower_bound(game.view, game.view.ask_table(attacked.X, "values"), confidence=0.95)
    attribute = attribute_lower_bound(game.view, genes.codes(attacked.X), confidence=0.95)
    assert 0.2 < record.value < model.information_  # .91 nats by integration
    assert 0.0 < attribute.value < record.value


def test_permuted_attribute_gives_nothing(patients):
    table, _, dose = patients
    mixed = table.assign(vkorc1=np.random.default_rng(0).permutation(table["vkorc1"]))
    X = design(mixed)
    model = LinearRegression().fit(X[:2000], dose[:2000])
    report = audit(model, X[2000:4000], dose[2000:4000], sensitive=GENES, curve=False, games=["response"])
    assert not report.verdicts[0].beyond_population
    assert report.recommendation.startswith("No evidence against the model was found. This audit could have seen")


def test_classifiers_and_the_memory_of_a_forest():
    rng = np.random.default_rng(0)
    n = 1600
    X = pd.DataFrame({"s": rng.integers(0, 2, n), "u": rng.normal(size=n), "g": rng.choice(["a", "b"], n)})
    y = np.where(X["u"] + rng.normal(size=n) > 0, "yes", "no")  # the attribute plays no part
    coded = X.assign(g=(X["g"] == "a").astype(int))
    forest = RandomForestClassifier(60, random_state=0).fit(coded[:800], y[:800])
    report = audit(
        forest,
        coded[800:],
        y[800:],
        sensitive="s",
        X_train=coded[:800],
        y_train=y[:800],
        curve=False,
        games=["response"],
    )
    assert not report.verdicts[0].beyond_population
    sure = next(r for r in report.games[0].attacks if r.result.name.startswith("confidence MAP (marg"))
    # measured +.21 [.125, .30]
    assert sure.gap.ci[0] > 0.05  # a forest remembers its records: fresh ones are guessed by chance, these are not
    assert report.verdicts[0].memorised
    assert "Training records are remembered" in report.verdicts[0].text
    assert report.recommendation.startswith("The model remembers its training records")
    assert {r.result.name for r in report.games[0].attacks} >= {"CSMIA", "LOMIA", "learned attack"}
    shy = MIDDecisionTreeClassifier(max_depth=4, release_as="label").fit(coded[:800], y[:800])
    assert audit(shy, coded[800:], y[800:], sensitive="s", curve=False).facts["released"] == "labels"
    tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(coded[:800], y[:800])
    names = [r.result.name for r in audit(tree, coded[800:], y[800:], sensitive="s", curve=False).games[0].attacks]
    assert "white box with counts (marginal prior)" in names


def test_label_only_and_array_models_and_bins():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    model = LogisticRegression().fit(X[:200], y[:200])
    report = audit(model, X[200:], y[200:], sensitive=0, bins=3, released="labels", curve=True)
    assert report.facts["candidates"][0].startswith("[-inf")
    assert report.facts["released"] == "labels"
    assert {r.result.needs.interface for r in report.games[0].attacks} == {"labels"}
    assert report.verdicts[1].beyond_population  # the label of a boundary through the attribute tells its bin
    assert {p.family for p in report.curve} == {"audited model", "noisy release"}
    noisy = NoisyRelease(model, information=0.5).fit(X[:200])
    seen = audit(noisy, X[200:], y[200:], sensitive=0, bins=2, curve=False)
    assert len(seen.release_caps) == 2
    assert seen.release_caps[0].advantage <= seen.release_caps[1].advantage
    assert any("Answers are noisy" in w for w in seen.warnings)


def test_order_of_a_table_changes_no_certificate():
    """A bound on a mean that reads a sorted table is false: the audit draws its records in random order."""
    rng = np.random.default_rng(0)
    n = 2000
    site = np.repeat(
        [0, 1], n // 2
    )  # the file is sorted by site, and only the second one's release tells the attribute
    X = pd.DataFrame({"s": rng.integers(0, 2, n), "site": site, "both": 0.0})
    X["both"] = X["s"] * X["site"]
    model = LinearRegression().fit(X, 5.0 * X["both"])
    noisy = NoisyRelease(model, sigma=1.0).fit(X)
    y = 5.0 * X["both"].to_numpy()

    class Read:  # as the linear model reads the product
        release_std_ = np.array([1.0])

        def release_mean(self, X):
            return 5.0 * (X["s"] * X["site"]).to_numpy(float)[:, None]

        def release(self, X, *, output, queries, access, rng):
            mean = self.release_mean(X)[:, 0]
            noise = np.random.default_rng(rng).standard_normal(len(mean)) / math.sqrt(queries)
            return mean if access == "mean" else mean + noise

    assert noisy.release_std_ == 1.0
    table = X[["s", "site"]]
    caps = {}
    for name, order in (("sorted", np.arange(n)), ("shuffled", rng.permutation(n))):
        report = audit(Read(), table.iloc[order], y[order], sensitive="s", curve=False, games=["release"])
        caps[name] = report.release_caps[0].advantage
        best = report.games[0].strongest.result.accuracy
        assert best - 0.5 <= caps[name] + 0.03  # 1,000 records: s.e. .014
    assert caps["sorted"] == pytest.approx(caps["shuffled"], abs=0.05)


def test_a_model_that_never_reads_the_attribute_is_not_convicted():
    rng = np.random.default_rng(0)
    n = 6000
    u = rng.normal(size=(n, 4))
    tells = np.sin(3 * u[:, 0]) * np.sign(u[:, 1]) + u[:, 2] ** 2 - 1
    X = pd.DataFrame(u, columns=list("abcd")).assign(s=(tells + 0.3 * rng.normal(size=n) > 0).astype(int))
    model = make_pipeline(
        make_column_transformer(("passthrough", list("abcd"))), HistGradientBoostingRegressor(random_state=0)
    ).fit(X[:5000], tells[:5000])
    report = audit(model, X[5000:], tells[5000:], sensitive="s", curve=False, games=["release"])
    assert not report.verdicts[0].beyond_population
    assert any("No answer that was seen changes with the attribute" in w for w in report.warnings)


def test_rare_noise_of_a_known_law_is_not_missed():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"s": rng.integers(0, 2, 400), "u": rng.normal(size=400)})
    model = NoisyRelease(LogisticRegression().fit(X, X["u"] > 0), sigma=0.02).fit(X)
    report = audit(model, X, (X["u"] > 0).to_numpy(), sensitive="s", released="labels", curve=False)
    assert report.facts["noisy"]
    assert len(report.release_caps) == 2


def test_records_that_were_trained_on_are_pointed_out(patients):
    _, X, dose = patients
    model = LinearRegression().fit(X[:300], dose[:300])
    report = audit(model, X[:300], dose[:300], sensitive=GENES, X_train=X[:300], y_train=dose[:300], curve=False)
    assert any(w.startswith("300 fresh records are, word for word, among the training ones") for w in report.warnings)


def test_trees_that_cannot_be_read_and_tables_of_every_kind():
    rng = np.random.default_rng(0)
    n = 600
    X = pd.DataFrame(
        {
            "s": pd.Series(rng.choice(["p", "q"], n)).astype("category"),
            "i": pd.Series(rng.integers(0, 9, n)).astype("Int64"),
            "t": pd.Series(rng.choice(["a", "b", None], n)).convert_dtypes(),
            "w": rng.normal(size=n),
            "ok": rng.random(n) < 0.5,
        }
    ).set_index(np.arange(n) + 1000)
    X.loc[1003, "i"] = pd.NA
    y = (X["w"] > 0).to_numpy()
    tree = make_pipeline(
        make_column_transformer(("passthrough", ["w"])), DecisionTreeClassifier(max_depth=2, random_state=0)
    ).fit(X, y)
    report = audit(tree, X, y, sensitive="s", curve=False)
    assert not any(r.result.name.startswith("white box") for r in report.games[0].attacks)
    assert not report.verdicts[0].beyond_population


def test_a_classifiers_curve_has_private_trees_and_floors_of_its_own():
    """The guess from the average answer is each model's own: on a curve it must not be the audited model's."""
    rng = np.random.default_rng(0)
    n = 1800
    u = rng.integers(0, 30, n)
    code = rng.permutation(np.arange(30) % 2)
    X = pd.DataFrame({"s": np.where(rng.random(n) < 0.9, code[u], 1 - code[u]), "u": u})
    y = code[u]
    knows = RandomForestClassifier(20, random_state=0).fit(X, y)  # its average answer tells the code, and so s
    report = audit(knows, X[:900], y[:900], sensitive="s", X_train=X[900:], y_train=y[900:], games=["release"])
    points = {p.name: p for p in report.curve}
    assert [p.epsilon for p in report.curve if p.family == "differential privacy"] == [1.0, 10.0, 100.0]
    assert points["as it is"].floor["release"] > 0.8
    assert points["private tree, epsilon 1"].floor["release"] < points["as it is"].floor["release"] - 0.1


def test_dominated_points():
    def point(name, utility, success):
        return Point(name, "f", utility, {"g": success}, {"g": (0.0, 1.0)}, {"g": "a"}, {"g": 0.1})

    marked = pareto([point("a", 0.9, 0.9), point("b", 0.8, 0.5), point("c", 0.7, 0.6), point("d", 0.8, 0.5)])
    assert [p.name for p in marked if p.dominated] == ["c"]


def test_area_under_the_curve_is_by_hand():
    def point(family, utility, success):
        return Point(family, family, utility, {"g": success}, {"g": (0.0, 1.0)}, {"g": "a"}, {"g": 0.1})

    own = point("own", 0.8, 0.9)
    found = areas([own, point("a", 0.6, 0.5), point("a", 0.3, 0.4), point("b", 0.5, 0.3), point("b", 0.1, 0.0)], 0.2)
    # utilities .2 to .8: own .9 throughout; a .4 up to .3, .5 up to .6; b .3 up to .5; a point below .2 is no way out
    assert found["g"] == {
        "all": pytest.approx((0.3 * 0.3 + 0.1 * 0.5 + 0.2 * 0.9) / 0.6),
        "own": pytest.approx(0.9),
        "a": pytest.approx((0.1 * 0.4 + 0.3 * 0.5 + 0.2 * 0.9) / 0.6),
        "b": pytest.approx((0.3 * 0.3 + 0.3 * 0.9) / 0.6),
    }
    better = areas([own, point("a", 0.9, 0.2)], 0.2)["g"]
    assert better == {"all": pytest.approx(0.2), "own": pytest.approx(0.9), "a": pytest.approx(0.2)}
    assert areas([own], 0.8) == areas([], 0.0) == {}


def test_refusals(patients):
    _, X, dose = patients
    model = LinearRegression().fit(X[:500], dose[:500])
    fresh = (X[500:700], dose[500:700])
    with pytest.raises(TooFewSamplesError, match="at least 100 fresh records; got 50"):
        audit(model, X[:50], dose[:50], sensitive=GENES)
    with pytest.raises(ParameterError, match="`X_train` and `y_train` must be given together"):
        audit(model, *fresh, sensitive=GENES, X_train=X[:500])
    with pytest.raises(ParameterError, match="must have the columns of `X`"):
        audit(model, *fresh, sensitive=GENES, X_train=X[:500].iloc[:, ::-1], y_train=dose[:500])
    for games in ([], ["all"], ["response", "response"], "response"):
        with pytest.raises(ParameterError, match="`games` must be a sequence"):
            audit(model, *fresh, sensitive=GENES, games=games)
    with pytest.raises(ParameterError, match="`ci_level` must be in"):
        audit(model, *fresh, sensitive=GENES, ci_level=95)
    with pytest.raises(ParameterError, match="must name columns of the table"):
        audit(model, *fresh, sensitive="vkorc1")
