"""The Tower of Hanoi from any legal arrangement, with a shortest solution."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

from PIL import Image

from vmeval_hfds.sample import drawing
from vmeval_hfds.sample.question import Difficulty, Domain, Puzzle

Move = tuple[int, int, int]  # disk, from peg, to peg

_DISKS: dict[Difficulty, int] = {"easy": 3, "medium": 4, "hard": 6}
_PEGS = "ABC"
_PALETTE = (drawing.RED, drawing.ORANGE, (228, 190, 52), drawing.GREEN, drawing.BLUE, drawing.PURPLE)
_WOOD = (166, 124, 82)
_WIDTH, _HEIGHT = 640, 480
_FLOOR = 376
_PEG_X = (107, 320, 533)


@dataclass(frozen=True)
class HanoiScene:
    """The disks of each peg from the bottom up (1 is the smallest disk), and the peg they are to reach."""

    pegs: tuple[tuple[int, ...], ...]
    goal: int


def generate(rng: Random, difficulty: Difficulty) -> Puzzle[HanoiScene]:
    """Put every disk on a random peg, which is always legal, and move all of them to one."""
    disks = _DISKS[difficulty]
    goal = rng.randrange(3)
    home = [goal] * disks
    while home.count(goal) == disks:
        home = [rng.randrange(3) for _ in range(disks)]  # home[0] is the peg of the smallest disk
    moves = list(_moves(home, disks, goal))
    start = tuple(tuple(disk for disk in range(disks, 0, -1) if home[disk - 1] == peg) for peg in range(3))
    solved = tuple(tuple(range(disks, 0, -1)) if peg == goal else () for peg in range(3))
    return Puzzle(
        prompt=(
            f"Move all {disks} disks to peg {_PEGS[goal]}.\n"
            "1. Move one disk at a time, and only the top disk of a peg.\n"
            "2. Never put a disk on a smaller one.\n"
            "3. Show every move.\n"
        ),
        first=HanoiScene(start, goal),
        final=HanoiScene(solved, goal),
        data={
            "generation_method": "random_arrangement_with_shortest_solution",
            "num_disks": disks,
            "solution": [[disk, _PEGS[source], _PEGS[target]] for disk, source, target in moves],
            "min_moves": len(moves),
        },
        extra={
            "initial_state": [list(peg) for peg in start],
            "goal_state": [list(peg) for peg in solved],
            "goal_peg": _PEGS[goal],
        },
        goal=f"All {disks} disks stand on peg {_PEGS[goal]}, the largest at the bottom.\n",
    )


def _moves(home: list[int], disks: int, goal: int) -> Iterator[Move]:
    """Yield the moves that bring the `disks` smallest disks to `goal`, wherever `home` says they are."""
    if disks == 0:
        return
    source = home[disks - 1]
    if source == goal:
        yield from _moves(home, disks - 1, goal)
        return
    spare = 3 - source - goal
    yield from _moves(home, disks - 1, spare)  # clear the way for the largest disk
    yield disks, source, goal
    yield from _moves([spare] * (disks - 1), disks - 1, goal)


def draw(scene: HanoiScene) -> Image.Image:
    """Draw the pegs with their disks; a green plate marks the peg to reach."""
    image = _empty_pegs(scene.goal).copy()
    for index, disks in enumerate(scene.pegs):
        for level, disk in enumerate(disks):
            _draw_disk(image, _PEG_X[index], _FLOOR - 34 * level, disk)
    return image


@cache
def _empty_pegs(goal: int) -> Image.Image:
    image = drawing.paper(_WIDTH, _HEIGHT)
    drawing.rounded(image, (24, _FLOOR, _WIDTH - 24, _FLOOR + 22), 8, drawing.mix(_WOOD, drawing.INK, 0.3))
    drawing.rounded(image, (24, _FLOOR, _WIDTH - 24, _FLOOR + 16), 8, _WOOD)
    for index, x in enumerate(_PEG_X):
        drawing.rounded(image, (x - 7, 92, x + 7, _FLOOR), 6, drawing.mix(_WOOD, drawing.WHITE, 0.15))
        is_goal = index == goal
        plate = drawing.GREEN if is_goal else drawing.mix(drawing.INK, drawing.WHITE, 0.82)
        drawing.rounded(image, (x - 30, _FLOOR + 36, x + 30, _FLOOR + 72), 18, plate)
        color = drawing.WHITE if is_goal else drawing.INK
        drawing.text(image, (x, _FLOOR + 54), _PEGS[index], 26, color)
    return image


def _draw_disk(image: Image.Image, x: float, floor: float, disk: int) -> None:
    half = 27 + 9 * disk
    color = _PALETTE[disk - 1]
    drawing.rounded(image, (x - half, floor - 34, x + half, floor), 14, drawing.mix(color, drawing.INK, 0.3))
    drawing.rounded(image, (x - half, floor - 34, x + half, floor - 5), 13, color)
    shine = drawing.mix(color, drawing.WHITE, 0.45)
    drawing.rounded(image, (x - half + 14, floor - 30, x + half - 14, floor - 26), 2, shine)


DOMAIN = Domain(
    name="tower_of_hanoi",
    id_stem="tower_of_hanoi",
    task_category="TowerOfHanoi",
    description="Recursive planning under a stacking rule",
    generate=generate,
    draw=draw,
)
