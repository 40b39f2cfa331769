"""Molecules as SMILES: read, embed, sample and optimise them. Needs the extra ``cmim[mol]``."""
