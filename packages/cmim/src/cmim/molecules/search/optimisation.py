"""Search of the codes for the molecule with the best score: CMA-ES, and a random search with the same budget."""

from collections.abc import Sequence

from numpy.typing import ArrayLike

from cmim.molecules.search._search import Decoder, Progress, Search, read_starts
from cmim.molecules.search._walkers import CMA, Normal, generators
from cmim.molecules.search.found import OptimisationResult
from cmim.molecules.search.scores import Constraint, Score, as_score

__all__ = ["optimise", "random_search"]

DIAGONAL_ABOVE = 32


def optimise(
    decoder: Decoder,
    start_codes: ArrayLike,
    score: Score | str,
    *,
    sigma: float | ArrayLike,
    population: int = 20,
    iterations: int = 50,
    radius: float | None = None,
    constraint: Constraint | Sequence[Constraint] | None = None,
    diagonal: bool | None = None,
    seed: int = 0,
    callback: Progress | None = None,
) -> OptimisationResult:
    """Make a score larger by moving codes with CMA-ES, one run for each start.

    Parameters
    ----------
    decoder : object with ``decode(codes) -> list of str``
        It is given the populations of all runs at once.
    start_codes : array of shape (m, D) or (D,)
        Where the runs start.
    score : callable or str
        From a list of distinct valid canonical SMILES to as many finite numbers, larger being better; or a name for
        `cmim.molecules.search.scores.named_score`. Each molecule is asked about once.
    sigma : float or array of shape (D,)
        First standard deviation of the search in each coordinate, such as a part of that of the codes of some data.
    population, iterations : int
        Codes per iteration, and iterations. Each run decodes ``1 + population * iterations`` codes.
    radius : float, optional
        Largest Euclidean distance of a code from its start; what goes beyond is brought back to that distance.
    constraint : callable, or one for each start, optional
        From a list of distinct valid canonical SMILES to as many bools; see `cmim.molecules.search.scores.at_least`.
    diagonal : bool, optional
        Whether to adapt variances only (sep-CMA-ES), and no correlations. By default, if D is above 32.
    seed : int
        Of all random numbers; no global random state is used or changed.
    callback : callable, optional
        Called as ``callback(iterations_done, best_score)`` after each iteration; if it returns True, all runs stop.

    Returns
    -------
    OptimisationResult
        Best molecules, histories and counts.

    Raises
    ------
    ShapeError
        If the codes are not a matrix, or `sigma`, the constraints, what the decoder, the score or a constraint returns
        have another length than they should.
    NonFiniteError
        If a code is not finite, or the score of a molecule is not.
    ParameterError
        If another argument is out of range.
    DataError
        If the decoder returns other than strings.
    MissingExtraError
        If RDKit or cma is not installed.

    Notes
    -----
    CMA-ES sees ranks only. Allowed molecules come first, by their score; then refused ones; then strings that are no
    molecules; and both of these by their distance from the start, nearer being better, so that a population that has
    left what the decoder knows finds its way back. A code that is brought back to the radius is also what CMA-ES is
    told of, so its mean never leaves the ball.

    Whatever ends a search early, an error above, one that a function of yours raises, or Ctrl-C, passes with an
    attribute ``partial``: the `OptimisationResult` of what was found up to the iteration before. A score that may fail
    for some molecules should return a low finite number for them.

    A full covariance matrix of D = 64 and more hardly changes within a few thousand codes, and costs more time.

    References
    ----------
    .. [1] N. Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772, 2016.
    .. [2] R. Ros, N. Hansen, "A Simple Modification in CMA-ES Achieving Linear Time and Space Complexity", PPSN X,
       2008.

    Examples
    --------
    >>> class Chains:
    ...     def decode(self, codes):
    ...         return ["C" * int(round(abs(code[0]))) for code in codes]
    >>> def near_six(molecules):
    ...     return [-abs(len(m) - 6) for m in molecules]
    >>> result = optimise(Chains(), [[2.0, 0.0]], near_six, sigma=1.0, population=8, iterations=20)
    >>> result.best.smiles, result.best.score, result.decodes
    ('CCCCCC', 0.0, 161)
    """
    caller = "optimise"
    starts, scale = read_starts(start_codes, sigma, caller)
    only_variances = starts.shape[1] > DIAGONAL_ABOVE if diagonal is None else bool(diagonal)
    search = Search(decoder, starts, scale, as_score(score, None, caller), constraint, radius, caller)
    search.check(population, iterations, seed)
    walkers = [CMA(starts.shape[1], population, only_variances, rng) for rng in generators(seed, len(starts))]
    return search.run("sep-cma-es" if only_variances else "cma-es", walkers, iterations, callback)


def random_search(
    decoder: Decoder,
    start_codes: ArrayLike,
    score: Score | str,
    *,
    sigma: float | ArrayLike,
    population: int = 20,
    iterations: int = 50,
    radius: float | None = None,
    constraint: Constraint | Sequence[Constraint] | None = None,
    seed: int = 0,
    callback: Progress | None = None,
) -> OptimisationResult:
    """Decode as many codes as `optimise`, all from the same normal law around the start.

    What `optimise` finds beyond this is what its search gains.

    Parameters
    ----------
    decoder, start_codes, score, population, iterations, radius, constraint, seed, callback
        As of `optimise`.
    sigma : float or array of shape (D,)
        Standard deviation in each coordinate.

    Returns
    -------
    OptimisationResult
        As of `optimise`.

    Raises
    ------
    ShapeError, NonFiniteError, ParameterError, DataError, MissingExtraError
        As `optimise`, and with its ``partial``.

    Examples
    --------
    >>> class Chains:
    ...     def decode(self, codes):
    ...         return ["C" * int(round(abs(code[0]))) for code in codes]
    >>> random_search(Chains(), [2.0, 0.0], "weight", sigma=0.1, population=5, iterations=2).best.smiles
    'CC'
    """
    caller = "random_search"
    starts, scale = read_starts(start_codes, sigma, caller)
    search = Search(decoder, starts, scale, as_score(score, None, caller), constraint, radius, caller)
    search.check(population, iterations, seed)
    walkers = [Normal(starts.shape[1], population, rng) for rng in generators(seed, len(starts))]
    return search.run("random", walkers, iterations, callback)
