"""One run through all four packages on real data: `python -m demo --help`."""
