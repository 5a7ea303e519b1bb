"""The eight-tile sliding puzzle, with a shortest solution."""

import heapq
from dataclasses import dataclass
from functools import cache
from random import Random

from PIL import Image

from vmeval_hfds.sample import drawing
from vmeval_hfds.sample.question import Difficulty, Domain, Puzzle

_GOAL = "123456780"  # row by row; 0 is the gap
_MOVES: dict[Difficulty, tuple[int, int]] = {"easy": (4, 7), "medium": (8, 12), "hard": (13, 17)}
_THEMES = (drawing.BLUE, drawing.GREEN, drawing.PURPLE, drawing.ORANGE, drawing.RED)
_FRAME = 400
_MARGIN = 26
_PITCH = (_FRAME - 2 * _MARGIN) // 3
_TRAY: drawing.Color = (38, 48, 61)


@dataclass(frozen=True)
class SlidingScene:
    """The tiles row by row as digits, and the colour of the tiles."""

    state: str
    color: drawing.Color


def generate(rng: Random, difficulty: Difficulty) -> Puzzle[SlidingScene]:
    """Scramble the solved board until a shortest way back has the length that the difficulty asks for."""
    least, most = _MOVES[difficulty]
    moves: tuple[int, ...] = ()
    while not least <= len(moves) <= most:
        start = _scrambled(rng, rng.randint(least, most))
        moves = _shortest_solution(start)
    color = rng.choice(_THEMES)
    return Puzzle(
        prompt=(
            "Slide the numbered tiles into the gap, one at a time, until they read 1 to 8 row by row and the "
            f"gap is in the bottom right corner. It can be done in {len(moves)} moves."
        ),
        first=SlidingScene(start, color),
        final=SlidingScene(_GOAL, color),
        data={
            "generation_method": "random_walk_with_shortest_solution",
            "solution": list(moves),
            "num_moves": len(moves),
        },
        extra={"initial_state": start, "goal_state": _GOAL, "grid_size": [3, 3]},
    )


def _scrambled(rng: Random, steps: int) -> str:
    """Walk away from the goal without ever undoing the last step."""
    state, last = _GOAL, ""
    for _ in range(steps):
        last = rng.choice([tile for tile in _movable(state) if tile != last])
        state = _slid(state, last)
    return state


@cache
def _neighbours(place: int) -> tuple[int, ...]:
    return tuple(p for p in range(9) if abs(p // 3 - place // 3) + abs(p % 3 - place % 3) == 1)


def _movable(state: str) -> list[str]:
    return [state[place] for place in _neighbours(state.index("0"))]


def _slid(state: str, tile: str) -> str:
    return state.translate({ord("0"): tile, ord(tile): "0"})


def _distance(state: str) -> int:
    """Add up how far every tile is from home: no solution can be shorter."""
    return sum(
        abs(place // 3 - home // 3) + abs(place % 3 - home % 3)
        for place, tile in enumerate(state)
        if tile != "0"
        for home in [int(tile) - 1]
    )


def _shortest_solution(start: str) -> tuple[int, ...]:
    """Find the tiles to slide, in order, by A* search."""
    queue: list[tuple[int, str, tuple[int, ...]]] = [(_distance(start), start, ())]
    seen: set[str] = set()
    while queue:
        _, state, moves = heapq.heappop(queue)
        if state == _GOAL:
            return moves
        if state in seen:
            continue
        seen.add(state)
        for tile in _movable(state):
            after = _slid(state, tile)
            if after not in seen:
                heapq.heappush(queue, (len(moves) + 1 + _distance(after), after, (*moves, int(tile))))
    raise AssertionError(f"{start} was scrambled by legal moves, so it has a solution")


def draw(scene: SlidingScene) -> Image.Image:
    """Draw the tray and its tiles."""
    image = _tray().copy()
    for place, digit in enumerate(scene.state):
        if digit != "0":
            corner = (_MARGIN + place % 3 * _PITCH, _MARGIN + place // 3 * _PITCH)
            image.paste(_tile(digit, scene.color), corner)
    return image


@cache
def _tray() -> Image.Image:
    image = drawing.paper(_FRAME, _FRAME)
    drawing.rounded(image, (10, 10, _FRAME - 10, _FRAME - 10), 26, (57, 70, 86))
    drawing.rounded(image, (18, 18, _FRAME - 18, _FRAME - 18), 20, _TRAY)
    return image


@cache
def _tile(digit: str, color: drawing.Color) -> Image.Image:
    """Draw one tile; there are few different ones, so each is drawn once."""
    image = Image.new("RGB", (_PITCH, _PITCH), _TRAY)
    near, far = 4, _PITCH - 4
    drawing.rounded(image, (near, near, far, far), 16, drawing.mix(color, drawing.INK, 0.45))
    drawing.rounded(image, (near, near, far, far - 6), 16, drawing.mix(color, drawing.WHITE, 0.25))
    drawing.rounded(image, (near, near + 3, far, far - 6), 16, color)
    drawing.text(image, (_PITCH / 2, _PITCH / 2 - 2), digit, 62, drawing.WHITE)
    return image


DOMAIN = Domain(
    name="sliding_puzzle",
    id_stem="sliding_puzzle",
    task_category="SlidingPuzzle",
    description="Planning a sequence of moves ahead",
    generate=generate,
    draw=draw,
)
