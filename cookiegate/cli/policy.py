"""``cookiegate policy``: check, publish and compare policy documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import click

from cookiegate.cli.records import data_dir_option, settings_of
from cookiegate.cli.tables import Form, form_option, print_rows
from cookiegate.clock import SystemClock
from cookiegate.errors import NotFoundError, PolicyError
from cookiegate.gate.mapping import FIELD_RULES
from cookiegate.policy.agreement import disagreements
from cookiegate.policy.difference import Difference, compare
from cookiegate.policy.document import Policy, PublishedPolicy
from cookiegate.policy.faults import Fault
from cookiegate.policy.publishing import read_row
from cookiegate.policy.reading import check, load_policy, read_text
from cookiegate.policy.recipient_schema import RECIPIENT_KINDS
from cookiegate.policy.register import REGISTER_COLUMNS, register_rows
from cookiegate.policy.stages import STAGE_COLUMNS, stage_rows
from cookiegate.rights.delivery.announcing import publish_and_announce
from cookiegate.storage.contract import Storage
from cookiegate.storage.opening import open_storage, refuse_lost
from cookiegate.web.iab import VendorList, insist_on_frameworks

_VERSION = re.compile(r"([a-z0-9][a-z0-9-]{0,62})@([1-9][0-9]{0,8}|latest)")
#: What of the register fits on a screen.
_REGISTER_SHOWN = ("key", "name", "kind", "country", "transfer", "ground", "vetted_on", "ends_on", "state", "purposes")
_FILE = click.Path(path_type=Path)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for other programs.")


@click.group()
def command() -> None:
    """Check, publish, compare and audit the policies of your sites.

    A policy is a YAML file: who you are, what you use data for, what is collected, who receives it. Start from a
    copy of examples/policies/demo.yaml.

    \b
    cookiegate policy check shop.yaml             every fault, with line and fix
    cookiegate policy diff shop@latest shop.yaml  what changes, and who is asked again
    cookiegate policy publish shop.yaml           makes it the newest version
    cookiegate policy recipients shop.yaml        who gets data, on what ground
    cookiegate policy stages shop.yaml            the handling rules, stage by stage
    """


@command.command("check")
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE…")
@_json_option
@click.pass_context
def check_files(context: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Report every fault of policy files at once.

    Exits with 1 when there is any.

    \b
    cookiegate policy check policies/*.yaml
    cookiegate policy check --json shop.yaml
    """
    found = {path: _faults(path) for path in files}
    if as_json:
        _print_json([_checked(path, faults) for path, faults in found.items()])
    else:
        for path, faults in found.items():
            _print_faults(path, faults)
    if any(found.values()):
        context.exit(1)


@command.command("publish")
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE…")
@data_dir_option
@_json_option
@click.pass_context
def publish_files(context: click.Context, files: tuple[Path, ...], data_dir: Path | None, as_json: bool) -> None:
    """Make policy files the newest versions of their sites.

    A version never changes. Publishing the same document again does nothing. All files are checked before the first
    is published. Warns of sites of a group that do not share their choices after all.

    \b
    cookiegate policy publish shop.yaml
    cookiegate policy publish --data-dir /var/lib/cookiegate policies/*.yaml
    """
    policies = [load_policy(path, rules=FIELD_RULES) for path in files]
    vendor_list = VendorList(settings_of(data_dir).vendor_list)
    for policy in policies:
        insist_on_frameworks(policy, vendor_list)
    storage = _open(context, data_dir)
    refuse_lost(storage)
    results = [_publish(storage, policy) for policy in policies]
    for result, policy in zip(results, policies, strict=True):
        result["warnings"] = [reason for _, reason in disagreements(policy, lambda site: _current(storage, site))]
    if as_json:
        _print_json(results)
    for result in results if not as_json else ():
        click.echo("\n  warning: ".join([_publish_line(result), *result["warnings"]]))


@command.command("diff")
@click.argument("old")
@click.argument("new")
@data_dir_option
@_json_option
@click.pass_context
def diff(context: click.Context, old: str, new: str, data_dir: Path | None, as_json: bool) -> None:
    """Say in words what changed from OLD to NEW, and whether visitors are asked again.

    OLD and NEW are files, or published versions such as shop@3 or shop@latest.

    \b
    cookiegate policy diff shop@latest shop.yaml
    cookiegate policy diff shop@1 shop@2 --json
    """
    difference = compare(_find(context, old, data_dir), _find(context, new, data_dir))
    if as_json:
        changes = [change.as_dict() for change in difference.changes]
        _print_json({"asks_again": difference.asks_again, "changes": changes})
    else:
        _print_difference(difference)


@command.command("recipients")
@click.argument("name", metavar="POLICY")
@click.option("--kind", type=click.Choice(RECIPIENT_KINDS), help="Only recipients of this kind.")
@data_dir_option
@form_option
@click.pass_context
def list_recipients(context: click.Context, name: str, kind: str | None, data_dir: Path | None, form: Form) -> None:
    """Print the register of recipients for an auditor: who gets what, on what ground, bound by what.

    POLICY is a file, or a published version such as shop@3 or shop@latest.

    \b
    cookiegate policy recipients shop@latest
    cookiegate policy recipients shop.yaml --kind trustee --format csv > trustees.csv
    """
    policy = _find(context, name, data_dir)
    today = datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC).date()
    rows = [row for row in register_rows(policy, today) if kind in (None, row["kind"])]
    print_rows(rows, REGISTER_COLUMNS, form, shown=_REGISTER_SHOWN)


@command.command("stages")
@click.argument("name", metavar="POLICY")
@data_dir_option
@form_option
@click.pass_context
def list_stages(context: click.Context, name: str, data_dir: Path | None, form: Form) -> None:
    """Print the handling rules per stage for an auditor: acquire, use, store, provide, dispose.

    They are made from the policy, so they say what the service does. POLICY is a file, or a published version.

    \b
    cookiegate policy stages shop@latest
    cookiegate policy stages shop.yaml --format csv > stages.csv
    """
    print_rows(stage_rows(_find(context, name, data_dir)), STAGE_COLUMNS, form)


def _faults(path: Path) -> list[Fault]:
    try:
        return check(read_text(path), rules=FIELD_RULES)
    except PolicyError as error:
        return cast(list[Fault], error.evidence["faults"])


def _checked(path: Path, faults: list[Fault]) -> dict[str, Any]:
    return {"file": str(path), "ok": not faults, "faults": [fault.as_dict() for fault in faults]}


def _print_faults(path: Path, faults: Iterable[Fault]) -> None:
    lines = [
        f"{path}:{fault.line}:{fault.column}: {fault.path}: {fault.message}\n  fix: {fault.fix}" for fault in faults
    ]
    click.echo("\n".join(lines) or f"{path}: no faults")


def _open(context: click.Context, data_dir: Path | None) -> Storage:
    storage = open_storage(settings_of(data_dir))
    context.call_on_close(storage.close)
    return storage


def _publish(storage: Storage, policy: Policy) -> dict[str, Any]:
    before = storage.policies.latest(policy.site)
    published = publish_and_announce(storage, policy, SystemClock())
    return {
        "site": policy.site,
        "version": published.version,
        "sha256": published.sha256,
        "holds_since": published.holds_since,
        "is_new": before is None or before.version != published.version,
    }


def _current(storage: Storage, site: str) -> Policy | None:
    row = storage.policies.latest(site)
    return read_row(row).policy if row else None


def _publish_line(result: dict[str, Any]) -> str:
    name = f"{result['site']}@{result['version']}"
    if not result["is_new"]:
        return f"{name}: unchanged, nothing to publish"
    if result["version"] == 1:
        return f"{name}: published"
    if result["holds_since"] == result["version"]:
        return f"{name}: published; visitors are asked again"
    return f"{name}: published; decisions since {result['site']}@{result['holds_since']} still hold"


def _find(context: click.Context, name: str, data_dir: Path | None) -> Policy:
    match = None if Path(name).exists() else _VERSION.fullmatch(name)
    return load_policy(Path(name)) if match is None else _find_version(context, match[1], match[2], data_dir).policy


def _find_version(context: click.Context, site: str, version: str, data_dir: Path | None) -> PublishedPolicy:
    policies = _open(context, data_dir).policies
    row = policies.latest(site) if version == "latest" else policies.version(site, int(version))
    if row is None:
        raise NotFoundError(f"There is no published policy {site}@{version} in this data folder.")
    return read_row(row)


def _print_difference(difference: Difference) -> None:
    for change in difference.changes:
        click.echo(f"{'ask again' if change.asks_again else 'no need'}: {change.sentence}")
    if not difference.changes:
        click.echo("Nothing changed.")
    elif difference.asks_again:
        click.echo("\nVisitors must be asked again.")
    else:
        click.echo("\nVisitors need not be asked again.")


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
