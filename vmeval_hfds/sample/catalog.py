"""The domains of a sample, in the order in which they are listed."""

from typing import Any

from vmeval_hfds.sample import counting_objects, maze, pipes, sliding_puzzle, sudoku, tower_of_hanoi
from vmeval_hfds.sample.question import Domain

DOMAINS: tuple[Domain[Any], ...] = (
    maze.DOMAIN,
    sudoku.DOMAIN,
    sliding_puzzle.DOMAIN,
    tower_of_hanoi.DOMAIN,
    counting_objects.DOMAIN,
    pipes.DOMAIN,
)
