"""Sudoku that can be solved without guessing, so that the solution is the only one."""

from dataclasses import dataclass
from functools import cache
from random import Random

from PIL import Image, ImageDraw

from vmeval_hfds.sample import drawing
from vmeval_hfds.sample.question import Difficulty, Domain, Puzzle

Grid = tuple[int | None, ...]

_BOXES: dict[Difficulty, tuple[int, int]] = {
    "easy": (2, 2),
    "medium": (2, 3),
    "hard": (3, 3),
}  # rows, columns
_BLANKS: dict[Difficulty, int] = {"easy": 8, "medium": 18, "hard": 44}
_FRAME = 512
_MARGIN = 22


@dataclass(frozen=True)
class SudokuScene:
    """The givens, the digits shown (None for an empty cell), and the rows and columns of a box."""

    givens: Grid
    shown: Grid
    box: tuple[int, int]


def generate(rng: Random, difficulty: Difficulty) -> Puzzle[SudokuScene]:
    """Invent a filled grid and take digits away as long as each can be found again by plain logic."""
    box = _BOXES[difficulty]
    size = box[0] * box[1]
    solution = _filled(rng, *box)
    givens = _with_blanks(rng, solution, box, _BLANKS[difficulty])
    given_count = size * size - givens.count(None)
    return Puzzle(
        prompt=(
            f"Solve this {size}x{size} Sudoku puzzle. Fill in all the empty cells: each row, each column and "
            f"each {box[0]}x{box[1]} box must contain every digit from 1 to {size} exactly once. "
            "Show the complete solution."
        ),
        first=SudokuScene(givens, givens, box),
        final=SudokuScene(givens, solution, box),
        data={
            "generation_method": "shuffled_pattern_with_forced_blanks",
            "box_shape": list(box),
            "puzzle": list(givens),
            "solution": list(solution),
            "difficulty_level": list(_BOXES).index(difficulty),
            "num_given": given_count,
        },
        extra={
            "puzzle_array": list(givens),
            "solution_array": list(solution),
            "num_given": given_count,
        },
    )


def _filled(rng: Random, box_rows: int, box_columns: int) -> tuple[int, ...]:
    """Shuffle digits, rows and columns of the textbook pattern in the ways that keep it valid."""
    size = box_rows * box_columns
    digits = rng.sample(range(1, size + 1), size)
    rows = _shuffled_lines(rng, bands=box_columns, lines=box_rows)
    columns = _shuffled_lines(rng, bands=box_rows, lines=box_columns)
    return tuple(
        digits[(box_columns * (row % box_rows) + row // box_rows + column) % size]
        for row in rows
        for column in columns
    )


def _shuffled_lines(rng: Random, bands: int, lines: int) -> list[int]:
    return [
        band * lines + line
        for band in rng.sample(range(bands), bands)
        for line in rng.sample(range(lines), lines)
    ]


def _with_blanks(rng: Random, solution: tuple[int, ...], box: tuple[int, int], wanted: int) -> Grid:
    """Empty up to `wanted` cells.

    A cell is emptied only if what is left forces its digit. Filling them in the other way round is then a
    proof that there is one solution, and no search is needed.
    """
    grid: list[int | None] = list(solution)
    blanks = 0
    for cell in rng.sample(range(len(grid)), len(grid)):
        if blanks < wanted and _is_forced(grid, cell, solution[cell], box):
            grid[cell] = None
            blanks += 1
    return tuple(grid)


def _is_forced(grid: list[int | None], cell: int, digit: int, box: tuple[int, int]) -> bool:
    """Say whether the rules leave one digit for the cell, or one cell of a unit for the digit."""
    seen = {grid[peer] for unit in _units(cell, box) for peer in unit} - {None, digit}
    if len(seen) == box[0] * box[1] - 1:
        return True
    return any(
        all(grid[other] is not None or _sees(grid, other, digit, cell, box) for other in unit)
        for unit in _units(cell, box)
    )


def _sees(grid: list[int | None], cell: int, digit: int, ignored: int, box: tuple[int, int]) -> bool:
    """Say whether the digit already stands in line with the cell, in a place other than the ignored one."""
    return any(grid[peer] == digit and peer != ignored for unit in _units(cell, box) for peer in unit)


@cache
def _units(cell: int, box: tuple[int, int]) -> tuple[tuple[int, ...], ...]:
    """Return the other cells of the cell's three units: its row, its column and its box."""
    size = box[0] * box[1]
    row, column = divmod(cell, size)
    top, left = row - row % box[0], column - column % box[1]
    units = (
        [row * size + c for c in range(size)],
        [r * size + column for r in range(size)],
        [r * size + c for r in range(top, top + box[0]) for c in range(left, left + box[1])],
    )
    return tuple(tuple(other for other in unit if other != cell) for unit in units)


def draw(scene: SudokuScene) -> Image.Image:
    """Draw the grid; givens are dark, digits filled in are blue."""
    image = drawing.paper(_FRAME, _FRAME)
    size = scene.box[0] * scene.box[1]
    cell = (_FRAME - 2 * _MARGIN) / size
    for index, (given, shown) in enumerate(zip(scene.givens, scene.shown, strict=True)):
        row, column = divmod(index, size)
        left, top = _MARGIN + column * cell, _MARGIN + row * cell
        odd_box = (row // scene.box[0] + column // scene.box[1]) % 2
        ground = (238, 242, 247) if odd_box else drawing.WHITE
        drawing.rounded(image, (left, top, left + cell, top + cell), 0, ground)
        if shown is not None:
            color = drawing.BLUE if given is None else drawing.INK
            drawing.text(image, (left + cell / 2, top + cell / 2), str(shown), round(cell * 0.62), color)
    _draw_lines(image, scene.box, cell)
    return image


def _draw_lines(image: Image.Image, box: tuple[int, int], cell: float) -> None:
    pen = ImageDraw.Draw(image)
    near, far = _MARGIN, _FRAME - _MARGIN
    size = box[0] * box[1]
    for thick in (False, True):  # thick lines last, over the ends of the thin ones
        color, width = (drawing.INK, 5) if thick else ((172, 182, 194), 2)
        for line in range(size + 1):
            at = round(near + line * cell)
            if (line % box[1] == 0) is thick:
                pen.line([(at, near - width // 2), (at, far + width // 2)], color, width)
            if (line % box[0] == 0) is thick:
                pen.line([(near - width // 2, at), (far + width // 2, at)], color, width)


DOMAIN = Domain(
    name="sudoku",
    id_stem="sudoku",
    task_category="Sudoku",
    description="Logical reasoning and constraint satisfaction",
    generate=generate,
    draw=draw,
)
