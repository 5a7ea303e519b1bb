"""Questions as they are laid out since 2026: splits, generators, videos to go on from, further pictures, halves."""

import shutil

import pyarrow.parquet as pq
import pytest

from tests.factories import MP4, as_json, files_below, png, shards, tree, write, write_folder, write_question
from tests.layout_samples import REPO, comes_back, errors_of, rows_of, shown, unpacked
from vmeval_hfds import (
    build,
    check_folder,
    export,
    info,
    metadata_frame,
    open_repo,
    push_to_hub,
    to_dataset,
    verify,
    write_gallery,
)

LEVELS = ("id", "domain", "split", "generator")
FILES = ("first_frame", "final_frame", "frames", "first_video", "ground_truth")


def write_bench(folder):
    """VBVR-Bench's two splits, of which the ids repeat."""
    for split, generator in (
        ("In-Domain_50", "G-3_stable_sort_data-generator"),
        ("Out-of-Domain_50", "O-9_maze_data-generator"),
    ):
        for number in range(2):
            write_question(
                folder,
                path=f"{split}/{generator}/{number:05d}",
                metadata=None,
                ground_truth=MP4 + b"%d" % number,
            )
    return folder


def write_halves(folder):
    """VBVR-Pro: what a video, or a picture, is asked for lies one folder deeper than the first frame."""
    place = folder / "G-3_stable_sort_data-generator/stable_sort_task"
    for number, half in enumerate(("video", "image")):
        task = place / f"stable_sort_{number:08d}"
        write(task / "first_frame.png", png("first"))
        write(task / "metadata.json", as_json({"task_id": f"stable_sort_{number}"}))
        write(task / half / "prompt.txt", f"Sort them in a {half}.")
        if half == "video":
            write(task / "video/final_frame.png", png("final"))
            write(task / "video/ground_truth.mp4", MP4)
        else:
            for frame in (1, 2, 10):
                write(task / f"image/frame_{frame}.png", png(f"frame {frame}"))
    return folder


def write_further(folder):
    """A question that goes on from a video, and one with further pictures to look at."""
    write_question(folder, "raven", "raven_0000", ground_truth=MP4, first_frame=None)
    write(folder / "raven_task/raven_0000/first_video.mp4", MP4 + b"before")
    task = write_question(folder, "raven", "raven_0001", final_frame=None)
    for name in ("frame_10.png", "frame_2.png", "reference.jpg"):
        write(task / name, png(name))
    return folder


@pytest.mark.parametrize("written", [write_bench, write_halves, write_further])
def test_it_comes_back_from_a_dataset_an_archive_and_the_hub(hub, tmp_path, written):
    comes_back(written(tmp_path / "questions"), tmp_path, "questions")


def test_splits_and_generators_are_columns(tmp_path):
    write_question(tmp_path / "questions", "chess", "chess_0000")
    rows = rows_of(write_bench(tmp_path / "questions"))
    assert [shown(row, *LEVELS) for row in rows.values()] == [
        ("00000", "G-3_stable_sort_data-generator", "In-Domain_50", "G-3_stable_sort_data-generator"),
        ("00001", "G-3_stable_sort_data-generator", "In-Domain_50", "G-3_stable_sort_data-generator"),
        ("00000", "O-9_maze_data-generator", "Out-of-Domain_50", "O-9_maze_data-generator"),
        ("00001", "O-9_maze_data-generator", "Out-of-Domain_50", "O-9_maze_data-generator"),
        ("chess_0000", "chess", None, None),
    ]
    assert [group.names for group in info(tmp_path / "questions").groups("split", "generator")] == [
        (None, None),
        ("In-Domain_50", "G-3_stable_sort_data-generator"),
        ("Out-of-Domain_50", "O-9_maze_data-generator"),
    ]


def test_halves_are_one_row(tmp_path):
    video, image = rows_of(write_halves(tmp_path / "questions")).values()
    assert shown(video, *LEVELS) == (
        "stable_sort_00000000",
        "stable_sort",
        None,
        "G-3_stable_sort_data-generator",
    )
    assert shown(video, *FILES) == ("first_frame.png", "final_frame.png", None, None, "ground_truth.mp4")
    assert shown(image, *FILES)[1:3] == (None, ["frame_1.png", "frame_2.png", "frame_10.png"])
    assert (video["prompt"], image["prompt"]) == ("Sort them in a video.", "Sort them in a image.")
    assert video["question_metadata"] == as_json({"task_id": "stable_sort_0"}).decode()


@pytest.mark.parametrize("name", ["video", "image"])
def test_a_task_that_is_called_like_a_half_is_a_task(hub, tmp_path, name):
    write_question(tmp_path / "questions", path=f"maze_task/{name}")
    write(tmp_path / "questions/maze_task/prompt.txt", "A prompt for all of them?")
    assert f"maze_task/{name}" in rows_of(tmp_path / "questions")
    build(tmp_path / "questions", tmp_path / "dataset", keep_incomplete=True)
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(tmp_path / "questions")


def test_where_both_halves_are_there_nothing_is_lost(hub, tmp_path):
    write_halves(tmp_path / "questions")
    task = tmp_path / "questions/G-3_stable_sort_data-generator/stable_sort_task/stable_sort_00000000"
    write(task / "image/prompt.txt", "Sort them in a picture.")
    write(task / "image/frame_1.png", png("sorted"))
    comes_back(tmp_path / "questions", tmp_path, "questions")
    row = next(iter(rows_of(tmp_path / "questions").values()))
    assert row["prompt"] == "Sort them in a video."
    assert shown(row, "frames") == (["frame_1.png"],)


def test_a_half_may_hold_all_but_the_first_frame(hub, tmp_path):
    task = tmp_path / "questions/sort_task/sort_0"
    write(task / "first_frame.png", png("first"))
    for name in ("prompt.txt", "goal.txt", "first_video.mp4", "ground_truth.mp4"):
        write(task / "video" / name, name)
    write(task / "video/question_metadata.json", '{"difficulty": "hard"}')
    comes_back(tmp_path / "questions", tmp_path, "questions")
    [row] = rows_of(tmp_path / "questions").values()
    assert shown(row, "prompt", "goal", "first_video", "ground_truth", "difficulty") == (
        *("prompt.txt", "goal.txt", "first_video.mp4", "ground_truth.mp4"),
        "hard",
    )


def test_a_video_to_go_on_from_stands_for_the_first_frame(tmp_path):
    folder = write_further(tmp_path / "questions")
    assert errors_of(folder) == []
    first, second = rows_of(folder).values()
    assert first["first_video"] == {"bytes": MP4 + b"before", "path": "first_video.mp4"}
    assert shown(second, "frames") == (["frame_2.png", "frame_10.png", "reference.jpg"],)


# The list column, wherever rows are read


def test_plain_datasets_reads_the_list_as_images(hub, tmp_path):
    from datasets import Image, load_dataset

    push_to_hub(write_further(tmp_path / "questions"), REPO)
    loaded = load_dataset(REPO, "raven", split="test")
    assert loaded.features["frames"].feature == Image()
    assert loaded["frames"][0] is None
    assert [picture.size for picture in loaded["frames"][1]] == [(4, 3)] * 3


def test_what_to_dataset_holds_of_the_list_comes_back(hub, tmp_path):
    folder = write_further(tmp_path / "questions")
    to_dataset(folder, cache_dir=tmp_path / "cache").push_to_hub(REPO, token=hub.token("user"))
    export(open_repo(REPO), tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)


def test_sizes_of_the_list_are_counted_wherever_rows_are(tmp_path):
    folder = write_further(tmp_path / "questions")
    dataset = build(folder, tmp_path / "dataset").target
    size_bytes = sum(len(png(name)) for name in ("frame_10.png", "frame_2.png", "reference.jpg"))
    for source in (folder, dataset, to_dataset(folder, cache_dir=tmp_path / "cache")):
        frame = metadata_frame(source)
        assert frame["frames_bytes"].dropna().tolist() == [size_bytes]
        assert [row.frames for row in info(source).rows] == [1, 4]


def test_a_gallery_shows_the_list_and_escapes_its_names(tmp_path):
    folder = write_further(tmp_path / "questions")
    write(folder / "raven_task/raven_0001/a&b'c.png", png("odd"))
    write_gallery(folder, tmp_path / "gallery.html")
    page = (tmp_path / "gallery.html").read_text()
    assert "frame 10 frame of raven_0001" in page
    assert "a&b'c" not in page
    assert "a&amp;b" in page


def test_names_in_a_list_that_lead_elsewhere_are_refused(tmp_path):
    folder = write_further(tmp_path / "questions")
    dataset = build(folder, tmp_path / "dataset").target
    for shard in shards(dataset):
        table = pq.read_table(shard)
        rows = table.to_pylist()
        for row in rows:
            for frame in row["frames"] or ():
                frame["path"] = f"../../../{frame['path']}"
        pq.write_table(type(table).from_pylist(rows, schema=table.schema), shard)
    with pytest.raises(ValueError, match="leads upwards"):
        export(dataset, tmp_path / "a/b/rebuilt")
    assert not (tmp_path / "a").exists() or files_below(tmp_path / "a") == {}


# Real samples


SAMPLES = [
    ("layouts/vbvr_bench_questions_in_out_domain.tar", "vbvr_bench_data"),
    ("layouts/vbvr_pro_questions_nested_and_bench.tar", "vbvr_pro_bench"),
    ("layouts/vbvr_pro_questions_nested_and_bench.tar", "vbvr_pro_sft_image"),
    ("layouts/vbvr_pro_questions_nested_and_bench.tar", "vbvr_pro_sft_video"),
    ("layouts/inferkit_jun2026_runs_and_v2v_questions.tar", "inferkit_v2v_questions"),
    ("vbvr.tar", "vbvr"),
]


@pytest.mark.parametrize(("archive", "folder"), SAMPLES, ids=[folder for _, folder in SAMPLES])
def test_a_real_sample_comes_back(hub, tmp_path, archive, folder):
    comes_back(unpacked(archive, tmp_path / "sample") / folder, tmp_path, "questions")


def test_real_rows_of_vbvr_pro_have_their_files(tmp_path):
    sample = unpacked("layouts/vbvr_pro_questions_nested_and_bench.tar", tmp_path)
    for row in rows_of(sample / "vbvr_pro_sft_video").values():
        assert shown(row, *FILES) == ("first_frame.png", "final_frame.png", None, None, "ground_truth.mp4")
        assert shown(row, *LEVELS)[1:] == ("sliding_puzzle", None, "O-47_sliding_puzzle_data-generator")
    for row in rows_of(sample / "vbvr_pro_sft_image").values():
        assert shown(row, *FILES) == ("first_frame.png", None, ["frame_1.png"], None, None)
    image = [row for path, row in rows_of(sample / "vbvr_pro_bench").items() if "Image" in path]
    assert [shown(row, "frames", "split") for row in image] == [
        (["frame_1.png", "frame_2.png"], "In-Domain_50"),
        (["frame_1.png"], "In-Domain_50"),
    ]


# An id that several tasks have


@pytest.fixture
def bench(tmp_path):
    return build(write_bench(tmp_path / "questions"), tmp_path / "bench").target


MAZE = "Out-of-Domain_50/O-9_maze_data-generator/00001"
SORT = "In-Domain_50/G-3_stable_sort_data-generator/00001"


def exported_tasks(target):
    return sorted(str(path.parent.relative_to(target)) for path in target.rglob("prompt.txt"))


def untrusted(dataset):
    """Make an export look into the shards: they are not as the list of files says."""
    for shard in shards(dataset):
        pq.write_table(pq.read_table(shard), shard, compression="gzip")


@pytest.mark.parametrize("looked_into", [False, True], ids=["by the list of files", "by looking into shards"])
def test_an_id_that_several_tasks_have_is_asked_back(tmp_path, bench, looked_into):
    if looked_into:
        untrusted(bench)
    with pytest.raises(ValueError, match="2 tasks have the id '00001'") as refused:
        export(bench, tmp_path / "part", ids=["00001"])
    assert SORT in str(refused.value)
    assert MAZE in str(refused.value)
    assert not (tmp_path / "part").exists()


@pytest.mark.parametrize("looked_into", [False, True], ids=["by the list of files", "by looking into shards"])
@pytest.mark.parametrize(
    ("chosen", "tasks"),
    [
        ({"ids": ["00001"], "domains": ["O-9_maze_data-generator"]}, [MAZE]),
        ({"ids": [MAZE]}, [MAZE]),
        ({"ids": [MAZE, SORT]}, [SORT, MAZE]),
        ({"ids": [MAZE], "domains": ["O-9_maze_data-generator"]}, [MAZE]),
    ],
)
def test_a_domain_or_a_path_says_which(tmp_path, bench, chosen, tasks, looked_into):
    if looked_into:
        untrusted(bench)
    export(bench, tmp_path / "part", **chosen)
    assert exported_tasks(tmp_path / "part") == tasks
    assert verify(tmp_path / "part", bench, **chosen).same


@pytest.mark.parametrize("path", ["In-Domain_50/G-3_stable_sort_data-generator/00009", "In-Domain_50"])
def test_a_path_that_is_no_task_s_is_unknown(tmp_path, bench, path):
    with pytest.raises(LookupError, match="there is no id"):
        export(bench, tmp_path / "part", ids=[path])


def test_ids_that_repeat_in_one_domain_are_told_and_asked_back_too(tmp_path):
    for split in ("In-Domain_50", "Out-of-Domain_50"):
        write_question(tmp_path / "questions", path=f"{split}/maze_task/m1", metadata=None)
    problems = [one for one in check_folder(tmp_path / "questions") if one.code == "duplicate-id"]
    assert [one.message for one in problems] == [
        "Its id 'm1' is that of In-Domain_50/maze_task/m1 too; --id asks which, and takes the path."
    ]
    dataset = build(tmp_path / "questions", tmp_path / "dataset").target
    with pytest.raises(ValueError, match="2 tasks have the id"):
        export(dataset, tmp_path / "part", ids=["m1"], domains=["maze"])


def test_runs_of_one_task_come_together(tmp_path):
    for model in ("luma", "veo"):
        write(tmp_path / f"outputs/{model}/maze_task/m1/run/video/a.mp4", MP4)
        write(tmp_path / f"outputs/{model}/maze_task/m1/run/metadata.json", "{}")
    dataset = build(tmp_path / "outputs", tmp_path / "dataset").target
    assert export(dataset, tmp_path / "part", ids=["m1"]).rows == 2


# What lists a benchmark's tasks


def bench_list(*entries):
    return as_json(
        [
            {
                "task_name": name,
                "idx": number,
                "split": split,
                "first_frame_path": f"{split}/{name}/{number}/f.png",
            }
            for split, name, number in (entry.split("/") for entry in entries)
        ]
    )


def test_a_benchs_own_list_is_compared_and_never_refuses(tmp_path):
    folder = write_bench(tmp_path / "questions")
    tasks = list(rows_of(folder))
    write(folder / "Some-Bench.json", bench_list(*tasks[:3], "Out-of-Domain_50/O-10_x_data-generator/00000"))
    problems = [one for one in check_folder(folder) if "manifest" in one.code]
    assert {(one.code, one.severity, one.path) for one in problems} == {
        ("manifest-without-folder", "warning", "Some-Bench.json"),
        ("not-in-manifest", "warning", tasks[3]),
    }
    assert {one.message for one in problems} == {
        "Entry 3 (Out-of-Domain_50/O-10_x_data-generator/00000) has no folder.",
        "Some-Bench.json does not list this task.",
    }
    dataset = build(folder, tmp_path / "dataset").target
    assert info(folder).manifest == info(dataset).manifest
    assert set(info(folder).manifest) == set(problems)


@pytest.mark.parametrize("content", ["[]", "{}", "[1]", '[{"a": 1}]', "nothing", '{"pairs": []}'])
def test_other_json_at_the_root_lists_nothing(tmp_path, content):
    folder = write_bench(tmp_path / "questions")
    write(folder / "notes.json", content)
    assert info(folder).manifest is None


def test_a_manifest_that_lists_more_than_is_there_is_let_through_when_told_to_and_counted(tmp_path, run):
    folder = write_folder(tmp_path / "questions")
    shutil.rmtree(folder / "maze_task")
    code, _, said = run("build", folder, tmp_path / "dataset")
    assert code == 1
    assert "--keep-incomplete" in said
    code, _, said = run("build", folder, tmp_path / "dataset", "--keep-incomplete")
    assert code == 0
    assert "Let through: 2 manifest-without-folder." in said
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)


def test_the_real_benchs_list_is_compared(tmp_path):
    sample = unpacked("layouts/vbvr_bench_questions_in_out_domain.tar", tmp_path) / "vbvr_bench_data"
    codes = [(one.code, one.severity) for one in check_folder(sample)]
    assert codes.count(("manifest-without-folder", "warning")) == 3
    assert ("not-in-manifest", "warning") not in codes
