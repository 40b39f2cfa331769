r"""
One matrix, two questions
=========================

A score matrix compared along its rows and along its columns gives two different numbers. Here x and y are standard
normal with correlation 0.8, so :math:`I(X;Y) = -\tfrac12 \log(1 - 0.8^2) = 0.511` nats, and the critic
:math:`f(x, y) = -(x - 0.8 y)^2 / (2 \cdot 0.6^2)` is :math:`\log p(x|y)` up to a constant.
"""

import matplotlib.pyplot as plt
import numpy as np

from infocore import bounds

RHO, SIGMA = 0.8, 0.6
TRUE = -0.5 * np.log(1 - RHO**2)


def score_matrix(rng: np.random.Generator, batch: int) -> np.ndarray:
    """Return ``scores[i, k] = f(x_i, y_k)`` for one fresh batch."""
    y = rng.standard_normal(batch)
    x = RHO * y + np.sqrt(1 - RHO**2) * rng.standard_normal(batch)
    return -((x[:, None] - RHO * y) ** 2) / (2 * SIGMA**2)


# %%
# Rows compare y_i with other y for the same x; columns compare x_i with other x for the same y. Along a row the mean
# of ``p(x|y')`` over other y' is p(x), so the row form converges to the information itself; along a column the mean of
# ``p(x'|y)`` over other x' normalises nothing, and the column form converges to something smaller.
rng = np.random.default_rng(0)
batches = np.array([2, 4, 8, 16, 32, 64, 128, 256, 512])
repeats = np.maximum(8192 // batches, 40)
forms = {
    "infonce: over y, positive included": bounds.infonce,
    "semantic: over x, positive included": bounds.semantic,
    "over x, positive left out": lambda s: bounds.pointwise(s, over="x", positive="excluded").mean(),
}
means = {name: [] for name in forms}
for batch, repeat in zip(batches, repeats, strict=True):
    matrices = [score_matrix(rng, batch) for _ in range(repeat)]
    for name, form in forms.items():
        means[name].append(np.mean([form(s) for s in matrices]))

# %%
# The two bounds rise with the batch and stay below the true value; with the positive left out the mean is above the
# limit for small batches: no bound.
figure, axes = plt.subplots(figsize=(7, 4.2))
for name, values in means.items():
    axes.plot(batches, values, marker="o", label=name)
axes.axhline(TRUE, color="black", linewidth=1, label="I(X;Y)")
axes.set(xscale="log", xlabel="batch size", ylabel="nats", title="Row and column forms of one critic")
axes.legend(frameon=False)
figure.tight_layout()

# %%
# The same numbers, with the standard error that one batch of 512 carries.
scores = score_matrix(rng, 512)
for over in ("y", "x"):
    values = bounds.influence(scores, over=over)
    print(f"over {over}: {values.mean():.3f} +- {values.std(ddof=1) / np.sqrt(len(values)):.3f} nats (true {TRUE:.3f})")
