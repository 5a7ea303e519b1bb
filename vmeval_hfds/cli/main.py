"""The command group, and the one place where errors become exit codes."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Sequence
from itertools import pairwise

import click

from vmeval_hfds import __version__
from vmeval_hfds.cli import board, completion, local, look, mirror, publish, rebuild
from vmeval_hfds.cli.output import printable, say, say_between, show

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(version)s")
def cli() -> None:
    """Take video-reasoning questions between folders and Hugging Face datasets, byte for byte."""


for command in (
    *local.COMMANDS,
    *rebuild.COMMANDS,
    *publish.COMMANDS,
    *mirror.COMMANDS,
    *look.COMMANDS,
    *board.COMMANDS,
    *completion.COMMANDS,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What follows the program's name; None takes it from the process.

    Returns:
        0 done, 1 failed or differing, 2 wrong usage, 130 interrupted.
    """
    given = sys.argv[1:] if arguments is None else arguments
    talk = _Talk()
    logging.getLogger("vmeval_hfds").addHandler(talk)
    try:
        result = cli.main(given, prog_name="vmeval-hfds", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        click.echo(printable(_without_tokens(shown.getvalue())), err=True, nl=False)
        _show_as_json(error, error.format_message(), given)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        say("Interrupted.")
        _show_as_json(error, "Interrupted.", given)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone; Python would complain once more while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        if not _is_expected(error):
            raise
        # A line feed is of a name too: an error is one sentence.
        say(f"Error: {_without_tokens(_sentence(error))}".replace("\n", "\\n"))
        _show_as_json(error, _sentence(error), given)
        return EXIT_USAGE if _is_usage(error) else EXIT_FAILED
    finally:
        logging.getLogger("vmeval_hfds").removeHandler(talk)
    return int(result or 0)


class _Talk(logging.Handler):
    """Says what the library tells while it works, such as that it waits."""

    def emit(self, record: logging.LogRecord) -> None:
        say_between(_without_tokens(record.getMessage()))


def _show_as_json(error: BaseException, message: str, arguments: Sequence[str]) -> None:
    """Print a failure on stdout too, where JSON was asked for: whoever reads that finds one object in any case."""
    words = [*arguments, ""]
    if "--format=json" in words or ("--format", "json") in pairwise(words):
        told: dict[str, object] = {"type": type(error).__name__, "message": _without_tokens(message)}
        if problems := getattr(error, "problems", None):
            told["problems"] = problems
        show("json", {"error": told}, [])


def _is_usage(error: Exception) -> bool:
    """Whether an option's value is what is wrong, whatever the data."""
    from vmeval_hfds.errors import AddressError, LayoutNameError, SplitNameError

    return isinstance(error, AddressError | LayoutNameError | SplitNameError)


def _without_tokens(text: str) -> str:
    """Blot out a token that was given where a name or a path belongs."""
    from vmeval_builders.secrets import without_tokens

    return without_tokens(text)


def _is_expected(error: Exception) -> bool:
    from vmeval_builders.errors import VmevalError

    return isinstance(error, VmevalError | OSError | MemoryError) or _is_without_threads(error)


def _is_without_threads(error: Exception) -> bool:
    """Whether the system gave Python no thread, for which it has no error of its own."""
    return type(error) is RuntimeError and "can't start new thread" in str(error)


def _sentence(error: Exception) -> str:
    """Say an error in one line; for the system's own errors, the path first."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "there is not enough memory; give this process more (ulimit -v), or use --num-proc 1"
    if _is_without_threads(error):
        return "the system starts no more threads; give this process more of them, or more memory (ulimit -u, -v)"
    return str(error)
