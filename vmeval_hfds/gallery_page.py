"""The gallery's HTML: a page around cards, where everything that comes from data is escaped."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from vmeval_builders.rows import parse_object
from vmeval_hfds.thumbnails import Thumbnail

#: By this a file is known as a gallery, which a new gallery may replace.
GENERATOR = b'<meta name="generator" content="vmeval-hfds gallery">'
#: Longer metadata is cut on the page: it is for reading, and the dataset has the whole of it.
METADATA_CHARACTERS = 20_000
_LINE_CHARACTERS = 90
_LEVELS = {"easy", "medium", "hard"}


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
class CardText:
    """What a card says of a question; None where it is not stated."""

    id: str
    domain: str
    path: str
    prompt: str | None
    difficulty: str | None
    task_category: str | None
    created_at: str | None
    metadata: str | None


def page_parts(title: str, summary: str) -> tuple[str, str]:
    """Give what stands before and after the cards.

    Nothing may run or load but the page's own script and style, which the policy names by their hashes.

    Args:
        title: The page's title.
        summary: A sentence on what is shown.
    """
    template = files("vmeval_hfds").joinpath("gallery.html").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hash_of('style', template)}; "
        f"script-src {_hash_of('script', template)}; base-uri 'none'; form-action 'none'"
    )
    before, _, after = template.replace("@policy@", policy).partition("@cards@\n")
    before = before.replace("@summary@", _text(summary)).replace("@title@", _text(title))
    return before, after


def _hash_of(element: str, template: str) -> str:
    found = re.search(rf"<{element}>(.*?)</{element}>", template, re.DOTALL)
    assert found is not None
    return f"'sha256-{base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()}'"


def card(question: CardText, first: Picture, final: Picture) -> str:
    """Write the card of one question."""
    difficulty = question.difficulty or ""
    level = f" {difficulty.lower()}" if difficulty.lower() in _LEVELS else ""
    tags = f'<span class="tag">{_text(question.domain)}</span>' if question.domain else ""
    tags += f'<span class="tag{level}">{_text(difficulty)}</span>' if difficulty else ""
    return (
        f'<article class="card" data-domain="{_text(question.domain)}" data-difficulty="{_text(difficulty)}">\n'
        f'<div class="frames">{_frame("first", question.id, first)}<span class="arrow" aria-hidden="true">→</span>'
        f"{_frame('final', question.id, final)}</div>\n"
        f"{_prompt(question.prompt)}\n"
        f'<div class="tags"><button type="button" class="open">{_text(question.id)}</button>{tags}</div>\n'
        f'<details class="more"><summary>Metadata</summary>{_facts(question, first, final)}'
        f"{_metadata(question.metadata)}</details>\n"
        "</article>\n"
    )


def _text(text: str) -> str:
    return html.escape(text.replace("\0", "\ufffd"))


def _frame(which: str, question_id: str, picture: Picture) -> str:
    if picture.thumbnail is None:
        if picture.fault is None:
            return f'<div class="missing">no {which} frame</div>'
        return f'<div class="missing broken"><b>broken {which} frame</b> {_text(picture.fault)}</div>'
    width, height = picture.thumbnail.shown_size
    data = base64.b64encode(picture.thumbnail.webp).decode()
    return (
        f'<img src="data:image/webp;base64,{data}" width="{width}" height="{height}" loading="lazy" '
        f'decoding="async" alt="{which} frame of {_text(question_id)}">'
    )


def _prompt(prompt: str | None) -> str:
    if prompt is None:
        return '<p class="prompt none">no prompt</p>'
    return f'<p class="prompt" dir="auto">{_text(prompt.strip())}</p>'


def _facts(question: CardText, first: Picture, final: Picture) -> str:
    facts = {
        "domain": question.domain,
        "difficulty": question.difficulty,
        "category": question.task_category,
        "created": question.created_at,
        "first frame": _frame_fact(first),
        "final frame": _frame_fact(final),
    }
    lines = "".join(f"<dt>{name}</dt><dd>{_text(value)}</dd>" for name, value in facts.items() if value)
    return f'<dl class="facts">{lines}<dt>path</dt><dd class="path">{_text(question.path)}</dd></dl>'


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
    return f'<pre class="metadata">{_text(shown)}</pre>'


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
