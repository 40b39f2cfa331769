r"""
From a thermometer reading to R(G)
==================================

A thermometer shows 21 °C. What does that say? Shannon's theory asks how often it shows what when it is how warm; Lu's
asks in addition what "21" *means*: of which temperatures it is true, and to what degree. Ten minutes, seven steps.
"""

import matplotlib.pyplot as plt
import numpy as np

import gtheory
from gtheory import truth

# %%
# 1. What a reading means
# -----------------------
# "About 21" is true of 21 °C, nearly true of 22 °C, hardly of 25 °C: a **truth function**, here a Gaussian of spread
# 1 °C. It is no density: its largest value is 1 and its sum is of no interest.
x = np.arange(0, 40.05, 0.1)
about_21 = truth.Gaussian(21, 1.0)
figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
axes.plot(x, about_21(x))
axes.set(xlabel="temperature (°C)", ylabel="degree of truth", title='"about 21"')

# %%
# 2. How often it would be true
# -----------------------------
# Before anyone looks, it is 18 °C give or take 5. The mean of the truth function under this prior is the reading's
# **logical probability**: the chance that "about 21" is true of a random moment. The smaller it is, the more the
# reading says if true.
px = np.exp(-0.5 * ((x - 18) / 5) ** 2)
px /= px.sum()
matrix = truth.truth_matrix([about_21], x)
share = gtheory.logical_probability(px, matrix)
print(f"logical probability {share[0]:.3f}; information if wholly true {-np.log2(share[0]):.2f} bits")

# %%
# 3. What it says about each temperature
# --------------------------------------
# The information of the reading about a temperature is :math:`\log_2 T(\theta|x) / T(\theta)`. It is largest where
# the reading is right, falls with the square of the error, and is negative where believing it does harm. A reading
# that is not wholly believed, a share of it being taken for noise, can do limited harm only.
doubted = truth.Disbelief(about_21, 0.05)
figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
for name, reading in (("believed", about_21), ("with disbelief 0.05", doubted)):
    column = truth.truth_matrix([reading], x, log=True)
    information = (column - np.log(gtheory.logical_probability(px, np.exp(column)))) / np.log(2)
    axes.plot(x, information[:, 0], label=name)
axes.axhline(0, color="grey", linewidth=1)
axes.set(xlabel="temperature (°C)", ylabel="information (bits)", ylim=(-12, 5))
axes.legend(frameon=False)

# %%
# 4. What to believe after reading it
# -----------------------------------
# **Semantic Bayes**: the prior times the truth function, normalised. With another prior, a cold store at 4 °C, the
# same meaning gives another belief; nothing has to be learned again.
figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
cold = np.exp(-0.5 * ((x - 4) / 5) ** 2)
cold /= cold.sum()
for name, prior in (("room", px), ("cold store", cold)):
    after = gtheory.semantic_bayes(prior, matrix)[:, 0]
    (line,) = axes.plot(x, prior, linestyle=":", label=f"{name}, before")
    axes.plot(x, after, color=line.get_color(), label=f"{name}, after")
axes.set(xlabel="temperature (°C)", ylabel="probability of 0.1 °C")
axes.legend(frameon=False)

# %%
# 5. What the instrument says on average: G beside R
# --------------------------------------------------
# The instrument shows whole degrees and is off by 1.5 °C, s.d. How the labels are *used* is a channel; what they
# *mean* is up to the reader. **R** is Shannon's information of the channel, and **G** is how much of it a reader gets
# who takes a reading to mean "give or take sigma": most where sigma is the true error, less if the instrument is
# trusted too much or too little, and a loss where it is trusted far too much.
shown = np.arange(-3.0, 44.0)
use = np.exp(-0.5 * ((x[:, None] - shown) / 1.5) ** 2)
use /= use.sum(1, keepdims=True)
sigmas = np.geomspace(0.4, 12, 40)
readers = [truth.truth_matrix([truth.Gaussian(c, sigma) for c in shown], x, log=True) for sigma in sigmas]
results = [gtheory.semantic_information(px, reader, use, log=True) for reader in readers]
best = int(np.argmax([r.G for r in results]))
figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
axes.semilogx(sigmas, [r.G for r in results], label="G, what the reader gets")
axes.axhline(results[0].R, color="grey", linewidth=1, label="R, what the channel carries")
axes.plot(sigmas[best], results[best].G, "o", color="black")
axes.set(xlabel="spread the reader allows for (°C)", ylabel="bits per reading", ylim=(-4, 3))
axes.legend(frameon=False)
print(f"best spread {sigmas[best]:.2f} °C: G = {results[best].G:.3f} of R = {results[best].R:.3f} bits")

# %%
# 6. Meanings can be learned from use
# -----------------------------------
# Nobody has to be told the error: the truth function that fits the use of a label best is :math:`P(y|x) / \max_x
# P(y|x)`, and then G = R.
learned = gtheory.optimal_truth(use)
info = gtheory.semantic_information(px, learned, use)
print(f"learned meanings: {info}")

# %%
# 7. Words instead of degrees: R(G)
# ---------------------------------
# "Cold", "mild" and "warm" say less than degrees and cost less to send. **R(G)** is the least rate at which labels
# with given meanings can carry G bits. It is a bowl: on its right branch labels inform, on its left they mislead. It
# touches R = G where labels are used as they are meant (s = 1); to squeeze more meaning out of the same words takes
# more rate per bit.
words = {
    "cold": truth.Logistic(14, -1.0),
    "mild": truth.Gaussian(18, 2.5),
    "warm": truth.Logistic(21, 1.0),
}
meaning = truth.truth_matrix(words.values(), x, log=True)
information = (meaning - gtheory.logical_probability(px, meaning, log=True)) / np.log(2)
slopes = np.geomspace(0.01, 20, 26)
curve = gtheory.rate_fidelity_curve(px, information, [*-slopes[::-1], *slopes])
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.plot(curve.G, curve.R, marker="o", markersize=3, label="R(G)")
axes.plot(curve.matching.G, curve.matching.R, "s", color="black", label="s = 1")
axes.axline((0, 0), slope=1, color="grey", linewidth=1, label="R = G")
axes.set(xlabel="G (bits)", ylabel="R (bits)", xlim=(-8, 2), ylim=(0, 1.7))
axes.legend(frameon=False)
gap = max(point.gap for point in curve.points)
print(f"s = 1: G = {curve.matching.G:.3f}, R = {curve.matching.R:.3f} bits; largest gap {gap:.1e}")
