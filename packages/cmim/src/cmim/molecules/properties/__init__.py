"""Measured properties of molecules, and how well features predict them."""
