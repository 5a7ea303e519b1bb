"""Pipe tiles to turn until water reaches all of them."""

from dataclasses import dataclass
from functools import cache
from random import Random

from PIL import Image

from vmeval_hfds.sample import drawing
from vmeval_hfds.sample.question import Difficulty, Domain, Puzzle

_SIDES = "NESW"  # a quarter turn clockwise makes each side the next
_STEPS = {"N": (-1, 0), "E": (0, 1), "S": (1, 0), "W": (0, -1)}
_SIZES: dict[Difficulty, int] = {"easy": 3, "medium": 4, "hard": 6}
_PROMPT = (
    "Turn the pipe tiles in place, each by 90°, 180° or 270°, until every pipe is connected to the water "
    "source (the tile with the drop) and no end is left open. Water fills every connected pipe."
)
_FRAME = 452
_MARGIN = 22
_WATER: drawing.Color = (38, 142, 224)
_DRY: drawing.Color = (176, 186, 199)


@dataclass(frozen=True)
class PipesScene:
    """A square board: the open sides of each tile row by row (such as "NE"), and which tile is the source."""

    tiles: tuple[str, ...]
    source: int


def generate(rng: Random, difficulty: Difficulty) -> Puzzle[PipesScene]:
    """Lay pipes along a random tree that spans the board, then turn the tiles."""
    size = _SIZES[difficulty]
    solved = _spanning_tree(rng, size)
    start = solved
    while start == solved:
        start = tuple(_turned(tile, rng.randrange(4)) for tile in solved)
    turns = [_turns_between(before, after) for before, after in zip(start, solved, strict=True)]
    source = rng.randrange(size * size)
    return Puzzle(
        prompt=_PROMPT,
        first=PipesScene(start, source),
        final=PipesScene(solved, source),
        data={
            "generation_method": "random_spanning_tree",
            "tile_encoding": "open sides: N, E, S, W",
            "solution": "".join(str(quarter_turns) for quarter_turns in turns),
            "solution_unit": "quarter turns clockwise per tile, row by row",
            "num_turned": len(turns) - turns.count(0),
        },
        extra={
            "grid_size": [size, size],
            "source": list(divmod(source, size)),
            "initial_state": _as_rows(start, size),
            "goal_state": _as_rows(solved, size),
        },
    )


def _spanning_tree(rng: Random, size: int) -> tuple[str, ...]:
    """Connect all tiles without a loop, each new tile to a random one of those that already are (Prim)."""
    sides: list[set[str]] = [set() for _ in range(size * size)]
    reached = {rng.randrange(size * size)}
    border = [(tile, side) for tile in reached for side in _SIDES]
    while border:
        tile, side = border.pop(rng.randrange(len(border)))
        other = _neighbour(tile, side, size)
        if other is None or other in reached:
            continue
        sides[tile].add(side)
        sides[other].add(_turned(side, 2))
        reached.add(other)
        border += [(other, onward) for onward in _SIDES]
    return tuple("".join(side for side in _SIDES if side in open_sides) for open_sides in sides)


def _neighbour(tile: int, side: str, size: int) -> int | None:
    row, column = (at + step for at, step in zip(divmod(tile, size), _STEPS[side], strict=True))
    return row * size + column if 0 <= row < size and 0 <= column < size else None


def _turned(tile: str, quarter_turns: int) -> str:
    """Turn a tile clockwise."""
    sides = {_SIDES[(_SIDES.index(side) + quarter_turns) % 4] for side in tile}
    return "".join(side for side in _SIDES if side in sides)


def _turns_between(before: str, after: str) -> int:
    """Return the fewest quarter turns clockwise; a straight pipe needs one at most."""
    return next(turns for turns in range(4) if _turned(before, turns) == after)


def _as_rows(tiles: tuple[str, ...], size: int) -> list[list[str]]:
    return [list(tiles[start : start + size]) for start in range(0, len(tiles), size)]


def _wet_tiles(scene: PipesScene, size: int) -> set[int]:
    """Follow the water from the source through sides that are open on both tiles."""
    wet, ahead = {scene.source}, [scene.source]
    while ahead:
        tile = ahead.pop()
        for side in scene.tiles[tile]:
            other = _neighbour(tile, side, size)
            if other is not None and other not in wet and _turned(side, 2) in scene.tiles[other]:
                wet.add(other)
                ahead.append(other)
    return wet


def draw(scene: PipesScene) -> Image.Image:
    """Draw the board on a transparent ground, the pipes that water reaches in blue."""
    image = _panel().copy()
    size = round(len(scene.tiles) ** 0.5)
    side = (_FRAME - 2 * _MARGIN) // size
    wet = _wet_tiles(scene, size)
    for index, tile in enumerate(scene.tiles):
        row, column = divmod(index, size)
        sprite = _tile_sprite(tile, index in wet, index == scene.source, side)
        image.paste(sprite, (_MARGIN + column * side, _MARGIN + row * side))
    return image


@cache
def _panel() -> Image.Image:
    image = Image.new("RGBA", (_FRAME, _FRAME), (0, 0, 0, 0))
    drawing.rounded(image, (0, 0, _FRAME, _FRAME), 28, (52, 64, 80))
    return image


@cache
def _tile_sprite(tile: str, wet: bool, source: bool, side: int) -> Image.Image:
    """Draw one tile; boards have few different ones, so each is drawn once."""
    sprite = Image.new("RGBA", (side, side), (52, 64, 80))
    drawing.rounded(sprite, (2, 2, side - 2, side - 2), side // 10, (238, 242, 246))
    color = _WATER if wet else _DRY
    for width, tint in ((side * 0.36, drawing.mix(color, drawing.INK, 0.45)), (side * 0.24, color)):
        middle = side / 2
        for open_side in tile:
            down, right = _STEPS[open_side]
            # The end lies beyond the edge, so that its round cap is cut off and pipes meet flush.
            end = (middle + right * side, middle + down * side)
            drawing.path(sprite, [(middle, middle), end], width, tint)
    if source:
        _draw_drop(sprite, side)
    return sprite


def _draw_drop(sprite: Image.Image, side: int) -> None:
    middle = side / 2
    drawing.disc(sprite, (middle, middle), side * 0.3, drawing.mix(_WATER, drawing.INK, 0.6))
    drawing.disc(sprite, (middle, middle + side * 0.06), side * 0.13, drawing.WHITE)
    tip = [(middle - side * 0.115, middle), (middle, middle - side * 0.21), (middle + side * 0.115, middle)]
    drawing.polygon(sprite, tip, drawing.WHITE)


DOMAIN = Domain(
    name="pipes",
    id_stem="pipes",
    task_category="Pipes",
    description="Mental rotation of parts until the whole connects",
    generate=generate,
    draw=draw,
)
