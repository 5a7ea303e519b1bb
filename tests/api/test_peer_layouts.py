"""Questions and outputs of other benchmarks: MME-CoF, TiViBench, V-ReasonBench, RISE-Video."""

import pytest

from tests.factories import MP4, as_json, png, tree, write
from tests.layout_samples import REPO, comes_back, rows_of, shown, unpacked
from tests.run_factories import times
from vmeval_builders.errors import LayoutError
from vmeval_builders.layouts.beside import FilesBeside
from vmeval_builders.layouts.columns import Image, Json, Part
from vmeval_builders.scan import scan_rows
from vmeval_hfds import build, export, info, metadata_frame, push_to_hub, verify, write_gallery


def write_mme_cof(folder, videos=True):
    entries = []
    for category in ("physics_based", "3D_geometry"):
        for number in (1, 2, 10):
            write(folder / f"bench/{category}/{number}.png", png(f"{category} {number}"))
            entries.append(
                {
                    "idx": len(entries),
                    "image": f"{category}/{number}.png",
                    "question": "Where?",
                    "reasoning_prompt": f"Show it, {number}.",
                }
            )
            for sample in (1, 2) if videos and number != 2 else ():
                write(
                    folder / f"bench/{category}/{number}_videos/generated_video_{sample}.mp4",
                    MP4 + b"%d" % sample,
                )
    write(folder / "bench/data.json", as_json(entries))
    write(folder / "bench/some_eval_results.json", as_json({"results": entries}))
    return folder


def write_tivibench(folder):
    for dimension, name in (("AT", "hard_tool_use_003"), ("SL", "easy_sudoku_001")):
        write(folder / f"images/{dimension}/{name}.png", png(name))
        write(folder / f"eval_cache/{dimension}/{name}/end.png", png(f"{name} end"))
        write(folder / f"eval_cache/{dimension}_prompt.json", "{}")
    return folder


def write_v_reasonbench(folder):
    for task in ("block_slide", "sudoku"):
        for number in ("01", "02"):
            write(folder / f"evaluations/{task}/inputs/{number}.png", png(f"{task} {number}"))
            if (task, number) != ("sudoku", "02"):
                write(folder / f"evaluations/{task}/GT/{number}.png", png(f"{task} {number} end"))
    write(folder / "evaluations/sudoku/GT/02.csv", "1,2\n")
    return folder


def write_v_reasonbench_outputs(folder):
    write_v_reasonbench(folder)
    for model in ("luma", "veo"):
        write(folder / f"evaluations/sudoku/video_outputs/{model}/01.mp4", MP4 + model.encode())
    return folder


def write_tivibench_outputs(folder):
    for sample in range(2):
        write(folder / f"veo/AT_easy_game_001/AT_easy_game_001-{sample}.mp4", MP4 + b"%d" % sample)
    return folder


def write_rise_video_outputs(folder):
    for number in (1, 2):
        write(folder / f"Sora/Temporal Knowledge/{number}.mp4", MP4 + b"%d" % number)
    return folder


PEERS = {
    "mme-cof": (write_mme_cof, "mme-cof"),
    "tivibench": (write_tivibench, "tivibench"),
    "tivibench outputs": (write_tivibench_outputs, "outputs"),
    "v-reasonbench": (write_v_reasonbench, "v-reasonbench"),
    "v-reasonbench outputs": (write_v_reasonbench_outputs, "outputs"),
    "rise-video outputs": (write_rise_video_outputs, "outputs"),
}


@pytest.mark.parametrize(("written", "layout"), PEERS.values(), ids=PEERS)
def test_it_is_recognised_and_comes_back(hub, tmp_path, written, layout):
    comes_back(written(tmp_path / "peer"), tmp_path, layout)


def test_mme_cof_s_prompts_and_videos_are_columns(tmp_path):
    rows = rows_of(write_mme_cof(tmp_path / "peer"))
    assert [
        shown(row, "category", "id", "prompt", "idx", "first_frame", "videos") for row in rows.values()
    ] == [
        ("3D_geometry", "1", "Show it, 1.", "3", "1.png", ["generated_video_1.mp4", "generated_video_2.mp4"]),
        (
            "3D_geometry",
            "10",
            "Show it, 10.",
            "5",
            "10.png",
            ["generated_video_1.mp4", "generated_video_2.mp4"],
        ),
        ("3D_geometry", "2", "Show it, 2.", "4", "2.png", None),
        (
            "physics_based",
            "1",
            "Show it, 1.",
            "0",
            "1.png",
            ["generated_video_1.mp4", "generated_video_2.mp4"],
        ),
        (
            "physics_based",
            "10",
            "Show it, 10.",
            "2",
            "10.png",
            ["generated_video_1.mp4", "generated_video_2.mp4"],
        ),
        ("physics_based", "2", "Show it, 2.", "1", "2.png", None),
    ]


def test_mme_cof_s_times_come_back(tmp_path):
    folder = write_mme_cof(tmp_path / "peer")
    build(folder, tmp_path / "dataset")
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert times(tmp_path / "rebuilt") == times(folder)


@pytest.mark.parametrize("content", [None, "nothing", "{}", "[1]", '[{"image": 3}]'])
def test_without_what_tells_of_them_pictures_are_no_questions_of_mme_cof(tmp_path, content):
    folder = write_mme_cof(tmp_path / "peer", videos=content is not None)
    (folder / "bench/data.json").unlink()
    if content is None:
        assert scan_rows(folder).layout.name != "mme-cof"
        return
    write(folder / "bench/data.json", content)
    assert {row["prompt"] for row in rows_of(folder).values()} == {None}


def test_plain_datasets_reads_the_list_of_videos(hub, tmp_path):
    from datasets import load_dataset

    push_to_hub(write_mme_cof(tmp_path / "peer"), REPO)
    [first, *_] = load_dataset(REPO, "3D_geometry", split="test")
    assert [video["bytes"] for video in first["videos"]] == [MP4 + b"1", MP4 + b"2"]


def test_a_question_of_mme_cof_comes_alone_with_its_videos(tmp_path):
    folder = write_mme_cof(tmp_path / "peer")
    dataset = build(folder, tmp_path / "dataset").target
    export(dataset, tmp_path / "part", domains=["3D_geometry"], ids=["10"])
    assert {path for path in tree(tmp_path / "part") if not path.endswith("/")} == {
        "bench/3D_geometry/10.png",
        "bench/3D_geometry/10_videos/generated_video_1.mp4",
        "bench/3D_geometry/10_videos/generated_video_2.mp4",
    }
    export(dataset, tmp_path / "by-path", ids=["bench/3D_geometry/10.png"])
    assert tree(tmp_path / "by-path") == tree(tmp_path / "part")
    assert verify(tmp_path / "part", dataset, ids=["bench/3D_geometry/10.png"]).files == 3
    with pytest.raises(ValueError, match="2 tasks have the id '10'"):
        export(dataset, tmp_path / "others", ids=["10"])


def test_info_frames_and_gallery_take_lists_of_videos(tmp_path):
    folder = write_mme_cof(tmp_path / "peer")
    dataset = build(folder, tmp_path / "dataset").target
    for source in (folder, dataset):
        assert sum(row.videos for row in info(source).rows) == 8
        assert metadata_frame(source)["videos_bytes"].sum() == 8 * (len(MP4) + 1)
    assert write_gallery(dataset, tmp_path / "gallery.html").broken == []


def test_tivibench_s_ids_are_those_of_its_videos(tmp_path):
    rows = rows_of(write_tivibench(tmp_path / "peer"))
    columns = ("id", "dimension", "difficulty", "category", "first_frame", "final_frame")
    assert [shown(row, *columns) for row in rows.values()] == [
        ("AT_hard_tool_use_003", "AT", "hard", "tool_use", "hard_tool_use_003.png", "end.png"),
        ("SL_easy_sudoku_001", "SL", "easy", "sudoku", "easy_sudoku_001.png", "end.png"),
    ]


def test_v_reasonbench_s_pairs_are_rows(tmp_path):
    rows = rows_of(write_v_reasonbench(tmp_path / "peer"))
    assert [shown(row, "task", "id", "first_frame", "final_frame") for row in rows.values()] == [
        ("block_slide", "01", "01.png", "01.png"),
        ("block_slide", "02", "02.png", "02.png"),
        ("sudoku", "01", "01.png", "01.png"),
        ("sudoku", "02", "02.png", None),
    ]
    assert next(iter(rows.values()))["final_frame"]["bytes"] == png("block_slide 01 end")


def test_v_reasonbench_with_videos_is_questions_where_that_is_said(tmp_path):
    folder = write_v_reasonbench_outputs(tmp_path / "peer")
    assert build(folder, tmp_path / "dataset", builder="v-reasonbench").rows == 4
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)
    assert build(folder, tmp_path / "outputs").rows == 2


def test_a_file_beside_two_rows_is_the_first_one_s(tmp_path):
    folder = write_v_reasonbench(tmp_path / "peer")
    write(folder / "evaluations/sudoku/inputs/01.jpg", png("again"))
    assert [shown(row, "final_frame") for row in rows_of(folder).values()][2:] == [
        ("01.png",),
        (None,),
        (None,),
    ]
    build(folder, tmp_path / "dataset")
    export(tmp_path / "dataset", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)


def test_json_columns_need_something_that_tells():
    with pytest.raises(LayoutError, match="column told: comes from JSON"):

        class Untold(FilesBeside):
            """Nothing tells."""

            name, noun, title, rows = "untold", "row", "Untold", "{group}/{id}.png"
            id_column, group_column = "id", "group"
            id = Part()
            group = Part()
            told = Json("told")
            picture = Image("")


def test_peers_side_by_side_are_asked_back(tmp_path):
    write_mme_cof(tmp_path / "all/mme")
    write_rise_video_outputs(tmp_path / "all/rise")
    with pytest.raises(ValueError, match=r"outputs \(10 runs\), mme-cof \(6 questions\)"):
        scan_rows(tmp_path / "all")


# Real samples

SAMPLES = {
    "mme_cof": "mme-cof",
    "rise_video_outputs": "outputs",
    "tivibench_images": "tivibench",
    "tivibench_outputs": "outputs",
    "v_reasonbench": "outputs",
}


@pytest.mark.parametrize(("folder", "layout"), SAMPLES.items())
def test_a_real_sample_comes_back(hub, tmp_path, folder, layout):
    sample = unpacked("layouts/peers_tivi_vreason_rise_mmecof.tar", tmp_path / "sample")
    comes_back(sample / folder, tmp_path, layout)


def test_real_questions_of_mme_cof_have_their_prompts(tmp_path):
    sample = unpacked("layouts/peers_tivi_vreason_rise_mmecof.tar", tmp_path / "sample")
    rows = rows_of(sample / "mme_cof")
    assert [shown(row, "id", "question", "first_frame") for row in rows.values()] == [
        ("1", "Which picture completes it?", "1.jpg"),
        ("2", "Which picture completes it?", "2.jpg"),
    ]
