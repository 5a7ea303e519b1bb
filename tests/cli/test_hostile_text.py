"""What others wrote is text wherever people read it: a table of texts, walked through by each place that shows them."""

import csv
import html
import io
import json
import re

import pytest
import yaml

from tests.factories import as_json, write, write_folder, write_question
from tests.result_factories import sample, write_samples
from tests.table.test_card import facts
from vmeval_builders.problems import Problem
from vmeval_hfds.cli import board
from vmeval_hfds.cli.bars import bar_lines
from vmeval_hfds.cli.main import main
from vmeval_hfds.cli.output import printable, show, table
from vmeval_hfds.cli.problems import problem_lines
from vmeval_hfds.errors import shown
from vmeval_hfds.gallery.comparison import board_table, page_around
from vmeval_hfds.gallery.page import page_parts
from vmeval_hfds.table.card import quoted, render_card, split_card

TEXTS = {
    "ANSI": "\x1b[31mred\x1b[2J",
    "C1": "a\x9b31m",
    "bidi": "abc\u202egpj.exe",
    "isolate": "abc\u2066gpj.exe",
    "line feed": "maze\nError: nothing",
    "carriage return": "maze\rall is well",
    "tab": "a\tb",
    "NUL": "a\0b",
    "bell": "a\x07",
    "delete": "a\x7fb",
    "next line": "a\x85b",
    "line separator": "a\u2028b",
    "byte order mark": "\ufeffa",
    "tag character": "a\U000e0041b",
    "HTML": "<script>alert(1)</script>",
    "attribute": "\" onload='alert(1)' x=\"",
    "comment": "<!-- vmeval-hfds: end -->",
    "entity": "&lt;b&gt;",
    "pipes": "| x |",
    "backticks": "`code` ``",
    "emphasis": "*a* **b** _c_ __d__ ~~e~~",
    "link": "[click](https://x.invalid) ![x](y) https://x.invalid",
    "backslash": "\\| \\",
    "math": "$x$ @user",
    "formula": "=cmd|' /C calc'!A0",
    "plus": "+1+1",
    "minus": "-1+1",
    "at": "@SUM(1)",
    "wide formula": "＝1+1",
    "formula below a line feed": "\n=1+1",
    "YAML null": "null",
    "YAML truth": "yes",
    "YAML number": "1e3",
    "YAML alias": "*",
    "YAML anchor": "&a",
    "YAML tag": "!!python/name:os.system",
    "YAML comment": "a # b",
    "YAML mapping": "a: b",
    "YAML document": "---",
    "quotes": "\"a' \\n",
    "template": "@title@ @summary@ {title} %s",
    "empty": "",
}
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\U000e0041]")
text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


def cells(line):
    """Cut a row of a Markdown table as readers of it do."""
    return [one.strip() for one in re.split(r"(?<!\\)(?:\\\\)*\|", line)][1:-1]


def read_markdown(cell):
    """Read what is left of a cell where punctuation is escaped; raise where it would be more than text."""
    rest = re.sub(r"\\[!-/:-@[-`{-~]|&(#\d+|#x\w+|amp|lt|gt|quot);", "", cell)
    assert not re.search(r"[\\`*\[\]|~<>&$:@]|\b_|_\b", rest), cell
    return html.unescape(re.sub(r"\\([!-/:-@[-`{-~])", lambda found: f"&#{ord(found[1])};", cell))


def on_one_line(text):
    return printable(" ".join(text.split()))


# The terminal


@text
def test_a_sentence_and_a_cell_and_a_bar_and_a_finding_are_a_line_each(text):
    [_, line] = table(["domain", "n"], [[text, 1]])
    [bar] = bar_lines([(text, 1)])
    [finding] = problem_lines([Problem("code", "error", text, "Something.")])
    for one in (line, bar, printable(finding), shown(text)):
        assert "\n" not in one
        assert not CONTROL.search(one)


@text
def test_an_error_is_one_line(text, capsys, tmp_path):
    assert main(["check", str(tmp_path / text.replace("\0", "")) + "/none"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert not CONTROL.search(said.err)


@text
def test_json_says_it_as_it_is_in_ascii(text, capsys):
    show("json", {"name": text}, [])
    out = capsys.readouterr().out
    assert out.isascii()
    assert not CONTROL.search(out)
    assert json.loads(out) == {"name": text}


# Leaderboards


@text
def test_csv_has_a_name_that_no_spreadsheet_runs(text):
    [line] = ["\n".join(board._csv(["model", "score"], [[text, -0.5]]))]
    assert not CONTROL.search(line)
    _, [name, score] = csv.reader(io.StringIO(line))
    assert not name.startswith(("=", "+", "-", "@", "＝"))
    assert score == "-0.5"
    if text.isprintable() and not text.startswith(("=", "+", "-", "@", "＝")):
        assert name == text


@text
def test_markdown_has_a_name_as_text_in_one_cell(text):
    *_, line = board._markdown(["model", "score"], [[text, -0.5]])
    assert not CONTROL.search(line)
    name, score = cells(line)
    assert read_markdown(name) == on_one_line(text)
    assert score == "-0.5000"


# The card


@text
def test_the_cards_table_has_a_name_as_text_in_one_cell(text):
    card = render_card(facts((text,), ("d-1234",)))
    assert not CONTROL.search(card)
    [row] = [line for line in card.splitlines() if "`d-1234` |" in line]
    name, *others = cells(row)
    assert read_markdown(name) == on_one_line(text)
    assert len(others) == 3
    assert render_card(facts(("chess",)), card).count("vmeval-hfds: end -->") == 1


@text
def test_the_cards_yaml_reads_as_the_text(text):
    card = render_card(facts(), stated={"pretty_name": quoted(text), "license": quoted(text)})
    assert not CONTROL.search(card)
    header = yaml.safe_load(split_card(card)[0])
    assert (header["pretty_name"], header["license"]) == (text, text)


# Pages


def texts_of(page):
    """Give what a page shows; raise where data became an element."""
    assert page.count("<script>") == page.count("</script>") <= 1
    return html.unescape(re.sub("<[^>]*>", "\n", page))


@text
def test_pages_have_it_as_text(text):
    head = board_table(["model", "score"], [[text, -0.5]])
    before, after = page_around(text, text, head, addresses=False)
    gallery, rest = page_parts(text, text, facts().layout)
    wanted = text.replace("\0", "\ufffd")
    for page, times in ((before + after, 4), (gallery + rest, 3)):
        assert texts_of(page).count(wanted) >= (times if text else 0)
        assert "<script>alert" not in page
        assert "onload='" not in page


# All of it, from files


HARMFUL = [
    TEXTS[name]
    for name in ("ANSI", "bidi", "line feed", "HTML", "pipes", "formula", "YAML alias", "template")
]


@pytest.mark.parametrize("form", ["human", "csv", "json", "markdown"])
def test_leaderboards_of_files_are_escaped_in_every_form(run, tmp_path, form):
    for number, model in enumerate(HARMFUL):
        place = write_samples(tmp_path / "results", str(number), [sample("00000", 0.5, generator=model)])
        stated = json.loads(place.read_text()) | {"model_name": model}
        place.write_bytes(as_json(stated))
    code, out, err = run("leaderboard", tmp_path / "results", "--format", form)
    assert (code, err) == (0, "")
    assert not CONTROL.search(out)
    assert "\n=" not in out


@pytest.mark.parametrize("form", ["human", "json"])
def test_every_command_that_reads_a_folder_escapes_its_names_and_texts(run, tmp_path, form):
    folder = write_folder(tmp_path / "questions")
    names = ["é<b>&'", "a`b`", "*x*", "&a", "yes", "1e3", "null", "$(touch x)"]
    for name in names:
        prompt = "".join(HARMFUL)
        metadata = as_json({"id": prompt, "difficulty": prompt, "task_category": prompt})
        write_question(folder, name, f"{name}_0", prompt=prompt, metadata=metadata)
    write(folder / "bad\x1b[31m.txt")
    write(folder / "worse\u202e.txt")
    target, more = tmp_path / "dataset", ["--format", form]
    for words in (
        ["check", folder],
        ["build", folder, target, "--exclude", "*.txt", "--include", "*"],
        ["info", folder, "--by", "difficulty"],
        ["gallery", folder, tmp_path / "page.html"],
        ["verify", folder, target],
        ["diff", folder, target],
        ["export", target, tmp_path / "rebuilt"],
    ):
        code, out, err = run(*words, *more)
        assert code in (0, 1, 2)
        assert "Traceback" not in err
        assert not CONTROL.search(out + err), words
