"""Small folders of real, solvable questions, drawn on the spot, for a demo, a test or a benchmark."""

from vmeval_hfds.sample.writing import write_sample

__all__ = ["write_sample"]
