"""
What a dose gives away
======================

A model predicts the dose of a drug from a patient's record, genotype included. Who sees the released dose and the rest
of the record can work the genotype out; noise in the release hides it, at a price. The patients are simulated, so the
best guess without the dose is known: it is the dotted line.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LinearRegression

from mid import MIDLinearRegression
from mid.attacks.attribute import AttributeGame, MatchRelease, Records, SensitiveAttribute
from mid.auditing.caps import release_cap
from mid.data import WarfarinLaw
from mid.data.warfarin import design

law, genes = WarfarinLaw(), ["vkorc1_A/A", "vkorc1_A/G"]
table, dose = law.sample(6000, rng=0)
X = design(table)
attribute = SensitiveAttribute.of(X, genes)
known, attacked = Records(X[2000:4000], dose[2000:4000]), Records(X[4000:], dose[4000:])
floor = np.exp(law.log_prior(table[4000:])).max(1).mean()

# %%
# The released dose of least squares tells the genotype for certain.
plain = LinearRegression().fit(X[:2000], dose[:2000])
game = AttributeGame(plain, attribute, known, attacked, knows="release")
print(game.run(MatchRelease("imputation")))

# %%
# MID pays for every nat. The attack has the answer without noise to compare with, and one released answer, or 100 about
# the same patient; the cap is certified for every attack on one answer.
price = 2 * np.var(plain.predict(X[:2000]))
shares = np.array([0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9])
errors, once, often, caps = [], [], [], []
for share in shares:
    model = MIDLinearRegression(share * price).fit(X[:2000], dose[:2000])
    errors.append(np.mean((dose[4000:] - model.predict(X[4000:])) ** 2) / np.var(dose[4000:]))
    for queries, found in ((1, once), (100, often)):
        game = AttributeGame(model, attribute, known, attacked, knows="release", released_queries=queries)
        found.append(game.run(MatchRelease("imputation", access="mean")).accuracy)
    cap = release_cap(model, attribute, game.view.hidden, list(X.columns), queries=1, confidence=0.95)
    caps.append(floor + cap.advantage)

figure, axes = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
axes.plot(errors, np.minimum(caps, 1.0), "--", color="0.5", label="certified cap, one answer")
axes.plot(errors, often, "s-", label="attack, 100 answers")
axes.plot(errors, once, "o-", label="attack, one answer")
axes.axhline(floor, color="0.4", linestyle=":", label="best guess without the dose")
axes.set(xlabel="squared error, in units of the dose's variance", ylabel="share of genotypes guessed right")
axes.legend(frameon=False)
