"""The `cmim` command: results on stdout, messages on stderr; exit 0 done, 1 failed, 2 misused."""

from cmim.cli._app import app, main
from cmim.cli._embed import embed
from cmim.cli._evaluate import evaluate
from cmim.cli._mol_optimise import optimise
from cmim.cli._pictures import interpolate, reconstruct, sample
from cmim.cli._train import train

__all__ = ["app", "embed", "evaluate", "interpolate", "main", "optimise", "reconstruct", "sample", "train"]
