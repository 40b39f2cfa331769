"""A positive is compared with the log-mean-exp around it in one place: `infocore.bounds` (and its tiled twin).

The test walks the tree for functions that take a diagonal (or index positives with a range) and a log-sum-exp, or use a
cross-entropy on range labels, and is shown to find planted copies of the usual spellings.
"""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOWED = {"infocore/bounds/_scores.py", "infocore/bounds/_objectives.py", "infocore/torch/streamed.py"}

DIAGONAL = {
    "diagonal",
    "diag",
    "fill_diagonal",
    "fill_diagonal_",
    "eye",
    "trace",
    "masked_fill",
    "diag_indices",
}
PARTITION = {"logsumexp", "log_softmax", "log_mean_exp", "logmeanexp", "LogSoftmax"}
CLASSIFICATION = {"cross_entropy", "CrossEntropyLoss", "nll_loss", "NLLLoss"}
RANGE = {"arange", "range"}


def names(node: ast.AST) -> set[str]:
    """Return every name and attribute used below a node."""
    found = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return found | {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}


def by_hand(node: ast.AST) -> bool:
    """Say whether log(sum(exp(...))) or log(mean(exp(...))) is spelled out below a node."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and names(call.func) & {"log"}:
            inside = set[str]().union(*(names(argument) for argument in call.args)) if call.args else names(call.func)
            if "exp" in inside and inside & {"sum", "mean"}:
                return True
    return False


def copies(source: str) -> list[str]:
    """Return the functions in `source` that compare a positive with the log-sum-exp of its others."""
    found: list[str] = []
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        used = names(function)
        partition = bool(used & PARTITION) or by_hand(function)
        if (partition and used & DIAGONAL) or (used & CLASSIFICATION and used & RANGE):
            found.append(function.name)
    return found


def tree() -> dict[str, str]:
    """Return the sources of the packages, the demo, the examples and the benchmarks by their short path."""
    sources = {
        str(p.relative_to(ROOT / p.relative_to(ROOT).parts[0])): p
        for d in ("demo", "examples")
        for p in ROOT.glob(f"{d}/**/*.py")
    }
    for package in ROOT.glob("packages/*/src"):
        sources |= {str(p.relative_to(package)): p for p in package.glob("**/*.py")}
    return {name: path.read_text() for name, path in sources.items()}


def test_there_is_one_place() -> None:
    sources = tree()
    assert set(sources) >= ALLOWED
    found = {name: copies(text) for name, text in sources.items() if name not in ALLOWED}
    assert {name: functions for name, functions in found.items() if functions} == {}


def test_the_walk_finds_the_original() -> None:
    assert "pointwise" in copies((ROOT / "packages/infocore/src/infocore/bounds/_scores.py").read_text())


@pytest.mark.parametrize(
    "body",
    [
        "return (scores.diagonal() - torch.logsumexp(scores, 1)).mean() + math.log(len(scores))",
        "return np.mean(np.diag(scores) - scipy.special.logsumexp(scores, axis=1))",
        "return torch.nn.functional.cross_entropy(scores, torch.arange(len(scores)))",
        "return -torch.log_softmax(scores, 1)[torch.eye(len(scores), dtype=bool)].mean()",
        "return np.mean(np.diagonal(scores)) - np.log(np.mean(np.exp(scores)))",
        "return (scores.diagonal() - scores.exp().mean(1).log()).mean()",
        "s = scores.masked_fill(mask, -math.inf)\n    return softplus(s.logsumexp(1) - 1 / tau)",
    ],
)
def test_a_planted_copy_is_found(body: str) -> None:
    assert copies(f"def planted(scores):\n    {body}\n") == ["planted"]
