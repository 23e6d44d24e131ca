"""Names that stand in for people where an operator looks: the same person always has the same one, and it leads to nobody.

The key is drawn once and kept in the database. The token would do for a key, but whoever finds a leaked one could then try
all ids and put names to old logs, and a new token would give everybody a new name.
"""

from __future__ import annotations

from hashlib import blake2b

KEY = 32  # bytes


class Mask:
    """Hides ids behind one key."""

    def __init__(self, key: str) -> None:
        """`key`: KEY bytes in hexadecimal digits."""
        self.key = bytes.fromhex(key)

    def __call__(self, id: int) -> str:
        """7412000001 → `9f86d081884c`"""
        return blake2b(str(id).encode(), key=self.key, digest_size=6).hexdigest()
