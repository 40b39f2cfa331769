r"""What leaks at least: certified lower bounds from held-out records.

Two quantities, each with a critic fitted on the attacker's own records and evaluated on others: :math:`I(X_s; \hat Y)`,
what the released answer tells of the attribute **by itself** (population correlation included; it is not
:math:`I(X_s; \hat Y | X_{ns})`), and :math:`I(X; \hat Y)`, what it tells of the whole record. Donsker and Varadhan's
bound with confidence bounds on its two means (`infocore.certificates`) makes each hold with the stated probability, for
every law. Neither can exceed about the logarithm of the number of records.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from infocore.certificates import choose_clip, held_out_scores, lower_bound
from infocore.errors import ParameterError
from infocore.result import MIEstimate
from mid.attacks.attribute import View
from mid.attacks.attribute.population import Imputer
from mid.attacks.reading import centred

__all__ = ["attribute_lower_bound", "record_lower_bound"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SAME = 1e-6  # as in `MatchRelease`: the resolution at which answers without noise are told apart


def attribute_lower_bound(view: View, truth: Ints, *, confidence: float) -> MIEstimate:
    r"""Certificate for :math:`I(X_s; \hat Y)`.

    Parameters
    ----------
    view : View
        Of a game in which the released answers are seen.
    truth : int array of shape (n,)
        Candidates of the attacked records.
    confidence : float
        In (0, 1).

    Returns
    -------
    MIEstimate
        In nats, direction "lower"; negative where nothing is certified.
    """
    own = _features(view.ask_release(), view)
    seen = _features(view.released, view)
    guesser = Imputer(view.attribute.size, view.seed).fit(own, view.known_codes)

    def critic(codes: Any, rows: Any) -> Floats:
        log_q = guesser.log_probabilities(pd.DataFrame(rows, columns=own.columns))
        k = np.asarray(codes, np.int64)
        return np.asarray(np.take_along_axis(log_q, k[:, None], axis=1)[:, 0] - view.log_prior[k])

    return _certificate(critic, (view.known_codes, own.to_numpy()), (truth, seen.to_numpy()), confidence)


def record_lower_bound(view: View, answers: NDArray[Any], *, confidence: float) -> MIEstimate:
    r"""Certificate for :math:`I(X; \hat Y)`.

    The critic asks the target about a record and compares: that is all a critic needs to know of the record.

    Parameters
    ----------
    view : View
        Of a game in which the released answers are seen.
    answers : array of shape (n,) or (n, C)
        Answers about the attacked records, true attribute included, asked anew.
    confidence : float
        In (0, 1).

    Returns
    -------
    MIEstimate
        In nats, direction "lower"; negative where nothing is certified.
    """
    own, own_again = _scores(view.ask_known(view.released_output), view), _scores(view.ask_release(), view)
    seen, seen_again = _scores(view.released, view), _scores(answers, view)
    noise = float(np.sqrt(((own - own_again) ** 2).mean()))
    scale = max(noise, _SAME * float(own.std(axis=0).max()) + np.finfo(np.float64).tiny)

    def critic(a: Any, b: Any) -> Floats:
        return -0.5 * (((a - b) / scale) ** 2).sum(1)

    return _certificate(critic, (own, own_again), (seen_again, seen), confidence)


def _certificate(critic: Any, own: tuple[Any, Any], held_out: tuple[Any, Any], confidence: float) -> MIEstimate:
    """Choose the clip on the attacker's own records, certify on the others.

    The certificate pairs rows by their places and reads them one after another: in a sorted table it would be false.
    """
    gen = np.random.default_rng(0)
    own, held_out = (
        tuple(part[order] for part in pair) for pair in (own, held_out) for order in (gen.permutation(len(pair[0])),)
    )
    joint, product = held_out_scores(critic, *held_out)
    try:
        clip = choose_clip(*held_out_scores(critic, *own), n=len(joint), confidence=confidence)
    except ParameterError:  # every answer is the same: the critic is constant, and so is what it certifies
        clip = (-1.0, 0.0)
    return lower_bound(joint, product, clip=clip, confidence=confidence)


def _scores(answers: Any, view: View) -> Floats:
    """Answers as rows of numbers: labels as indicators, probabilities in logs without their offset."""
    values = np.asarray(answers)
    if view.released_output == "labels":
        return (values[:, None] == np.asarray(view.classes)[None, :]).astype(np.float64)
    return centred(values, view.released_output).reshape(len(values), -1)


def _features(answers: Any, view: View) -> pd.DataFrame:
    if view.released_output == "labels":
        return pd.DataFrame({"answer": np.asarray(answers).astype(str)})
    rows = _scores(answers, view)
    return pd.DataFrame(rows, columns=[f"answer {j}" for j in range(rows.shape[1])])
