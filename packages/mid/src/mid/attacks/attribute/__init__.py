"""Attribute inference: the game, the guessers without a model, the attacks, and the judge."""

from mid.attacks.attribute.baselines import Imputation as Imputation
from mid.attacks.attribute.baselines import Prior as Prior
from mid.attacks.attribute.classification import CSMIA as CSMIA
from mid.attacks.attribute.classification import LOMIA as LOMIA
from mid.attacks.attribute.classification import ConfidenceMAP as ConfidenceMAP
from mid.attacks.attribute.classification import ConfusionMAP as ConfusionMAP
from mid.attacks.attribute.counts import WhiteBoxCounts as WhiteBoxCounts
from mid.attacks.attribute.game import AttributeAttack as AttributeAttack
from mid.attacks.attribute.game import AttributeGame as AttributeGame
from mid.attacks.attribute.judge import AttributeResult as AttributeResult
from mid.attacks.attribute.learned import LearnedAttack as LearnedAttack
from mid.attacks.attribute.matching import MatchRelease as MatchRelease
from mid.attacks.attribute.regression import MapRegression as MapRegression
from mid.attacks.attribute.sensitive import SensitiveAttribute as SensitiveAttribute
from mid.attacks.attribute.view import Records as Records
from mid.attacks.attribute.view import View as View

__all__ = [
    "CSMIA",
    "LOMIA",
    "AttributeAttack",
    "AttributeGame",
    "AttributeResult",
    "ConfidenceMAP",
    "ConfusionMAP",
    "Imputation",
    "LearnedAttack",
    "MapRegression",
    "MatchRelease",
    "Prior",
    "Records",
    "SensitiveAttribute",
    "View",
    "WhiteBoxCounts",
]
