"""Attacks on released predictions, the words they share, and the judge that is not the attacker."""

from mid.attacks.predictor import Predictor as Predictor
from mid.attacks.protocols import Access as Access
from mid.attacks.protocols import Attack as Attack
from mid.attacks.protocols import AttackResult as AttackResult
from mid.attacks.protocols import Interface as Interface
from mid.attacks.protocols import Needs as Needs
from mid.attacks.protocols import Output as Output
from mid.attacks.protocols import Target as Target

__all__ = ["Access", "Attack", "AttackResult", "Interface", "Needs", "Output", "Predictor", "Target"]
