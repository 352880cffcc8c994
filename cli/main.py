"""The commands. Each imports its code when it runs, so that `waybill token` loads no web server."""

import os
import sys
from datetime import timedelta
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from cli.client.account_commands import app as account_commands
from cli.client.change_commands import app as change_commands
from cli.client.commands import app as client_commands
from cli.error_message import error_message
from waybill.platform.errors import InitError, SettingsError, WaybillError

DATA_DIR = Path(".waybill")

app = typer.Typer(
    name="waybill",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
app.add_typer(client_commands)
app.add_typer(change_commands)
app.add_typer(account_commands)

DataDir = Annotated[Path, typer.Option(help="The folder in which the embedded stack keeps its data.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        print(version("waybill"))
        raise typer.Exit


@app.callback()
def common(
    _: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Upload and download files, and run the server."""


@app.command()
def up(
    host: Annotated[
        str, typer.Option(help="The address to listen on, for the API and for S3.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(help="The port of the API. (default: 8000, or the next free port)", min=1, max=65535),
    ] = None,
    data_dir: DataDir = DATA_DIR,
    workers: Annotated[int, typer.Option(help="How many worker processes to run.", min=1, max=64)] = 1,
    with_parent: Annotated[
        bool, typer.Option(help="Stop when the process that started this one dies.", hidden=True)
    ] = False,
) -> None:
    """Run the embedded stack, the API and the workers until Ctrl-C."""
    from cli.up import run_up

    run_up(host, port, data_dir, workers, with_parent=with_parent)


@app.command()
def api(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8000,
    processes: Annotated[int, typer.Option(help="How many API processes to run.", min=1)] = 1,
    max_connections: Annotated[
        int,
        typer.Option(help="Maximum connections per process, including event streams and WebSockets.", min=1),
    ] = 10_000,
) -> None:
    """Run the HTTP API only."""
    from cli.serve import run_api

    run_api(host, port, processes, max_connections)


@app.command()
def worker(
    threads: Annotated[int, typer.Option(help="How many jobs to run at the same time.", min=1)] = 8,
    queue: Annotated[
        list[str] | None,
        typer.Option(help="Process only jobs of this queue. Can be repeated. (default: all queues)"),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            help="Serve metrics at this port; needs WAYBILL_METRICS_TOKEN. (default: no metrics)",
            min=1,
            max=65535,
        ),
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="The address for --metrics-port.")] = "127.0.0.1",
) -> None:
    """Run one worker process only."""
    from cli.serve import run_worker

    run_worker(threads, queue, None if metrics_port is None else (metrics_host, metrics_port))


@app.command()
def init(
    drop_old: Annotated[
        bool,
        typer.Option(
            "--drop-old", help="Also drop indexes that only earlier releases use. Stop those releases first."
        ),
    ] = False,
) -> None:
    """Create the indexes, the bucket and its CORS rules. Print the rights of the store's keys. Repeatable."""
    import asyncio

    from cli.init import run_init

    asyncio.run(run_init(drop_old_indexes=drop_old))


@app.command()
def token(
    sub: Annotated[str, typer.Option(help="The owner of the files: the subject of the token.")],
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Sign with the secret of the embedded stack in this folder. (default: .waybill)"),
    ] = None,
    admin: Annotated[bool, typer.Option("--admin", help="Allow access to the dashboard too.")] = False,
    hours: Annotated[int, typer.Option(help="Hours until the token expires.", min=1, max=10 * 365 * 24)] = 24,
) -> None:
    """Print a token. It is signed with WAYBILL_JWT_SECRET if that is set."""
    from stack.folder import Folder
    from stack.stack import Stack
    from waybill.platform.settings import load_token_settings
    from waybill.platform.tokens import TokenRules, make_token

    if not sub.strip():
        raise typer.BadParameter("must not be blank", param_hint="--sub")
    settings = load_token_settings()
    if settings.jwt_secret is not None and data_dir is None:
        secret, rules = settings.jwt_secret.get_secret_value(), settings.token_rules
    else:
        secret = Stack.read_jwt_secret(data_dir or DATA_DIR)
        rules = TokenRules(**Folder(data_dir or DATA_DIR).read_token_rules())
    print(make_token(secret, sub, lifetime=timedelta(hours=hours), admin=admin, rules=rules))


@app.command()
def doctor(
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Also compare every file with its object, for example after a restore."),
    ] = False,
) -> None:
    """Check that MongoDB, Redis and the object store behave as Waybill requires. Exit code 1 if not."""
    import asyncio

    from cli.doctor import run_doctor

    _use_running_stack()
    if not asyncio.run(run_doctor(deep=deep)):
        raise typer.Exit(1)


@app.command()
def orphans(
    older_than: Annotated[
        int,
        typer.Option(
            help="Only objects older than this many hours: a newer one may be an upload in progress.",
            min=0,
        ),
    ] = 48,
    delete: Annotated[bool, typer.Option("--delete", help="Also delete these objects.")] = False,
) -> None:
    """List objects in the bucket that belong to no file, one JSON object per line."""
    import asyncio

    from cli.orphans import list_orphans

    _use_running_stack()
    asyncio.run(list_orphans(timedelta(hours=older_than), delete=delete))


@app.command()
def schema() -> None:
    """Print the GraphQL schema, which is stored in schema.graphql."""
    from api.graphql.schema import create_schema

    print(create_schema().as_str())


@app.command()
def openapi() -> None:
    """Print the OpenAPI document of the REST API, as served at /api/v1/openapi.json."""
    from api.rest.routes import openapi_json

    print(openapi_json().decode())


def _use_running_stack() -> None:
    """Take the settings of the embedded stack in this folder, if it runs and the environment has none."""
    from stack.stack import Stack

    if "WAYBILL_MONGODB_URL" not in os.environ and (env := Stack.env_of_running(DATA_DIR)):
        print(f"waybill: using the embedded stack in {DATA_DIR}", file=sys.stderr)
        os.environ |= env


def main() -> None:
    """Run a command. Print an error that the user can correct as one message, without a traceback."""
    from stack.errors import StackError

    if isinstance(sys.stdout, TextIOWrapper):
        # A name that the terminal cannot encode must not end the program.
        sys.stdout.reconfigure(errors="replace")
    if isinstance(sys.stdin, TextIOWrapper):
        # A line that is not UTF-8 must not end the program. It becomes an id that no file has.
        sys.stdin.reconfigure(errors="surrogateescape")
    try:
        app(prog_name="waybill")
    except (InitError, SettingsError, StackError, WaybillError) as error:
        cause, _, details = error_message(error).partition("\n")
        if details:
            print(details, file=sys.stderr)
        # The cause comes last, because the end of a log can fill the screen.
        print(f"waybill: {cause.removesuffix(':')}", file=sys.stderr)
        sys.exit(1)
