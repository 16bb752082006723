"""A group of commands that suggests the command that was meant."""

import difflib

import click


class SuggestingGroup(click.Group):
    """Says "did you mean" of a command that it does not know, as click does of options."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a name."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], known, n=2)
            meant = " or ".join(f"`{name}`" for name in close)
            hint = f"did you mean {meant}?" if close else f"there are: {', '.join(known)}"
            ctx.fail(f"no such command; {hint}")
        return super().resolve_command(ctx, args)
