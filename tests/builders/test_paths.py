"""Names: what domain a task is of, what a path may be, what a config is called."""

import re
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hostile import HOSTILE_FILES, HOSTILE_PATHS, LEGAL_PATHS, ids
from vmeval_builders.paths import collision_key, config_names, domain_of, path_problem, path_problems


@pytest.mark.parametrize(
    ("task_path", "stated", "domain"),
    [
        ("maze_task/maze_0000", None, "maze"),
        ("maze_task/maze_0000", "chess", "maze"),
        ("counting_objects_task/counting_circles_0000", None, "counting_objects"),
        ("questions/G-1_maze/maze_task/00000", None, "maze"),
        ("outer_task/inner_task/x", None, "inner"),
        ("maze_task/group/x", None, "maze"),
        ("In-Domain_50/maze/00000", None, "maze"),
        ("hand_made/x", "chess", "hand_made"),
        ("maze_task", None, "maze"),
        ("maze_task", "chess", "maze"),
        ("maze_0000", "labyrinth", "labyrinth"),
        ("maze_0000", None, "maze"),
        ("maze-12", "", "maze"),
        ("0001", None, "0001"),
        ("_task/x", None, "_task"),
        ("_task", None, "_task"),
        ("my_task_task/x", None, "my_task"),
        ("tränen_task/x", None, "tränen"),
    ],
)
def test_the_nearest_task_folder_names_the_domain(task_path, stated, domain):
    assert domain_of(task_path, stated) == domain


@pytest.mark.parametrize("row", HOSTILE_PATHS, ids=ids(HOSTILE_PATHS))
def test_a_hostile_path_has_a_problem(row):
    problem = path_problem(row.path)
    assert problem
    assert row.reason in problem or row.path == "/"


@pytest.mark.parametrize("path", LEGAL_PATHS)
def test_an_odd_path_that_lives_everywhere_has_none(path):
    assert path_problem(path) is None
    assert path_problem(f"deep/{path}/er") is None


@pytest.mark.parametrize("row", HOSTILE_FILES, ids=ids(HOSTILE_FILES))
@pytest.mark.parametrize("order", [1, -1], ids=["as-listed", "reversed"])
def test_paths_that_meet_on_some_system_have_a_problem(row, order):
    files = [path for path in row.files if not path.endswith("/")][::order]
    folders = [path.rstrip("/") for path in row.files if path.endswith("/")][::order]
    if len(files) == 0 and len(set(folders)) == 1:
        pytest.skip("the same folder twice is one folder; two rows of it are the listing's to refuse")
    problems = list(path_problems(files, folders))
    assert any(row.reason in reason for _, reason in problems)
    assert {path for path, _ in problems} <= {*files, *folders, *_folders_above(files)}


def _folders_above(files):
    return {file[: match.start()] for file in files for match in re.finditer("/", file)}


def test_legal_paths_can_live_beside_each_other():
    assert list(path_problems(LEGAL_PATHS, [])) == []
    assert list(path_problems([], LEGAL_PATHS)) == []
    assert list(path_problems([f"{path}/{name}" for path in LEGAL_PATHS for name in LEGAL_PATHS])) == []


@given(st.text(min_size=1, max_size=20))
def test_what_is_legal_stays_below_the_folder(path):
    if path_problem(path) is None:
        names = path.split("/")
        assert not {"", ".", ".."}.intersection(names)
        assert "\\" not in path
        assert "\0" not in path
        assert path.encode()


@given(st.text())
def test_names_that_a_system_may_confuse_have_one_key(text):
    import unicodedata

    key = collision_key(text)
    assert collision_key(unicodedata.normalize("NFC", text)) == key
    assert collision_key(unicodedata.normalize("NFD", text)) == key


# Config names

PLAIN = ("maze", "counting_objects", "G-1_maze", "v1.2", "迷路", "tränen", "0", "default_", "a" * 80)


@pytest.mark.parametrize("domain", PLAIN)
def test_a_plain_domain_is_its_own_config(domain):
    assert config_names([domain]) == {domain: domain}


ODD_DOMAINS = (
    *("default", "files", "data", "Default", "DATA", "con", "nul.txt", "con.x", "aux.tar.gz"),
    *("*", "[a-z]", "maze?", "{a,b}", "**", "a/b", "../x", "a\\b", "a:b", "a b", " ", "\n", "\0", "\x1b[0m"),
    *(".hidden", "__pycache__", "-rf", "--help", ".", "..", "...", "x.", "x ", "_", "-", "🤔", "e\u0301"),
    *("<script>", "| a |", "'; --", '"', "\ud800", "a" * 81, "a" * 300, "迷" * 100, "𝒜" * 62, "𝒜" * 100),
)


@pytest.mark.parametrize("domain", ODD_DOMAINS, ids=lambda domain: f"{domain[:12]!a}x{len(domain)}")
def test_every_domain_gets_a_name_that_datasets_and_every_system_accept(domain):
    from datasets import BuilderConfig

    [name] = config_names([domain]).values()
    assert re.fullmatch(r"[\w.-]+", name)
    assert name not in ("default", "files", "data")
    assert not name.startswith((".", "-", "__"))
    assert path_problem(name) is None
    assert BuilderConfig(name=name).name == name


@pytest.mark.parametrize(
    "domains",
    [
        ("Maze", "maze"),
        ("MAZE", "Maze", "maze"),
        ("ä", "a\u0308"),
        ("a b", "a-b", "a_b", "a*b"),
        ("default", "Default", "files", "FILES"),
        ODD_DOMAINS,
    ],
    ids=["case", "three-cases", "normalisation", "replaced-characters", "reserved", "all-odd-ones"],
)
def test_no_two_configs_meet_on_any_system(domains):
    names = config_names(domains)
    assert set(names) == set(domains)
    assert len({collision_key(name) for name in names.values()}) == len(domains)


def test_not_even_when_a_domain_is_called_like_another_ones_config():
    [taken] = config_names(["a b"]).values()
    names = config_names(["a b", taken])
    assert len({collision_key(name) for name in names.values()}) == 2


def test_the_order_of_domains_changes_no_name():
    domains = ["Maze", "maze", "a b"]
    assert {str(config_names(order)) for order in permutations(domains)} == {str(config_names(domains))}


@given(st.sets(st.text(min_size=1, max_size=12), max_size=8))
def test_any_domains_get_names_of_their_own(domains):
    names = config_names(domains)
    assert set(names) == domains
    assert len({collision_key(name) for name in names.values()}) == len(domains)
    assert all(path_problem(name) is None for name in names.values())
