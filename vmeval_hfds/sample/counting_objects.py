"""Count the circles of one colour among other shapes."""

import math
from dataclasses import dataclass, replace
from functools import cache
from random import Random

from PIL import Image

from vmeval_hfds.sample import drawing
from vmeval_hfds.sample.question import Difficulty, Domain, Puzzle

_COLORS = {
    "red": drawing.RED,
    "green": drawing.GREEN,
    "blue": drawing.BLUE,
    "orange": drawing.ORANGE,
    "purple": drawing.PURPLE,
}
_SHAPES = ("circle", "square", "triangle", "star")
_COUNTS: dict[Difficulty, tuple[int, int, int]] = {  # fewest and most circles to count, and objects in all
    "easy": (2, 5, 9),
    "medium": (5, 9, 18),
    "hard": (8, 14, 30),
}
_WIDTH, _HEIGHT = 600, 400
_COLUMNS, _ROWS, _PITCH = 6, 5, 72
_MARGIN = 20


@dataclass(frozen=True)
class Item:
    """One object; x, y and radius are in pixels of the frame."""

    shape: str
    color: str
    x: int
    y: int
    radius: int


@dataclass(frozen=True)
class CountingScene:
    """The objects, the colour of the circles to count, and the total once it is known."""

    items: tuple[Item, ...]
    color: str
    total: int | None = None


def generate(rng: Random, difficulty: Difficulty) -> Puzzle[CountingScene]:
    """Scatter circles of the wanted colour among other objects, none touching another."""
    fewest, most, objects = _COUNTS[difficulty]
    color = rng.choice(list(_COLORS))
    total = rng.randint(fewest, most)
    kinds = [("circle", color)] * total + [_distractor(rng, color) for _ in range(objects - total)]
    rng.shuffle(kinds)
    places = sorted(rng.sample(range(_COLUMNS * _ROWS), objects))
    items = tuple(_placed(rng, shape, tint, at) for (shape, tint), at in zip(kinds, places, strict=True))
    scene = CountingScene(items, color)
    return Puzzle(
        prompt=(
            f"Count the {color} circles in the white field. Number them one after another, row by row from "
            "left to right, and show the total as two digits in the box on the right."
        ),
        first=scene,
        final=replace(scene, total=total),
        data={
            "generation_method": "jittered_grid",
            "objects": [
                {"shape": item.shape, "color": item.color, "x": item.x, "y": item.y, "radius": item.radius}
                for item in items
            ],
            "target": {"shape": "circle", "color": color},
            "solution": f"{total:02d}",
            "count": total,
        },
        extra={"num_objects": objects, "ground_truth_count": total},
    )


def _distractor(rng: Random, color: str) -> tuple[str, str]:
    """Choose any object but a circle of the colour in question."""
    shape = rng.choice(_SHAPES)
    return shape, rng.choice([tint for tint in _COLORS if shape != "circle" or tint != color])


def _placed(rng: Random, shape: str, color: str, place: int) -> Item:
    radius = rng.randint(20, 28)
    room = _PITCH // 2 - radius - 2  # how far it may stand off the middle of its square and not leave it
    row, column = divmod(place, _COLUMNS)
    return Item(
        shape=shape,
        color=color,
        x=_MARGIN + column * _PITCH + _PITCH // 2 + rng.randint(-room, room),
        y=_MARGIN + row * _PITCH + _PITCH // 2 + rng.randint(-room, room),
        radius=radius,
    )


def draw(scene: CountingScene) -> Image.Image:
    """Draw the objects and the box for the total; with a total, number what was counted."""
    image = _empty_field().copy()
    number = 0
    for item in scene.items:
        _draw_item(image, item)
        if scene.total is not None and (item.shape, item.color) == ("circle", scene.color):
            number += 1
            drawing.text(image, (item.x, item.y), str(number), 24, drawing.WHITE)
    _draw_box(image, scene)
    return image


@cache
def _empty_field() -> Image.Image:
    image = drawing.paper(_WIDTH, _HEIGHT)
    right, bottom = 2 * _MARGIN - 8 + _COLUMNS * _PITCH, _HEIGHT - 8
    drawing.rounded(image, (8, 8, right, bottom), 16, drawing.mix(drawing.INK, drawing.WHITE, 0.75))
    drawing.rounded(image, (10, 10, right - 2, bottom - 2), 14, drawing.WHITE)
    return image


def _draw_item(image: Image.Image, item: Item) -> None:
    color, x, y, radius = _COLORS[item.color], item.x, item.y, item.radius
    if item.shape == "circle":
        drawing.disc(image, (x, y), radius, color)
    elif item.shape == "square":
        half = radius * 0.84
        drawing.rounded(image, (x - half, y - half, x + half, y + half), 5, color)
    elif item.shape == "triangle":
        drawing.polygon(image, _corners(x, y + radius * 0.15, (radius * 1.05,) * 3), color)
    else:
        drawing.polygon(image, _corners(x, y, (radius * 1.05, radius * 0.45) * 5), color)


def _corners(x: float, y: float, distances: tuple[float, ...]) -> list[drawing.Point]:
    """Return corners at even angles, clockwise from the top, each at its distance from the middle."""
    turn = 2 * math.pi / len(distances)
    return [
        (round(x + d * math.sin(i * turn), 2), round(y - d * math.cos(i * turn), 2))
        for i, d in enumerate(distances)
    ]


def _draw_box(image: Image.Image, scene: CountingScene) -> None:
    left, right = _WIDTH - 122, _WIDTH - 14
    middle = ((left + right) / 2, _HEIGHT / 2)
    drawing.disc(image, (middle[0], 100), 18, _COLORS[scene.color])
    drawing.rounded(image, (left, 136, right, 264), 16, drawing.INK)
    drawing.rounded(image, (left + 4, 140, right - 4, 260), 12, drawing.WHITE)
    if scene.total is None:
        drawing.text(image, middle, "?", 64, drawing.mix(drawing.INK, drawing.WHITE, 0.6))
    else:
        drawing.text(image, middle, f"{scene.total:02d}", 64)


DOMAIN = Domain(
    name="counting_objects",
    id_stem="counting_circles",
    task_category="CountingObjects",
    description="Counting one kind of object among others",
    generate=generate,
    draw=draw,
)
