"""The data files that come with the program: texts, rules, places.

Policies, which people write, are read with the line of every value (``policy/source.py``); these are read quickly.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec


def read_shipped(package: str, path: str) -> Any:
    """A YAML file of ours. What YAML 1.1 and 1.2 take for different things is not in them: ``make check`` looks.

    Args:
        package: such as ``cookiegate.policy``.
        path: below it, such as ``texts/ja.yaml``.
    """
    return msgspec.yaml.decode(files(package).joinpath(*path.split("/")).read_bytes())
