r"""
Trials on a cluster
===================

`infocore.trials.run_trials` draws samples of laws whose information is known and says how far an estimator is from the
truth. Its work goes through joblib, so that a Dask cluster does it without a change: here a cluster of two threads in
this process, elsewhere that of an address, ``Client("tcp://scheduler:8786")``, whose workers have infocore installed.
"""

import dataclasses

import joblib
import matplotlib.pyplot as plt
from distributed import Client, LocalCluster

from infocore.estimators import KSG, GaussianCopulaMI
from infocore.tasks import task
from infocore.trials import run_trials, summarise

NAMES = "1v1-normal-0.75", "wiggly-1v1-normal-0.75", "1v1-additive-0.1", "student-identity-1-1-1", "curve-sine"
LAWS = [task(name) for name in NAMES]
ESTIMATORS = {"KSG": KSG(), "Gaussian copula": GaussianCopulaMI()}

# %%
# Inside ``parallel_config`` every estimate is a task of the cluster, and each comes back as soon as it is there. With
# ``out=`` it would also be written to a file at once, and a run that was stopped would go on where it was.
with (
    LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
    Client(cluster),
    joblib.parallel_config("dask"),
):
    trials = {name: run_trials(e, LAWS, n=1000, seeds=range(8), name=name) for name, e in ESTIMATORS.items()}

# %%
# Seeds belong to the samples and not to the workers, so the numbers are those of a run without a cluster, to the last
# bit.
here = run_trials(KSG(), LAWS, n=1000, seeds=range(8), name="KSG")


def without_seconds(found):
    """Return the trials without the one thing that depends on where they ran."""
    return [dataclasses.replace(t, seconds=0.0) for t in found]


print("the same without a cluster:", without_seconds(here) == without_seconds(trials["KSG"]))

# %%
# Errors in units of the floor, the expected error of an efficient estimator. The copula is at the floor where the law
# is one of its own, however its columns are bent, and nowhere else.
figure, axes = plt.subplots(figsize=(7, 4.2))
for shift, (name, found) in zip((-0.12, 0.12), trials.items(), strict=True):
    places = [NAMES.index(t.task) + shift for t in found]
    axes.scatter(places, [abs(t.value - t.truth) / t.floor for t in found], s=14, label=name)
axes.axhline(1, color="black", linewidth=1, label="floor")
axes.set_xticks(range(len(NAMES)), NAMES, rotation=20, ha="right")
axes.set(yscale="log", ylabel="absolute error / floor", title="Eight samples of 1000 pairs of each law")
axes.legend(frameon=False)
figure.tight_layout()

for name, found in trials.items():
    s = summarise(found)
    print(f"{name}: mean error {s.mean_absolute_error:.3f} nats, {s.floor_ratio:.1f} floors, coverage {s.coverage:.2f}")
