"""Growing `MIDDecisionTreeClassifier` beside scikit-learn's `DecisionTreeClassifier`, 30 000 rows of 15 columns.

`OMP_NUM_THREADS=1 python benchmarks/bench_tree.py --repeats 5 --json >> benchmarks/results/tree.jsonl`

Ours cuts at 255 quantiles, theirs at every value; the training accuracies are compared before the clock starts. A
third row prices a binary attribute (eq. 29). The ratio is theirs over ours: below 1, theirs is faster.
"""

from compare import arguments, in_turn, report
from sklearn.datasets import make_classification
from sklearn.tree import DecisionTreeClassifier

from mid.defences.tree import MIDDecisionTreeClassifier, SensitivePenalty

ROWS, COLUMNS = 30_000, 15
CASES: dict[str, int | None] = {"depth 4": 4, "depth 8": 8, "unlimited depth": None}


def main() -> None:
    options = arguments(__doc__.splitlines()[0])
    x, y = make_classification(ROWS, COLUMNS, n_informative=8, n_classes=3, random_state=0)
    x[:, 0] = x[:, 0] > 0
    for title, depth in CASES.items():
        plain = MIDDecisionTreeClassifier(max_depth=depth)
        priced = MIDDecisionTreeClassifier(SensitivePenalty(0.5), sensitive_features=[0], max_depth=depth)
        theirs = DecisionTreeClassifier(criterion="entropy", max_depth=depth, random_state=0)
        ours, other = plain.fit(x, y).score(x, y), theirs.fit(x, y).score(x, y)
        assert abs(ours - other) < 0.01, f"training accuracies differ: {ours} and {other}"
        rows = in_turn(
            {
                "mid": lambda plain=plain: plain.fit(x, y),
                "scikit-learn": lambda theirs=theirs: theirs.fit(x, y),
                "mid, attribute priced": lambda priced=priced: priced.fit(x, y),
            },
            options.repeats,
        )
        report(f"{title}, {ROWS} rows x {COLUMNS} columns", rows, as_json=options.json)


if __name__ == "__main__":
    main()
