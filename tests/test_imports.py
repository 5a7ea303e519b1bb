"""Which module may import which: the project's architecture, read from its source."""

import ast
import sys
from functools import cache
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"vmeval_builders": ROOT / "builders/vmeval_builders", "vmeval_hfds": ROOT / "vmeval_hfds"}

#: A module imports only from lines above its own. A new module needs a place in here.
LAYERS = (
    # Folder to rows and back: no network, no command line.
    ("vmeval_builders", "vmeval_builders.layout", "vmeval_builders.schema", "vmeval_builders.problems"),
    ("vmeval_builders.errors",),
    (
        "vmeval_builders.entries",
        "vmeval_builders.frames",
        "vmeval_builders.arrays",
        "vmeval_builders.tar_streams",
    ),
    ("vmeval_builders.tar_members",),
    ("vmeval_builders.builder", "vmeval_builders.archive", "vmeval_builders.listing"),
    ("vmeval_builders.rows",),
    ("vmeval_builders.questions", "vmeval_builders.outputs", "vmeval_builders.evaluations"),
    ("vmeval_builders.registry",),
    ("vmeval_builders.scan",),
    ("vmeval_builders.manifest", "vmeval_builders.folder_builders"),
    ("vmeval_builders.checks",),
    # Tables on disk.
    ("vmeval_hfds.errors",),
    ("vmeval_hfds.parallel", "vmeval_hfds.writing", "vmeval_hfds.card", "vmeval_hfds.dataset_files"),
    ("vmeval_hfds.shards", "vmeval_hfds.secrets_found", "vmeval_hfds.thumbnails"),
    ("vmeval_hfds.columns", "vmeval_hfds.flatten", "vmeval_hfds.bars", "vmeval_hfds.preview"),
    ("vmeval_hfds.row_texts",),
    ("vmeval_hfds.listings", "vmeval_hfds.selection", "vmeval_hfds.opening", "vmeval_hfds.dataset_dir"),
    ("vmeval_hfds.places",),
    ("vmeval_hfds.path_check",),
    # The Hub.
    ("vmeval_hfds.hub", "vmeval_hfds.mirror_plan"),
    ("vmeval_hfds.hub_dataset", "vmeval_hfds.mirror_remote"),
    ("vmeval_hfds.sources", "vmeval_hfds.mirror_files", "vmeval_hfds.brought"),
    # What the commands do.
    ("vmeval_hfds.gallery_page",),
    (
        "vmeval_hfds.exporting",
        "vmeval_hfds.verifying",
        "vmeval_hfds.summary",
        "vmeval_hfds.tables",
        "vmeval_hfds.pushing",
    ),
    ("vmeval_hfds.gallery", "vmeval_hfds.frames_table"),
    ("vmeval_hfds.leaderboard",),
    ("vmeval_hfds.mirror_download", "vmeval_hfds.mirror_upload"),
    ("vmeval_hfds.mirror",),
    # The sample stands for itself.
    ("vmeval_hfds.sample.drawing", "vmeval_hfds.sample.question"),
    (
        *("vmeval_hfds.sample.counting_objects", "vmeval_hfds.sample.maze", "vmeval_hfds.sample.pipes"),
        *(
            "vmeval_hfds.sample.sliding_puzzle",
            "vmeval_hfds.sample.sudoku",
            "vmeval_hfds.sample.tower_of_hanoi",
        ),
    ),
    ("vmeval_hfds.sample.catalog",),
    ("vmeval_hfds.sample.writing",),
    ("vmeval_hfds.sample",),
    ("vmeval_hfds.demo",),
    # The door to all that, and the shell.
    ("vmeval_hfds",),
    ("vmeval_hfds.cli", "vmeval_hfds.cli.output"),
    ("vmeval_hfds.cli.options",),
    ("vmeval_hfds.cli.local",),
    ("vmeval_hfds.cli.publish", "vmeval_hfds.cli.mirror", "vmeval_hfds.cli.look"),
    ("vmeval_hfds.cli.main",),
    ("vmeval_hfds.__main__",),
)

CLI = ("output", "options", "local", "publish", "mirror", "look", "main")

#: Who may import a library at all, be it inside a function.
LIBRARIES = {
    "huggingface_hub": {"vmeval_hfds.hub", "vmeval_hfds.pushing", "vmeval_hfds.card"},
    "datasets": {
        *("vmeval_builders.schema", "vmeval_builders.folder_builders"),
        *("vmeval_hfds.hub", "vmeval_hfds.demo"),
    },
    "click": {f"vmeval_hfds.cli.{name}" for name in CLI},
    "PIL": {"vmeval_builders.frames", "vmeval_hfds.thumbnails", "vmeval_hfds.preview"},
}
OURS = tuple(PACKAGES)


@cache
def sources():
    """Every module's name and file."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            name = ".".join((package, *parts))
            found[name.removesuffix(".__init__")] = path
    return found


@cache
def tree_of(module):
    return ast.parse(sources()[module].read_text(encoding="utf-8"))


@cache
def imports(module, typing=False, top_level=False):
    """The modules that a module imports; `typing` adds those that only type checkers see."""
    found = set()
    todo = list(tree_of(module).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += [*node.orelse, *(node.body if typing else [])]
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                found.add(submodule if submodule in sources() else node.module)
        elif not (top_level and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            todo += ast.iter_child_nodes(node)
    return frozenset(found)


def place(module):
    return next((number for number, layer in enumerate(LAYERS) if module in layer), None)


def in_library(module, library):
    return module == library or module.startswith(f"{library}.")


MODULES = sorted(sources())


def test_both_packages_are_here():
    assert {module.partition(".")[0] for module in MODULES} == set(PACKAGES)
    assert len(MODULES) > 30


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_layers_below_it(module):
    assert place(module) is not None, f"{module} has no place in LAYERS"
    for imported in sorted(imports(module)):
        if imported.partition(".")[0] in OURS:
            assert place(imported) is not None, f"{module} imports {imported}, which has no place in LAYERS"
            assert place(imported) < place(module), f"{module} imports {imported}, which stands above it"


def test_every_module_has_one_place():
    names = [name for layer in LAYERS for name in layer]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("module", [module for module in MODULES if in_library(module, "vmeval_builders")])
def test_the_builders_know_nothing_of_the_rest(module):
    for imported in imports(module, typing=True):
        assert imported.partition(".")[0] not in ("vmeval_hfds", "click", "huggingface_hub", "pandas")


def test_the_rules_of_names_need_python_alone():
    assert {
        imported.partition(".")[0] for imported in imports("vmeval_builders.layout")
    } <= sys.stdlib_module_names


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_imported_only_where_it_belongs(library):
    users = {
        module
        for module in MODULES
        if any(in_library(imported, library) for imported in imports(module))
        and not in_library(module, "vmeval_hfds.sample")
    }
    assert users <= LIBRARIES[library]
    assert users


@pytest.mark.parametrize("module", [module for module in MODULES if in_library(module, "vmeval_hfds.cli")])
def test_the_shell_loads_nothing_heavy_by_itself(module):
    allowed = (*sys.stdlib_module_names, "click")
    for imported in imports(module, top_level=True):
        assert (
            imported.partition(".")[0] in allowed
            or in_library(imported, "vmeval_hfds.cli")
            or imported == "vmeval_hfds"
        )


def test_only_the_dependencies_that_are_declared_are_imported():
    declared = {"datasets", "huggingface_hub", "pyarrow", "pandas", "PIL", "click"}
    imported = {name.partition(".")[0] for module in MODULES for name in imports(module)}
    assert imported - set(sys.stdlib_module_names) - set(OURS) <= declared


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_in_one_sentence_what_it_is_for(module):
    docstring = ast.get_docstring(tree_of(module))
    assert docstring, f"{module} has no docstring"
    sentence = docstring.split("\n\n")[0]
    assert sentence.rstrip().endswith((".", "?", ".)"))
    assert len(sentence) < 250


def test_no_import_comes_back_to_where_it_was():
    graph = {module: imports(module, top_level=True) & sources().keys() - {module} for module in MODULES}
    assert len(list(TopologicalSorter(graph).static_order())) == len(
        MODULES
    )  # else it raises, naming the cycle


def test_the_reader_of_imports_sees_them_all():
    # Otherwise the tests above could not fail.
    assert "vmeval_builders.layout" in imports("vmeval_builders.scan")
    assert "datasets" in imports("vmeval_hfds.demo")
    assert "datasets" not in imports("vmeval_hfds.demo", top_level=True)
    assert "datasets" in imports("vmeval_hfds.tables", typing=True)
    assert "datasets" not in imports("vmeval_hfds.tables")
    assert all(
        place(low) < place(high)
        for low, high in pairwise(["vmeval_builders.scan", "vmeval_hfds.exporting", "vmeval_hfds.cli.main"])
    )
