"""Assert that each distribution named was installed from this tree, and not from an index."""

import importlib.metadata
import json
import pathlib
import sys
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent


def source(name: str) -> str:
    """Return where an installed distribution came from: a URL, or "an index"."""
    text = importlib.metadata.distribution(name).read_text("direct_url.json")
    return json.loads(text)["url"] if text else "an index"


def from_tree(name: str) -> bool:
    """Say whether a distribution was installed from a folder of this tree."""
    url = urllib.parse.urlsplit(source(name))
    return url.scheme == "file" and pathlib.Path(urllib.parse.unquote(url.path)).resolve().is_relative_to(ROOT)


if __name__ == "__main__":
    strangers = [f"{name} came from {source(name)}" for name in sys.argv[1:] if not from_tree(name)]
    if strangers:
        sys.exit(f"Not from {ROOT}: " + "; ".join(strangers))
