"""The card's picture: one question of each domain, small, the same bytes for the same folder, whatever is broken."""

import io

import pytest
from PIL import Image

from tests.factories import png, write_folder, write_question
from vmeval_builders.scan import scan_rows
from vmeval_hfds.gallery.preview import PREVIEW_BYTES, PREVIEW_GROUPS, preview_frames, preview_png
from vmeval_hfds.table.plan import units_by_config


def frames_of(folder):
    scan = scan_rows(folder)
    return preview_frames(scan.source, units_by_config(scan), scan.layout.gallery_frames)


def opened(content):
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return image


def test_each_domain_gives_its_first_question_that_has_a_frame(tmp_path):
    write_folder(tmp_path, domains=("maze", "chess"))
    write_question(tmp_path, "maze", "maze_0000", first_frame=None)
    write_question(tmp_path, "raven", "raven_0000", first_frame=None)
    write_question(tmp_path, "odd", "odd_0000", final_frame=None)
    assert frames_of(tmp_path) == [
        ("chess", png("chess/chess_0000/first"), png("chess/chess_0000/final")),
        ("maze", png("maze/maze_0001/first"), png("maze/maze_0001/final")),
        ("odd", png("odd/odd_0000/first"), None),
    ]


def test_the_same_frames_give_the_same_bytes(tmp_path):
    write_folder(tmp_path)
    assert preview_png(frames_of(tmp_path)) == preview_png(frames_of(tmp_path))


def test_the_pixels_of_the_frames_are_in_it():
    red, blue = (Image.new("RGB", (50, 50), color) for color in ((200, 10, 10), (10, 10, 200)))
    contents = []
    for image in (red, blue):
        stream = io.BytesIO()
        image.save(stream, "PNG")
        contents.append(stream.getvalue())
    picture = opened(preview_png([("maze", *contents)])).convert("RGB")
    colors = {color for _, color in picture.getcolors(1 << 20)}
    assert {(200, 10, 10), (10, 10, 200)} <= colors


def test_it_stays_small_with_the_worst_frames():
    noise = [png(number, (300, 240)) for number in range(4)]
    frames = [(f"domain {number}", noise[number % 4], noise[-number % 4]) for number in range(PREVIEW_GROUPS)]
    content = preview_png(frames)
    assert len(content) <= PREVIEW_BYTES
    assert opened(content).width >= 300


@pytest.mark.parametrize("content", [b"", b"no picture", png(1, (90, 90))[:200], None])
def test_a_broken_or_missing_frame_is_shown_as_such(content):
    whole = png("whole")
    broken = preview_png([("maze", whole, content)])
    assert opened(broken).size == opened(preview_png([("maze", whole, whole)])).size
    assert broken != preview_png([("maze", whole, whole)])


def test_many_domains_are_counted_and_not_read(tmp_path):
    domains = [f"d{number:03d}" for number in range(PREVIEW_GROUPS + 5)]
    write_folder(tmp_path, domains=domains, per_domain=1)
    frames = frames_of(tmp_path)
    assert [label for label, _, _ in frames] == domains
    assert frames[-1] == (domains[-1], None, None)
    exactly, more = preview_png(frames[:PREVIEW_GROUPS]), preview_png(frames)
    assert opened(more).height > opened(exactly).height


def test_any_label_fits():
    frame = png("x")
    for label in ("x" * 500, "数独 ✓", "a\nb\0\u202e", ""):
        assert (
            opened(preview_png([(label, frame, frame)])).size
            == opened(preview_png([("a", frame, frame)])).size
        )


def test_transparent_parts_and_large_frames_are_no_trouble():
    for content in (png("rgba", (500, 20), "RGBA"), png("tall", (10, 900))):
        assert opened(preview_png([("maze", content, content)])).mode == "RGB"


def test_a_folder_without_any_frame_has_a_picture_too(tmp_path):
    write_question(tmp_path, first_frame=None, final_frame=None)
    assert frames_of(tmp_path) == []
    assert opened(preview_png([])).size == opened(preview_png([("maze", b"", None)])).size
