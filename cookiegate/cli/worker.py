"""``cookiegate worker``: the gate between two streams."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from cookiegate.cli.gate_options import GateOptions, followed, gate_options, load_policy, make_gate
from cookiegate.cli.gate_report import counts_table
from cookiegate.gate.counts import Counts
from cookiegate.sources.kafka_clients import read_client_settings
from cookiegate.sources.statuslists import FollowedStatuses
from cookiegate.workers.judging import GATE_FAILED, Judge
from cookiegate.workers.kafka_worker import KafkaOptions, KafkaWorker, Transactions
from cookiegate.workers.metrics import shown
from cookiegate.workers.redis_worker import RedisOptions, RedisWorker
from cookiegate.workers.running import Stop, Tallies

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Telling = Callable[[str], None]


class _Worker(Protocol):
    def run(self, stop: Stop) -> None:
        """Works until it is told to stop."""
        ...


@click.group()
def command() -> None:
    """Run the gate between two streams: what may go on is written to another, the rest is counted.

    \b
    Between two Redis Streams, exactly one copy of what passes, whoever crashes:
      cookiegate worker redis --redis redis://127.0.0.1:6379/0 --in events --out events:granted \\
        --tracker matomo --audience demo --purpose analytics \\
        --jwks https://consent.example.jp/.well-known/jwks.json \\
        --status https://consent.example.jp/status/1

    \b
    Between two Kafka topics, each record with a key that tells copies of it:
      cookiegate worker kafka --brokers kafka:9092 --in events --out events.granted \\
        --tracker snowplow --audience demo --purpose analytics --jwks keys.json --status list.jwt

    Run as many as you like with the same --group; they share the work. SIGTERM lets one finish what it has in hand.
    """


def _metrics_address(_context: click.Context, option: click.Parameter, text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 65_536):
        raise click.BadParameter("must be a port such as 9464, or an address such as 10.0.0.5:9464", param=option)
    return host.strip("[]") or "127.0.0.1", int(port)


_METRICS = click.option(
    "--metrics",
    metavar="[HOST:]PORT",
    callback=_metrics_address,
    help="Serve /metrics there: lag, age of the oldest, events by outcome. [default host: 127.0.0.1]",
)
_GROUP = click.option(
    "--group",
    default="cookiegate",
    show_default=True,
    help="Workers of one group share the work, and no two groups do.",
)


def _batch(default: int) -> Callable[[_Function], _Function]:
    return click.option(
        "--batch", type=click.IntRange(1, 10_000), default=default, show_default=True, help="How many at once, at most."
    )


@command.command("redis")
@click.option(
    "--redis", "url", metavar="URL", required=True, envvar="REDIS_URL", show_envvar=True,
    help="The server, such as redis://127.0.0.1:6379/0.",
)  # fmt: skip
@click.option("--in", "source", metavar="STREAM", required=True, help="The stream to read.")
@click.option("--out", metavar="STREAM", required=True, help="The stream for what passes.")
@click.option(
    "--dead", metavar="STREAM", help="The stream for dead letters: entry, tracker, reason. [default: OUT:dead]"
)
@_GROUP
@click.option(
    "--consumer", default="", help="This worker's name in the group, its own. [default: host, process, chance]"
)
@click.option("--field", default="line", show_default=True, help="The field of an entry that holds the JSON line.")
@click.option(
    "--tracker-field", metavar="FIELD", help="The field of an entry that names its tracker, of the given ones."
)
@click.option(
    "--from",
    "start",
    type=click.Choice(["oldest", "newest"]),
    default="oldest",
    show_default=True,
    help="Where a group that is not there yet begins.",
)
@_batch(1_000)
@click.option(
    "--idle",
    "idle_s",
    metavar="SECONDS",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    help="After so long a worker is taken for dead, and its entries by another.",
)
@click.option(
    "--keep-out", type=click.IntRange(min=0), default=0, help="About how many entries OUT keeps. [default: all]"
)
@click.option(
    "--keep-dead",
    type=click.IntRange(min=0),
    default=1_000_000,
    show_default=True,
    help="The same of dead letters; 0: all.",
)
@click.option(
    "--delete", "deletes", is_flag=True, help="Delete entries that are done: no other group reads the stream."
)
@_METRICS
@gate_options
def redis_command(
    options: GateOptions, start: str, dead: str | None, metrics: tuple[str, int] | None, keep_out: int, keep_dead: int,
    source: str, out: str, **given: Any,
) -> None:  # fmt: skip
    """Read a Redis Stream, write what passes to another.

    An entry holds a JSON line as `cookiegate gate` reads it, in the field "line". What passes is written as an entry
    with "line" and "entry" (the id it came from). Lines, dead letters and the acknowledgement are written in one step:
    a worker that is killed leaves either all of them or none, and another takes its entries over after --idle seconds.

    \b
    Try it:
      redis-cli XADD events '*' line '{"consent_token":"…","event":"page_view"}'
      redis-cli XRANGE events:granted - +
      redis-cli XRANGE events:granted:dead - +

    What holds tokens and events that nobody granted is the stream that is read: trim it, or use --delete.
    """
    dead = dead or f"{out}:dead"
    _check_names(source, out, dead)
    given |= {"start": "0" if start == "oldest" else "$", "out_most": keep_out, "dead_most": keep_dead}
    where = RedisOptions(source=source, out=out, dead=dead, **given)
    by_name = where.tracker_field is not None
    _run(options, by_name, metrics, lambda judge, tallies: RedisWorker(judge, where, _tell, tallies))


@command.command("kafka")
@click.option("--brokers", metavar="HOST:PORT,…", required=True, help="Where to begin.")
@click.option("--in", "source", metavar="TOPIC", required=True, help="The topic to read.")
@click.option("--out", metavar="TOPIC", required=True, help="The topic for what passes.")
@click.option("--dead", metavar="TOPIC", help="The topic for dead letters: place, tracker, reason. [default: OUT.dead]")
@_GROUP
@click.option(
    "--tracker-header", metavar="NAME", help="The header of a record that names its tracker, of the given ones."
)
@_batch(1_000)
@click.option(
    "--transactions",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Commit outputs and progress together; auto: where the brokers let us.",
)
@click.option(
    "--transactional-id", default="", help="This worker's name there, its own and the same again after a restart."
)
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="More settings of the client: name=value lines."
)
@_METRICS
@gate_options
def kafka_command(
    options: GateOptions, dead: str | None, metrics: tuple[str, int] | None, config_file: Path | None, source: str,
    out: str, transactions: Transactions, **given: Any,
) -> None:  # fmt: skip
    """Read a Kafka topic, write what passes to another.

    A record's value is a JSON line as `cookiegate gate` reads it. What passes gets a key that says where it came from,
    "topic/partition/offset/number": two records with one key are copies. With transactions there are none for whoever
    reads with isolation.level=read_committed. The key and the headers that came in do not go on: they may name people.

    \b
    With TLS and a password, from a file that only the worker may read:
      cookiegate worker kafka --brokers kafka:9093 --config client.properties …
      # client.properties
      security.protocol=SASL_SSL
      sasl.mechanism=SCRAM-SHA-512
      sasl.username=cookiegate
      sasl.password=…
    """
    dead = dead or f"{out}.dead"
    _check_names(source, out, dead)
    settings = read_client_settings(config_file, "--config") if config_file else {}
    where = KafkaOptions(source=source, out=out, dead=dead, transactions=transactions, settings=settings, **given)
    by_name = where.tracker_header is not None
    _run(options, by_name, metrics, lambda judge, tallies: KafkaWorker(judge, where, _tell, tallies))


def _check_names(source: str, out: str, dead: str) -> None:
    names: Mapping[str, str] = {"--in": source, "--out": out, "--dead": dead}
    for option, other in (("--in", "--out"), ("--in", "--dead"), ("--out", "--dead")):
        if names[option] == names[other]:
            raise click.UsageError(f"{option} and {other} are both {names[option]!r}; they must differ")


def _run(
    options: GateOptions, by_name: bool, metrics: tuple[str, int] | None, make: Callable[[Judge, Tallies], _Worker]
) -> None:
    missing = [f"--{name}" for name in ("audience", "purpose", "jwks") if getattr(options, name) is None]
    if missing:
        raise click.UsageError(
            f"{', '.join(missing)} needed: whose tokens count, for what, and the keys that check them"
        )
    policy = load_policy(options)
    stop, tallies = Stop(), Tallies()
    with contextlib.ExitStack() as running:
        verifier = running.enter_context(followed(options))
        gates = {name: make_gate(verifier, policy, options, name) for name in options.trackers}
        lists = verifier.status_source
        behind = lists.behind if isinstance(lists, FollowedStatuses) else lambda: None
        judge = Judge(gates, by_name=by_name, behind=behind)
        worker = make(judge, tallies)
        if metrics is not None:
            port = running.enter_context(shown(tallies, *metrics))
            _tell(f"Metrics are at http://{metrics[0]}:{port}/metrics")
        stop.listen()
        _tell("The worker runs; SIGTERM ends it.")
        worker.run(stop)
    _tell(_closing_table(options.trackers, tallies))


def _closing_table(trackers: Sequence[str], tallies: Tallies) -> str:
    """What became of the messages that are done."""
    table = counts_table({**{name: Counts() for name in trackers}, **tallies.counts})
    if not tallies.failed:
        return table
    return f"{table}\nThe gate failed at {tallies.failed:,} messages; their dead letters say {GATE_FAILED}."


def _tell(sentence: str) -> None:
    click.echo(sentence, err=True)
