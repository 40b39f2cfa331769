"""One string where several are asked for, which would be read as its characters."""

from infocore.errors import KindError

__all__ = ["refuse_string"]


def refuse_string(strings: object, caller: str, name: str = "smiles") -> None:
    """Refuse one string in place of a sequence of them."""
    if isinstance(strings, str | bytes):
        raise KindError(f"{caller}: `{name}` must be a sequence of strings; got one string. Write [{name}].")
