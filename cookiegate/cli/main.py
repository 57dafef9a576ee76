"""The ``cookiegate`` command. Groups load when they are called, so that the gate starts without the server."""

from __future__ import annotations

import importlib
import sys

import click

from cookiegate import __version__
from cookiegate.errors import CookiegateError

COMMANDS = {
    "backup": "Copy the whole record, while the service runs.",
    "demo": "A small shop with the banner, and a live view of what the analytics log receives.",
    "evidence": "Write the evidence of one decision: what was shown, the proofs, and how to check them.",
    "export": "Write the whole ledger as a file that can be verified without the service.",
    "gate": "Check and strip events: JSON lines in, JSON lines out.",
    "ledger": "Verify the record of decisions, and prove one by its receipt.",
    "hold": "Legal holds: keep what a court or an authority may still ask for.",
    "keys": "List, rotate and disable signing keys.",
    "policy": "Check, publish and compare policies.",
    "purge": "Dispose of what is past its retention period.",
    "provide": "Record a provision of data without consent, under a legal exception.",
    "incident": "The file of an accident: open, find who is affected, notify, report, close.",
    "ip": "Break-glass look-ups of addresses kept as evidence.",
    "officers": "The persons in charge, their passphrases and roles.",
    "requests": "Rights requests: verify, decide, carry out, notify, report.",
    "outbox": "Mails and webhooks that wait or could not be delivered.",
    "restore": "Make a backup the record of an empty place; tells what is missing.",
    "serve": "Run the service.",
    "subscribers": "Your systems that are told of withdrawals, erasures and requests.",
    "worker": "Run the gate between two streams: Redis Streams or Kafka.",
}
SERVER_HINT = 'this command needs the server: pip install "cookiegate[server]"'


class _LazyGroup(click.Group):
    """Imports ``cookiegate.cli.<name>`` only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        try:
            command: click.Command = importlib.import_module(f"cookiegate.cli.{cmd_name}").command
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("cookiegate"):
                raise
            raise click.ClickException(f"{SERVER_HINT} (missing: {error.name})") from error
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cookiegate")
def cli() -> None:
    """Consent that the pipeline can check.

    \b
    First steps:
      cookiegate demo                          see it work
      cookiegate policy check my-site.yaml     write a policy
      cookiegate serve --policy my-site.yaml   run the service
      cookiegate gate --help                   keep a log clean
    """


def main() -> None:
    """Runs the command line; errors of ours are a sentence, not a traceback."""
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)  # click gives the code of ctx.exit() back
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except CookiegateError as error:
        click.echo(f"Error [{error.code}]: {error.detail}", err=True)
        sys.exit(2)
    except OSError as error:  # a folder that is not there, a disk that is full, a file of somebody else
        click.echo(f"Error: {error.filename or 'a file or a connection'} cannot be used ({_reason(error)})", err=True)
        sys.exit(2)


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


if __name__ == "__main__":
    main()
