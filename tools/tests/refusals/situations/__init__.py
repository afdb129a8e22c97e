"""What may be wrong around a command: each situation changes a case before it runs (@name in the table)."""

from . import documents, files, processes  # noqa: F401  (they fill SITUATIONS)
from .inputs import inputs
from .named import SITUATIONS

__all__ = ["SITUATIONS", "inputs"]
