"""Numbers that every vocabulary of tokens reserves."""

from typing import Final

__all__ = ["BOS", "EOS", "PAD", "UNK"]

PAD: Final = 0
"""What follows the end; it has no likelihood and nothing looks at it."""
UNK: Final = 1
"""Unknown."""
BOS: Final = 2
"""What a decoder reads before its first token."""
EOS: Final = 3
"""The end, which is a token like others."""
