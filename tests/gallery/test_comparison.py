"""Models side by side, in a real browser: joined, filtered, sorted, played in step, and nothing runs that came from data."""

import json

import pytest

from tests.factories import as_json, png, write, write_question
from tests.run_factories import PLAYABLE_WEBM, run_metadata, write_run
from vmeval_hfds import build, push_to_hub, write_comparison
from vmeval_hfds.errors import DatasetError, TargetExistsError, UnknownNameError
from vmeval_hfds.gallery.comparison import Cell, TaskRow, page_around, row_html
from vmeval_hfds.gallery.page import Clip, Picture
from vmeval_hfds.gallery.thumbnails import thumbnail

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

MODELS = ("sora", "veo", "wan")
SCORES = {"maze_0000": (1, 5, 3), "maze_0001": (4, 4, 4), "chess_0000": (2, None, 1)}
HOSTILE = "</h2><script>window.ran = 1</script><img src=x onerror='window.ran = 2'>"


def write_all(place):
    """Write questions, outputs of three models and their scores."""
    for task_id, scores in SCORES.items():
        domain = task_id.partition("_")[0]
        write_question(place / "questions", domain, task_id, prompt=f"Solve {task_id}. {HOSTILE}")
        for model, score in zip(MODELS, scores, strict=True):
            folder = f"pilot/{model}/{domain}_task/{task_id}"
            stated = {"model": model, "started_at": "2026-01-01"}
            failed = {"status": "failed", "error": f"no credits {HOSTILE}"} if score is None else {}
            videos = {} if score is None else {"a.webm": PLAYABLE_WEBM}
            metadata = run_metadata(f"{model}_{task_id}_1", **stated, **failed)
            write_run(place / "outputs", f"{folder}/{model}_{task_id}_1", metadata=metadata, videos=videos)
            if score is not None:
                result = {
                    "metadata": {"evaluator": "human-eval", "model_name": model, "task_id": task_id},
                    "result": {"solution_correctness_score": score},
                }
                write(place / f"evaluations/{folder}/human-eval.json", as_json(result))
    return place


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return write_all(tmp_path_factory.mktemp("compare"))


@pytest.fixture(scope="module")
def target(place):
    target = place / "page.html"
    result = write_comparison(
        place / "outputs", target, evaluations=place / "evaluations", questions=place / "questions"
    )
    assert (result.rows, result.models, result.videos) == (3, list(MODELS), 8)
    return target


@pytest.fixture
def page(browser, target):
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(target.as_uri())
        yield page


def ids(page):
    return page.locator(".row:visible .head a").all_text_contents()


def test_a_task_is_a_row_and_a_model_a_column(page):
    assert ids(page) == ["chess_0000", "maze_0000", "maze_0001"]
    row = page.locator(".row").nth(1)
    assert row.locator(".cell h2").all_text_contents() == ["Question", *MODELS]
    assert row.locator(".scores b").all_text_contents() == ["1", "5", "3"]
    assert "spread 4" in row.inner_text()
    assert page.evaluate("window.ran") is None


def test_the_leaderboard_stands_on_top_the_best_first(page):
    table = page.locator(".board tbody tr")
    assert [table.nth(at).locator("td").nth(1).inner_text() for at in range(3)] == ["veo", "wan", "sora"]


def test_a_failed_run_says_why(page):
    cell = page.locator(".row").first.locator('.cell[data-model="veo"]')
    assert "no credits" in cell.inner_text()
    assert cell.locator("video").count() == 0


@pytest.mark.parametrize(
    ("choose", "shown"),
    [
        ({"#domain": "=maze"}, ["maze_0000", "maze_0001"]),
        ({"#score": "differ"}, ["chess_0000", "maze_0000"]),
        ({"#score": "failed"}, ["chess_0000"]),
        ({"#order": "spread"}, ["maze_0000", "chess_0000", "maze_0001"]),
        ({"#order": "high"}, ["maze_0001", "maze_0000", "chess_0000"]),
        ({"#order": "low", "#domain": "=maze"}, ["maze_0000", "maze_0001"]),
    ],
)
def test_rows_are_filtered_and_sorted(page, choose, shown):
    for select, value in choose.items():
        page.select_option(select, value)
    assert ids(page) == shown
    expect(page.locator("#count")).to_have_text(f"{len(shown)} of 3")


def test_words_and_models_choose_too(page):
    page.fill("#text", "solve MAZE_0001")
    assert ids(page) == ["maze_0001"]
    page.locator("#models label", has_text="veo").locator("input").uncheck()
    assert page.locator(".row:visible .cell:visible h2").all_text_contents() == ["Question", "sora", "wan"]


def test_all_videos_of_a_row_play_together_and_others_stop(page):
    playing = "(row) => [...row.querySelectorAll('video')].map((one) => one.played.length > 0)"
    first, second = page.locator(".row").nth(1), page.locator(".row").nth(2)
    first.locator(".play").click()
    page.wait_for_function(
        "document.querySelectorAll('.row')[1].querySelectorAll('video')[2].played.length > 0"
    )
    assert first.evaluate(playing) == [True] * 3
    assert not any(second.evaluate(playing))
    second.locator(".play").click()
    assert first.evaluate(
        "(row) => [...row.querySelectorAll('video')].every((one) => one.paused || one.ended)"
    )


def test_every_video_has_a_still_and_is_made_of_it_where_somebody_stops(page, target):
    content = target.read_text().partition("<script>")[0]
    assert (content.count('class="still"'), content.count("<video")) == (8, 0)
    page.set_viewport_size({"width": 1280, "height": 300})
    page.locator(".row").last.scroll_into_view_if_needed()
    expect(page.locator(".row").last.locator("video")).to_have_count(3)
    expect(page.locator(".row").first.locator("video")).to_have_count(0)
    assert page.locator("video:not([poster])").count() == 0
    assert page.locator("video").last.evaluate("(video) => video.controls && video.muted")


def test_keys_move_and_play(page):
    page.keyboard.press("j")
    page.keyboard.press("j")
    focused = "document.activeElement.closest('.row').querySelector('.head a').textContent"
    assert page.evaluate(focused) == "maze_0000"
    page.keyboard.press("k")
    assert page.evaluate(focused) == "chess_0000"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "text"


def test_a_link_leads_to_its_row(browser, target):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{target.as_uri()}#row-2")
        expect(page.locator("#row-2")).to_be_in_viewport()


def test_it_is_readable_on_a_phone(browser, target):
    with browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True) as context:
        page = context.new_page()
        page.goto(target.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_videos_can_lie_beside_the_page(browser, place):
    target = place / "beside/page.html"
    result = write_comparison(place / "outputs", target, assets=place / "beside/videos")
    # The same bytes are one file.
    assert len([*(place / "beside/videos").iterdir()]) == 1
    assert result.videos == 8
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(target.as_uri())
        page.locator(".play").nth(1).click()
        page.wait_for_function("document.querySelectorAll('video')[2].played.length > 0")


def test_folders_datasets_and_repositories_give_the_same_page(hub, place, target, tmp_path):
    datasets = {
        name: build(place / name, tmp_path / name).target for name in ("outputs", "evaluations", "questions")
    }
    for name in datasets:
        push_to_hub(place / name, f"user/{name}")
    pages = []
    for number, sources in enumerate((datasets, {name: f"user/{name}" for name in datasets})):
        page = tmp_path / f"{number}.html"
        write_comparison(
            sources["outputs"],
            page,
            evaluations=sources["evaluations"],
            questions=sources["questions"],
            title="outputs",
        )
        pages.append(page.read_bytes())
    assert pages[0] == pages[1] == target.read_bytes()


def test_of_several_runs_the_last_is_shown(tmp_path):
    for run, day in (("b", "2026-01-02"), ("a", "2026-01-03")):
        metadata = run_metadata(run, model="wan", started_at=day, timestamp=day)
        write_run(
            tmp_path / "outputs",
            f"pilot/wan/maze_task/maze_0000/{run}",
            metadata=metadata,
            videos={f"{run}.webm": PLAYABLE_WEBM + run.encode()},
        )
    result = write_comparison(tmp_path / "outputs", tmp_path / "page.html", assets=tmp_path / "videos")
    assert (result.rows, result.videos) == (1, 1)
    [video] = (tmp_path / "videos").iterdir()
    assert video.read_bytes().endswith(b"a")


def test_the_command_makes_the_page_and_says_what_it_leaves_out(run, place, tmp_path, monkeypatch):
    monkeypatch.setattr("vmeval_hfds.gallery.cards.VIDEO_BYTES", 10)
    words = ["gallery", "--outputs", place / "outputs", "--evaluations", place / "evaluations"]
    code, out, err = run(*words, "--questions", place / "questions", "--target", tmp_path / "page.html")
    assert code == 0
    assert "3 tasks, 3 models" in out
    assert "8 videos are named only" in err
    code, out, _ = run(*words, "--target", tmp_path / "page.html", "--format", "json")
    assert json.loads(out)["left_out_videos"] == 8


@pytest.mark.parametrize(
    "words",
    [
        ["gallery", "questions", "--outputs", "outputs", "--target", "new.html"],
        ["gallery", "questions", "--evaluations", "evaluations", "--target", "new.html"],
        ["gallery", "--evaluations", "evaluations", "--target", "new.html"],
    ],
)
def test_what_does_not_go_together_is_wrong_usage(run, place, monkeypatch, words):
    monkeypatch.chdir(place)
    assert run(*words)[0] == 2


def test_what_is_no_output_and_what_is_in_the_way_is_refused(place, tmp_path):
    with pytest.raises(DatasetError, match="expected outputs"):
        write_comparison(place / "questions", tmp_path / "page.html")
    write(tmp_path / "page.html", "mine")
    with pytest.raises(TargetExistsError):
        write_comparison(place / "outputs", tmp_path / "page.html")
    with pytest.raises(TargetExistsError):
        write_comparison(place / "outputs", tmp_path / "new.html", assets=place)
    with pytest.raises(UnknownNameError, match="nowhere"):
        write_comparison(place / "outputs", tmp_path / "new.html", domains=["nowhere"])


def write_large_page(target):
    """Write the page of 500 tasks and eight models, whose videos lie beside it."""
    before, after = page_around("large", "500 tasks, 8 models.", "", addresses=True)
    poster = Picture(thumbnail(png("poster", (64, 48))))
    clip = Clip("a.webm", len(PLAYABLE_WEBM), None)
    with target.open("w", encoding="utf-8") as page:
        page.write(before)
        for number in range(500):
            cells = [Cell(f"m{model}", clip, "videos/a.webm", poster=poster) for model in range(8)]
            task = f"maze_{number:04d}"
            row = TaskRow(f"row-{number}", task, "maze", "", f"Solve {task}.", poster, poster, None, cells)
            page.write(row_html(row))
        page.write(after)


def test_hundreds_of_tasks_of_eight_models_open_and_filter_without_stutter(browser, tmp_path):
    write(tmp_path / "videos/a.webm", PLAYABLE_WEBM)
    write_large_page(tmp_path / "page.html")
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(tmp_path.joinpath("page.html").as_uri())
        expect(page.locator("#count")).to_have_text("500 of 500")
        spent_ms = page.evaluate(
            """() => {
                const begin = performance.now();
                const text = document.getElementById("text");
                text.value = "maze_0499";
                text.dispatchEvent(new Event("input"));
                document.body.getBoundingClientRect();
                return performance.now() - begin;
            }"""
        )
        assert spent_ms < 1000
        assert page.locator("video").count() < 100
        assert ids(page) == ["maze_0499"]
