"""Which module may import which: the project's architecture, read from its source."""

import ast
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"vmeval_builders": ROOT / "builders/vmeval_builders", "vmeval_hfds": ROOT / "vmeval_hfds"}

#: The direction of imports: a room imports only from rooms to the right of it. The second package's rooms may
#: import all of the first; nothing there imports the second.
ROOMS = {
    "vmeval_hfds": (
        "__main__",
        "cli",
        "",
        "api",
        "gallery | mirror",
        "folder",
        "rows",
        "table",
        "store",
        "hub | engine | sample",
        "claim",
        "scratch",
        "errors | version",
    ),
    "vmeval_builders": (
        "hf_builders | checks",
        "findings",
        "manifest | scan | rows",
        "layouts | sources",
        "gathered | unit_list",
        "file_list | folder_list | json_lists | problem_list",
        "folder_index",
        "arrow | choice | entries | frames | json_values | secrets | texts",
        "packed_values | paths | problems | errors",
        "",
    ),
}

#: The rooms, or single modules, that may import a library at all, be it inside a function.
LIBRARIES = {
    "huggingface_hub": {"vmeval_hfds.hub"},
    "datasets": {
        *("vmeval_builders.arrow.schema", "vmeval_builders.hf_builders"),
        *("vmeval_hfds.hub", "vmeval_hfds.api.demo", "vmeval_hfds.api.load"),
    },
    "click": {"vmeval_hfds.cli"},
    "PIL": {"vmeval_builders.frames", "vmeval_hfds.gallery", "vmeval_hfds.sample"},
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


def room(module):
    """A module's package, and the number of its room's place in the line of ROOMS; None where it has none."""
    package, _, rest = module.partition(".")
    name = rest.partition(".")[0]
    places = [number for number, names in enumerate(ROOMS[package]) if name in names.split(" | ")]
    return places[0] if places else None


def in_library(module, library):
    return module == library or module.startswith(f"{library}.")


MODULES = sorted(sources())


def test_both_packages_are_here():
    assert {module.partition(".")[0] for module in MODULES} == set(PACKAGES)
    assert len(MODULES) > 30


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_rooms_below_its_own(module):
    package = module.partition(".")[0]
    assert room(module) is not None, f"{module} has no room in ROOMS"
    for imported in sorted(imports(module, typing=True)):
        if imported.partition(".")[0] == package and not same_room(module, imported):
            assert room(imported) is not None, f"{module} imports {imported}, which has no room in ROOMS"
            assert room(imported) > room(module), f"{module} imports {imported}, which is not below it"


def same_room(one, other):
    return one.split(".")[:2] == other.split(".")[:2]


@pytest.mark.parametrize("module", [module for module in MODULES if in_library(module, "vmeval_builders")])
def test_the_builders_know_nothing_of_the_rest(module):
    for imported in imports(module, typing=True):
        assert imported.partition(".")[0] not in ("vmeval_hfds", "click", "huggingface_hub", "pandas")


def test_the_rules_of_names_need_python_alone():
    assert {
        imported.partition(".")[0] for imported in imports("vmeval_builders.paths")
    } <= sys.stdlib_module_names


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_imported_only_where_it_belongs(library):
    users = {
        module
        for module in MODULES
        if any(
            in_library(imported, library)
            for imported in imports(module, typing=library != "datasets" and library != "PIL")
        )
    }
    assert users
    for module in users:
        assert any(in_library(module, place) for place in LIBRARIES[library]), f"{module} imports {library}"


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
    # hf_xet comes with huggingface_hub where there is one for the machine; it is asked for first.
    declared = {"datasets", "huggingface_hub", "hf_xet", "pyarrow", "pandas", "PIL", "click", "fsspec"}
    extras = {"vmeval_hfds.engine.dask": {"distributed"}}
    imported = {
        name.partition(".")[0] for module in MODULES for name in imports(module) - extras.get(module, set())
    }
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
    assert "vmeval_builders.paths" in imports("vmeval_builders.scan")
    assert "datasets" in imports("vmeval_hfds.api.demo")
    assert "datasets" not in imports("vmeval_hfds.api.demo", top_level=True)
    assert "datasets" in imports("vmeval_hfds.api.to_dataset", typing=True)
    assert "datasets" not in imports("vmeval_hfds.api.to_dataset")
    assert room("vmeval_hfds.cli.main") < room("vmeval_hfds.api.export") < room("vmeval_hfds.errors")
