"""The tokens of each notation, written out. A model's tables are by their places: a list that is here never changes."""

import re

__all__ = ["ALPHABETS", "RESERVED"]

RESERVED = ("<pad>", "<unk>", "<bos>", "<eos>")
_PLAIN = (
    *"BCNOPSFI", "Cl", "Br", *"bcnops", "*", *"0123456789", *"()=#-/\\.:~$%",
)  # fmt: skip
_BRACKETS = (  # whole atoms that are met often; others are cut into the pieces below
    "[nH]", "[N+]", "[O-]", "[C@H]", "[C@@H]", "[C@]", "[C@@]", "[n+]", "[N-]", "[S+]", "[S-]", "[NH+]", "[NH2+]",
    "[NH3+]", "[NH-]", "[nH+]", "[n-]", "[O+]", "[OH+]", "[o+]", "[s+]", "[C-]", "[CH-]", "[CH2-]", "[c-]", "[P+]",
    "[P@]", "[P@@]", "[PH]", "[S@]", "[S@@]", "[S@+]", "[S@@+]", "[Si]", "[Se]", "[se]", "[SeH]", "[B-]", "[H]", "[2H]",
    "[3H]", "[13C]", "[Na+]", "[K+]", "[Li+]", "[Cl-]", "[Br-]", "[I-]", "[F-]", "[H+]", "[Ca+2]", "[Mg+2]", "[Zn+2]",
)  # fmt: skip
_ELEMENTS = re.findall(
    r"\S+",
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb "
    "Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au "
    "Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts "
    "Og b c n o p s se as te si",
)
_PIECES = ("[", "]", "@@", "@", "+", *_ELEMENTS)

_SELFIES = (
    "[Branch1]", "[Branch2]", "[Branch3]", "[=Branch1]", "[=Branch2]", "[=Branch3]", "[#Branch1]", "[#Branch2]",
    "[#Branch3]", "[Ring1]", "[Ring2]", "[Ring3]", "[=Ring1]", "[=Ring2]", "[=Ring3]", ".",
    "[C]", "[=C]", "[#C]", "[N]", "[=N]", "[#N]", "[O]", "[=O]", "[S]", "[=S]", "[#S]", "[P]", "[=P]", "[#P]", "[B]",
    "[=B]", "[#B]", "[F]", "[Cl]", "[Br]", "[I]", "[H]", "[Si]", "[=Si]", "[Se]", "[=Se]",
    "[NH1]", "[N+1]", "[=N+1]", "[#N+1]", "[NH1+1]", "[=NH1+1]", "[NH2+1]", "[=NH2+1]", "[NH3+1]", "[N-1]", "[=N-1]",
    "[NH1-1]", "[O-1]", "[O+1]", "[=O+1]", "[#O+1]", "[OH1+1]", "[=OH1+1]", "[S+1]", "[=S+1]", "[#S+1]", "[SH1+1]",
    "[S-1]", "[SH1]", "[=SH1]", "[C-1]", "[=C-1]", "[#C-1]", "[CH1-1]", "[CH2-1]", "[C+1]", "[=C+1]", "[#C+1]",
    "[P+1]", "[=P+1]", "[#P+1]", "[P-1]", "[=P-1]", "[#P-1]", "[PH1]", "[=PH1]", "[B-1]", "[=B-1]", "[#B-1]", "[B+1]",
    "[=B+1]", "[BH1-1]", "[SiH1]", "[SiH2]", "[SeH1]", "[Se+1]",
    "[C@H1]", "[C@@H1]", "[C@]", "[C@@]", "[S@]", "[S@@]", "[S@+1]", "[S@@+1]", "[P@]", "[P@@]", "[N@+1]", "[N@@+1]",
    "[/C]", "[\\C]", "[/N]", "[\\N]", "[/O]", "[\\O]", "[/S]", "[\\S]", "[/F]", "[\\F]", "[/Cl]", "[\\Cl]", "[/Br]",
    "[\\Br]", "[/I]", "[\\I]", "[/C@H1]", "[\\C@H1]", "[/C@@H1]", "[\\C@@H1]", "[/C@]", "[\\C@]", "[/C@@]", "[\\C@@]",
    "[/NH1]", "[\\NH1]", "[/N+1]", "[\\N+1]", "[/O-1]", "[\\O-1]", "[/S-1]", "[\\S-1]", "[/P]", "[\\P]",
    "[-/Ring1]", "[-\\Ring1]", "[\\-Ring1]", "[/-Ring1]", "[\\/Ring1]", "[//Ring1]", "[\\\\Ring1]", "[/\\Ring1]",
    "[-/Ring2]", "[-\\Ring2]", "[\\-Ring2]", "[/-Ring2]", "[\\/Ring2]", "[//Ring2]", "[\\\\Ring2]", "[/\\Ring2]",
    "[2H]", "[3H]", "[13C]", "[13CH1]", "[13CH2]", "[13CH3]", "[H+1]", "[Li+1]", "[Na+1]", "[K+1]", "[Mg+2]", "[Ca+2]",
    "[Zn+2]", "[F-1]", "[Cl-1]", "[Br-1]", "[I-1]", "[As]", "[=As]", "[Te]", "[Ge]", "[Sn]", "[Hg]", "[Pt]", "[Fe]",
    "[CH0]", "[=CH0]", "[#CH0]", "[CH1]", "[=CH1]", "[CH2]", "[=CH2]", "[CH3]", "[NH0]", "[=NH0]", "[NH2]", "[OH0]",
    "[=OH0]", "[OH1]", "[SH0]", "[=SH0]", "[ClH0]",
)  # fmt: skip

ALPHABETS: dict[str, tuple[str, ...]] = {
    "smiles-1": tuple(dict.fromkeys((*RESERVED, *_PLAIN, *_BRACKETS, *_PIECES))),
    "selfies-1": (*RESERVED, *_SELFIES),
}
