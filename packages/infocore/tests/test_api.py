"""`mutual_information`, `feature_scores`, and that the import is lazy."""

import dataclasses
import importlib
import json
import math
import subprocess
import sys
import types

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.feature_selection import SelectKBest

import infocore
from infocore.api import METHODS, feature_scores, mutual_information
from infocore.errors import MissingExtraError, NonFiniteError, ParameterError
from infocore.estimators import KSG, AutoMI, DiscreteMI, GaussianMI, MixedKSG, SlicedMI
from infocore.result import MIEstimate

RNG = np.random.default_rng(0)
X = RNG.standard_normal(400)
Y = X + RNG.standard_normal(400)


@pytest.mark.parametrize(
    ("method", "estimator"),
    [
        ("gaussian", GaussianMI()),
        ("ksg", KSG()),
        ("mixed", MixedKSG()),
        ("sliced", SlicedMI()),
        ("auto", AutoMI()),
    ],
)
def test_a_method_is_its_estimator(method, estimator):
    got, want = mutual_information(X, Y, method=method), estimator.fit_estimate(X, Y)
    assert (got.value, got.ci, got.method) == (want.value, want.ci, want.method)


def test_discrete_and_units():
    sign = np.where(X > 0, "up", "down")
    nats, bits = (mutual_information(sign, sign, method="discrete", units=u) for u in ("nats", "bits"))
    assert nats.value == DiscreteMI().estimate(sign, sign).value
    assert bits.value == pytest.approx(nats.value / math.log(2))
    assert bits.value == pytest.approx(1.0, abs=0.01)  # one fair coin


def test_options_reach_the_estimator():
    assert mutual_information(X, Y, ci_level=0.5).ci_level == 0.5
    assert mutual_information(X, Y, blocks=10).diagnostics["blocks"] == 40
    assert infocore.mutual_information is mutual_information


def test_frames_with_mixed_columns():
    frame = pd.DataFrame({"x": X, "sign": np.where(Y > 0, "up", "down")})
    e = mutual_information(frame, Y, fast=True)
    assert e.method == "mixed"
    assert e.diagnostics["kinds"] == {"x": {"x": "continuous", "sign": "discrete"}, "y": {"y": "continuous"}}
    json.dumps(e.to_dict())


@pytest.mark.parametrize(
    ("option", "match"),
    [
        ({"method": "kraskov"}, "`method` must be one of auto, gaussian, .*diffusion, or .*; got 'kraskov'"),
        ({"method": "ksg", "fast": True}, '`fast` is for method="auto"'),
        ({"fast": "no"}, "`fast` must be True or False; got 'no'"),
        ({"progress": 3}, "`progress` must be True or False; got 3"),
        ({"units": "bans"}, "`units` must be one of nats, bits; got 'bans'"),
        ({"ci_level": 1.5}, "`ci_level`"),
        ({"rng": None}, "`rng`"),
        ({"method": "infonce", "blocks": 10}, '`blocks` is not offered with method="infonce"'),
        ({"method": "sliced", "blocks": 10}, '`blocks` is not offered with method="sliced"'),
    ],
)
def test_refusals(option, match):
    with pytest.raises(ParameterError, match=match):
        mutual_information(X, Y, **option)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_goes_through_the_one_validation(method):
    bad = Y.copy()
    bad[:7] = np.nan
    with pytest.raises(NonFiniteError, match=r"`y` holds .* 7 of 400"):
        mutual_information(X, bad, method=method)


# module, class and settings of what is trained
TRAINED = {
    "crossfit": ("crossfit", "CrossFittedMI", {}),
    "infonce": ("variational", "VariationalMI", {}),
    "density": ("density", "DensityMI", {}),
    "club": ("density", "DensityMI", {"reading": "club"}),
    "l1out": ("density", "DensityMI", {"reading": "l1out"}),
    "copula-critic": ("copula_critic", "CopulaCritic", {}),
    "latent": ("latent", "LatentMI", {}),
    "flow": ("flow", "FlowMI", {}),
    "diffusion": ("diffusion", "DiffusionMI", {}),
}


def without(monkeypatch, module, missing):
    real = importlib.import_module

    def refuse(name, *rest):
        if name == f"infocore.torch.{module}":
            raise missing
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", refuse)


@pytest.mark.parametrize("method", TRAINED)
def test_without_torch_it_is_said_how_to_install_it(method, monkeypatch):
    without(monkeypatch, TRAINED[method][0], ModuleNotFoundError("No module named 'torch'", name="torch"))
    with pytest.raises(MissingExtraError, match=r"pip install -c constraints.txt './packages/infocore\[torch\]'") as e:
        mutual_information(X, Y, method=method)
    assert f'method="{method}"' in str(e.value)
    # bad data come first: who has no torch learns of them too
    with pytest.raises(NonFiniteError, match="`x`"):
        mutual_information(np.where(X > 0, X, np.nan), Y, method=method)


def test_other_import_errors_are_not_disguised(monkeypatch):
    without(monkeypatch, "variational", ModuleNotFoundError("No module named 'else'", name="else"))
    with pytest.raises(ModuleNotFoundError, match="else"):
        mutual_information(X, Y, method="infonce")
    without(monkeypatch, "variational", MissingExtraError("from below"))
    with pytest.raises(MissingExtraError, match="from below"):
        mutual_information(X, Y, method="infonce")


class Fake:
    """Stands for an estimator that is trained, where torch may be missing."""

    def fit_estimate(self, x, y, rng=0, ci_level=0.9):
        self.seen = {"shape": x.shape, "dtype": x.dtype, "rng": rng, "ci_level": ci_level}
        return MIEstimate(value=math.log(2), method="fake")


class Flat(Fake):
    progress = None


@dataclasses.dataclass
class Grouped(Fake):
    @dataclasses.dataclass(frozen=True)
    class Training:
        max_steps: int = 7
        progress: bool = False

    training: Training = Training()


@pytest.mark.parametrize("kind", [Flat, Grouped])
@pytest.mark.parametrize("method", TRAINED)
def test_a_trained_method_gets_its_settings_data_seed_and_level(kind, method, monkeypatch):
    made = []
    module, name, settings = TRAINED[method]

    def make(**given):
        made.append((kind(), given))
        return made[-1][0]

    fakes = {f"infocore.torch.{module}": types.SimpleNamespace(**{name: make})}
    monkeypatch.setattr(importlib, "import_module", fakes.__getitem__)
    e = mutual_information(X > 0, Y, method=method, rng=5, ci_level=0.5, units="bits", progress=True)
    assert e.value == pytest.approx(1.0)
    estimator, given = made[0]
    assert given == settings
    assert estimator.seen == {"shape": (400,), "dtype": np.bool_, "rng": 5, "ci_level": 0.5}
    if kind is Flat:
        assert estimator.progress is True
    else:
        assert estimator.training == Grouped.Training(max_steps=7, progress=True)


def test_sliced_gets_the_seed():
    # other directions in two columns, none to choose in one
    wide = np.stack([X, Y], 1), np.stack([Y, RNG.standard_normal(400)], 1)
    one, other = (mutual_information(*wide, method="sliced", rng=seed) for seed in (0, 1))
    assert one.value != other.value
    assert one.method == "sliced ksg"


def test_feature_scores_select_the_feature_that_matters():
    features = RNG.standard_normal((400, 4))
    target = features[:, 2] > 0
    scores = feature_scores(features, target)
    assert scores.argmax() == 2
    assert scores[2] == pytest.approx(math.log(2), abs=0.05)
    assert SelectKBest(feature_scores, k=1).fit(features, target).get_support().tolist() == [False, False, True, False]
    frame = pd.DataFrame(features).assign(text=np.where(target, "a", "b"))
    np.testing.assert_allclose(feature_scores(frame, target)[:4], scores)
    np.testing.assert_allclose(feature_scores(features[:, 2], target), scores[2:3])


@pytest.mark.slow  # with torch a critic competes
def test_real_table():
    data = load_breast_cancer(as_frame=True)
    e = mutual_information(data.data[["mean radius", "mean texture"]], data.target)
    assert e.method == "mixed"
    # the entropy of the diagnosis is 0.660 nats, and a logistic regression on the two (10 folds) leaves 0.269 of it
    assert 0.66 - 0.269 - 3 * e.standard_error < e.value < 0.66


@pytest.mark.parametrize(
    "what",
    [
        "import infocore",
        "import infocore.estimators",
        "import infocore; [getattr(infocore, name) for name in infocore.__all__]",
        "import infocore; infocore.mutual_information([1.5, 2, 3, 5, 7], [1, 4, 2, 3, 6])",
    ],
)
def test_import_is_lazy(what):
    heavy = ["torch", "pandas", "matplotlib", "sklearn", "scipy.stats", "pydantic", "typer", "rich"]
    code = (
        "import sys, time; import numpy; t = time.perf_counter();"
        f"{what}; t = time.perf_counter() - t; import json;"
        f"print(json.dumps([t, [m for m in {heavy!r} if m in sys.modules]]))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    seconds, loaded = json.loads(done.stdout)
    assert loaded == []
    if what == "import infocore":
        assert seconds < 0.5


@pytest.mark.parametrize("package", ["infocore", "infocore.estimators"])
def test_names_of_the_package(package):
    module = importlib.import_module(package)
    assert "mutual_information" in dir(infocore)
    assert set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_battery_stays_a_module():
    from infocore.battery import battery

    # a function of that name in the package would hide the module
    assert "battery" not in infocore.__all__
    assert infocore.battery.battery is battery


def test_misspelt_names_are_named():
    with pytest.raises(AttributeError, match="no attribute 'mutual_informaton'"):
        infocore.mutual_informaton  # noqa: B018


def test_torch_part_says_how_to_install_torch(monkeypatch):
    monkeypatch.delitem(sys.modules, "infocore.torch", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"infocore\.torch needs PyTorch.*\[torch\]") as caught:
        importlib.import_module("infocore.torch")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
