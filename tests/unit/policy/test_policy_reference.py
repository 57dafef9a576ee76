"""The reference page and the schema say the same."""

from __future__ import annotations

import re

from marshmallow import Schema
from policy_material import ROOT

from cookiegate.policy import schema
from cookiegate.policy.fields import PolicyField
from cookiegate.policy.reading import check
from cookiegate.policy.wording import PLACEHOLDERS, text_keys

PAGE = (ROOT / "docs" / "reference" / "policy.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "how-to" / "write-a-policy.md").read_text(encoding="utf-8")
SECTIONS: dict[str, type[Schema]] = {
    "The document": schema.PolicySchema,
    "controller": schema.ControllerSchema,
    "purposes": schema.PurposeSchema,
    "recipients": schema.RecipientSchema,
    "collectors": schema.CollectorSchema,
    "theme": schema.ThemeSchema,
    "categories": schema.CategorySchema,
}


def _rows(heading: str) -> list[str]:
    section = re.search(rf"^## `?{heading}`?\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section, heading
    return [line for line in section[1].splitlines() if line.startswith("| `")]


def test_every_field_has_its_row_and_every_row_its_field() -> None:
    for heading, kind in SECTIONS.items():
        expected = []
        for name, field in kind().fields.items():
            assert isinstance(field, PolicyField)
            need = "yes" if field.required else "no"
            doc = field.metadata["doc"]
            expected.append(f"| `{field.data_key or name}` | {need} | {field.form} | {doc} |")
        assert _rows(heading) == expected


def test_every_text_key_and_placeholder_is_listed() -> None:
    named = set(re.findall(r"`\{?([a-z_]+)\}?`", PAGE))
    assert set(text_keys()) | set(PLACEHOLDERS) <= named


def test_the_guide_s_policy_is_free_of_faults() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    assert blocks
    assert check(blocks[0]) == []
