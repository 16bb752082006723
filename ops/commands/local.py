"""`local`: the stack that `make run` started, for the shell."""

import json
import shlex
import sys
from pathlib import Path

import click

from ops import stack as stacks

_NAMES = {
    "API_URL": "api_url",
    "API_KEY": "api_key",
    "INBOX_URL": "inbox_url",
    "SIMULATOR_URL": "simulator_url",
}
_AWS_NAMES = {
    "AWS_ENDPOINT_URL": "aws_endpoint_url",
    "AWS_ACCESS_KEY_ID": "access_key_id",
    "AWS_SECRET_ACCESS_KEY": "secret_access_key",
    "AWS_REGION": "region",
    "AWS_DEFAULT_REGION": "region",  # boto3 and older tools know only this one
}


@click.group("local")
def group() -> None:
    """Work with the stack that `make run` started."""


@group.command("env")
@click.option("--aws", is_flag=True, help="Also the variables that point AWS's tools at it.")
@click.option(
    "--stack-json",
    type=click.Path(path_type=Path, dir_okay=False),
    default=stacks.LOCAL_STACK,
    help="Another local stack's stack.json.",
)
def env(stack_json: Path, *, aws: bool) -> None:
    """Print its addresses and key for the shell: eval "$(./taqnyat-mail local env)"."""
    try:
        details = json.loads(stack_json.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        click.echo("Error: the local stack is not up\n  start it with `make run`", err=True)
        sys.exit(1)
    for name, key in (_NAMES | (_AWS_NAMES if aws else {})).items():
        if details.get(key):
            click.echo(f"export {name}={shlex.quote(str(details[key]))}")
