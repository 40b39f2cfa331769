"""Molecules, the settings of a tiny model, and what else the tests of commands on molecules share."""

import csv
import pathlib

ENDS = ("O", "N", "F", "Cl", "Br", "C#N", "C(=O)O", "c1ccccc1")
GOOD = [f"{'C' * k}{end}" for end in ENDS for k in range(1, 7)]  # as RDKit writes them, or not
TINY = """kind = "molecules"
encoder_depth = 1
decoder_depth = 1
heads = 2
ramp = 0
variance = "fixed"
logvar_floor = -9.0
checkpoint_every = 20
"""
SIZES = ("--width", 16, "--slots", 2, "--latent-dim", 8, "--max-tokens", 20, "--batch", 16, "--warmup", 20, "--quiet")


def table(path: pathlib.Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def begin(folder: pathlib.Path, rows: list[str], name: str = "smiles") -> tuple:
    (folder / "m.csv").write_text("\n".join([f"id,{name}", *(f"{i},{text}" for i, text in enumerate(rows))]) + "\n")
    (folder / "tiny.toml").write_text(TINY)
    return ("train", folder / "m.csv", "--config", folder / "tiny.toml", *SIZES)


BAD = {
    3: ("C1CC", "not SMILES"), 101: ("", "empty"), 202: ("CC ethane", "white space inside"),
    303: ("C" * 21, "too long"), 404: ("CN(C)(C)C", "valence"), 505: ("c1cccc1", "aromaticity"),
    606: ("[Og+9]C(", "not SMILES"), 707: ("hello", "not SMILES"), 808: ("C" * 2000, "too long"),
    999: ("()", "not SMILES"),
}  # fmt: skip
