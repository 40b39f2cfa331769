"""Our 40 laws beside samples of the reference implementation: two-sample tests, and what our laws say of its samples.

Needs one file ``NAME__n10000__s0.npz`` with arrays ``x`` and ``y`` per law and seed, drawn by benchmark-mi 0.1.3.
``python benchmarks/check_tasks.py FOLDER`` prints per law the smallest p of the tests (times their number) and the z of
the mean pointwise information after undoing the maps; it exits 1 if either says no.
"""

import argparse
import pathlib
import sys

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import binomtest, ks_2samp

from infocore.tasks import BMI_V1, Task

SEEDS = (0, 1, 2)
LEVEL = 1e-3  # over the 40 laws


def statistics(x, y, rng):
    """Columns to compare: single ones, lengths, products across, projections of both, the angle of two columns."""
    x, y = np.arcsinh(x), np.arcsinh(y)
    both = np.concatenate([x, y], axis=1)
    k = min(3, x.shape[1], y.shape[1])
    parts = [x[:, :5], y[:, :5], np.linalg.norm(x, axis=1)[:, None], np.linalg.norm(y, axis=1)[:, None]]
    parts += [
        x[:, :k] * y[:, :k],
        both @ rng.standard_normal((both.shape[1], 5)),
        (both**2) @ rng.random((both.shape[1], 2)),
    ]
    if x.shape[1] > 1:
        parts.append(np.arctan2(x[:, 0], x[:, 1])[:, None])
        parts.append((x[:, 0] * np.linalg.norm(x, axis=1))[:, None])
    if y.shape[1] > 2:
        parts.append(np.arctan2(y[:, 1], y[:, 2])[:, None])
    return np.concatenate(parts, axis=1)


def neighbours_p(a, b, n=5000):
    """P value of the share of nearest neighbours from the own sample: one half if the laws are one."""
    a, b = a[:n], b[:n]
    both = np.arcsinh(np.concatenate([a, b]))
    label = np.arange(2 * n) < n
    nearest = cKDTree(both).query(both, k=2)[1][:, 1]
    # mutual neighbours are counted twice, which widens the law of the count by up to a factor of two in variance
    hits = int((label == label[nearest]).sum())
    return binomtest(hits // 2, n, 0.5, alternative="greater").pvalue


def undo(task: Task, a, side: int):
    """Undo the maps of one side, as far as the pointwise information needs it."""
    from scipy.special import ndtri

    name = task.name
    if name.startswith("spiral"):
        last = (task.map_x, task.map_y)[side].maps[-1]
        a = last.inverse(a)
    if name.startswith("swissroll") and side == 0:
        a = (np.linalg.norm(a, axis=1, keepdims=True) * 21 / (1.5 * np.pi) - 1) / 2
    if name.startswith("asinh"):
        a = np.sinh(a)
    if name.startswith("half_cube"):
        a = np.sign(a) * np.abs(a) ** (2 / 3)
    if "bimodal" in name:
        a = ndtri((task.map_x, task.map_y)[side].cdf(a))
    if "normal_cdf" in name:
        a = ndtri(np.clip(a, 1e-9, 1 - 6e-8))
    if name.startswith("wiggly"):
        grid = np.linspace(-8, 8, 200_001)
        a = np.interp(a, (task.map_x, task.map_y)[side](grid), grid)
    if "dense" in name:
        a = (task.map_x, task.map_y)[side].inverse(a)
    return a


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    failed = 0
    print(f"{'law':48s} {'p':>8s} {'kNN p':>8s} {'z':>6s}")
    for name, task in BMI_V1.items():
        files = [np.load(folder / f"{name}__n10000__s{seed}.npz") for seed in SEEDS]
        x, y = (np.concatenate([f[side] for f in files]) for side in "xy")
        ours = task.draw(len(x), rng=10)
        theirs = statistics(x, y, np.random.default_rng(1))
        mine = statistics(ours.x, ours.y, np.random.default_rng(1))
        p = min(1.0, min(ks_2samp(a, b).pvalue for a, b in zip(theirs.T, mine.T, strict=True)) * theirs.shape[1])
        knn = neighbours_p(np.hstack([x, y]), np.hstack([ours.x, ours.y])) if task.dim_x <= 5 else 1.0
        pointwise = task.law.pointwise(undo(task, x, 0), undo(task, y, 1))
        z = (pointwise.mean() - task.information) / (task.spread / len(x) ** 0.5)
        bad = min(p, knn) < LEVEL / len(BMI_V1) or abs(z) > 4
        failed += bad
        print(f"{name:48s} {p:8.4f} {knn:8.4f} {z:6.2f} {'FAILED' if bad else ''}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
