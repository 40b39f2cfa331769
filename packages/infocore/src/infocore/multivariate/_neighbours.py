"""One neighbourhood for every entropy: k-NN terms whose biases match, for continuous, discrete and mixed columns."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infocore._validate import Floats, Ints, codes
from infocore.errors import KindError, ParameterError
from infocore.estimators._base import Terms
from infocore.estimators._doubts import FEW_COLUMNS
from infocore.estimators._ksg import Margins, check_k, check_workers, scaled
from infocore.estimators._neighbours import groups
from infocore.estimators._theiler import check_theiler, counts_apart, kth_apart, lost
from infocore.multivariate._measures import Group, Measure, Variables

__all__ = ["Neighbours"]


@dataclasses.dataclass(frozen=True)
class Neighbours:
    r"""Method: k nearest neighbours in all variables together, and counts within their distance for each group.

    .. math:: \hat I = \sum_S w_S \Bigl(\psi(n) - \bigl\langle \psi(n_{S,i}) \bigr\rangle\Bigr)

    for an information that is the sum of entropies of groups S of variables with weights :math:`w_S`. Row i looks for
    its k-th nearest among the rows that equal it in every discrete column (for all but itself, if they are fewer);
    :math:`n_{S,i}` counts the rows strictly within that distance in the columns of S, the row itself included, and
    those that coincide where the distance is 0. For all variables together that count is k where nothing ties.

    Parameters
    ----------
    k : int
        Neighbours. Fewer: less bias, more spread.
    margins : {"standard", "rank", "none"}
        Scale of the columns that have distances, as in `infocore.estimators.KSG`.
    mixed : bool
        Whether discrete and mixed columns are read; without it they are refused if they are text, and used as numbers
        with a warning otherwise.
    workers : int
        Threads of the tree searches; -1 for all.
    theiler : int
        For series, rows in the order of time: rows this many steps from a row or nearer are no neighbours of it and are
        not counted, as in `infocore.estimators.KSG`. 0 leaves none out; more needs ``mixed=False``.

    Notes
    -----
    The same k and the same neighbourhood serve every entropy, so that their biases nearly cancel; entropies with a
    neighbourhood each do not. For two variables this is `infocore.estimators.KSG`, or `MixedKSG`, to the last digit.

    The standard error adds :math:`|w| \psi'(k)` to the variance of a term, with w the weight of all variables together,
    for what neighbours share. This is measured, not proved: see `conditional_mutual_information` and
    `total_correlation` for what it comes to. It knows nothing of bias.

    References
    ----------
    .. [1] S. Frenzel, B. Pompe, "Partial Mutual Information for Coupling Analysis of Multivariate Time Series", Phys.
       Rev. Lett. 99, 204101, 2007.
    .. [2] O. Mesner, C. Shalizi, "Conditional Mutual Information Estimation for Mixed, Discrete and Continuous Data",
       IEEE Trans. Inf. Theory 67, 2021. Its counts include the boundary; here ties are counted as `MixedKSG` does.

    Examples
    --------
    >>> Neighbours(k=5).name
    'ksg'
    """

    k: int = 3
    margins: Margins = "standard"
    mixed: bool = False
    workers: int = 1
    theiler: int = 0

    @property
    def name(self) -> str:
        """Name that the estimate carries."""
        return "mixed" if self.mixed else "ksg"

    def terms(self, variables: Variables, measure: Measure, caller: str) -> Terms:
        """Return the value and the pointwise terms, nats."""
        from scipy.special import digamma, polygamma

        n, weights = variables.n, measure.weights()
        check_k(self.k, n, caller)
        check_workers(self.workers, caller)
        check_theiler(self.theiler, self.k, n, caller)
        if self.theiler and self.mixed:
            raise ParameterError(f"{caller}: `theiler` is for continuous columns, so it needs mixed=False.")
        near, kinds = self._split(variables, caller)
        everything = tuple(range(len(near)))
        radii, k_i, lone = self._search(_stack(near, everything, n), _label(kinds, everything))
        psi, apart = digamma(np.arange(n + 1)), lost(n, self.theiler)
        pointwise = np.zeros(n)
        widths = [a.shape[1] for a in near]
        for group, weight in weights.items():
            inside = k_i if group == everything else self._inside(near, kinds, group, radii, lone)
            pointwise += weight * (psi[n] + apart - psi[inside])
        joint = abs(weights.get(everything, 0))
        tied = int(np.count_nonzero((radii == 0) & ~lone)) if sum(widths) else n
        plain = not tied and not lone.any() and self._only_numbers(variables) and bool((k_i == self.k).all())
        doubts: list[str] = []
        if not self.mixed and variables.all_kinds - {"continuous"}:
            doubts.append('values repeat, which this method does not allow for: use method="mixed"')
        noise = float(joint * np.mean(np.where(radii > 0, polygamma(1, k_i), 0.0)))
        top = sum(w for group, w in weights.items() if w > 0 or group == everything)
        facts: dict[str, Any] = {
            "k": self.k,
            "margins": self.margins,
            "rows_on_atoms": tied,
            "lone_rows": int(lone.sum()),
            "doubts": doubts,
        }
        return Terms(
            float(pointwise.mean()),
            pointwise,
            noise=noise,
            cap=float(top * (psi[n] + apart.mean() - psi[self.k])) if plain else None,
            strength="heuristic" if doubts or sum(widths) > FEW_COLUMNS else "asymptotic",
            diagnostics=facts,
        )

    def _only_numbers(self, variables: Variables) -> bool:
        return not self.mixed or variables.all_kinds <= {"continuous"}

    def _split(self, variables: Variables, caller: str) -> tuple[list[Floats], list[Ints]]:
        """Of each variable the columns with distances, scaled, and one code for the rest."""
        near: list[Floats] = []
        kinds: list[Ints] = []
        for s in variables.samples:
            classed = [j for j, kind in enumerate(s.kinds) if self.mixed and kind == "discrete"]
            other = [j for j in range(len(s.kinds)) if j not in classed]
            try:
                numbers = s.take(other).numbers(caller)
            except KindError as e:
                raise KindError(f'{e} With k-NN, that is method="mixed".') from e
            near.append(scaled(numbers, self.margins, caller) if other else numbers)
            kinds.append(codes(s.values[:, classed])[0])
        return near, kinds

    def _search(self, points: Floats, label: Ints) -> tuple[Floats, Ints, NDArray[np.bool_]]:
        """Distance to the k-th neighbour, how many are strictly nearer or coincide, and who has none."""
        n = len(points)
        radii, k_i, lone = np.zeros(n), np.ones(n, np.int64), np.zeros(n, np.bool_)
        for rows in groups(label):
            if not points.shape[1]:
                k_i[rows] = len(rows)
            elif len(rows) == 1:
                lone[rows] = True
            else:
                k = min(self.k, len(rows) - 1)
                distances = kth_apart(points[rows], np.arange(1, k + 1), self.theiler, workers=self.workers)
                radii[rows] = distances[:, -1]
                k_i[rows] = 1 + np.count_nonzero(distances < distances[:, -1:], axis=1)
                if (distances[:, -1] == 0).any():
                    same = self._counts(points[rows], np.zeros(len(rows)), strict=False)
                    k_i[rows] = np.where(distances[:, -1] == 0, same, k_i[rows])
        return radii, k_i, lone

    def _inside(
        self, near: list[Floats], kinds: list[Ints], group: Group, radii: Floats, lone: NDArray[np.bool_]
    ) -> Ints:
        """Rows of the same class strictly within the radius, or coinciding where it is 0, in some variables."""
        points = _stack(near, group, len(radii))
        found = np.ones(len(points), np.int64)
        for rows in groups(_label(kinds, group)):
            if not points.shape[1]:
                found[rows] = len(rows)
                continue
            inside = self._counts(points[rows], radii[rows], strict=True)
            if (radii[rows] == 0).any():
                same = self._counts(points[rows], np.zeros(len(rows)), strict=False)
                inside = np.where(radii[rows] == 0, same, inside)
            # without a neighbour in its joint class, a row tells classes from each other and nothing nearer
            found[rows] = np.where(lone[rows], len(rows), inside)
        return found

    def _counts(self, points: Floats, radii: Floats, *, strict: bool) -> Ints:
        return counts_apart(points, radii[:, None], self.theiler, strict=strict, workers=self.workers)[:, 0]


def _stack(near: list[Floats], group: Group, n: int) -> Floats:
    return np.ascontiguousarray(np.concatenate([np.empty((n, 0)), *(near[j] for j in group)], axis=1))


def _label(kinds: list[Ints], group: Group) -> Ints:
    return codes(np.stack([kinds[j] for j in group], axis=1))[0]
