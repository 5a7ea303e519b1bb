"""Perfect mazes: exactly one path leads from the green dot to the red flag."""

from dataclasses import dataclass
from random import Random

from PIL import Image

from vmeval_hfds.sample import drawing
from vmeval_hfds.sample.question import Difficulty, Domain, Puzzle

Cell = tuple[int, int]

_SIZES: dict[Difficulty, int] = {"easy": 5, "medium": 8, "hard": 12}
_PROMPT = (
    "Move the green dot from its starting position along the corridors to the red flag — drawing its trail "
    "as it goes. Stay on the open spaces (white) and never cross a wall (dark)."
)
_FRAME = 480
_MARGIN = 24


@dataclass(frozen=True)
class MazeScene:
    """A maze and where things are in it."""

    rows: tuple[str, ...]  # '#' is wall, ' ' is open; cell (r, c) is at row 2r + 1, character 2c + 1
    flag: Cell
    trail: tuple[Cell, ...]  # ends where the dot is


def generate(rng: Random, difficulty: Difficulty) -> Puzzle[MazeScene]:
    """Invent a maze; start and flag are the ends of the longest path in it."""
    size = _SIZES[difficulty]
    rows = _carve(rng, size)
    start = _farthest_walk(rows, (rng.randrange(size), rng.randrange(size)))[-1]
    solution = _farthest_walk(rows, start)
    return Puzzle(
        prompt=_PROMPT,
        first=MazeScene(rows, solution[-1], solution[:1]),
        final=MazeScene(rows, solution[-1], solution),
        data={
            "generation_method": "depth_first_backtracker",
            "grid": list(rows),
            "solution": [list(cell) for cell in solution],
            "solution_length": len(solution) - 1,
        },
        extra={
            "maze_size": [size, size],
            "start_pos": list(start),
            "end_pos": list(solution[-1]),
            "solution_length": len(solution) - 1,
        },
    )


def _carve(rng: Random, size: int) -> tuple[str, ...]:
    """Carve corridors into a block of wall, going back whenever a corridor can go no further."""
    grid = [["#"] * (2 * size + 1) for _ in range(2 * size + 1)]
    stack = [(rng.randrange(size), rng.randrange(size))]
    while stack:
        row, column = stack[-1]
        grid[2 * row + 1][2 * column + 1] = " "
        closed = [
            (r, c)
            for r, c in ((row - 1, column), (row, column + 1), (row + 1, column), (row, column - 1))
            if 0 <= r < size and 0 <= c < size and grid[2 * r + 1][2 * c + 1] == "#"
        ]
        if not closed:
            stack.pop()
            continue
        r, c = rng.choice(closed)
        grid[row + r + 1][column + c + 1] = " "
        stack.append((r, c))
    return tuple("".join(row) for row in grid)


def _farthest_walk(rows: tuple[str, ...], start: Cell) -> tuple[Cell, ...]:
    """Return the path from `start` to the cell that lies farthest from it."""
    came_from: dict[Cell, Cell | None] = {start: None}
    order = [start]
    for row, column in order:  # grows while it is walked: nearest cells first, so the last is the farthest
        for r, c in ((row - 1, column), (row, column + 1), (row + 1, column), (row, column - 1)):
            if rows[row + r + 1][column + c + 1] == " " and (r, c) not in came_from:
                came_from[r, c] = (row, column)
                order.append((r, c))
    path: list[Cell] = []
    step: Cell | None = order[-1]
    while step is not None:
        path.append(step)
        step = came_from[step]
    return tuple(reversed(path))


def draw(scene: MazeScene) -> Image.Image:
    """Draw the maze, the trail so far with the dot at its end, and the flag."""
    image = drawing.paper(_FRAME, _FRAME)
    cell = (_FRAME - 2 * _MARGIN) / (len(scene.rows) // 2)
    _draw_walls(image, scene.rows, cell)
    centers = [_center(place, cell) for place in scene.trail]
    drawing.path(image, centers, cell * 0.26, drawing.mix(drawing.GREEN, drawing.WHITE, 0.6))
    drawing.disc(image, centers[0], cell * 0.13, drawing.mix(drawing.GREEN, drawing.WHITE, 0.6))
    drawing.disc(image, centers[-1], cell * 0.27, drawing.mix(drawing.GREEN, drawing.INK, 0.35))
    drawing.disc(image, centers[-1], cell * 0.27 - 2, drawing.GREEN)
    _draw_flag(image, _center(scene.flag, cell), cell)  # last: the dot ends behind it
    return image


def _center(place: Cell, cell: float) -> tuple[float, float]:
    row, column = place
    return _MARGIN + (column + 0.5) * cell, _MARGIN + (row + 0.5) * cell


def _draw_walls(image: Image.Image, rows: tuple[str, ...], cell: float) -> None:
    """Draw white ground and, for every '#' between two cells, a wall half a cell to both sides."""
    drawing.rounded(image, (_MARGIN, _MARGIN, _FRAME - _MARGIN, _FRAME - _MARGIN), 0, drawing.WHITE)
    for y, row in enumerate(rows):
        for x, mark in enumerate(row):
            if mark == "#" and (x + y) % 2:  # posts have an even sum; the walls beside them cover them
                left, top = _MARGIN + x * cell / 2, _MARGIN + y * cell / 2
                reach = (cell / 2, 0.0) if x % 2 else (0.0, cell / 2)
                ends = [(left - reach[0], top - reach[1]), (left + reach[0], top + reach[1])]
                drawing.path(image, ends, 6, drawing.INK)


def _draw_flag(image: Image.Image, center: tuple[float, float], cell: float) -> None:
    x, y = center[0] - cell * 0.12, center[1]
    top, bottom = y - cell * 0.36, y + cell * 0.34
    drawing.path(image, [(x, top), (x, bottom)], max(4, cell * 0.07), drawing.INK)
    cloth = [(x + 2, top), (x + cell * 0.42, top + cell * 0.17), (x + 2, top + cell * 0.34)]
    drawing.polygon(image, cloth, drawing.RED)


DOMAIN = Domain(
    name="maze",
    id_stem="maze",
    task_category="Maze",
    description="Spatial reasoning and navigation planning",
    generate=generate,
    draw=draw,
)
