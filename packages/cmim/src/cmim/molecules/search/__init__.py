"""Searching codes for molecules with a better score."""
