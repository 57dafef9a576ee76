"""What loads the script from elsewhere takes every site id that a policy may have, and no other."""

from __future__ import annotations

import pytest
from support.policies import ROOT

from cookiegate.policy.strict_schema import SITE


@pytest.mark.parametrize(
    ("file", "written"),
    [
        ("widget/npm/index.js", f"/^{SITE}$/"),
        ("examples/gtm/template.tpl", f'"^{SITE}$"'),
        ("examples/wordpress/cookiegate.php", rf"'/\A{SITE}\z/'"),
    ],
)
def test_the_same_ids_are_taken_as_in_policies(file: str, written: str) -> None:
    assert written in (ROOT / file).read_text(encoding="utf-8")
