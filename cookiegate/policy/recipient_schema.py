"""The part of the contract that says who gets data, on what ground, and bound by what."""

from __future__ import annotations

from typing import get_args

from cookiegate.policy import values
from cookiegate.policy.containers import Block, Localized
from cookiegate.policy.document import RecipientKind, Transfer
from cookiegate.policy.exceptions import LEGAL_EXCEPTIONS
from cookiegate.policy.fields import Agreed, Checked, Choice, Text, about
from cookiegate.policy.strict_schema import StrictSchema

RECIPIENT_KINDS = get_args(RecipientKind)
TRANSFERS = get_args(Transfer)


class ContractSchema(StrictSchema):
    """What binds a trustee (S15)."""

    vetted_on = Checked(
        values.read_date,
        "date",
        limit=10,
        required=True,
        metadata=about("Day on which it was last examined and found fit.", "2026-04-01"),
    )
    confidentiality = Agreed(required=True, metadata=about("It keeps the data secret.", "true"))
    no_reprovision = Agreed(required=True, metadata=about("It gives the data to nobody else.", "true"))
    audit = Agreed(required=True, metadata=about("You may audit it.", "true"))
    return_or_destroy_at_end = Agreed(
        required=True, metadata=about("It returns or destroys the data when the work is done.", "true")
    )
    ends_on = Checked(
        values.read_date,
        "date",
        limit=10,
        metadata=about("Day on which the contract ends, if it is known.", "2027-03-31"),
    )


class JointUseSchema(StrictSchema):
    """What is published about joint use (S14)."""

    items = Localized(Text(500), required=True, metadata=about("Items of data used jointly.", "{ja: …, en: …}"))
    purpose = Localized(Text(500), required=True, metadata=about("Purpose of the joint use.", "{ja: …, en: …}"))
    responsible = Localized(
        Text(500),
        is_name=True,
        required=True,
        metadata=about("Who is responsible: name, address and representative.", "{ja: …, en: …}"),
    )


class RecipientSchema(StrictSchema):
    """Who gets data."""

    name = Localized(Text(200), is_name=True, required=True, metadata=about("Name of the recipient.", "{ja: …, en: …}"))
    kind = Choice(
        RECIPIENT_KINDS,
        required=True,
        metadata=about("Third party, trustee (works on the controller's behalf) or joint user.", "trustee"),
    )
    country = Checked(
        values.read_country, "ISO 3166 code", required=True, metadata=about("Where the recipient is.", "JP")
    )
    url = Checked(
        values.read_link, "http(s) address", metadata=about("The recipient's privacy page.", "https://www.example.jp/")
    )
    transfer = Choice(
        TRANSFERS, metadata=about("Basis for provision abroad, where `country` is not the controller's.", "consent")
    )
    transfer_safeguards = Localized(
        Text(2_000),
        metadata=about(
            "What protects the data there: the country's rules and the recipient's measures, or the address of a page"
            " that says so.",
            "{ja: …, en: …}",
        ),
    )
    contract = Block(
        ContractSchema(),
        metadata=about("For a trustee, and needed there: what binds it.", "{vetted_on: 2026-04-01, …}"),
    )
    joint_use = Block(
        JointUseSchema(), metadata=about("For a joint user, and needed there: what is published.", "{items: …}")
    )
    exception = Choice(
        tuple(LEGAL_EXCEPTIONS), metadata=about("For a third party that gets data without consent: why it may.", "law")
    )
