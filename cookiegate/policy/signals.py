"""Which purposes a browser's signal switches off, and which signals count.

Global Privacy Control always counts. It asks that data is neither sold nor shared, nor used for advertising across
sites; so it takes in every purpose whose data goes to somebody who uses it for ends of their own, and advertising.

Source: W3C, Global Privacy Control, section 2; California Code of Regulations, title 11, section 7025.
"""

from __future__ import annotations

from collections.abc import Iterator

from cookiegate.policy.containers import ListOf
from cookiegate.policy.faults import Complaint, quoted, suggest
from cookiegate.policy.fields import Choice, Word, about
from cookiegate.policy.pages import Signal
from cookiegate.policy.raw import Data, as_list, as_mapping, purposes
from cookiegate.policy.strict_schema import KEY, KEY_SHAPE, StrictSchema

#: The signals by their own names, which are the same in every language.
SIGNAL_NAMES: dict[Signal, str] = {"gpc": "Global Privacy Control", "dnt": "Do Not Track"}


class SignalsSchema(StrictSchema):
    """What browser signals switch off."""

    affects = ListOf(
        Word(KEY, KEY_SHAPE),
        load_default=list,
        metadata=about(
            "Purposes that a signal switches off besides those whose data goes to third parties or joint users, and"
            " those for advertising, which it always does.",
            "[analytics]",
        ),
    )
    dnt = Choice(
        ("ignore", "honour"),
        metadata=about("Whether Do Not Track counts like Global Privacy Control. Default `ignore`.", "honour"),
    )


def affected_names(data: Data) -> Iterator[Complaint]:
    """Every purpose that ``signals.affects`` names is one that a visitor may refuse."""
    known = {key: one.get("always_on") is True for _, one in purposes(data) if isinstance(key := one.get("key"), str)}
    optional = [key for key, always_on in known.items() if not always_on]
    for index, key in enumerate(as_list(as_mapping(data.get("signals")).get("affects"))):
        if not isinstance(key, str) or key in optional or not known:
            continue
        what = "is always on, so no signal can switch it off" if key in known else "is no purpose of this policy"
        yield Complaint(f"{quoted(key)} {what}.", suggest(key, optional), ("signals", "affects", index))
