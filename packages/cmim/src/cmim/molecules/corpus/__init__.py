"""Corpora of SMILES that are read a block at a time, and batches of their tokens."""
