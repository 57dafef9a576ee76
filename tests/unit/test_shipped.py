"""Files of ours are read by a quicker reader than policies are: it must find the same in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML
from support.wordings import FOLDERS, ROOT

from cookiegate.shipped import read_shipped

TEXTS = tuple(ROOT / folder for folder in FOLDERS)
#: Texts are compared by ``make check``, language by language.
OTHERS = sorted(path for path in (ROOT / "cookiegate").rglob("*.yaml") if path.parent not in TEXTS)


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_data_file_reads_the_same(path: Path) -> None:
    read = read_shipped("cookiegate", path.relative_to(ROOT / "cookiegate").as_posix())
    assert read == YAML(typ="safe", pure=True).load(path)
