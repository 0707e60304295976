"""The command line: global options, contexts, and every command.

Exit codes: 0 done, 2 misspelt, 3 refused, 4 not found, 5 unreachable, 6 partly done, 7 waits for a second
person, 8 not signed in, 9 a context, token file or file that cannot be used.
"""

from typing import Annotated

import typer

from mmctl import actions, configs, records, report, watching
from mmctl.contexts import DEFAULT_URL, Contexts, ServiceContext
from mmctl.output import Form, show, table_of
from mmctl.session import SESSION, FormOption, command

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
context = typer.Typer(help="Where the service is and who asks.", no_args_is_help=True)


@app.callback()
def options(
    context_name: Annotated[
        str | None, typer.Option("--context", envvar="MMCTL_CONTEXT", help="Instead of the current one.")
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", envvar="MMCTL_URL", help=f"Such as {DEFAULT_URL}.")
    ] = None,
    token_file: Annotated[
        str | None,
        typer.Option("--token-file", envvar="MMCTL_TOKEN_FILE", help="A file with the token, mode 600."),
    ] = None,
) -> None:
    """Hand on what stands before the command."""
    SESSION.context, SESSION.url, SESSION.token_file = context_name, url, token_file


@context.command("set")
@command
def set_context(
    name: Annotated[str, typer.Argument(help="Its name.")],
    url: Annotated[str, typer.Option(help="Where the admin API is.")],
    token_file: Annotated[str | None, typer.Option(help="A file with the token, mode 600.")] = None,
    ca_file: Annotated[str | None, typer.Option(help="Certificates of one's own authority, PEM.")] = None,
) -> None:
    """Add or change a context, and use it."""
    contexts = Contexts.load()
    contexts.known[name] = ServiceContext(url, token_file, ca_file)
    contexts.current = name
    contexts.save()
    typer.echo(f"{name} is {url}")


@context.command("use")
@command
def use_context(name: Annotated[str, typer.Argument(help="Its name.")]) -> None:
    """Use another context from now on."""
    contexts = Contexts.load()
    contexts.chosen(name)
    contexts.current = name
    contexts.save()
    typer.echo(f"now {name}")


@context.command("list")
@command
def list_contexts(output: FormOption = Form.TABLE) -> None:
    """Every context."""
    contexts = Contexts.load()
    rows = [
        {"name": name, "current": name == contexts.current, "url": one.url, "token_file": one.token_file}
        for name, one in contexts.known.items()
    ]
    show(output, rows, table_of(rows, ("name", "current", "token_file", "url")))


app.add_typer(context, name="context")
for part in (watching, actions, configs, records, report):
    part.register(app)
