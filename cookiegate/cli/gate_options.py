"""What every command that runs a gate is told: tokens of whom, for what, checked with which keys."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from cookiegate.errors import CookiegateError
from cookiegate.gate import Gate, Verifier, trackers
from cookiegate.gate.allowance import IpWhenRefused
from cookiegate.gate.event_times import EventTimeRule
from cookiegate.gate.mapping import FIELD_RULES
from cookiegate.policy.document import Policy
from cookiegate.sources.following import follow

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _finite(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise click.BadParameter("say how many seconds, such as 300")
    return value


def _mounts(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not value.startswith("/"):
            raise click.BadParameter(f"it must begin with a slash: /{value}")
    return values


@dataclass(frozen=True, slots=True)
class GateOptions:
    """The options, each as it was given."""

    tracker_names: tuple[str, ...]
    audience: str | None
    purpose: str | None
    jwks: str | None
    statuses: tuple[str, ...]
    max_stale_s: float | None
    withdrawals: str | None
    issuer: str | None
    policy_file: Path | None
    recipient: str | None
    ip_rule: IpWhenRefused | None
    mounts: tuple[str, ...]
    event_times: EventTimeRule

    @property
    def trackers(self) -> tuple[str, ...]:
        """The trackers, each once."""
        return tuple(dict.fromkeys(self.tracker_names))


_OPTIONS = (
    click.option(
        "--tracker",
        "tracker_names",
        type=click.Choice(trackers.NAMES),
        multiple=True,
        default=("plain",),
        show_default="plain",
        help="Wire format; may be repeated, then each line goes by its address.",
    ),
    click.option("--audience", metavar="SITE", help="The site's id: tokens of other sites are refused."),
    click.option("--purpose", metavar="KEY", help="What the data is collected for."),
    click.option("--jwks", metavar="FILE|URL", help="The public keys: <service>/.well-known/jwks.json."),
    click.option("--status", "statuses", metavar="FILE|URL", multiple=True, help="A status list; may be repeated."),
    click.option(
        "--max-stale",
        "max_stale_s",
        metavar="SECONDS",
        type=click.FloatRange(min=0),
        callback=_finite,
        help="How long a status list that cannot be had anew is believed.  [default: 300 from an address]",
    ),
    click.option("--withdrawals", metavar="REDIS", help="A Redis server that tells of withdrawals at once."),
    click.option("--issuer", metavar="URL", help="Accept tokens of this service alone."),
    click.option("--policy", "policy_file", type=click.Path(path_type=Path), help="Narrow to what the policy says."),
    click.option("--recipient", metavar="KEY", help="Who gets the data, if it does not stay with you; needs --policy."),
    click.option("--ip", "ip_rule", type=click.Choice(["drop", "truncate"]), help="What becomes of a refused address."),
    click.option(
        "--mount", "mounts", metavar="PATH", multiple=True, callback=_mounts, help="A prefix of the tracker's paths."
    ),
    click.option(
        "--event-times",
        type=click.Choice(["checked", "ignored"]),
        default="checked",
        show_default=True,
        help="Whether an event must have happened while its token held, or the token must hold now.",
    ),
)


def gate_options(function: _Function) -> _Function:
    """Adds the options of a gate to a command, which gets them as ``options``, a :class:`GateOptions`."""

    @functools.wraps(function)
    def packed(**given: Any) -> Any:
        options = GateOptions(**{item.name: given.pop(item.name) for item in fields(GateOptions)})
        return function(options=options, **given)

    command: Any = packed
    for option in reversed(_OPTIONS):
        command = option(command)
    return cast(_Function, command)


@contextlib.contextmanager
def followed(options: GateOptions) -> Iterator[Verifier]:
    """A verifier that follows keys and lists while the ``with`` block lasts; its troubles are told on stderr.

    Raises:
        SourceUnreadableError, StatusListError: the first look found nothing of use.
    """
    following = follow(
        options.audience or "",
        jwks=options.jwks or "",
        statuses=options.statuses,
        issuer=options.issuer,
        max_stale_s=options.max_stale_s,
        withdrawals=options.withdrawals,
        warn=warn,
    )
    with following as verifier:
        if not options.statuses:
            click.echo("Warning: no --status given, so withdrawals are not seen until a token expires.", err=True)
        yield verifier


def warn(error: CookiegateError) -> None:
    """Tells of a failure that the command overcomes by itself."""
    click.echo(f"Warning [{error.code}]: {error.detail}", err=True)


def load_policy(options: GateOptions) -> Policy | None:
    """The policy that was named, if it fits the other options; None where none was.

    Raises:
        click.UsageError: it is another site's, or does not know the purpose or the recipient.
        PolicyError: it is none.
    """
    policy = _read_policy(options, options.policy_file) if options.policy_file else None
    recipient = options.recipient
    if recipient is None:
        return policy
    if policy is None:
        raise click.UsageError("--recipient needs --policy: the policy says whose data a recipient may have")
    if recipient not in policy.recipients:
        known = ", ".join(policy.recipients) or "none"
        raise click.UsageError(f"the policy has no recipient {recipient!r}; it has {known}")
    return policy


def _read_policy(options: GateOptions, path: Path) -> Policy:
    try:
        from cookiegate.policy.reading import load_policy as read  # noqa: PLC0415  the reader is in the server extra
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f'--policy needs pip install "cookiegate[server]" (missing: {error.name})'
        ) from error
    policy = read(path, rules=FIELD_RULES)
    if options.audience is not None and policy.site != options.audience:
        raise click.UsageError(f"the policy is of site {policy.site!r}, not of {options.audience!r}")
    if options.purpose is not None and policy.purpose(options.purpose) is None:
        known = ", ".join(item.key for item in policy.purposes)
        raise click.UsageError(f"the policy has no purpose {options.purpose!r}; it has {known}")
    return policy


def make_gate(
    verifier: Verifier,
    policy: Policy | None,
    options: GateOptions,
    tracker: str,
    event_times: EventTimeRule | None = None,
) -> Gate:
    """The gate of one tracker.

    Args:
        verifier: checks the tokens.
        policy: narrows, if there is one.
        options: as given.
        tracker: the wire format.
        event_times: instead of the option, by a gate that only looks.
    """
    purpose, recipient = options.purpose or "", options.recipient
    known = policy.purpose(purpose) if policy else None
    collector = policy.collectors.get(tracker) if policy else None
    providing = policy.providing(purpose, recipient) if policy and recipient is not None else None
    if providing is not None and providing.is_recorded and event_times is None:
        click.echo(
            f"Warning: {providing.recipient.key} is a third party, and provision through this command is not recorded;"
            " /gate/strip records it.",
            err=True,
        )
    return Gate(
        verifier,
        purpose=purpose,
        tracker=tracker,
        categories=known.acquire if known else None,
        fields=collector.fields if collector else None,
        ip_when_refused=options.ip_rule or (policy.ip_when_refused if policy else "drop"),
        mounts=options.mounts,
        recipient=recipient,
        recipients=(providing.recipient.key,) if providing else (),
        event_times=event_times or options.event_times,
        late_events=(collector and collector.late_events) or "while_granted",
        prior_consent=collector.prior_consent if collector else None,
    )
