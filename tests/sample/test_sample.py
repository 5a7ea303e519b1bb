"""The generated questions: solvable, shaped as VMEvalKit's, the same for the same seed, whole or not at all.

Every solution is checked by rules written out here, never by the code that generated it.
"""

import hashlib
import json
import re
from collections import deque
from itertools import combinations, pairwise, product
from pathlib import Path

import pytest
from PIL import Image

from tests.factories import run_python
from vmeval_hfds.sample import write_sample, writing

PER_DOMAIN = 6  # two of each difficulty
FRAMES = {
    "maze": ("RGB", (480, 480)),
    "sudoku": ("RGB", (512, 512)),
    "sliding_puzzle": ("RGB", (400, 400)),
    "tower_of_hanoi": ("RGB", (640, 480)),
    "counting_objects": ("RGB", (600, 400)),
    "pipes": ("RGBA", (452, 452)),
}
SHARED_KEYS = {
    "id",
    "prompt",
    "first_image_path",
    "final_image_path",
    "task_category",
    "difficulty",
    "created_at",
    "domain",
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return write_sample(tmp_path_factory.mktemp("sample") / "questions", per_domain=PER_DOMAIN, num_proc=1)


def tree(folder):
    """Map every path under the folder to a hash of its bytes (None for a folder)."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else None
        for path in folder.rglob("*")
    }


def questions(sample, domain):
    """Return (folder, metadata) of every question of the domain."""
    folders = sorted((sample / f"{domain}_task").iterdir())
    assert len(folders) == PER_DOMAIN
    return [(folder, json.loads((folder / "question_metadata.json").read_bytes())) for folder in folders]


# The puzzles


def test_maze_paths_follow_open_corridors_from_dot_to_flag(sample):
    for _, metadata in questions(sample, "maze"):
        data = metadata["maze_data"]
        path = [tuple(cell) for cell in data["solution"]]
        assert path[0] == tuple(metadata["start_pos"])
        assert path[-1] == tuple(metadata["end_pos"])
        assert len(path) - 1 == data["solution_length"] == metadata["solution_length"] > 0
        assert len(set(path)) == len(path)
        for (row, column), (to_row, to_column) in pairwise(path):
            assert abs(row - to_row) + abs(column - to_column) == 1
            assert data["grid"][row + to_row + 1][column + to_column + 1] == " "


def test_maze_is_a_tree_so_its_path_is_the_only_one(sample):
    for _, metadata in questions(sample, "maze"):
        grid = metadata["maze_data"]["grid"]
        rows, columns = metadata["maze_size"]
        assert len(grid) == 2 * rows + 1
        assert {len(row) for row in grid} == {2 * columns + 1}
        assert all(grid[2 * r + 1][2 * c + 1] == " " for r in range(rows) for c in range(columns))
        doors = sum(row[x] == " " for y, row in enumerate(grid) for x in range(len(row)) if (x + y) % 2)
        assert doors == rows * columns - 1  # as many as a tree has; the paths below show that it is connected
        reached, ahead = {(1, 1)}, [(1, 1)]
        while ahead:
            y, x = ahead.pop()
            for place in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if grid[place[0]][place[1]] == " " and place not in reached:
                    reached.add(place)
                    ahead.append(place)
        assert sum(y % 2 and x % 2 for y, x in reached) == rows * columns


def test_maze_frames_show_the_walls_and_the_path_of_the_metadata(sample):
    for folder, metadata in questions(sample, "maze"):
        first, final = (Image.open(folder / f"{name}_frame.png") for name in ("first", "final"))
        grid, (rows, _) = metadata["maze_data"]["grid"], metadata["maze_size"]
        half = (480 - 48) / rows / 2
        for y, row in enumerate(grid):
            for x, mark in enumerate(row):
                if (x + y) % 2:
                    brightness = sum(first.getpixel((round(24 + x * half), round(24 + y * half))))
                    assert (brightness < 200) is (mark == "#")
        for row, column in metadata["maze_data"]["solution"][1:-1]:
            middle = (round(24 + (2 * column + 1) * half), round(24 + (2 * row + 1) * half))
            assert first.getpixel(middle) == (255, 255, 255)
            red, green, blue = final.getpixel(middle)
            assert green > red
            assert green > blue


def sudoku_units(size, box_rows, box_columns):
    rows = [[r * size + c for c in range(size)] for r in range(size)]
    columns = [[r * size + c for r in range(size)] for c in range(size)]
    boxes = [
        [(top + r) * size + left + c for r in range(box_rows) for c in range(box_columns)]
        for top in range(0, size, box_rows)
        for left in range(0, size, box_columns)
    ]
    return rows + columns + boxes


def sudoku_solutions(grid, units, size):
    """Yield every way to fill the grid, by search."""
    choices = {
        cell: set(range(1, size + 1)) - {grid[other] for unit in units if cell in unit for other in unit}
        for cell, digit in enumerate(grid)
        if digit is None
    }
    if not choices:
        yield grid
        return
    cell = min(choices, key=lambda cell: len(choices[cell]))
    for digit in choices[cell]:
        yield from sudoku_solutions([*grid[:cell], digit, *grid[cell + 1 :]], units, size)


def test_sudoku_solution_keeps_rules_and_givens_and_is_the_only_one(sample):
    sizes = set()
    for _, metadata in questions(sample, "sudoku"):
        data = metadata["sudoku_data"]
        box_rows, box_columns = data["box_shape"]
        size = box_rows * box_columns
        sizes.add(size)
        units = sudoku_units(size, box_rows, box_columns)
        for unit in units:
            assert sorted(data["solution"][cell] for cell in unit) == list(range(1, size + 1))
        assert list(sudoku_solutions(data["puzzle"], units, size)) == [data["solution"]]
        assert None in data["puzzle"]
        assert (
            data["num_given"] == metadata["num_given"] == sum(digit is not None for digit in data["puzzle"])
        )
        assert (metadata["puzzle_array"], metadata["solution_array"]) == (data["puzzle"], data["solution"])
    assert sizes == {4, 6, 9}


def sliding_neighbours(state):
    """Yield every state one slide away, with the tile that slides."""
    gap = state.index("0")
    for step, allowed in ((-3, gap > 2), (3, gap < 6), (-1, gap % 3 > 0), (1, gap % 3 < 2)):
        if allowed:
            tiles = list(state)
            tiles[gap], tiles[gap + step] = tiles[gap + step], "0"
            yield "".join(tiles), int(state[gap + step])


def distances_from(start, neighbours):
    """Return how many moves every reachable state is away, breadth first."""
    distances, ahead = {start: 0}, deque([start])
    while ahead:
        state = ahead.popleft()
        for after in neighbours(state):
            if after not in distances:
                distances[after] = distances[state] + 1
                ahead.append(after)
    return distances


def test_sliding_moves_are_legal_reach_the_goal_and_are_the_fewest(sample):
    distances = distances_from("123456780", lambda state: (after for after, _ in sliding_neighbours(state)))
    for _, metadata in questions(sample, "sliding_puzzle"):
        state, moves = metadata["initial_state"], metadata["sliding_puzzle_data"]["solution"]
        assert len(moves) == metadata["sliding_puzzle_data"]["num_moves"] == distances[state] > 0
        for tile in moves:
            state = {moved: after for after, moved in sliding_neighbours(state)}[tile]
        assert state == metadata["goal_state"] == "123456780"


def hanoi_neighbours(pegs):
    for source, target in product(range(3), repeat=2):
        if source != target and pegs[source] and (not pegs[target] or pegs[source][-1] < pegs[target][-1]):
            after = [list(peg) for peg in pegs]
            after[target].append(after[source].pop())
            yield tuple(map(tuple, after))


def test_hanoi_moves_are_legal_reach_the_goal_and_are_the_fewest(sample):
    for folder, metadata in questions(sample, "tower_of_hanoi"):
        data = metadata["tower_of_hanoi_data"]
        start = tuple(map(tuple, metadata["initial_state"]))
        goal = tuple(map(tuple, metadata["goal_state"]))
        pegs = [list(peg) for peg in start]
        for disk, source, target in data["solution"]:
            legal = set(hanoi_neighbours(pegs))
            assert pegs["ABC".index(source)].pop() == disk
            pegs["ABC".index(target)].append(disk)
            assert tuple(map(tuple, pegs)) in legal
        assert tuple(map(tuple, pegs)) == goal != start
        assert goal["ABC".index(metadata["goal_peg"])] == tuple(range(data["num_disks"], 0, -1))
        assert len(data["solution"]) == data["min_moves"] == distances_from(start, hanoi_neighbours)[goal]
        assert f"peg {metadata['goal_peg']}" in (folder / "goal.txt").read_text(encoding="utf-8")


def test_counting_totals_match_the_objects_and_the_pictures(sample):
    for folder, metadata in questions(sample, "counting_objects"):
        data = metadata["counting_objects_data"]
        objects, target = data["objects"], data["target"]
        counted = [o for o in objects if (o["shape"], o["color"]) == (target["shape"], target["color"])]
        assert len(counted) == data["count"] == metadata["ground_truth_count"] == int(data["solution"])
        assert len(objects) == metadata["num_objects"]
        assert f"{target['color']} circles" in metadata["prompt"]
        for one, other in combinations(objects, 2):
            gap = max(abs(one["x"] - other["x"]), abs(one["y"] - other["y"]))
            assert gap > one["radius"] + other["radius"], "objects must not touch"
        first = Image.open(folder / "first_frame.png")
        seen = {(o["shape"], o["color"]): first.getpixel((o["x"], o["y"])) for o in objects}
        wanted = seen[target["shape"], target["color"]]
        for item in objects:
            assert (first.getpixel((item["x"], item["y"])) == wanted) is (item["color"] == target["color"])


def test_pipes_turn_into_a_board_that_is_connected_and_has_no_open_end(sample):
    steps = {"N": (-1, 0, "S"), "E": (0, 1, "W"), "S": (1, 0, "N"), "W": (0, -1, "E")}
    clockwise = str.maketrans("NESW", "ESWN")
    for _, metadata in questions(sample, "pipes"):
        rows, columns = metadata["grid_size"]
        turns = metadata["pipes_data"]["solution"]
        assert len(turns) == rows * columns
        assert set(turns) <= set("0123")
        board = {}
        for (r, c), count in zip(product(range(rows), range(columns)), map(int, turns), strict=True):
            sides = metadata["initial_state"][r][c]
            for _ in range(count):
                sides = sides.translate(clockwise)
            board[r, c] = set(sides)
            assert board[r, c] == set(metadata["goal_state"][r][c])
        reached = {tuple(metadata["source"])}
        ahead = list(reached)
        while ahead:
            r, c = ahead.pop()
            for side in board[r, c]:
                down, right, opposite = steps[side]
                assert opposite in board[r + down, c + right]
                if (r + down, c + right) not in reached:
                    reached.add((r + down, c + right))
                    ahead.append((r + down, c + right))
        assert reached == set(board)
        assert metadata["initial_state"] != metadata["goal_state"]
        assert metadata["pipes_data"]["num_turned"] == sum(turn != "0" for turn in turns)


# The shapes


@pytest.mark.parametrize("domain", FRAMES)
def test_frames_have_the_domains_mode_and_size_and_differ(sample, domain):
    for folder, _ in questions(sample, domain):
        paths = [folder / "first_frame.png", folder / "final_frame.png"]
        for path in paths:
            with Image.open(path) as image:
                image.load()
                assert (image.format, image.mode, image.size) == ("PNG", *FRAMES[domain])
            assert 1_000 < path.stat().st_size < 60_000
        assert paths[0].read_bytes() != paths[1].read_bytes()


@pytest.mark.parametrize("domain", FRAMES)
def test_metadata_agrees_with_the_files_beside_it(sample, domain):
    difficulties = []
    for folder, metadata in questions(sample, domain):
        raw = (folder / "question_metadata.json").read_bytes()
        assert raw == json.dumps(metadata, indent=2).encode("ascii")
        assert set(metadata) >= SHARED_KEYS | {f"{domain}_data"}
        assert {"generation_method"} < set(metadata[f"{domain}_data"])
        assert metadata["id"] == folder.name
        assert metadata["domain"] == domain
        assert (folder / "prompt.txt").read_bytes() == metadata["prompt"].encode()
        assert sample / metadata["first_image_path"] == folder / "first_frame.png"
        assert sample / metadata["final_image_path"] == folder / "final_frame.png"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", metadata["created_at"])
        difficulties.append(metadata["difficulty"])
        extra = {"goal.txt"} if domain == "tower_of_hanoi" else set()
        assert {path.name for path in folder.iterdir()} == extra | {
            "first_frame.png",
            "final_frame.png",
            "prompt.txt",
            "question_metadata.json",
        }
    assert sorted(difficulties) == ["easy"] * 2 + ["hard"] * 2 + ["medium"] * 2


def test_manifest_lists_every_question_with_its_metadata_in_shuffled_order(sample):
    raw = (sample / "vmeval_dataset.json").read_bytes()
    manifest = json.loads(raw)
    assert raw == json.dumps(manifest, indent=2).encode("ascii")
    assert list(manifest) == ["name", "description", "created_at", "total_pairs", "generation_info", "pairs"]
    pairs = manifest["pairs"]
    on_disk = [
        json.loads(path.read_bytes()) for path in sorted(sample.glob("*_task/*/question_metadata.json"))
    ]
    by_id = {pair["id"]: pair for pair in pairs}
    assert by_id == {metadata["id"]: metadata for metadata in on_disk}
    assert len(pairs) == len(by_id) == manifest["total_pairs"] == PER_DOMAIN * len(FRAMES)
    assert [pair["id"] for pair in pairs] != [metadata["id"] for metadata in on_disk]
    info = manifest["generation_info"]
    assert info["random_seed"] == 42
    assert info["allocation"] == dict.fromkeys(FRAMES, PER_DOMAIN)
    assert {name: entry["count"] for name, entry in info["domains"].items()} == info["allocation"]


def test_sample_has_the_irregularities_of_real_questions(sample):
    """These are what a converter trips over, so a sample without them would prove little."""
    metadata = {domain: [entry for _, entry in questions(sample, domain)] for domain in FRAMES}
    prompts = {domain: entries[0]["prompt"] for domain, entries in metadata.items()}
    assert "—" in prompts["maze"]
    assert "°" in prompts["pipes"]
    assert prompts["tower_of_hanoi"].count("\n") > 1
    assert {domain for domain, prompt in prompts.items() if prompt.endswith("\n")} == {"tower_of_hanoi"}
    assert all(entry["id"].startswith("counting_circles_") for entry in metadata["counting_objects"])
    kinds = {
        type(entry["initial_state"])
        for domain in FRAMES
        for entry in metadata[domain]
        if "initial_state" in entry
    }
    assert kinds == {str, list}
    assert any(
        entry["counting_objects_data"]["solution"].startswith("0") for entry in metadata["counting_objects"]
    )
    move = metadata["tower_of_hanoi"][0]["tower_of_hanoi_data"]["solution"][0]
    assert {type(part) for part in move} == {int, str}


# Reproducible


def test_same_seed_same_bytes_whatever_the_processes_and_the_hash_seed(sample, tmp_path):
    write_sample(tmp_path / "two", per_domain=PER_DOMAIN, num_proc=2)
    assert tree(tmp_path / "two") == tree(sample)
    code = "import sys, vmeval_hfds.sample as s; s.write_sample(sys.argv[1], per_domain=int(sys.argv[2]))"
    done = run_python(code, tmp_path / "fresh", PER_DOMAIN, PYTHONHASHSEED="7")
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "fresh") == tree(sample)


def test_another_seed_gives_other_bytes_in_every_file_that_depends_on_it(sample, tmp_path):
    other = tree(write_sample(tmp_path / "other", per_domain=PER_DOMAIN, seed=43))
    mine = tree(sample)
    assert set(other) == set(mine)
    chosen = [path for path in mine if path.endswith(("question_metadata.json", "vmeval_dataset.json"))]
    assert not [path for path in chosen if mine[path] == other[path]]
    mazes = [path for path in mine if path.startswith("maze_task/") and path.endswith(".png")]
    assert not [path for path in mazes if mine[path] == other[path]]


def test_a_smaller_sample_is_the_beginning_of_a_larger_one(sample, tmp_path):
    small = tree(write_sample(tmp_path / "small", per_domain=1))
    large = tree(sample)
    assert len([path for path in small if path.endswith(".png")]) == 2 * len(FRAMES)
    del small["vmeval_dataset.json"]
    assert small.items() <= large.items()


# Whole or not at all


def test_an_occupied_target_is_refused_and_left_as_it_was(tmp_path):
    target = tmp_path / "questions"
    target.mkdir()
    (target / "mine.txt").write_bytes(b"precious")
    with pytest.raises(FileExistsError, match=re.escape(str(target)) + r".*'mine\.txt'.*empty"):
        write_sample(target)
    assert list(tree(tmp_path)) == ["questions", "questions/mine.txt"]
    assert (target / "mine.txt").read_bytes() == b"precious"


def test_a_file_or_a_dangling_link_as_target_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(FileExistsError, match="not a folder"):
            write_sample(tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "link"}


def test_an_empty_target_is_filled_and_stays_the_same_folder(sample, tmp_path, monkeypatch):
    target = tmp_path / "questions"
    target.mkdir()
    before = target.stat().st_ino
    monkeypatch.chdir(target)
    assert write_sample(".", per_domain=PER_DOMAIN) == Path()
    assert target.stat().st_ino == before
    assert tree(target) == tree(sample)


def test_missing_parents_are_made_and_the_target_is_returned(tmp_path):
    target = tmp_path / "a" / "b" / "questions"
    assert write_sample(str(target), per_domain=1) == target
    assert {path.name for path in target.parent.iterdir()} == {"questions"}


@pytest.mark.parametrize("numbers", [{"per_domain": 0}, {"per_domain": -3}, {"num_proc": 0}])
def test_numbers_below_one_are_refused(tmp_path, numbers):
    with pytest.raises(ValueError, match=rf"{next(iter(numbers))} must be at least 1"):
        write_sample(tmp_path / "questions", **numbers)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("exists", [False, True], ids=["new", "empty"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch, exists, error):
    def interrupted(*_):
        raise error

    target = tmp_path / "new" / "questions"
    if exists:
        target.mkdir(parents=True)
    before = tree(tmp_path)
    monkeypatch.setattr(writing, "_manifest", interrupted)  # every question has been written by then
    with pytest.raises(error):
        write_sample(target, per_domain=1)
    assert tree(tmp_path) == before


def test_a_failure_while_moving_into_an_empty_target_leaves_it_empty(tmp_path, monkeypatch):
    # Another process takes a name that the sample needs, at the last moment.
    def manifest_and_intruder(*_):
        (tmp_path / "sudoku_task").mkdir()
        (tmp_path / "sudoku_task" / "theirs.txt").write_bytes(b"theirs")
        return {}

    monkeypatch.setattr(writing, "_manifest", manifest_and_intruder)
    with pytest.raises(OSError):
        write_sample(tmp_path, per_domain=1)
    assert set(tree(tmp_path)) == {"sudoku_task", "sudoku_task/theirs.txt"}


def test_a_parent_that_is_a_file_is_an_error_and_is_kept(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(NotADirectoryError):
        write_sample(tmp_path / "file" / "questions", per_domain=1)
    assert (tmp_path / "file").read_bytes() == b"x"


@pytest.mark.parametrize("num_proc", [1, 2])
def test_a_run_that_may_not_write_its_frames_leaves_nothing(tmp_path, num_proc):
    pytest.importorskip("resource", reason="file size limits are POSIX")
    code = (
        "import resource, sys; from vmeval_hfds.sample import write_sample\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8000, resource.RLIM_INFINITY))\n"
        "write_sample(sys.argv[1], per_domain=4, num_proc=int(sys.argv[2]))"
    )
    done = run_python(code, tmp_path / "deep" / "questions", num_proc, PYTHONDONTWRITEBYTECODE="1")
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert not any(tmp_path.iterdir())


def test_importing_the_package_does_not_import_pillow():
    done = run_python(
        "import sys, vmeval_hfds.sample; print([n for n in sys.modules if n.startswith('PIL')])"
    )
    assert done.stdout.strip() == "[]", done.stderr
