"""What every part of the policy's contract shares: strictness, and the form of keys and site ids."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, validates_schema

from cookiegate.policy.faults import FAULT_LIMIT, complain, quoted, suggest

KEY = r"[a-z][a-z0-9_-]{0,31}"
KEY_SHAPE = "small letters, digits, - and _, a letter first, at most 32"
SITE = r"[a-z0-9][a-z0-9-]{0,62}"
SITE_SHAPE = "small letters, digits and -, at most 63"


class StrictSchema(Schema):
    """A schema that complains about every key it does not know, beside all other faults."""

    class Meta:
        unknown = EXCLUDE

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def refuse_unknown_keys(self, data: Any, original: Mapping[str, Any], **kwargs: Any) -> None:
        """Names each unknown key and the known one that is nearest."""
        known = [field.data_key or name for name, field in self.fields.items()]
        errors = {
            key: [complain(f"The key {quoted(key)} is not known here.", suggest(key, known), at_key=True)]
            for key in islice((key for key in original if key not in known), FAULT_LIMIT)
        }
        if errors:
            raise ValidationError(errors)
