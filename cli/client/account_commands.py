"""The commands about the user and the server: `waybill login`, `logout` and `usage`."""

from typing import Annotated

import typer

from cli.client.commands import PANEL
from cli.client.options import Json, Url

app = typer.Typer()


@app.command(rich_help_panel=PANEL)
def login(
    url: Url = None,
    token: Annotated[
        str | None,
        typer.Option(
            help="The token, or - to read it from standard input. Not recommended on the command line: other"
            " users can see it. Without this option, the command asks for the token."
        ),
    ] = None,
    *,
    list_all: Annotated[
        bool, typer.Option("--list", help="List the servers at which you are signed in, and do nothing else.")
    ] = False,
    json_lines: Json = False,
) -> None:
    """Sign in to a server. The token is stored so that only you can read it. Later commands use it."""
    from cli.client.exit_codes import run_without_session
    from cli.client.signing_in import list_logins, sign_in

    run_without_session(
        list_logins(json_lines=json_lines) if list_all else sign_in(url, token), json_lines=json_lines
    )


@app.command(rich_help_panel=PANEL)
def logout(url: Url = None) -> None:
    """Sign out of a server: remove its token from this machine. The token stays valid until it expires."""
    from cli.client.exit_codes import run_without_session
    from cli.client.signing_in import sign_out

    run_without_session(sign_out(url))


@app.command(rich_help_panel=PANEL)
def usage(json_lines: Json = False, url: Url = None) -> None:
    """Show the space that your files use, and the limit."""
    from cli.client.exit_codes import run
    from cli.client.files import show_usage

    run(url, lambda session: show_usage(session, json_lines=json_lines), json_lines=json_lines)
