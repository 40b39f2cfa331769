"""The audit: attacks beside guessers without the model, certified bounds, a curve, and a verdict in plain words."""

from mid.auditing.report import AuditReport as AuditReport
from mid.auditing.run import audit as audit
from mid.auditing.verdict import Verdict as Verdict

__all__ = ["AuditReport", "Verdict", "audit"]
