"""Write the two pages that are made from the code: the command line's and Python's.

    python docs/reference.py

A test holds that they are what this writes.
"""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

import vmeval_hfds
from vmeval_hfds.cli.main import cli

HERE = Path(__file__).parent
NOTE = "<!-- Made by docs/reference.py from the code; change the code, and run it again. -->"


def command_line() -> str:
    """Give the page of every command and its options."""
    context = click.Context(cli, info_name="vmeval-hfds", **cli.context_settings)
    lines = ["# Command line", "", NOTE, "", *_cell_lines(cli.help), ""]
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        lines += [f"## {name}", "", *_cell_lines(command.help), ""]
        lines += [
            "```text",
            _usage(command, click.Context(command, info_name=name, parent=context)),
            "```",
            "",
        ]
        lines += ["| option | what it does |", "| --- | --- |", *_options(command), ""]
    return "\n".join(lines).rstrip() + "\n"


def _usage(command: click.Command, context: click.Context) -> str:
    pieces = [piece for piece in command.collect_usage_pieces(context) if piece]
    return " ".join([context.command_path, *pieces])


def _cell_lines(text: str | None) -> list[str]:
    return inspect.cleandoc(text or "").replace("\b", "").splitlines()


def _options(command: click.Command) -> Iterator[str]:
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
            kind = "" if option.is_flag else f" {option.metavar or option.type.name.upper()}"
            if isinstance(option.type, click.Choice):
                kind = f" {' or '.join(map(str, option.type.choices))}"
            said = " ".join((option.help or "").split()).replace("|", "\\|").replace("<", "&lt;")
            yield f"| {names}{kind} | {said} |"


def python() -> str:
    """Give the page of every public function, class and error."""
    lines = ["# Python", "", NOTE, ""]
    lines += [
        "`import vmeval_hfds as vh` is light; `datasets` and pandas are loaded when they are needed.",
        "",
    ]
    public = [(name, getattr(vmeval_hfds, name)) for name in vmeval_hfds.__all__ if name != "__version__"]
    for title, kind in (("Functions", inspect.isfunction), ("Classes", inspect.isclass)):
        lines += [f"## {title}", ""]
        for name, value in public:
            if kind(value):
                lines += [f"### {name}", "", *_signature(name, value), *_docstring(value), ""]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _signature(name: str, value: object) -> list[str]:
    if not inspect.isfunction(value):
        return []
    parameters = list(inspect.signature(value).parameters.values())
    stated, marked = [], False
    for one in parameters:
        if one.kind is one.KEYWORD_ONLY and not marked:
            stated, marked = [*stated, "*"], True
        default = "" if one.default is one.empty else f" = {one.default!r}"
        stated.append(f"{'**' if one.kind is one.VAR_KEYWORD else ''}{one.name}: {one.annotation}{default}")
    back = inspect.signature(value).return_annotation
    return ["```text", f"{name}(", *(f"    {one}," for one in stated), f") -> {back}", "```", ""]


def _docstring(value: object) -> Iterator[str]:
    """Give a Google-style docstring as Markdown: sections as bold words, their entries as lists."""
    in_section = False
    for line in inspect.cleandoc(value.__doc__ or "").splitlines():
        if re.fullmatch(r"(Args|Returns|Raises|Attributes|Yields):", line):
            in_section = True
            yield from ("", f"**{line[:-1]}**", "")
        elif in_section and (entry := re.fullmatch(r" {4}(\*{0,2}\w+): (.*)", line)):
            yield f"- `{entry[1]}`: {entry[2]}"
        elif in_section and line.startswith("    "):
            yield f"  {line.strip()}"
        else:
            in_section = in_section and not line
            yield line


PAGES = {"command-line.md": command_line, "python.md": python}

if __name__ == "__main__":
    for file_name, page in PAGES.items():
        (HERE / file_name).write_text(page(), encoding="utf-8")
