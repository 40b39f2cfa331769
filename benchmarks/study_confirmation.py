"""Coverage of nominal 90 % intervals of confirmation measures, over tables drawn from known laws.

``python benchmarks/study_confirmation.py`` writes results/confirmation_coverage.jsonl in about two minutes.
"""

import json
import math
import pathlib

import numpy as np

from gtheory import confirmation, confirmation_intervals

LAWS = {  # shares of (e1, h1), (e0, h1), (e1, h0), (e0, h0)
    "balanced": (0.35, 0.15, 0.15, 0.35),
    "screening": (0.04, 0.01, 0.10, 0.85),
    "rare counter-examples": (0.40, 0.20, 0.02, 0.38),
    "no relation": (0.12, 0.28, 0.18, 0.42),
}
MEASURES = ("b1", "c1", "F1", "D", "Z", "S", "L")


def main() -> None:
    """Draw, cover, write."""
    out = pathlib.Path(__file__).parent / "results" / "confirmation_coverage.jsonl"
    lines = []
    for law, shares in LAWS.items():
        truth = confirmation(*shares).measures()
        for n in (50, 200, 1000):
            rng = np.random.default_rng(0)
            tables = rng.multinomial(n, shares, size=2000)
            for method in ("bootstrap", "exact"):
                hits = dict.fromkeys(MEASURES, 0)
                given, widths = dict(hits), dict.fromkeys(MEASURES, 0.0)
                for seed, table in enumerate(tables):
                    got = confirmation_intervals(*table.tolist(), method=method, n_resamples=1000, rng=seed)
                    for name in MEASURES:
                        low, high = got.low[name], got.high[name]
                        if math.isnan(low):
                            continue
                        given[name] += 1
                        hits[name] += low <= truth[name] <= high
                        widths[name] += high - low
                for name in MEASURES:
                    if given[name]:
                        line = {
                            "law": law, "n": n, "method": method, "measure": name, "tables": len(tables),
                            "with_interval": given[name], "coverage": hits[name] / given[name],
                            "mean_width": widths[name] / given[name],
                        }  # fmt: skip
                        lines.append(json.dumps(line))
                        print(lines[-1])
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
