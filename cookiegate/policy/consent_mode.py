"""What Google's tags are told: Consent Mode v2.

Source: Google, "Set up consent mode on websites": consent types, ``wait_for_update``, ``region``, ``url_passthrough``,
``ads_data_redaction``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cookiegate.policy.containers import ListOf
from cookiegate.policy.faults import Complaint, quoted, suggest
from cookiegate.policy.fields import Flag, Whole, Word, about
from cookiegate.policy.pages import ConsentMode
from cookiegate.policy.raw import Data, as_mapping, purposes
from cookiegate.policy.strict_schema import KEY, KEY_SHAPE, StrictSchema

#: How long Google's tags wait for the visitor's earlier choice to be known, in ms, when the policy does not say.
WAIT_MS = 500
#: Google's own names.
CONSENT_TYPES = (
    "ad_storage", "ad_user_data", "ad_personalization", "analytics_storage", "functionality_storage",
    "personalization_storage", "security_storage",
)  # fmt: skip


def read_consent_mode(document: Mapping[str, Any]) -> ConsentMode:
    """The value behind a document that was checked before."""
    values = dict(document)
    if "region" in values:
        values["region"] = tuple(values["region"])
    return ConsentMode(**values)


def page_consent_mode(mode: ConsentMode | None) -> dict[str, Any] | None:
    """What the widget's part ``google`` is given; None where the policy asks for nothing."""
    if mode is None:
        return None
    types = {name: purpose for name in CONSENT_TYPES if (purpose := getattr(mode, name)) is not None}
    told: dict[str, Any] = {"types": types}
    if mode.advanced:
        waits = WAIT_MS if mode.wait_for_update is None else mode.wait_for_update
        told["options"] = {"wait_for_update": waits} | ({"region": list(mode.region)} if mode.region else {})
    if wishes := {name: True for name in ("url_passthrough", "ads_data_redaction") if getattr(mode, name)}:
        told["set"] = wishes
    return told


def _type(what: str, example: str) -> Word:
    return Word(KEY, KEY_SHAPE, metadata=about(f"The purpose that allows {what}.", example))


class ConsentModeSchema(StrictSchema):
    """What Google's tags are told."""

    ad_storage = _type("cookies for advertising", "advertising")
    ad_user_data = _type("sending user data to Google for advertising", "advertising")
    ad_personalization = _type("personalised advertising", "advertising")
    analytics_storage = _type("cookies for analytics", "analytics")
    functionality_storage = _type("storage for functions such as the language", "quality")
    personalization_storage = _type("storage for personalisation such as recommendations", "quality")
    security_storage = _type("storage for security such as protection from fraud", "security")
    advanced = Flag(
        metadata=about(
            "Google's tags load before a choice and send pings without cookies. Default `false`: hold them back.",
            "true",
        )
    )
    wait_for_update = Whole(
        0,
        10_000,
        metadata=about(
            f"With `advanced`: how many ms the tags wait for an earlier choice to be known. Default {WAIT_MS}.", "500"
        ),
    )
    region = ListOf(
        Word(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?", "ISO 3166 codes such as JP or US-CA"),
        least=1,
        most=256,
        metadata=about(
            "With `advanced`: where the tags are denied until the visitor chooses. Elsewhere Google decides."
            " Default: everywhere.",
            "[JP, US-CA]",
        ),
    )
    url_passthrough = Flag(
        metadata=about("Ad clicks are passed on in addresses without cookies. Default `false`.", "true")
    )
    ads_data_redaction = Flag(
        metadata=about("Ad identifiers are cut from pings while denied. Default `false`.", "true")
    )


def consent_mode_fits(data: Data) -> Iterator[Complaint]:
    """Each type names a purpose that there is, and what is for ``advanced`` stands with it."""
    mode = as_mapping(data.get("google"))
    keys = [key for _, one in purposes(data) if isinstance(key := one.get("key"), str)]
    for name in CONSENT_TYPES:
        purpose = mode.get(name)
        if isinstance(purpose, str) and keys and purpose not in keys:
            yield Complaint(f"There is no purpose {quoted(purpose)}.", suggest(purpose, keys), ("google", name))
    for name in ("wait_for_update", "region"):
        if name in mode and mode.get("advanced") is not True:
            message = f"{quoted(name)} is for `advanced` alone: else the tags are held back until somebody allows them."
            yield Complaint(message, "Delete this line, or add `advanced: true`.", ("google", name), at_key=True)
