"""What the folders above a row stand for, by their names and their order."""

import pytest

from vmeval_builders.layouts.levels import Levels, is_generator, is_named, read_levels


def levels(path, task_id=None, **options):
    found = read_levels(path.split("/") if path else [], task_id, **options)
    return {name: value for name, value in found.as_parts().items() if value is not None}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", {}),
        ("wan", {"model": "wan"}),
        ("pilot/wan", {"experiment": "pilot", "model": "wan"}),
        ("data/pilot/wan", {"experiment": "pilot", "model": "wan"}),
        ("data/outputs/wan", {"model": "wan"}),
        ("outputs_rubrics/wan", {"model": "wan"}),
        ("my/evaluations/wan/videos", {"model": "wan"}),
        ("pilot/wan/a_task_b_task", {"experiment": "pilot", "model": "wan", "domain": "a_task_b"}),
        ("wan/_task", {"experiment": "wan", "model": "_task"}),
        ("wan/checkpoint-100", {"model": "wan", "checkpoint": "checkpoint-100"}),
        ("step_2000/wan", {"model": "wan", "checkpoint": "step_2000"}),
        ("Step1X-Edit", {"model": "Step1X-Edit"}),
        ("wan/Out-of-Domain_50", {"model": "wan", "split": "Out-of-Domain_50"}),
        ("In_Domain/wan", {"model": "wan", "split": "In_Domain"}),
        ("Hidden_40/wan", {"model": "wan", "split": "Hidden_40"}),
        ("wan/Unseen-Domain_30", {"model": "wan", "split": "Unseen-Domain_30"}),
        ("wan/test_50", {"model": "wan", "split": "test_50"}),
        ("test/wan", {"experiment": "test", "model": "wan"}),
        ("test", {"model": "test"}),
    ],
)
def test_a_folders_name_or_its_place_says_what_it_is(path, expected):
    assert levels(path) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("O-47_sliding_puzzle_data-generator", True),
        ("G-131_select_next_figure", True),
        ("Multi-01_maze_chain", True),
        ("my_maze_generator", True),
        ("sora-2_pro", False),
        ("kling-2_6", False),
        ("veo-3.0-generate", False),
        ("O-34_dot_to_dot_task", False),
        ("Multi-01_maze_chain_task", False),
    ],
)
def test_what_is_called_as_a_generator(name, expected):
    assert is_generator(name) is expected


def test_a_task_without_a_folder_for_its_domain():
    generator = "G-3_stable_sort_data-generator"
    assert levels(f"wan/{generator}", "00000")["domain"] == generator
    assert levels("wan", "maze_0000")["domain"] == "maze"
    assert "domain" not in levels("wan", "00000")
    assert "domain" not in levels("wan", "maze")


def test_a_folder_that_ids_begin_with_is_their_domain():
    assert levels("wan/maze", "maze_0000") == {"model": "wan", "domain": "maze"}
    assert levels("wan/mazes", "maze_0000") == {"experiment": "wan", "model": "mazes", "domain": "maze"}


def test_the_last_of_several_folders_is_a_domain_where_that_is_known():
    assert levels("wan/Subject Knowledge", "1", ends_in_domain=True) == {
        "model": "wan",
        "domain": "Subject Knowledge",
    }
    assert levels("wan", "1", ends_in_domain=True) == {"model": "wan"}
    assert levels("pilot/wan/In-Domain_50", "1", ends_in_domain=True) == {
        "experiment": "pilot",
        "model": "wan",
        "split": "In-Domain_50",
    }


@pytest.mark.parametrize(
    ("path", "stated", "expected"),
    [
        ("pilot/wan", "wan", ("pilot", "wan", None)),
        ("wan/my puzzles", "wan", (None, "wan", "my puzzles")),
        ("pilot/wan/my puzzles", "wan", ("pilot", "wan", "my puzzles")),
        ("veo_3_0", "veo-3.0", (None, "veo-3.0", None)),
        ("pilot/wan", "sora", ("pilot", "sora", None)),
        ("pilot", "sora", ("pilot", "sora", None)),
        ("", "sora", (None, "sora", None)),
        ("pilot/wan", None, ("pilot", "wan", None)),
    ],
)
def test_a_stated_model_says_what_the_folders_around_it_are(path, stated, expected):
    found = read_levels(path.split("/") if path else []).of_model(stated)
    assert (found.experiment, found.model, found.generator) == expected


def test_names_that_tell_alone_what_they_are():
    assert all(map(is_named, ("maze_task", "In-Domain_50", "checkpoint-1", "G-1_x")))
    assert not any(map(is_named, ("wan", "maze", "outputs", "00000")))
    assert Levels().as_parts() == dict.fromkeys(
        ("experiment", "model", "checkpoint", "split", "generator", "domain")
    )
