r"""
How much rate does meaning cost?
================================

An age is reported as "child", "young", "adult" or "old". The words have truth functions, the degree to which each fits
each age; R(G) is the least rate, in bits, at which G bits of semantic information can be conveyed. The slope s = dR/dG
is the price of the last bit of meaning: as s grows the rule for choosing words gets sharper.
"""

import matplotlib.pyplot as plt
import numpy as np

import gtheory
from gtheory import truth

ages = np.arange(100)
px = np.exp(-(((ages - 35) / 30) ** 2))
px /= px.sum()
words = {
    "child": truth.Logistic(14, -0.6),
    "young": truth.Gaussian(23, 6),
    "adult": truth.Logistic(18, 0.8),
    "old": truth.Logistic(62, 0.3),
}
matrix = truth.truth_matrix(words.values(), ages)
share = gtheory.logical_probability(px, matrix)

# %%
# The truth functions, and their logical probabilities: how often each word is true of a random age.
figure, axes = plt.subplots(figsize=(7, 3.2))
for j, word in enumerate(words):
    axes.plot(ages, matrix[:, j], label=f"{word}, T = {share[j]:.2f}")
axes.set(xlabel="age", ylabel="degree of truth")
axes.legend(frameon=False)
figure.tight_layout()

# %%
# R(G), with a certificate: each point carries the duality gap that was left. Rate is never below meaning; they would be
# equal at s = 1 if these words could be used in proportion to their truth, and overlapping words cannot.
curve = gtheory.rate_fidelity_curve(px, np.log2(matrix / share), np.geomspace(0.1, 30, 25))
figure, axes = plt.subplots(figsize=(7, 4.2))
axes.plot(curve.G, curve.R, marker="o", markersize=3, label="R(G)")
axes.plot(curve.matching.G, curve.matching.R, "s", color="black", label="s = 1")
axes.axline((0, 0), slope=1, color="grey", linewidth=1, label="R = G")
axes.set(xlabel="G (bits)", ylabel="R (bits)", ylim=(0, None))
axes.legend(frameon=False)
figure.tight_layout()
print(f"at s = 1: G = {curve.matching.G:.3f}, R = {curve.matching.R:.3f} bits")
print(f"largest duality gap {max(point.gap for point in curve.points):.1e} bits")

# %%
# The words that are used, at three prices of meaning.
figure, panels = plt.subplots(1, 3, figsize=(9, 3), sharey=True, layout="constrained")
for panel, s in zip(panels, (0.5, 1.0, 8.0), strict=True):
    point = gtheory.rate_fidelity(px, np.log2(matrix / share), s)
    panel.stackplot(ages, point.ch.T, labels=list(words))
    panel.set(title=f"s = {s:g}: G {point.G:.2f}, R {point.R:.2f}", xlabel="age")
panels[0].set_ylabel("P(word | age)")
figure.legend(*panels[0].get_legend_handles_labels(), frameon=False, loc="outside right")
