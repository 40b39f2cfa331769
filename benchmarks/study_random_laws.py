"""Laws that are in no list: drawn by a seed, and bent on each side by a random flow that changes no information.

    python benchmarks/study_random_laws.py            # a minute or two
    python benchmarks/study_random_laws.py --first 1000 --laws 20 --out /tmp/others.jsonl

Said before any result: law i is drawn from ``default_rng(i)``; kinds and numbers of columns take turns: mixtures of two
to six Gaussians, normal and Student laws, and independent columns, in 1 + 1 to 5 + 5 columns. Two samples of each at
n = 300, 1000 and 3000. Estimators: `auto` with ``fast=True``, k nearest neighbours with their defaults, and the
Gaussian copula. Information is in closed form, of mixtures the mean of 400,000 exact pointwise values (standard error
below 0.01 nats). Appends to benchmarks/results/random_laws.jsonl and skips what is there.
"""

import argparse
import math
import pathlib

import numpy as np

from infocore.estimators import KSG, AutoMI, GaussianCopulaMI
from infocore.tasks import Task
from infocore.tasks._elliptical import Gaussian, Student
from infocore.tasks._flows import Flow
from infocore.tasks._maps import Chain, Wiggle, half_cube
from infocore.tasks._mixtures import Mixture
from infocore.trials import run_trials, summarise

OUT = pathlib.Path(__file__).parent / "results" / "random_laws.jsonl"
SIDES = ((1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (5, 5))
KINDS = ("mixture", "normal", "Student", "independent")
ESTIMATORS = {"auto-fast": AutoMI(fast=True, workers=1), "ksg": KSG(), "gaussian-copula": GaussianCopulaMI()}
SIZES, SEEDS, LAWS = (300, 1000, 3000), (0, 1), 72
DRAWS = 400_000


def mixture(dx: int, dy: int, rng: np.random.Generator) -> Mixture:
    """Return Gaussians of random weights, centres and correlations."""
    parts, d = int(rng.integers(2, 7)), dx + dy
    factors = np.eye(d) + rng.uniform(0.3, 0.8) * rng.standard_normal((parts, d, d))
    covariances = factors @ factors.transpose(0, 2, 1)
    scale = np.sqrt(np.einsum("kdd->kd", covariances)) / rng.uniform(0.5, 1.0)
    covariances = covariances / (scale[:, :, None] * scale[:, None, :])
    means = rng.uniform(1.0, 2.0) * rng.standard_normal((parts, d))
    return Mixture(dx, rng.dirichlet(np.full(parts, 4.0)), means, covariances)


def bent(d: int, rng: np.random.Generator) -> Chain:
    """Return a random injective map of d columns, with or without heavy tails at its end."""
    wave = Wiggle(((rng.uniform(0.1, 0.4), 2.0, rng.uniform(0.0, 6.0)),))  # increases: 0.4 * 2 < 1
    first = wave if d == 1 else Flow(d, int(rng.integers(2**31)), depth=int(rng.integers(1, 4)))
    return Chain((first, half_cube) if rng.random() < 1 / 3 else (first,))


def law(number: int) -> Task:
    """Draw a law."""
    rng = np.random.default_rng(number)
    kind, (dx, dy) = KINDS[number % len(KINDS)], SIDES[number // len(KINDS) % len(SIDES)]
    if kind == "Student":
        dx = dy = min(dx, dy)
    name, maps = f"{kind}-{dx}-{dy}-{number}", (bent(dx, rng), bent(dy, rng))
    if kind == "mixture":
        base = mixture(dx, dy, rng)
        said = base(DRAWS, rng)[2]
        information, spread = float(said.mean()), float(said.std())
        return Task(name, kind, dx, dy, information, spread, f"mean of {DRAWS} draws", base, *maps)
    if kind == "Student":
        known = Student(dx, int(rng.integers(1, 6)))
    else:
        pairs = min(dx, dy) if kind == "normal" else 0
        known = Gaussian(dx, dy, tuple(rng.uniform(0.3, 0.95, pairs).tolist()))
    return Task(name, kind, dx, dy, known.information, known.spread, "closed form", known, *maps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0, help="seed of the first law")
    parser.add_argument("--laws", type=int, default=LAWS)
    parser.add_argument("--n", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    args = parser.parse_args()
    laws = [law(number) for number in range(args.first, args.first + args.laws)]
    worst = max(task.spread / math.sqrt(DRAWS) for task in laws if task.family == "mixture")
    print(f"information of mixtures is known to {worst:.4f} nats")
    for n in args.n:
        for name, estimator in ESTIMATORS.items():
            trials = run_trials(estimator, laws, n=n, seeds=SEEDS, name=name, out=args.out)
            s = summarise(trials)
            print(f"n = {n:5d} {name:16} mean error {s.mean_absolute_error:.3f}, coverage {s.coverage:.2f}")


if __name__ == "__main__":
    main()
