"""The import path of child processes: this checkout, whatever is installed or set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "python_path"]

ROOT: Final = Path(__file__).parents[2]


def python_path() -> str:
    """PYTHONPATH for a child process: what it runs is what is tested, and its coverage is measured."""
    return os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
