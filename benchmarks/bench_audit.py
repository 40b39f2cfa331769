"""Seconds of a whole audit of Adult: boosted trees, every game, attack, certificate and the curve.

    INFOLEARN_DATA=... python benchmarks/bench_audit.py --append     # about 2 minutes on two idle cores

The 16,281 records of adult.test train, the 32,561 of adult.data are fresh; sex (2 values) and marital status (7) are
guessed. Wall seconds mean something on an idle machine only; CPU seconds are of all threads.
"""

import argparse
import json
import os
import pathlib
import time
from typing import Any

from result_files import RESULTS
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from infocore.report import versions
from mid.auditing import audit
from mid.data import load_adult

ADULT = pathlib.Path(os.environ.get("INFOLEARN_DATA", pathlib.Path.home() / ".cache" / "infolearn")) / "adult"


def timed(column: str, records: int | None) -> dict[str, Any]:
    """Fit, audit, and return what it took."""
    train, known = (part[:records] for part in load_adult(ADULT / "adult.test"))
    fresh, income = (part[:records] for part in load_adult(ADULT / "adult.data"))
    text = [c for c in train if train[c].dtype.kind not in "if"]
    coder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(
        make_column_transformer((coder, text), remainder="passthrough"), HistGradientBoostingClassifier(random_state=0)
    ).fit(train, known)
    wall, cpu = time.perf_counter(), time.process_time()
    report = audit(model, fresh, income, sensitive=column, X_train=train, y_train=known)
    return {
        "sensitive": column,
        "fresh": len(fresh),
        "train": len(train),
        "attacks": sum(len(game.attacks) for game in report.games),
        "models": len(report.curve),
        "wall_s": round(time.perf_counter() - wall, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "versions": versions(),
    }


def main() -> None:
    """Audit both columns and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, help="of each part; all of them if left out")
    parser.add_argument("--append", action="store_true", help="append to benchmarks/results/audit_cost.jsonl")
    options = parser.parse_args()
    for column in ("sex", "marital_status"):
        line = timed(column, options.records)
        print(json.dumps(line), flush=True)
        if options.append:
            with (RESULTS / "audit_cost.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
