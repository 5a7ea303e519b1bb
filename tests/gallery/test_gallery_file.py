"""The gallery's file: whole or not there, escaped, small, the same from a folder and from its dataset."""

import base64
import hashlib
import html
import io
import json
import re
import warnings
from html.parser import HTMLParser

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

from tests.factories import png, tree, write, write_folder, write_question
from tests.run_factories import video, write_results, write_run, write_runs
from vmeval_builders.scan import scan_rows
from vmeval_hfds import build
from vmeval_hfds.api.push import push_to_hub
from vmeval_hfds.cli.look import gallery as gallery_command
from vmeval_hfds.errors import DatasetError, TargetExistsError, UnknownNameError
from vmeval_hfds.gallery import cards
from vmeval_hfds.gallery.cards import even_shares, write_gallery
from vmeval_hfds.gallery.page import METADATA_CHARACTERS, readable_json
from vmeval_hfds.gallery.thumbnails import THUMBNAIL_BYTES, THUMBNAIL_SIDE, thumbnail


class Page(HTMLParser):
    """What a browser would make of a page: elements with attributes, and the text that each kind holds."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_data(self, data):
        self.texts.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def read(target):
    return target.read_text(encoding="utf-8")


def cards_of(target):
    return read(target).partition('<main id="cards">')[2].partition("</main>")[0]


def write_three_domains(folder):
    return write_folder(folder, domains=("chess", "maze", "raven"), per_domain=4)


pytestmark = pytest.mark.folder("questions", write_three_domains)


def test_a_folder_its_dataset_and_what_is_open_already_show_the_same(folder, tmp_path):
    build(folder, tmp_path / "dataset")
    result = write_gallery(folder, tmp_path / "folder.html")
    write_gallery(tmp_path / "dataset", tmp_path / "dataset.html")
    write_gallery(scan_rows(folder), tmp_path / "scan.html")
    assert cards_of(tmp_path / "folder.html") == cards_of(tmp_path / "dataset.html")
    assert read(tmp_path / "folder.html") == read(tmp_path / "scan.html")
    assert result.rows == 12
    assert result.domains == {"chess": 4, "maze": 4, "raven": 4}
    assert result.size_bytes == (tmp_path / "folder.html").stat().st_size
    assert result.broken == []


def test_a_table_that_others_made_is_shown(tmp_path):
    frame = png("foreign", (40, 30))
    rows = [
        {
            "task_id": f"t{number}",
            "domain": "maze",
            "first_frame": frame,
            "metadata": {"n": number},
            "prompt": "Go.",
        }
        for number in range(100)
    ]
    (tmp_path / "dataset").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "dataset/train.parquet")
    result = write_gallery(tmp_path / "dataset", tmp_path / "page.html", limit=70)
    assert result.rows == 70
    assert cards_of(tmp_path / "page.html").count("data:image/webp") == 70
    assert "maze_task/t69" in read(tmp_path / "page.html")
    assert '"n": 69' in html.unescape(read(tmp_path / "page.html"))


def test_only_the_wanted_domains(folder, tmp_path):
    result = write_gallery(folder, tmp_path / "page.html", domains=["maze", "chess"])
    assert result.domains == {"chess": 4, "maze": 4}
    assert "raven" not in cards_of(tmp_path / "page.html")


def test_a_limit_is_spread_evenly_over_the_domains(folder, tmp_path):
    build(folder, tmp_path / "dataset")
    for source in (folder, tmp_path / "dataset"):
        result = write_gallery(source, tmp_path / "page.html", limit=7)
        assert result.domains == {"chess": 3, "maze": 2, "raven": 2}
        found = re.findall(r'class="open">(\w+)<', read(tmp_path / "page.html"))
        assert found == [f"chess_000{n}" for n in range(3)] + [
            f"{domain}_000{n}" for domain in ("maze", "raven") for n in range(2)
        ]


@pytest.mark.parametrize(
    ("counts", "limit", "expected"),
    [
        ({"a": 5, "b": 5}, None, {"a": 5, "b": 5}),
        ({"a": 5, "b": 5}, 100, {"a": 5, "b": 5}),
        ({"a": 5, "b": 5}, 3, {"a": 2, "b": 1}),
        ({"a": 9, "b": 1, "c": 9}, 9, {"a": 4, "b": 1, "c": 4}),
        ({"a": 9, "b": 9, "c": 9}, 2, {"a": 1, "b": 1, "c": 0}),
        ({}, 2, {}),
    ],
)
def test_shares(counts, limit, expected):
    assert even_shares(counts, limit) == expected


def test_an_unknown_domain_is_named_and_nothing_is_written(folder, tmp_path):
    with pytest.raises(UnknownNameError, match="'mase'; near ones: maze"):
        write_gallery(folder, tmp_path / "page.html", domains=["mase"])
    assert not (tmp_path / "page.html").exists()


def test_a_limit_below_one_is_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="1 or more"):
        write_gallery(folder, tmp_path / "page.html", limit=0)


def test_data_is_never_markup(tmp_path):
    hostile = (
        "</script></pre></p>'\"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\u2028\0]]>-->"
    )
    metadata = {
        "id": hostile,
        "difficulty": hostile,
        "task_category": hostile,
        "x": hostile,
        "half": "\ud800",
    }
    write_question(
        tmp_path / hostile.replace("/", "").replace("\0", ""),
        "maze",
        prompt=hostile,
        metadata=json.dumps(metadata).encode(),
        first_frame=hostile.encode(),
    )
    result = write_gallery(scan_rows(next(tmp_path.iterdir())), tmp_path / "page.html")
    empty = write_folder(tmp_path / "harmless", domains=("maze",), per_domain=1)
    write_gallery(empty, tmp_path / "harmless.html")
    page, plain = Page(read(tmp_path / "page.html")), Page(read(tmp_path / "harmless.html"))
    kinds = [name for name, _ in page.elements]
    assert len(page.of("script")) == 1
    assert set(kinds) <= {name for name, _ in plain.elements} | {"b"}
    assert all(not name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert hostile.replace("\0", "\ufffd") in page.texts
    assert len(result.broken) == 1


def test_the_policy_names_the_pages_own_script_and_style(folder, tmp_path):
    write_gallery(folder, tmp_path / "page.html")
    text = read(tmp_path / "page.html")
    policy = next(one["content"] for one in Page(text).of("meta") if one.get("http-equiv"))
    assert policy.startswith("default-src 'none'; img-src data:; ")
    for element in ("style", "script"):
        content = re.search(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert b"\r" not in (tmp_path / "page.html").read_bytes()


def test_nothing_in_it_comes_from_elsewhere(folder, tmp_path):
    write_gallery(folder, tmp_path / "page.html")
    for _, attributes in Page(read(tmp_path / "page.html")).elements:
        for name in ("src", "href", "srcset", "poster", "action"):
            assert attributes.get(name, "data:").startswith("data:")
    assert str(tmp_path) not in read(tmp_path / "page.html")


def test_broken_and_missing_frames_are_told_with_the_reason(tmp_path):
    whole = png("whole", (64, 64))
    write_question(tmp_path / "q", id="cut", first_frame=whole[: len(whole) // 2], final_frame=None)
    write_question(tmp_path / "q", id="empty", first_frame=b"", final_frame=b"<html>")
    bomb = whole[:16] + (60_000).to_bytes(4) * 2 + whole[24:]
    write_question(tmp_path / "q", id="bomb", first_frame=bomb)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = write_gallery(tmp_path / "q", tmp_path / "page.html")
    reasons = dict(line.split(": ", 1) for line in result.broken)
    assert "truncated" in reasons["maze_task/cut/first_frame.png"]
    assert reasons["maze_task/empty/first_frame.png"] == "is empty, not an image"
    assert "no image format" in reasons["maze_task/empty/final_frame.png"]
    assert "maze_task/bomb/first_frame.png" in reasons
    text = html.unescape(cards_of(tmp_path / "page.html"))
    assert all(reason in text for reason in reasons.values())
    assert text.count('class="missing"') == 1


def test_a_frame_of_too_many_pixels_is_not_decoded(tmp_path):
    stream = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(stream, "PNG")
    write_question(tmp_path / "q", first_frame=stream.getvalue())
    result = write_gallery(tmp_path / "q", tmp_path / "page.html")
    assert "has 20000 x 20000 pixels" in result.broken[0]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16", "CMYK"])
def test_every_kind_of_frame_gives_a_thumbnail(mode):
    stream = io.BytesIO()
    Image.new(mode, (800, 500), 1 if mode == "1" else None).save(stream, "TIFF" if mode == "CMYK" else "PNG")
    small = thumbnail(stream.getvalue())
    assert small.frame_size == (800, 500)
    assert small.shown_size == (THUMBNAIL_SIDE, 240)
    with Image.open(io.BytesIO(small.webp)) as image:
        assert image.size == small.shown_size


def test_sixteen_bits_are_not_cut_off_to_white():
    stream = io.BytesIO()
    Image.new("I;16", (20, 20), 0x4000).save(stream, "PNG")
    with Image.open(io.BytesIO(thumbnail(stream.getvalue()).webp)) as image:
        assert 0x38 < image.convert("L").getpixel((10, 10)) < 0x48


def test_no_frame_makes_a_thumbnail_too_large():
    # Noise is what no picture format can make small: 1,000 questions of this stay below 25 MB.
    small = thumbnail(png("noise", (900, 700)))
    assert len(small.webp) <= THUMBNAIL_BYTES
    assert 2 * 1000 * THUMBNAIL_BYTES * 4 / 3 < 22e6


def test_it_replaces_a_gallery_and_nothing_else(folder, tmp_path):
    target = tmp_path / "new" / "page.html"
    write_gallery(folder, target)
    write_gallery(folder, target, limit=1)
    assert read(target).count("<article") == 1
    other = write(tmp_path / "notes.html", "<p>mine")
    with pytest.raises(TargetExistsError, match="something else"):
        write_gallery(folder, other)
    with pytest.raises(TargetExistsError, match="something else"):
        write_gallery(folder, tmp_path / "new")
    assert other.read_text() == "<p>mine"


def test_it_is_never_written_into_its_own_source(folder, tmp_path):
    build(folder, tmp_path / "dataset")
    before = tree(tmp_path)
    for source in (folder, tmp_path / "dataset"):
        with pytest.raises(TargetExistsError, match="would become a part of it"):
            write_gallery(source, source / "page.html")
    assert tree(tmp_path) == before


def test_after_a_failure_nothing_of_it_is_left(folder, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(cards, "_card", fail)
    with pytest.raises(OSError, match="disk full"):
        write_gallery(folder, tmp_path / "page.html")
    assert [path.name for path in tmp_path.iterdir()] == ["questions"]


def test_a_damaged_dataset_is_refused(folder, tmp_path):
    build(folder, tmp_path / "dataset")
    shard = next((tmp_path / "dataset/data/maze").iterdir())
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(DatasetError):
        write_gallery(tmp_path / "dataset", tmp_path / "page.html")


def test_progress_counts_to_the_end(folder, tmp_path):
    seen = []
    write_gallery(folder, tmp_path / "page.html", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (12, 12)


def test_json_is_laid_out_for_people():
    value = {"a": [1, 2, [3]], "b": {}, "text": "ä", "long": [list(range(40))] * 2, "o": {"k": 1.0}}
    lines = list(readable_json(value))
    assert json.loads("\n".join(lines)) == value
    assert '  "a": [1, 2, [3]],' in lines
    assert '  "text": "ä",' in lines
    assert lines[0] == "{"


def test_metadata_of_any_length_and_depth_is_shown(tmp_path):
    deep = '{"a":' * 900 + "1" + "}" * 900
    write_question(tmp_path / "q", id="deep", metadata=deep.encode())
    write_question(tmp_path / "q", id="long", metadata=json.dumps({"x": "y" * 50_000}).encode())
    write_question(tmp_path / "q", id="odd", metadata=b"not JSON")
    write_question(tmp_path / "q", id="none", metadata=None)
    write_gallery(tmp_path / "q", tmp_path / "page.html")
    text = read(tmp_path / "page.html")
    assert "more characters" in text
    assert "not JSON" in text
    assert "no metadata" in text
    assert (
        max(map(len, re.findall(r'<pre class="metadata">(.*?)</pre>', text, re.DOTALL)))
        < 8 * METADATA_CHARACTERS
    )


@pytest.mark.parametrize("form", ["human", "json", "quiet"])
def test_the_command(folder, tmp_path, form):
    write_question(folder, id="broken", first_frame=b"no")
    arguments = [
        "--path",
        str(folder),
        "--target",
        str(tmp_path / "page.html"),
        "--format",
        form,
        "--domain",
        "maze",
    ]
    result = CliRunner().invoke(gallery_command, arguments)
    assert result.exit_code == 0, result.output
    if form == "json":
        assert json.loads(result.stdout)["rows"] == 5
    elif form == "human":
        assert "5 questions in 1 domain" in result.stdout
        assert "broken/first_frame.png" in result.stderr
    else:
        assert result.output == ""


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ((), "Missing SOURCE: give it in its place, or with --path"),
        (("--path", "--dataset"), "--path and --dataset are both given, and only one"),
        (("--dataset", "--repo-id"), "--dataset and --repo-id are both given, and only one"),
    ],
)
def test_the_command_takes_just_one_source(tmp_path, sources, message):
    arguments = [part for option in sources for part in (option, "x")]
    result = CliRunner().invoke(gallery_command, [*arguments, "--target", str(tmp_path / "page.html")])
    assert result.exit_code == 2
    assert message in result.output


def test_the_command_shows_a_repository(hub, folder, tmp_path):
    push_to_hub(folder, "user/questions")
    arguments = ["--repo-id", "user/questions", "--limit", "3", "--target", str(tmp_path / "page.html")]
    result = CliRunner().invoke(gallery_command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "3 questions in 3 domains" in result.stdout
    assert "<title>user/questions@" in read(tmp_path / "page.html")


# Other builders


def test_outputs_show_frames_model_and_what_failed(tmp_path):
    write_runs(tmp_path / "outputs")
    build(tmp_path / "outputs", tmp_path / "dataset")
    for source, name in ((tmp_path / "outputs", "a"), (tmp_path / "dataset", "b")):
        result = write_gallery(source, tmp_path / f"{name}.html", title="t")
        assert (result.builder, result.broken) == ("outputs", [])
        assert result.rows == sum(result.domains.values()) == len(scan_rows(tmp_path / "outputs").units)
    text = read(tmp_path / "a.html")
    # A dataset's rows are sorted by model, a folder's by domain.
    assert sorted(text.split("<article")) == sorted(read(tmp_path / "b.html").split("<article"))
    assert "All models" in text
    assert "media-src data:" in text
    videos = {attributes["src"].partition(",")[0] for attributes in Page(text).of("video")}
    assert videos == {"data:video/mp4;base64", "data:video/webm;base64"}
    assert '<div class="missing clip">no video</div>' in text
    assert '<span class="tag hard">failed</span>' in text
    assert {attributes["data-difficulty"] for attributes in Page(text).of("article")} >= {"wan"}


def test_evaluations_show_scores_and_no_frames(tmp_path):
    write_results(tmp_path / "evaluations")
    result = write_gallery(tmp_path / "evaluations", tmp_path / "page.html")
    text = read(tmp_path / "page.html")
    assert (result.builder, result.rows) == ("evaluations", len(scan_rows(tmp_path / "evaluations").units))
    assert "All evaluators" in text
    assert "first frame" not in text
    assert "<dt>score text</dt>" in text
    assert '<span class="tag">score ' in text


@pytest.mark.parametrize(
    ("one", "all_of_them", "shown"), [(10**6, 10**6, 3), (10**6, 1000, 1), (600, 10**6, 0)]
)
def test_large_videos_are_named_and_not_embedded(tmp_path, monkeypatch, one, all_of_them, shown):
    monkeypatch.setattr(cards, "VIDEO_BYTES", one)
    monkeypatch.setattr(cards, "PAGE_VIDEO_BYTES", all_of_them)
    for number in range(3):
        run = f"pilot/wan/maze_task/maze_000{number}/run"
        write_run(tmp_path / "outputs", run, videos={f"clip {number}.mp4": video(number, 500)})
    build(tmp_path / "outputs", tmp_path / "dataset")
    write_gallery(tmp_path / "dataset", tmp_path / "page.html")
    page = Page(read(tmp_path / "page.html"))
    assert len(page.of("video")) == shown
    assert sum("is not on this page" in text for text in page.texts) == 3 - shown
