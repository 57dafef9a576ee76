"""Who comes to the door: each role is what a request of theirs brings along."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from support.asking import SAME_ORIGIN, Asker
from support.policies import ORIGIN, demo_policy
from support.service import Bench, Visitor

from cookiegate.rights.delivery.subscriber_rows import read_events
from cookiegate.rights.delivery.subscribers import Subscribers

ROOM = {f"RATE_LIMIT_{name}": "1000000/minute" for name in ("WRITES", "TOKENS", "EVENTS", "REQUESTS", "READS")}
OTHER_ORIGIN = "http://other.test"
EVIL = "https://evil.test"
TWO_SITES = (demo_policy(), demo_policy(site="other", origins=(OTHER_ORIGIN,)))
#: What a page elsewhere sends for a visitor who follows its form or its fetch.
ELSEWHERE = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
WORDS = "my words are for the desk alone"


@dataclass
class Owner:
    """Somebody with a consent and a request, whose things nobody else may have.

    ``secrets`` are texts that only answers to the owner may hold.
    """

    bench: Bench
    visitor: Visitor
    token: str
    receipt: str
    decision: str
    asker: Asker
    secrets: tuple[str, ...] = field(default=())

    @property
    def handle(self) -> str:
        """The value of the handle cookie."""
        return str(self.visitor.cookie("cg_handle.demo"))


def make_owner(bench: Bench, *, with_request: bool = True) -> Owner:
    """Somebody new, who accepts, and asks a question where the test needs one."""
    visitor = bench.visitor()
    told = visitor.decide("accept").get_json()
    row = bench.service.storage.decision(told["decision"]["id"])
    assert row is not None
    assert row.sub is not None
    asker = Asker(bench, bench.visitor())
    if with_request:
        asker.by_mail("complaint", message=WORDS)
    hidden = (row.sub, told["decision"]["id"], told["receipt"], told["token"], WORDS, "mori@example.org")
    return Owner(bench, visitor, told["token"], told["receipt"], told["decision"]["id"], asker, hidden)


def cookie(**values: str) -> dict[str, str]:
    """A ``Cookie`` header; ``__`` in a name stands for a dot."""
    return {"Cookie": "; ".join(f"{name.replace('__', '.')}={value}" for name, value in values.items())}


def roles_of(owner: Owner) -> Mapping[str, Mapping[str, str]]:
    """Role -> the headers that its requests bring."""
    bench, at_home = owner.bench, {"Origin": ORIGIN, **SAME_ORIGIN}
    neighbour, foreigner = bench.visitor(), bench.visitor(site="other", origin=OTHER_ORIGIN)
    neighbour.decide("accept")
    foreigner.decide("accept")
    own = cookie(cg_handle__demo=owner.handle, cg_token=owner.token)
    elsewhere_token = str(foreigner.cookie("cg_token"))
    return {
        "stranger": at_home,
        "owner": {**at_home, **own},
        "neighbour": {**at_home, **cookie(cg_handle__demo=str(neighbour.cookie("cg_handle.demo")))},
        "guesser": {**at_home, **cookie(cg_handle__demo=secrets.token_urlsafe(16))},
        "visitor of another site": {
            "Origin": OTHER_ORIGIN,
            "Sec-Fetch-Site": "cross-site",
            **cookie(
                cg_handle__demo=str(foreigner.cookie("cg_handle.other")),
                cg_handle__other=str(foreigner.cookie("cg_handle.other")),
                cg_token=elsewhere_token,
            ),
        },
        "requester": {**at_home, "X-Request-Code": owner.asker.code},
        "wrong code": {**at_home, "X-Request-Code": wrong(owner.asker.code)},
        "subscriber": {"Authorization": f"Bearer {subscriber(bench)}"},
        "page elsewhere": {**ELSEWHERE, **own},
    }


ROLES = (
    "stranger", "owner", "neighbour", "guesser", "visitor of another site", "requester", "wrong code", "subscriber",
    "page elsewhere",
)  # fmt: skip


def wrong(code: str) -> str:
    """A code of the same form that is another one."""
    return ("A" if code[:1] != "A" else "B") + code[1:]


def subscriber(bench: Bench) -> str:
    """The secret of a system that may follow erasures of the demo site."""
    name = f"warehouse-{secrets.token_hex(4)}"
    return Subscribers(bench.service.storage, bench.clock).add(name, read_events(("consent.erase",)), site="demo")
