"""Maximum information efficiency beside minimum free energy, and most information, on the same control problems.

`python benchmarks/study_control.py` writes results/control.jsonl in about a minute.

Only normal laws of outcomes can be brought about, so that no principle reaches what the goal predicts. Free energy is
R - G, up to the entropy of P(x). Each line tells a problem, the principle, and the control it chooses: mean, s.d., G
and R in bits, G / R and R - G.
"""

import json
import pathlib

import numpy as np
from scipy.stats import norm

from gtheory.control import best_gaussian
from gtheory.truth import Gaussian, Interval, Logistic

GRID = np.linspace(0.0, 100.0, 401)
GOALS = {
    "at least 60": Logistic(60, 0.8),
    "at least 60, vaguely": Logistic(60, 0.15),
    "at least 75": Logistic(75, 0.8),
    "about 65": Gaussian(65, 5),
    "about 65, vaguely": Gaussian(65, 15),
    "from 60 to 70": Interval(60, 70, 0.8),
    "from 40 to 80": Interval(40, 80, 0.8),
}


def main() -> None:
    """Solve, print and write."""
    px = norm.pdf(GRID, 50, 10)
    px /= px.sum()
    lines = []
    for goal, truth in GOALS.items():
        for sd in (None, 2.0, 4.0, 8.0):
            for criterion in ("efficiency", "free_energy", "information"):
                point = best_gaussian(px, GRID, truth.log(GRID), criterion=criterion, sd=sd, log=True)
                law = point.px[:, 0]
                mean = float(GRID @ law)
                line = {
                    "goal": goal, "sd_given": sd, "criterion": criterion, "mean": round(mean, 3),
                    "sd": round(float(np.sqrt((GRID - mean) ** 2 @ law)), 3), "G": round(point.G, 5),
                    "R": round(point.R, 5), "efficiency": round(point.efficiency, 5),
                    "loss": round(point.R - point.G, 5),
                }  # fmt: skip
                lines.append(json.dumps(line))
                print(lines[-1])
    (pathlib.Path(__file__).parent / "results" / "control.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
