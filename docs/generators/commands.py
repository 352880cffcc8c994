"""The commands, out of the Typer application itself."""

from typing import Any

import typer

from cli.main import app
from docs.generators.markdown import blocks, code, table


def render() -> str:
    """Every command with its arguments and options, hidden ones left out."""
    return _group(typer.main.get_command(app), "waybill")


def _group(group: Any, name: str) -> str:
    return blocks(
        *(
            _group(command, f"{name} {each}")
            if hasattr(command, "commands")
            else _command(command, name, each)
            for each, command in group.commands.items()
            if not command.hidden
        )
    )


def _command(command: Any, group: str, name: str) -> str:
    context = command.make_context(name, [], resilient_parsing=True)
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    usage = " ".join([group, name, *command.collect_usage_pieces(context)])
    return blocks(
        f"## {group} {name}",
        (command.help or "").strip(),
        f"```console\n$ {usage}\n```",
        table(("option", "default", "meaning"), (_parameter(each, context) for each in shown)),
    )


def _parameter(parameter: Any, context: Any) -> tuple[str, str, str]:
    names = [*parameter.opts, *parameter.secondary_opts]
    if parameter.param_type_name == "argument":
        names = [parameter.name.upper()]
    default = parameter.get_default(context, call=False)
    is_given = default not in {None, False, ()} if not isinstance(default, list) else bool(default)
    shown = "required" if parameter.required else code(default) if is_given else ""
    return " ".join(map(code, names)), shown, (getattr(parameter, "help", None) or "").strip()
