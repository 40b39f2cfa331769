"""``python -m mid.cli``."""

from mid.cli._app import main

main()
