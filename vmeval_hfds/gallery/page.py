"""The gallery's HTML: a page around cards, where everything that comes from data is escaped."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from vmeval_builders.json_values import parse_object
from vmeval_builders.layouts.layout import Layout
from vmeval_hfds.gallery.thumbnails import Thumbnail

#: By this a file is known as a gallery, which a new gallery may replace.
GENERATOR = b'<meta name="generator" content="vmeval-hfds gallery">'
#: Longer metadata is cut on the page: it is for reading, and the dataset has the whole of it.
METADATA_CHARACTERS = 20_000
_LINE_CHARACTERS = 90
#: What browsers play; the name decides, never the data.
VIDEO_KINDS = {"mp4": "video/mp4", "mov": "video/mp4", "webm": "video/webm"}
#: Words that get a colour; a run that failed looks like what is hard.
_LEVELS = {"easy": " easy", "medium": " medium", "hard": " hard", "failed": " hard", "skipped": " medium"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame, as a card shows it.

    Attributes:
        thumbnail: The small picture, or None where there is none.
        fault: Why the frame cannot be shown; None where it is not there at all.
    """

    thumbnail: Thumbnail | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Clip:
    """A video, as a card shows it.

    Attributes:
        name: The file's name; empty where there is no video.
        size_bytes: Its size.
        content: Its bytes; None where it is too large for the page, or is not there.
    """

    name: str
    size_bytes: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class CardText:
    """What a card says of a row.

    Attributes:
        title: The task's id.
        domain: What the first filter goes by.
        path: The row's path.
        text: The prompt, or what an evaluator said; None where there is none.
        text_name: The column that it is from.
        level: What the second filter goes by; empty where it is not stated.
        frame_names: What its frames are called, such as first and final.
        tags: What stands below the text: domain, model, how it ended, the score.
        facts: Column to value, for all else that is known.
        metadata: The JSON text.
    """

    title: str
    domain: str
    path: str
    text: str | None
    text_name: str
    level: str
    frame_names: Sequence[str]
    tags: Sequence[str]
    facts: Mapping[str, str]
    metadata: str | None


def page_parts(title: str, summary: str, layout: Layout) -> tuple[str, str]:
    """Give what stands before and after the cards.

    Nothing may run or load but the page's own script and style, which the policy names by their hashes.

    Args:
        title: The page's title.
        summary: A sentence on what is shown.
        layout: What describes the rows.
    """
    template = files("vmeval_hfds.gallery").joinpath("gallery.html").read_text(encoding="utf-8")
    media = " media-src data:;" if layout.gallery_video else ""
    policy = (
        f"default-src 'none'; img-src data:;{media} style-src {hash_of('style', template)}; "
        f"script-src {hash_of('script', template)}; base-uri 'none'; form-action 'none'"
    )
    before, _, after = template.replace("@policy@", policy).partition("@cards@\n")
    name = layout.gallery_filter.replace("_", " ") or "level"
    plural = f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
    filled = {
        "@level@": text_of(name.capitalize()),
        "@levels@": text_of(plural),
        "@summary@": text_of(summary),
        "@title@": text_of(title),
    }
    return fill(before, filled), after


def fill(template: str, filled: Mapping[str, str]) -> str:
    """Put HTML where a template names it, all at once: a model or folder may be called ``@title@``."""
    return re.sub("|".join(filled), lambda found: filled[found[0]], template)


def hash_of(element: str, template: str) -> str:
    """Give what a policy calls the only script, or style, of a page."""
    found = re.search(rf"<{element}>(.*?)</{element}>", template, re.DOTALL)
    assert found is not None
    return f"'sha256-{base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()}'"


def card(row: CardText, pictures: Sequence[Picture], clip: Clip | None) -> str:
    """Write the card of one row, with first and final frame and video where its builder has them."""
    tags = "".join(_tag(word) for word in row.tags)
    return (
        f'<article class="card" data-domain="{text_of(row.domain)}" data-difficulty="{text_of(row.level)}">\n'
        f"{_frames(row, pictures)}{_video(row, clip)}{_prompt(row)}\n"
        f'<div class="tags"><button type="button" class="open">{text_of(row.title)}</button>{tags}</div>\n'
        f'<details class="more"><summary>Metadata</summary>{_facts(row, pictures)}'
        f"{_metadata(row.metadata)}</details>\n"
        "</article>\n"
    )


def _tag(word: str) -> str:
    level = _LEVELS.get(word.lower(), "")
    return f'<span class="tag{level}">{text_of(word)}</span>'


def _frames(row: CardText, pictures: Sequence[Picture]) -> str:
    if not pictures:
        return ""
    shown = [
        _frame(which, row.title, picture) for which, picture in zip(row.frame_names, pictures, strict=True)
    ]
    arrow = '<span class="arrow" aria-hidden="true">→</span>'
    return f'<div class="frames">{arrow.join(shown)}</div>\n'


def text_of(text: str) -> str:
    """Escape text for a page."""
    return html.escape(text.replace("\0", "\ufffd"))


def picture_url(picture: Picture) -> str:
    """Give a small picture as a URL that holds it."""
    assert picture.thumbnail is not None
    return f"data:image/webp;base64,{base64.b64encode(picture.thumbnail.webp).decode()}"


def _frame(which: str, question_id: str, picture: Picture) -> str:
    which = text_of(which)
    if picture.thumbnail is None:
        if picture.fault is None:
            return f'<div class="missing">no {which} frame</div>'
        return f'<div class="missing broken"><b>broken {which} frame</b> {text_of(picture.fault)}</div>'
    width, height = picture.thumbnail.shown_size
    return (
        f'<img src="{picture_url(picture)}" width="{width}" height="{height}" loading="lazy" '
        f'decoding="async" alt="{which} frame of {text_of(question_id)}">'
    )


def _video(row: CardText, clip: Clip | None) -> str:
    if clip is None:
        return ""
    if not clip.name:
        return '<div class="missing clip">no video</div>\n'
    kind = VIDEO_KINDS.get(clip.name.rpartition(".")[2].lower())
    if clip.content is None or kind is None:
        size = f"{clip.size_bytes / 1e6:,.1f} MB"
        return (
            f'<div class="missing clip"><bdi>{text_of(clip.name)}</bdi>, {size}, is not on this page</div>\n'
        )
    data = base64.b64encode(clip.content).decode()
    return (
        f'<video class="clip" controls muted playsinline preload="none" src="data:{kind};base64,{data}" '
        f'aria-label="video of {text_of(row.title)}"></video>\n'
    )


def _prompt(row: CardText) -> str:
    if row.text is None and not row.text_name:
        return ""
    if row.text is None:
        return f'<p class="prompt none">no {text_of(row.text_name)}</p>'
    return f'<p class="prompt" dir="auto">{text_of(row.text.strip())}</p>'


def _facts(row: CardText, pictures: Sequence[Picture]) -> str:
    named = {name.replace("_", " "): value for name, value in row.facts.items()}
    named |= {
        f"{which} frame": _frame_fact(picture)
        for which, picture in zip(row.frame_names, pictures, strict=True)
    }
    lines = "".join(
        f"<dt>{text_of(name)}</dt><dd>{text_of(value)}</dd>" for name, value in named.items() if value
    )
    return f'<dl class="facts">{lines}<dt>path</dt><dd class="path">{text_of(row.path)}</dd></dl>'


def _frame_fact(picture: Picture) -> str:
    if picture.thumbnail is None:
        return picture.fault or "missing"
    width, height = picture.thumbnail.frame_size
    return f"{width} × {height} pixels"


def _metadata(metadata: str | None) -> str:
    if metadata is None:
        return '<p class="metadata none">no metadata</p>'
    value, _ = parse_object(metadata)
    try:
        shown = metadata if value is None else "\n".join(readable_json(value))
    except RecursionError:
        shown = metadata
    if len(shown) > METADATA_CHARACTERS:
        cut = len(shown) - METADATA_CHARACTERS
        shown = f"{shown[:METADATA_CHARACTERS]}\n… {cut:,} more characters"
    return f'<pre class="metadata">{text_of(shown)}</pre>'


def readable_json(value: object, indent: str = "", before: str = "", after: str = "") -> Iterator[str]:
    """Lay out JSON for people: what fits on a line stays on one line.

    Args:
        value: What `json.loads` gave.
        indent: What every line starts with.
        before: What stands before the value on its first line.
        after: What follows it on its last line.

    Yields:
        The lines.
    """
    flat = json.dumps(value, ensure_ascii=False)
    is_top = not indent and not before
    fits = len(indent) + len(before) + len(flat) + len(after) <= _LINE_CHARACTERS and not is_top
    if not isinstance(value, dict | list) or not value or fits:
        yield f"{indent}{before}{flat}{after}"
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield f"{indent}{before}{opening}"
    if isinstance(value, dict):
        items = [(f"{json.dumps(key, ensure_ascii=False)}: ", item) for key, item in value.items()]
    else:
        items = [("", item) for item in value]
    for number, (name, item) in enumerate(items, start=1):
        yield from readable_json(item, f"{indent}  ", name, "," if number < len(items) else "")
    yield f"{indent}{closing}{after}"
