r"""The score matrix, and everything that compares a positive score with what could have been.

``scores[i, k] = f(x_i, y_k)``: row `i` is a sample of x, column `k` a sample of y, the pairs seen together are on the
diagonal. Columns ``B..K-1``, if any, are extra negatives. `pointwise` compares each positive with the log-mean-exp
around it; the bounds are one line each on it or on the matrix. All work on numpy arrays and on torch tensors, keep
dtype and device, and are differentiable in torch.

`pointwise`, `infonce`, `semantic`, `l1out`, `smile` and `donsker_varadhan` are stable up to scores of 1e4 in
float32. `nwj`, `tuba` and `flo` exponentiate a difference of scores and overflow beyond about 80 in float32.
"""

from infocore.bounds._conditional import club as club
from infocore.bounds._conditional import l1out as l1out
from infocore.bounds._lower import flo as flo
from infocore.bounds._lower import infonce as infonce
from infocore.bounds._lower import nwj as nwj
from infocore.bounds._lower import semantic as semantic
from infocore.bounds._lower import tuba as tuba
from infocore.bounds._objectives import donsker_varadhan as donsker_varadhan
from infocore.bounds._objectives import infonce_anchor as infonce_anchor
from infocore.bounds._objectives import js as js
from infocore.bounds._objectives import smile as smile
from infocore.bounds._scores import influence as influence
from infocore.bounds._scores import pointwise as pointwise
from infocore.bounds._table import BOUNDS as BOUNDS
from infocore.bounds._table import Bound as Bound

__all__ = [
    "BOUNDS",
    "Bound",
    "club",
    "donsker_varadhan",
    "flo",
    "influence",
    "infonce",
    "infonce_anchor",
    "js",
    "l1out",
    "nwj",
    "pointwise",
    "semantic",
    "smile",
    "tuba",
]
