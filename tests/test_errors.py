"""Whatever is raised on purpose is a `VmevalError`, and one of Python's own errors too."""

import ast
import builtins

import pytest

from tests.test_imports import MODULES, tree_of
from vmeval_builders import errors as builder_errors
from vmeval_hfds import errors

#: What Python itself asks for, of an attribute that is not there or cannot be set; and what cannot happen.
ASKED_FOR = ("AttributeError", "AssertionError")


def raised(module):
    """Name the classes that a module raises by name."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield ast.unparse(node.exc.func)


@pytest.mark.parametrize("module", MODULES)
def test_no_module_raises_pythons_errors_as_they_are(module):
    plain = [name for name in raised(module) if hasattr(builtins, name) and name not in ASKED_FOR]
    # With the number of the system's error, an OSError is handed on with the path that it is of.
    assert [name for name in plain if name != "OSError"] == []


def test_the_reader_of_raises_sees_them():
    assert "MissingPathError" in set(raised("vmeval_builders.scan"))


@pytest.mark.parametrize(
    "kind",
    [
        value
        for module in (errors, builder_errors)
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, errors.VmevalError)
        and value is not errors.VmevalError
    ],
    ids=lambda kind: kind.__name__,
)
def test_every_error_is_one_of_pythons_own_too(kind):
    assert any(
        base.__module__ == "builtins" and base is not Exception and issubclass(base, Exception)
        for base in kind.__mro__
    )
