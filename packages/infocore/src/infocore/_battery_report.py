"""What `infocore.battery.battery` reports."""

import dataclasses
from typing import Any, cast

from infocore.result import plain

__all__ = ["BatteryReport", "BatteryRow"]


@dataclasses.dataclass(frozen=True)
class BatteryRow:
    """One law that information obeys, tried on one sample.

    Parameters
    ----------
    name : str
        What was tried, such as ``"symmetry"``.
    data : str
        On what: "normal", "bent", "counts", or "given".
    claim : str
        What should hold, as ``left = right`` or ``left <= right``.
    left, right : float, optional
        The two values, nats; None if not applicable.
    difference : float, optional
        ``left - right``.
    tolerance : float, optional
        How far off it may be: five standard errors of the difference plus the allowance, nats.
    passed : bool, optional
        None if it could not be tried; `reason` says why.
    reason : str
        Empty if it was tried.
    """

    name: str
    data: str
    claim: str
    left: float | None = None
    right: float | None = None
    difference: float | None = None
    tolerance: float | None = None
    passed: bool | None = None
    reason: str = ""


@dataclasses.dataclass(frozen=True)
class BatteryReport:
    """What `battery` found.

    Parameters
    ----------
    estimator : str
        Name of what was tried.
    n : int
        Rows of the samples.
    rows : tuple of BatteryRow
        In the order tried.
    """

    estimator: str
    n: int
    rows: tuple[BatteryRow, ...]

    @property
    def passed(self) -> bool:
        """Whether no row failed and at least one was tried."""
        tried = [row.passed for row in self.rows if row.passed is not None]
        return bool(tried) and all(tried)

    @property
    def failures(self) -> tuple[BatteryRow, ...]:
        """The rows that failed."""
        return tuple(row for row in self.rows if row.passed is False)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        rows = [dataclasses.asdict(row) for row in self.rows]
        return cast(
            "dict[str, Any]", plain({"estimator": self.estimator, "n": self.n, "passed": self.passed, "rows": rows})
        )

    def __str__(self) -> str:
        """A table, one line a row."""
        lines = [f"{self.estimator}, n={self.n}: {'passed' if self.passed else 'FAILED'}"]
        for row in self.rows:
            verdict = {True: "ok", False: "FAILED", None: "-"}[row.passed]
            if row.left is None or row.right is None or row.tolerance is None:
                numbers = row.reason
            else:
                sign = "<=" if "<=" in row.claim else "="
                numbers = f"{row.left:8.4f} {sign:>2s} {row.right:8.4f}  within {row.tolerance:.4f}"
            lines.append(f"{row.name:28s} {row.data:7s} {verdict:6s} {numbers}")
        return "\n".join(lines)
