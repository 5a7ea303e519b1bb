"""The gallery in a real browser: filters, click, keyboard, nothing runs that came from data, nothing leaves the page."""

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.factories import png, write, write_question
from tests.run_factories import PLAYABLE_WEBM, write_failed_run, write_run
from vmeval_hfds.gallery.cards import write_gallery

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

HOSTILE = (
    "</p></article><script>window.ran = 'script'</script>"
    '<img src="https://example.invalid/pixel" onerror="window.ran = \'img\'">'
    "<svg onload=\"window.ran = 'svg'\"> \" ' & \u2028 \u202e"
)


def write_shown(folder):
    for number in range(6):
        level = ("easy", "medium", "hard")[number % 3]
        write_question(folder, "maze", f"maze_{number:04d}", prompt=f"Way number {number}", difficulty=level)
    for number in range(4):
        write_question(folder, "chess", f"chess_{number:04d}", prompt="Mate in one.", difficulty="easy")
    write_question(folder, "odd", "broken", first_frame=b"no image", final_frame=None, difficulty="odd")
    metadata = {
        "id": f"id {HOSTILE}",
        "difficulty": HOSTILE,
        "note": f"</pre></details>{HOSTILE}",
        "half": "\ud800",
    }
    write_question(
        folder, path=f"hostile_task/{'x' * 20}", prompt=HOSTILE, metadata=json.dumps(metadata).encode()
    )
    return folder


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    place = tmp_path_factory.mktemp("gallery")
    target = place / "gallery.html"
    write_gallery(write_shown(place / "questions"), target)
    return target.as_uri()


@contextmanager
def opened(browser, gallery):
    """Open a gallery that may neither report a fault nor request anything but itself."""
    with browser.new_context(viewport={"width": 1200, "height": 900}) as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.faults, page.requested = [], []
        page.on("console", lambda message: page.faults.append(message.text))
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("request", lambda request: page.requested.append(request.url))
        page.goto(gallery)
        yield page
        assert page.faults == []
        assert [url for url in page.requested if not url.startswith("data:")] == [gallery]


@pytest.fixture
def page(browser, gallery):
    with opened(browser, gallery) as page:
        yield page


def cards(page):
    return page.locator(".card:visible")


def test_every_question_is_a_card_with_its_frames(page):
    expect(cards(page)).to_have_count(12)
    expect(page.locator("#count")).to_have_text("12 of 12")
    first = cards(page).first
    expect(first.locator("img")).to_have_count(2)
    expect(first.locator(".prompt")).to_have_text("Mate in one.")
    expect(first.locator(".open")).to_have_text("chess_0000")
    loaded = first.locator("img").evaluate_all(
        "all => all.every(one => one.decode().then(() => one.naturalWidth > 0))"
    )
    assert loaded


def test_a_runs_video_plays_on_its_card(browser, tmp_path):
    write_run(tmp_path / "outputs", "pilot/wan/maze_task/maze_0000/done", videos={"a.webm": PLAYABLE_WEBM})
    write_failed_run(tmp_path / "outputs", "pilot/wan/maze_task/maze_0000/failed")
    write_gallery(tmp_path / "outputs", tmp_path / "runs.html")
    with opened(browser, (tmp_path / "runs.html").as_uri()) as page:
        expect(cards(page)).to_have_count(2)
        video = page.locator("video")
        expect(video).to_have_count(1)
        played = video.evaluate(
            """video => new Promise((resolve, reject) => {
                video.onended = () => resolve([video.videoWidth, video.videoHeight, video.currentTime]);
                video.onerror = () => reject(video.error.message);
                video.play().catch(reject);
            })"""
        )
        assert played == [16, 16, pytest.approx(0.4)]
        video.click(position={"x": 5, "y": 5})
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(page.locator(".clip.missing")).to_have_text("no video")


def test_filters_by_domain_difficulty_and_text_narrow_together(page):
    page.get_by_label("Domain").select_option("=maze")
    expect(page.locator("#count")).to_have_text("6 of 12")
    page.get_by_label("Difficulty").select_option("=hard")
    expect(cards(page)).to_have_count(2)
    page.get_by_label("Search").fill("WAY 5")
    expect(cards(page)).to_have_count(1)
    expect(cards(page).locator(".open")).to_have_text("maze_0005")
    page.get_by_label("Search").fill("nothing like this")
    expect(page.locator("#nothing")).to_be_visible()
    page.get_by_role("button", name="Clear the filters").click()
    expect(page.locator("#count")).to_have_text("12 of 12")


def test_choices_name_what_is_there_and_how_often(page):
    expect(page.locator("#domain option")).to_have_text(
        ["All domains", "chess (4)", "hostile (1)", "maze (6)", "odd (1)"]
    )
    difficulties = page.locator("#difficulty option").all_text_contents()
    assert difficulties[:4] == ["All difficulties", "easy (6)", "medium (2)", "hard (2)"]


def test_a_click_anywhere_on_a_card_shows_its_metadata(page):
    cards(page).nth(1).click(position={"x": 40, "y": 40})  # on a frame
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.locator("#name")).to_have_text("chess_0001")
    expect(dialog.locator(".metadata")).to_contain_text('"difficulty": "easy"')
    expect(dialog.locator(".facts")).to_contain_text("4 × 3 pixels")
    page.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    expect(cards(page).nth(1).locator(".open")).to_be_focused()


def test_all_of_it_works_by_keyboard(page):
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("maze")
    expect(page.locator("#count")).to_have_text("6 of 12")
    page.keyboard.press("Enter")
    expect(cards(page).first.locator(".open")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(cards(page).nth(1).locator(".open")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(cards(page).nth(4).locator(".open")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    name = page.get_by_role("dialog").locator("#name")
    expect(name).to_have_text("maze_0001")
    page.keyboard.press("ArrowRight")
    expect(name).to_have_text("maze_0002")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect(name).to_have_text("maze_0005")
    expect(page.get_by_role("button", name="Next question")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(cards(page).nth(5).locator(".open")).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    expect(page.locator("#count")).to_have_text("12 of 12")


def test_a_hostile_question_is_text(page):
    card = page.locator(".card", has_text="window.ran").first
    expect(card.locator(".prompt")).to_have_text(HOSTILE)
    card.locator(".open").click()
    shown = page.get_by_role("dialog")
    expect(shown.locator(".prompt")).to_have_text(HOSTILE)
    expect(shown.locator(".metadata")).to_contain_text("</pre></details>")
    page.get_by_label("Difficulty").evaluate("select => { select.selectedIndex = select.options.length - 1 }")
    page.keyboard.press("Escape")
    assert page.evaluate("window.ran") is None
    assert page.locator("article script, article svg, main iframe").count() == 0
    assert page.locator("img").evaluate_all("all => all.every(one => one.src.startsWith('data:image/webp'))")


def test_a_broken_frame_says_why(page):
    card = page.locator(".card", has_text="broken first frame")
    expect(card.locator(".broken")).to_contain_text("is not an image that can be opened")
    expect(card.locator(".missing").nth(1)).to_have_text("no final frame")


@contextmanager
def listening():
    """Listen on a port of this machine; give its address, and the list of what was asked there."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def test_what_is_smuggled_in_may_neither_run_nor_load(browser, gallery):
    # Were the escaping to fail, the policy would still hold: this is what it is for.
    with listening() as (address, asked), browser.new_context() as context:
        page = context.new_page()
        page.goto(gallery)
        refused = page.evaluate(
            """async (address) => {
                const refused = [];
                document.addEventListener("securitypolicyviolation", (one) => refused.push(one.effectiveDirective));
                const add = (kind, properties) => document.body.append(
                    Object.assign(document.createElement(kind), properties));
                add("script", { textContent: "window.ran = 1" });
                add("script", { src: address + "/script" });
                add("img", { src: address + "/pixel" });
                add("style", { textContent: "body { display: none }" });
                add("iframe", { src: address + "/frame" });
                document.body.lastChild.setAttribute("onload", "window.ran = 2");
                await fetch(address + "/data").catch(() => 0);
                for (let n = 0; n < 300 && new Set(refused).size < 6; n++) await new Promise(requestAnimationFrame);
                return [...new Set(refused)].sort();
            }""",
            address,
        )
        expected = [
            "connect-src",
            "frame-src",
            "img-src",
            "script-src-attr",
            "script-src-elem",
            "style-src-elem",
        ]
        assert refused == expected
        assert page.evaluate("window.ran") is None
        assert asked == []


@pytest.mark.parametrize("width", [320, 390])
def test_it_is_readable_on_a_phone(browser, gallery, width):
    with browser.new_context(viewport={"width": width, "height": 800}, has_touch=True) as context:
        page = context.new_page()
        page.goto(gallery)
        expect(cards(page)).to_have_count(12)
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not page.evaluate(wide)
        assert page.locator(".filters select").first.bounding_box()["height"] >= 40
        cards(page).first.tap()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert not page.evaluate(wide)
        frames = page.get_by_role("dialog").locator(".frames > :not(.arrow)")
        assert frames.nth(1).bounding_box()["y"] > frames.nth(0).bounding_box()["y"]  # one below the other


def test_light_and_dark_follow_the_system_and_can_be_read(browser, gallery):
    grounds = []
    for scheme in ("light", "dark"):
        with browser.new_context(color_scheme=scheme) as context:
            page = context.new_page()
            page.goto(gallery)
            for part in (
                ".card:first-child > .prompt",
                ".tag.easy",
                ".tag.medium",
                ".tag.hard",
                ".tags .tag",
                ".broken",
                ".top p",
            ):
                ink, ground = colors(page, part)
                assert contrast(ink, ground) >= 4.5, (scheme, part, ink, ground)
            grounds.append(colors(page, "body")[1])
    assert luminance(grounds[0]) > 0.8 > 0.05 > luminance(grounds[1])


def colors(page, part):
    """Text colour of an element, and the nearest ground below it that is not transparent."""
    found = page.locator(part).first.evaluate(
        """(node) => {
            const ink = getComputedStyle(node).color;
            while (getComputedStyle(node).backgroundColor === "rgba(0, 0, 0, 0)") node = node.parentElement;
            return [ink, getComputedStyle(node).backgroundColor];
        }"""
    )
    return [[int(part) for part in re.findall(r"\d+", color)[:3]] for color in found]


def luminance(color):
    """See https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = [part / 255 for part in color]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(ink, ground):
    low, high = sorted([luminance(ink), luminance(ground)])
    return (high + 0.05) / (low + 0.05)


def test_without_javascript_the_metadata_still_opens(browser, gallery):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(gallery)
        expect(cards(page)).to_have_count(12)
        expect(page.locator(".filters")).to_be_hidden()
        cards(page).first.locator("summary").click()
        expect(cards(page).first.locator(".metadata")).to_be_visible()


def test_a_thousand_questions_open_and_filter_without_stutter(browser, tmp_path):
    questions = tmp_path / "questions"
    for number in range(1000):
        task = questions / f"d{number % 10}_task/t{number:04d}"
        write(task / "first_frame.png", png(number % 40, (48, 48)))
        write(task / "final_frame.png", png(number % 40 + 40, (48, 48)))
        write(task / "prompt.txt", f"Question {number}. " * 8)
    write_gallery(questions, tmp_path / "gallery.html")
    with browser.new_context(viewport={"width": 1200, "height": 900}) as context:
        page = context.new_page()
        page.goto((tmp_path / "gallery.html").as_uri())
        expect(page.locator("#count")).to_have_text("1,000 of 1,000")
        filtered = page.evaluate(
            """() => {
                const start = performance.now();
                document.getElementById("text").value = "question 99";
                document.getElementById("text").dispatchEvent(new Event("input"));
                document.body.getBoundingClientRect();
                return performance.now() - start;
            }"""
        )
        expect(page.locator("#count")).to_have_text("19 of 1,000")
        # Measured 6 ms on two cores; where the machine is busy with other tests, this still tells a stutter.
        assert filtered < 1000
        styles = page.locator(".card").first.evaluate("node => getComputedStyle(node).contentVisibility")
        assert styles == "auto"
