"""What is known of each bound."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from infocore.bounds._conditional import club, l1out
from infocore.bounds._lower import flo, infonce, nwj, semantic, tuba
from infocore.bounds._objectives import donsker_varadhan, infonce_anchor, js, smile
from infocore.result import Direction, Strength

__all__ = ["BOUNDS", "Bound"]


@dataclasses.dataclass(frozen=True)
class Bound:
    """What is known of a bound: a row of `BOUNDS`.

    Parameters
    ----------
    function : callable
        The function of the score matrix.
    direction : {"lower", "upper", "consistent", "none"}
        What its expectation is of the mutual information, for a critic fitted on other data.
    strength : {"expectation", "heuristic", ...}
        In what sense.
    ceiling : callable
        ``ceiling(K)``: the largest value it can give with K columns, in nats; `inf` if none.
    largest_score : float
        Scores up to this are safe in float32.
    source : str
        Where it comes from.
    """

    function: Callable[..., Any]
    direction: Direction
    strength: Strength
    ceiling: Callable[[int], float]
    largest_score: float
    source: str


def _none(columns: int) -> float:  # noqa: ARG001 - a ceiling takes the number of columns, this one ignores it
    return math.inf


BOUNDS: Mapping[str, Bound] = MappingProxyType(
    {
        "infonce": Bound(infonce, "lower", "expectation", math.log, 1e4, "van den Oord et al. 2018, Sec. 2.3"),
        "semantic": Bound(semantic, "lower", "expectation", math.log, 1e4, "Lu 2023 (idea); batch form derived"),
        "nwj": Bound(nwj, "lower", "expectation", _none, 80.0, "Nguyen et al. 2010; Poole et al. 2019, Sec. 2.2"),
        "tuba": Bound(tuba, "lower", "expectation", _none, 80.0, "Poole et al. 2019, eq. 4"),
        "flo": Bound(flo, "lower", "expectation", _none, 80.0, "Guo et al. 2022"),
        "donsker_varadhan": Bound(donsker_varadhan, "none", "heuristic", _none, 1e4, "Belghazi et al. 2018"),
        "smile": Bound(smile, "none", "heuristic", _none, 1e4, "Song and Ermon 2020"),
        "js": Bound(js, "none", "heuristic", lambda _: 0.0, 1e4, "Nowozin et al. 2016; Poole et al. 2019, Sec. 2.3"),
        "infonce_anchor": Bound(
            infonce_anchor, "none", "heuristic", lambda _: 0.0, 1e4, "Ryu et al. 2025 (idea); form derived"
        ),
        "club": Bound(club, "none", "heuristic", _none, 1e4, "Cheng et al. 2020"),
        "l1out": Bound(l1out, "upper", "expectation", _none, 1e4, "Poole et al. 2019, eq. 13; needs the true channel"),
    }
)
