"""The dataset card: YAML that `load_dataset` reads and text that people read, merged into what is there.

The YAML is edited as text, key by key, so that a person's keys and comments come through every build and push
as they were. What is written here is the part between two markers and the keys named in `OWN_KEYS`.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from vmeval_builders.arrow.schema import SCHEMA_VERSION
from vmeval_builders.layouts.layout import Layout
from vmeval_hfds.errors import DatasetError
from vmeval_hfds.store.names import CARD_NAME

FILES_CONFIG = "files"
DEFAULT_CONFIG = "default"
#: How readers of a card get the command that brings the folder back.
INSTALL_LINE = "pip install .  # in a clone of vmeval-hfds"
#: How a card calls a dataset directory, which does not know where it will lie.
DIRECTORY_ADDRESS = "path/to/this/folder"

#: Keys that are facts of the data; they are written anew each time. All other keys belong to people.
OWN_KEYS = ("configs", "dataset_info", "size_categories", "vmeval_hfds")

#: A card of 1,000 configs, which no repository can have more of, has 2 MB.
CARD_LIMIT_BYTES = 2**24

_BEGIN = "<!-- vmeval-hfds: from here to the end mark, the text is written anew by every build -->"
_END = "<!-- vmeval-hfds: end -->"
_TOP_LEVEL_KEY = re.compile(r"""^(?P<quote>["']?)(?P<key>[A-Za-z_][\w.-]*)(?P=quote)\s*:(?=\s|$)""")
_DATASET_INFO = re.compile(r"""^(?:\{\s*)?["']?dataset_info["']?\s*:""", re.MULTILINE)
_YAML_LINE_BREAK = re.compile(r"\r*\n")

# https://huggingface.co/docs/hub/datasets-cards: the brackets that the Hub filters by.
_SIZE_BRACKETS = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)


_PLAIN_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_YAML_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class ConfigFacts:
    """What the card says of one config.

    Attributes:
        name: The config's name.
        pattern: Its data files, as a glob pattern relative to the card.
        columns: A builder's columns, or `FILE_COLUMNS`.
        rows: How many rows it has.
        table_bytes: The size of its rows in Arrow's memory.
        download_bytes: The size of its Parquet files.
    """

    name: str
    pattern: str
    columns: Mapping[str, str]
    rows: int
    table_bytes: int
    download_bytes: int


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """One line of the card's table: the rows of one config.

    Attributes:
        value: What the rows have in common, such as a domain.
        config: The name of their config.
        rows: How many they are.
        source_bytes: The size of their files.
    """

    value: str
    config: str
    rows: int
    source_bytes: int


@dataclass(frozen=True, slots=True)
class CardFacts:
    """All that a card says of the data.

    Attributes:
        builder: What describes the rows.
        split: The split that every config has.
        configs: The configs, `default` first.
        groups: The rows by config, by name.
        address: What `load_dataset` and `export` are given: a repo id, or a place holder.
    """

    layout: Layout
    split: str
    configs: Sequence[ConfigFacts]
    groups: Sequence[GroupFacts]
    address: str = DIRECTORY_ADDRESS

    @property
    def rows_by_group(self) -> dict[str, int]:
        """Group to number of rows."""
        return {one.value: one.rows for one in self.groups}


def render_card(
    facts: CardFacts, existing: str | None = None, stated: Mapping[str, str] | None = None
) -> str:
    """Write a card, or bring an existing one up to date.

    Args:
        facts: What the data is.
        existing: The present card's text.
        stated: Top-level YAML keys to values as YAML text, which replace what is there (such as a licence).

    Returns:
        The card's text. The same arguments give the same text, and rendering twice changes nothing.

    Raises:
        DatasetError: The existing card's YAML is not a plain block of keys.
    """
    header, body = split_card(existing or "")
    blocks = header_blocks(header)
    present = {key for key, _ in blocks}
    for key, value in _default_keys(facts.layout).items():
        if key not in present:
            blocks.append((key, f"{key}:{value}\n"))
    for key, value in (stated or {}).items():
        blocks = _replaced(blocks, key, f"{key}: {value}\n")
    for key, text in _own_blocks(facts).items():
        blocks = _replaced(blocks, key, text)
    return f"---\n{''.join(text for _, text in blocks)}---\n{_merged_body(facts, body)}"


def split_card(card: str) -> tuple[str, str]:
    """Split a card into its YAML, without the ``---`` lines, and the text below."""
    card = card.removeprefix("\ufeff")
    lines = _lines(card)
    if lines and lines[0].rstrip() == "---":
        for number, line in enumerate(lines[1:], start=1):
            if line.rstrip() == "---":
                return "".join(lines[1:number]), "".join(lines[number + 1 :])
    return "", card


def header_blocks(header: str) -> list[tuple[str, str]]:
    """Cut a card's YAML into its top-level keys.

    Returns:
        Key and the lines that belong to it, in order; comments above the first key have the key ``""``.

    Raises:
        DatasetError: A line at the margin is neither a key, a list item, a comment nor blank.
    """
    blocks: list[tuple[str, list[str]]] = []
    for number, line in enumerate(_lines(_YAML_LINE_BREAK.sub("\n", header)), start=2):
        line = line if line.endswith("\n") else f"{line}\n"
        if match := _TOP_LEVEL_KEY.match(line):
            blocks.append((match["key"], [line]))
        elif line.isspace() or line[0] == "#" or (line[0] in " \t-]}" and blocks and blocks[-1][0]):
            if not blocks:
                blocks.append(("", []))
            blocks[-1][1].append(line)
        else:
            message = (
                f"{CARD_NAME}, line {number}: expected a key such as 'license: mit'; mend the card's YAML"
            )
            raise DatasetError(message)
    return [(key, "".join(lines)) for key, lines in blocks]


def _lines(text: str) -> list[str]:
    """Cut text at line feeds only; `str.splitlines` also cuts at characters that a person may have written."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _replaced(blocks: list[tuple[str, str]], key: str, text: str) -> list[tuple[str, str]]:
    """Put a block where its key is, keeping comment lines that stand under the old one, else at the end."""
    result, placed = [], False
    for name, old in blocks:
        if name != key:
            result.append((name, old))
        else:
            comments = "".join(line for line in _lines(old) if line.startswith("#"))
            result.append((name, comments if placed else text + comments))
            placed = True
    return result if placed else [*result, (key, text)]


def _default_keys(layout: Layout) -> dict[str, str]:
    """Keys that a new card gets, and that people then own."""
    return {
        "pretty_name": f" {layout.title}",
        "language": "\n- en",
        "task_categories": "\n- image-to-video",
        "tags": "\n- video\n- reasoning\n- vmevalkit",
    }


def _own_blocks(facts: CardFacts) -> dict[str, str]:
    rows = facts.configs[0].rows
    bracket = next((name for limit, name in _SIZE_BRACKETS if rows < limit), "10M<n<100M")
    return {
        "size_categories": f"size_categories:\n- {bracket}\n",
        "configs": "configs:\n" + "".join(_config_entry(facts.split, config) for config in facts.configs),
        "dataset_info": "dataset_info:\n"
        + "".join(_info_entry(facts.split, config) for config in facts.configs),
        "vmeval_hfds": f"vmeval_hfds:\n  schema_version: {SCHEMA_VERSION}\n  builder: {facts.layout.name}\n",
    }


def _config_entry(split: str, config: ConfigFacts) -> str:
    return (
        f"- config_name: {quoted(config.name)}\n"
        f"  data_files:\n  - split: {quoted(split)}\n    path: {quoted(config.pattern)}\n"
    )


def _info_entry(split: str, config: ConfigFacts) -> str:
    columns = "".join(_column_entry(_plain(name), kind) for name, kind in config.columns.items())
    return (
        f"- config_name: {quoted(config.name)}\n  features:\n{columns}"
        f"  splits:\n  - name: {quoted(split)}\n"
        f"    num_bytes: {config.table_bytes}\n    num_examples: {config.rows}\n"
        f"  download_size: {config.download_bytes}\n  dataset_size: {config.table_bytes}\n"
    )


def _column_entry(name: str, kind: str) -> str:
    if kind == "images":
        return f"  - name: {name}\n    sequence: image\n"
    if kind == "videos":
        return f"  - name: {name}\n    sequence:\n      video:\n        decode: false\n"
    dtype = "\n      video:\n        decode: false" if kind == "video" else f" {kind}"
    return f"  - name: {name}\n    dtype:{dtype}\n"


def _plain(name: str) -> str:
    """Leave a column's name unquoted, as `datasets` writes it, where that is read as the text that it is."""
    return name if _PLAIN_NAME.fullmatch(name) and name.lower() not in _YAML_WORDS else quoted(name)


def quoted(text: str) -> str:
    """Write any text as a YAML string: unquoted, `on`, `007` or `1e3` would be something else."""
    # Every JSON string is one, but for characters that YAML takes for line breaks, or not at all.
    return _escaped(json.dumps(text, ensure_ascii=False), lambda code: f"\\U{code:08x}")


def _escaped(text: str, escape: Callable[[int], str]) -> str:
    return "".join(one if one.isprintable() else escape(ord(one)) for one in text)


def _merged_body(facts: CardFacts, body: str) -> str:
    generated = f"{_BEGIN}\n\n{_generated_text(facts)}\n{_END}\n"
    before, begin, rest = body.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if begin and end:
        return f"{before}{generated}{after.removeprefix(chr(10))}"
    if body.strip():
        return f"{body.rstrip()}\n\n{generated}"
    return f"\n# {facts.layout.title}\n\n{generated}"


def _generated_text(facts: CardFacts) -> str:
    address, layout = facts.address, facts.layout
    if not layout.has_rows:
        return _files_text(facts)
    is_repo = address != DIRECTORY_ADDRESS
    option = "--repo-id" if is_repo else "--dataset"
    first = next((one.config for one in facts.groups), DEFAULT_CONFIG)
    picture = (
        f"![One {layout.noun} of each {layout.group_column}, first and final frame](assets/preview.png)\n\n"
    )
    columns = ", ".join(f"`{name}`" for name in layout.columns)
    return f"""\
{picture if layout.gallery_frames else ""}{_group_table(layout, facts.groups)}
One row is one {layout.noun}: {columns}.

```python
from datasets import load_dataset

{layout.name} = load_dataset({json.dumps(address)}, split="{facts.split}")
one_{layout.group_column} = load_dataset({json.dumps(address)}, {json.dumps(first)}, split="{facts.split}")
```

The folder that the {layout.name} came from, byte for byte:

```bash
{INSTALL_LINE}
vmeval-hfds export {option} {address} --target data/{layout.name}
```

The config `files` lists every file of that folder with its size and SHA-256.
"""


def _files_text(facts: CardFacts) -> str:
    """Say what a table of files is, and how they come back."""
    address = facts.address
    option = "--repo-id" if address != DIRECTORY_ADDRESS else "--dataset"
    return f"""\
One row is one file of a folder: its path, size, SHA-256 and content.

```python
from datasets import load_dataset

files = load_dataset({json.dumps(address)}, "files", split="{facts.split}")
```

The folder, byte for byte:

```bash
{INSTALL_LINE}
vmeval-hfds export {option} {address} --target folder
```
"""


def _group_table(layout: Layout, groups: Iterable[GroupFacts]) -> str:
    lines = [f"| {layout.group_column} | config | {layout.name} | bytes |", "| --- | --- | ---: | ---: |"]
    lines += [
        f"| {_cell(one.value)} | `{one.config}` | {one.rows:,} | {one.source_bytes:,} |" for one in groups
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Show any text in a cell of a Markdown table: it comes from data, and is neither HTML, Markdown nor control."""
    text = _escaped(" ".join(text.split()), lambda code: ascii(chr(code))[1:-1])
    return re.sub(r"[\\`*_\[\]|~:@$]", lambda match: f"&#{ord(match[0])};", html.escape(text))


def check_card_size(size_bytes: int, where: str) -> None:
    """Refuse a card that nobody would read, before it is fetched or read.

    Args:
        size_bytes: Its size.
        where: What messages call it.

    Raises:
        DatasetError: It is larger than `CARD_LIMIT_BYTES`.
    """
    if size_bytes > CARD_LIMIT_BYTES:
        raise DatasetError(
            f"{where}: has {size_bytes:,} bytes; expected {CARD_LIMIT_BYTES:,} at most; shorten the card"
        )


def states_dataset(card: str) -> bool:
    """Whether a card states what a dataset holds, as `datasets` writes it, whoever wrote it.

    Its YAML is not parsed: aliases of aliases would make gigabytes of a few lines.
    """
    return _DATASET_INFO.search(split_card(card)[0]) is not None


def schema_version(card: str) -> int | None:
    """Read which version of the columns a card was written for, or None where it is not one of ours."""
    for key, text in header_blocks(split_card(card)[0]):
        if key == "vmeval_hfds" and (match := re.search(r"schema_version:\s*(\d{1,9})\b", text)):
            return int(match[1])
    return None


def card_layout(card: str) -> str:
    """Read the name of the builder that made a card's tables; cards of before builders were named say questions."""
    for key, text in header_blocks(split_card(card)[0]):
        if key == "vmeval_hfds" and (match := re.search(r"builder:\s*(\S+)", text)):
            return match[1]
    return "questions"
