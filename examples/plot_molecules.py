"""
Molecules as codes, and back
============================

The package comes with a small model that has read molecules of MOSES: it turns a SMILES into a code of 256 numbers and
writes a SMILES at a code. Which molecules are neighbours there, what is written around one of them, and how often that
is a molecule. Needs ``cmim[mol]``.
"""

import pathlib
import tempfile

import matplotlib.pyplot as plt
import numpy as np

from cmim.molecules import canonical, grid, morgan_counts, named_score, neighbourhood_metrics, pretrained

model = pretrained()

# %%
# 1. Codes
# --------
# Thirty molecules of six kinds. Every string keeps its row: what cannot be read has a reason, and what is unlike the
# training molecules a note.
KINDS = {
    "anilides": ["CC(=O)Nc1ccc(O)cc1", "CC(=O)Nc1ccccc1", "CCC(=O)Nc1ccccc1", "CC(=O)Nc1ccc(C)cc1",
                 "CC(=O)Nc1ccc(F)cc1"],
    "benzoates": ["COC(=O)c1ccccc1", "CCOC(=O)c1ccccc1", "COC(=O)c1ccc(N)cc1", "CCOC(=O)c1ccc(N)cc1",
                  "COC(=O)c1ccc(O)cc1"],
    "sulfonamides": ["NS(=O)(=O)c1ccccc1", "Cc1ccc(S(N)(=O)=O)cc1", "Nc1ccc(S(N)(=O)=O)cc1", "CNS(=O)(=O)c1ccccc1",
                     "CN(C)S(=O)(=O)c1ccccc1"],
    "xanthines": ["Cn1c(=O)c2[nH]cnc2n(C)c1=O", "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "CCn1c(=O)c2c(ncn2C)n(C)c1=O",
                  "Cn1c(=O)c2c(nc(C)n2C)n(C)c1=O", "Cn1cnc2c1c(=O)[nH]c(=O)n2C"],
    "piperazines": ["c1ccc(N2CCNCC2)cc1", "CN1CCN(c2ccccc2)CC1", "CC(=O)N1CCN(c2ccccc2)CC1", "Clc1ccc(N2CCNCC2)cc1",
                    "COc1ccc(N2CCNCC2)cc1"],
    "indoles": ["c1ccc2[nH]ccc2c1", "Cc1c[nH]c2ccccc12", "NCCc1c[nH]c2ccccc12", "COc1ccc2[nH]cc(CCN)c2c1",
                "CC(=O)NCCc1c[nH]c2ccccc12"],
}  # fmt: skip
smiles = [text for texts in KINDS.values() for text in texts]
kind = np.repeat(list(KINDS), [len(texts) for texts in KINDS.values()])
found = model.embed([*smiles, "C1CC"])
print(found.values.shape, "not read:", [reason for reason in found.reasons if reason])
codes = found.values[:-1]

# %%
# 2. What the codes keep
# ----------------------
# The code is meant to hold the whole molecule. Nearly all of MOSES's own test molecules, of which the model has seen
# none, come back exactly; other molecules, often smaller or odder, less often. The guide has both numbers.
same = [canonical(a) == canonical(b) for a, b in zip(model.decode(codes), smiles, strict=True)]
print(f"exactly back: {sum(same)} of {len(same)}")


# %%
# 3. Neighbours
# -------------
# The share of molecules whose nearest neighbour is of the same kind: by the code, by the **informative** embedding,
# what the decoder holds while it writes the molecule, and by what both must be measured against, counts of
# substructures (Morgan). Compare all three whenever an embedding is put to use: in the guide's tables of properties
# RDKit's descriptors are ahead, and a network that was never trained comes close to the trained ones.
def nearest(values: np.ndarray) -> np.ndarray:
    """Return each row's nearest other row, by the cosine."""
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -1.0)
    return cosines.argmax(1)


tables = {
    "code": codes - codes.mean(0),
    "informative": (h := model.embed(smiles, "informative").values) - h.mean(0),
    "Morgan counts": morgan_counts(smiles),
}
for name, values in tables.items():
    print(f"{name}: {np.mean(kind[nearest(values)] == kind):.2f}")

# %%
# Three molecules, each followed by its nearest in each of the three tables.
folder = pathlib.Path(tempfile.mkdtemp())
chosen = [0, 18, 29]
cells = [
    cell
    for i in chosen
    for cell in [(smiles[i], kind[i]), *((smiles[nearest(values)[i]], name) for name, values in tables.items())]
]
picture = grid(*zip(*cells, strict=True), path=folder / "nearest.png", columns=4)
plt.figure(figsize=(9, 6), layout="constrained")
plt.imshow(plt.imread(picture))
plt.axis("off")

# %%
# 4. Around a molecule
# --------------------
# Noise on the code of one molecule, and what is written there: the first twelve at a standard deviation of 0.6 in each
# dimension, with the Tanimoto similarity to the seed. Not every string is a molecule.
seed = "CC(=O)N1CCN(c2ccccc2)CC1"
(near,) = model.perturb([seed], radius=0.6, n=40)
alike = named_score("similarity", seed)
legends = [f"{np.asarray(alike([text]))[0]:.2f}" if canonical(text) else "" for text in near[:12]]
picture = grid(near[:12], legends, path=folder / "near.png", columns=4)
plt.figure(figsize=(9, 6), layout="constrained")
plt.imshow(plt.imread(picture))
plt.axis("off")

# %%
# 5. How far is far
# -----------------
# The same around one molecule of each kind. Close to the code the same molecule is written again; further away come
# other ones, and then strings that are none. The intervals are over the six molecules, so they are wide.
radii = [0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.3]
seeds = smiles[4::5]
measures = [neighbourhood_metrics(seeds, model.perturb(seeds, radius=r, n=10)) for r in radii]
figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
for name, label in (("validity", "is a molecule"), ("non_identicality", "of these, another one than the seed")):
    shares = [getattr(m, name) for m in measures]
    low, high = ([s.value - s.low for s in shares], [s.high - s.value for s in shares])
    axes.errorbar(radii, [s.value for s in shares], (low, high), marker="o", capsize=3, label=label)
axes.set(xlabel="standard deviation of the noise", ylabel="share, with 95 % intervals", ylim=(-0.03, 1.03))
axes.legend(frameon=False)

# %%
# 6. From nowhere
# ---------------
# Codes drawn from the prior, without a seed. Of 5,000 such strings 88.9 % are molecules; where of four beams a code the
# likeliest is taken that RDKit reads, 99.1 % of 1,500.
for method, more in (("greedy", {}), ("beam", {"beams": 4, "valid": True})):
    written = model.sample(40, method=method, **more)
    print(f"{method}: {sum(canonical(text) is not None for text in written)} of 40 are molecules")
plt.show()
