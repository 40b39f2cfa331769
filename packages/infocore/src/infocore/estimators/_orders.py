"""k-NN counts of one sample in many orders of y: what the orders share is done once."""

# scipy has no types; the rest of strict holds
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from infocore._validate import Floats, Ints
from infocore.estimators._neighbours import Kernel, counts_sorted, has_numba, joint_counts, kernel_for, kth_distances

__all__ = ["mean_of_order"]

# Rows searched without compiled kernels that took as long as loading them does: then they are loaded.
WORTH_LOADING = 500_000


def mean_of_order(
    x: Floats, y: Floats, moved: Callable[[Ints], Floats], ks: Ints, weights: Floats, workers: int
) -> Callable[[Ints], float]:
    """Mean of the terms of KSG, variant 1, as a function of the order of the rows of y.

    Parameters
    ----------
    x, y : arrays of shape (n, dx), (n, dy)
        At the scale at which they are compared.
    moved : callable
        ``moved(order)`` is y in another order, (n, dy).
    ks : int array, ascending
    weights : array of the length of `ks`
        Of the estimates at each of them.
    workers : int
        Threads; -1 for all.

    Returns
    -------
    callable
        From a permutation of 0 .. n-1 to nats.
    """
    from scipy.special import digamma

    n = len(x)
    top, psi = digamma(ks) + digamma(n), digamma(np.arange(1, n + 1))
    plane = x.shape[1] == y.shape[1] == 1
    order_x, order_y = np.argsort(x[:, 0]), np.argsort(y[:, 0])
    rows, place, searched = np.arange(n), np.empty(n, np.int64), 0

    def counted(v: Floats, orders: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
        nonlocal searched
        searched += n
        kernel = kernel_for(n, 2)
        fast = _compiled(kernel, searched)
        if fast and len(ks) == 1 and fast.worth(n, int(ks[0])):
            first, second = (np.ascontiguousarray(a[:, 0]) for a in (x, v))
            nx, ny = fast.counts(first, second, orders, int(ks[0]))
            return nx[:, None], ny[:, None]
        if kernel != "tree":
            return joint_counts(x, v, ks, workers=workers, orders=orders)[1:]
        radii = kth_distances(np.concatenate([x, v], axis=1), ks, workers=workers, kernel=kernel)
        nx, ny = np.empty((2, n, len(ks)), np.int64)
        for a, by, out in ((x, orders[0], nx), (v, orders[1], ny)):
            for c in range(len(ks)):
                out[by, c] = counts_sorted(a[by, 0], radii[by, c], strict=True)
        return nx, ny

    def value(order: Ints) -> float:
        v = moved(order)
        if plane:
            place[order] = rows
            nx, ny = counted(v, (order_x, place[order_y]))
        else:
            _, nx, ny = joint_counts(x, v, ks, workers=workers)
        return float(((top - psi[np.maximum(nx, 1) - 1] - psi[np.maximum(ny, 1) - 1]) @ weights).mean())

    return value


def _compiled(kernel: Kernel, searched: int) -> Any:
    """Return the compiled kernels for new orders, if they are installed, and loaded or worth loading."""
    if kernel.startswith("compiled") or (searched > WORTH_LOADING and has_numba()):
        return _module()
    return None


@functools.cache
def _module() -> Any:
    # by name, so that no type checker and no packager takes numba for a requirement
    return importlib.import_module("infocore.estimators._fast_orders")
