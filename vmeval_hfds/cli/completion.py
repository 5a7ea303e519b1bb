"""The command that prints how a shell completes commands, options and builders' names."""

from __future__ import annotations

import click

#: What the shells' own script sets when it asks for words.
VARIABLE = "_VMEVAL_HFDS_COMPLETE"
_SHELLS = ("bash", "zsh", "fish")
_WHERE = {
    "bash": '# In ~/.bashrc:  eval "$(vmeval-hfds completion bash)"',
    "zsh": '# In ~/.zshrc:  eval "$(vmeval-hfds completion zsh)"',
    "fish": "# In ~/.config/fish/completions/vmeval-hfds.fish:  vmeval-hfds completion fish | source",
}


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, options, builders' names and the values of local rows."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    root = context.find_root()
    click.echo(_WHERE[shell])
    click.echo(kind(root.command, {}, "vmeval-hfds", VARIABLE).source())


COMMANDS = (completion,)
