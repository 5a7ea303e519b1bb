"""The card: YAML that `datasets` reads as we mean it, and a person's keys and words that stay."""

import re
from itertools import product

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from vmeval_builders.arrow.schema import FILE_COLUMNS, features
from vmeval_builders.layouts.registry import QUESTIONS
from vmeval_hfds.errors import DatasetError, VmevalError
from vmeval_hfds.table.card import (
    OWN_KEYS,
    CardFacts,
    ConfigFacts,
    GroupFacts,
    header_blocks,
    render_card,
    schema_version,
    split_card,
)


def facts(domains=("maze",), configs=None, split="test", **rest):
    configs = configs or domains
    of_domains = [
        ConfigFacts(config, f"data/{config}/{split}-*.parquet", QUESTIONS.columns, 3, 1000, 900)
        for config in configs
    ]
    return CardFacts(
        QUESTIONS,
        split,
        [
            ConfigFacts("default", f"data/*/{split}-*.parquet", QUESTIONS.columns, 3, 1000, 900),
            *of_domains,
            ConfigFacts("files", f"files/{split}-*.parquet", FILE_COLUMNS, 9, 500, 400),
        ],
        [GroupFacts(domain, config, 3, 800) for domain, config in zip(domains, configs, strict=True)],
        **rest,
    )


def header(card):
    return yaml.safe_load(split_card(card)[0])


def test_a_new_card_states_what_datasets_itself_would_state():
    from datasets import DatasetInfo, SplitDict, SplitInfo

    def info(config, columns, rows, size, download):
        splits = SplitDict({"test": SplitInfo("test", num_bytes=size, num_examples=rows)})
        stated = DatasetInfo(
            features=features(columns), splits=splits, download_size=download, dataset_size=size
        )._to_yaml_dict()
        # As releases before datasets 4 say it; later ones say "list", and read this too.
        stated["features"] = [
            {"name": one["name"], "sequence": one["list"]} if "list" in one else one
            for one in stated["features"]
        ]
        return {"config_name": config, **stated}

    assert header(render_card(facts()))["dataset_info"] == [
        info("default", QUESTIONS.columns, 3, 1000, 900),
        info("maze", QUESTIONS.columns, 3, 1000, 900),
        info("files", FILE_COLUMNS, 9, 500, 400),
    ]


def test_the_library_of_the_hub_reads_the_features_back():
    from datasets import DatasetInfo

    for stated in header(render_card(facts()))["dataset_info"]:
        columns = FILE_COLUMNS if stated["config_name"] == "files" else QUESTIONS.columns
        assert DatasetInfo._from_yaml_dict(stated).features == features(columns)


def test_every_config_has_its_split_and_pattern():
    assert header(render_card(facts(split="train")))["configs"] == [
        {"config_name": name, "data_files": [{"split": "train", "path": path}]}
        for name, path in {
            "default": "data/*/train-*.parquet",
            "maze": "data/maze/train-*.parquet",
            "files": "files/train-*.parquet",
        }.items()
    ]


def test_the_card_says_which_version_of_the_columns_it_is_for():
    assert schema_version(render_card(facts())) == 2
    assert schema_version("") is None
    assert schema_version("---\nlicense: mit\n---\n# Mine\n") is None
    assert schema_version("# text\nvmeval_hfds:\n  schema_version: 1\n") is None


@pytest.mark.parametrize(
    ("rows", "bracket"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1_000, "1K<n<10K"),
        (99_999, "10K<n<100K"),
        (100_000, "100K<n<1M"),
        (9_999_999, "1M<n<10M"),
        (10_000_000, "10M<n<100M"),
    ],
)
def test_the_bracket_that_the_hub_filters_by(rows, bracket):
    config = ConfigFacts("default", "data/*/test-*.parquet", QUESTIONS.columns, rows, 1, 1)
    assert header(render_card(CardFacts(QUESTIONS, "test", [config], [])))["size_categories"] == [bracket]


@pytest.mark.parametrize(
    "config", ["on", "no", "null", "007", "1e3", "1.0", "0x1", "~", "迷路", "2024-01-01"]
)
def test_a_config_name_stays_text(config):
    card = header(render_card(facts((config,))))
    assert [entry["config_name"] for entry in card["configs"]] == ["default", config, "files"]


PERSONS_KEYS = {
    "plain": "license: mit\n",
    "comments": "# first\nlicense: mit # why not\n# last\n",
    "blank-lines": "\nlicense: mit\n\n\npretty_name: Mine\n",
    "list": "language:\n- en\n- de\ntags: [a, b]\n",
    "indented-list": "tags:\n  - a\n  - b\n",
    "block-scalar": "description: |\n  one\n\n  configs: not a key\n  ---x\nlicense: mit\n",
    "folded-scalar": "description: >-\n  one\n  two\n",
    "quoted": "pretty_name: \"a: b # c\"\nlicense: 'it''s'\n",
    "quoted-keys": "\"license\": mit\n'tags': [a]\n",
    "nested": "extra:\n  configs:\n    - a\n  deeper: {x: [1, 2]}\n",
    "flow-over-lines": "tags: [\n  a,\n  b\n]\nextra: {\n  x: 1\n}\n",
    "unicode": "pretty_name: Tränen 迷路 🤔\n",
    "escapes": 'pretty_name: "a\\nb\\u00e9"\n',
    "dashes-and-dots": "my-key: 1\nmy.key: 2\n",
    "empty-values": "license:\ntags: []\n",
    "anchors": "a: &x [1]\nb: *x\n",
    "gated": 'extra_gated_fields:\n  "I agree": checkbox\n',
    "crlf": "license: mit\r\ntags:\r\n- a\r\n",
    "no-break": 'pretty_name: "a\u00a0b"\n',
    "next-line-character": 'pretty_name: "a\u0085b"\n',
    "line-separator-character": 'pretty_name: "a\u2028b"\n',
    "key-with-a-space": "my notes: x\nlicense: mit\n",
    "key-with-a-number": "1st: x\n",
    "key-that-is-a-number": "7: x\n",
    "key-not-ascii": "größe: 3\n",
    "explicit-key": "? license\n: mit\n",
    "all-in-braces": "{license: mit}\n",
    "all-indented": "  license: mit\n  tags: [a]\n",
    "a-list-and-no-keys": "- a\n- b\n",
    "a-string-and-no-keys": "just words\n",
    "document-end": "license: mit\n...\n",
    "old-own-keys": "configs:\n- config_name: old\n  data_files: x.csv\nlicense: mit\ndataset_info: {features: []}\n",
    "own-keys-in-flow": "configs: [\n  {config_name: old}\n]\nlicense: mit\n",
    "quoted-own-keys": '"configs":\n- config_name: old\nlicense: mit\n',
    "own-keys-twice": "configs: []\nlicense: mit\nconfigs: []\n",
}


@pytest.mark.parametrize("text", PERSONS_KEYS.values(), ids=PERSONS_KEYS)
def test_a_persons_keys_come_through_or_the_card_is_refused(text):
    card = f"---\n{text}---\n# Mine\n\nMy words.\n"
    mine = yaml.safe_load(text)
    try:
        rendered = render_card(facts(), card)
    except DatasetError as error:
        says = re.search(r"README\.md, line \d+: expected .*; mend the card's YAML", str(error))
        assert says
        return
    result = header(rendered)
    assert isinstance(mine, dict)
    kept = {key: value for key, value in mine.items() if key not in OWN_KEYS}
    assert {key: result[key] for key in kept} == kept
    assert {key: result[key] for key in OWN_KEYS} == {
        key: header(render_card(facts()))[key] for key in OWN_KEYS
    }
    assert "My words." in rendered
    assert render_card(facts(), rendered) == rendered


MUST_BE_KEPT = set(PERSONS_KEYS) - {
    "key-with-a-space",
    "key-with-a-number",
    "key-that-is-a-number",
    "key-not-ascii",
    "explicit-key",
    "all-in-braces",
    "all-indented",
    "a-list-and-no-keys",
    "a-string-and-no-keys",
    "document-end",
    "next-line-character",
    "line-separator-character",
}


@pytest.mark.parametrize("name", sorted(MUST_BE_KEPT))
def test_the_usual_yaml_is_never_refused_and_stays_letter_for_letter(name):
    text = PERSONS_KEYS[name].replace("\r\n", "\n")
    rendered = split_card(render_card(facts(), f"---\n{PERSONS_KEYS[name]}---\n"))[0]
    kept = "".join(block for key, block in header_blocks(text) if key not in OWN_KEYS)
    assert kept in rendered


def test_comments_between_our_keys_stay():
    card = render_card(facts())
    for key in OWN_KEYS:
        card = card.replace(f"\n{key}:", f"\n# mine, above {key}\n{key}:")
    again = render_card(facts(("chess",)), card)
    for key in OWN_KEYS:
        assert f"# mine, above {key}" in again


def test_what_a_person_changed_in_the_defaults_stays():
    card = (
        render_card(facts()).replace("- en\n", "- de\n").replace("Video reasoning questions\n", "Mine\n", 1)
    )
    again = header(render_card(facts(("chess",)), card))
    assert (again["language"], again["pretty_name"]) == (["de"], "Mine")


@pytest.mark.parametrize(
    "body", ["", "\n", "# Mine\n", "\n# Mine\n\nwords", "---\nrule\n---\n", "<!-- x -->\n"]
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_rendering_twice_changes_nothing(body, ending):
    card = f"---\nlicense: mit\n---\n{body}".replace("\n", ending)
    once = render_card(facts(), card)
    assert render_card(facts(), once) == once


def test_text_before_and_after_ours_stays_where_it_is():
    card = render_card(facts())
    edited = card.replace("<!-- vmeval-hfds: from", "Before.\n\n<!-- vmeval-hfds: from") + "\nAfter.\n"
    again = render_card(facts(("chess",)), edited)
    assert again.count("Before.") == again.count("After.") == 1
    assert again.index("Before.") < again.index("| chess |") < again.index("After.")
    assert "| maze |" not in again


@pytest.mark.parametrize(
    "card",
    [
        "# No YAML\n\nwords\n",
        "---\nlicense: mit\n# never closed\n",
        "----\nlicense: mit\n----\n",
        "\ufeff---\nlicense: mit\n---\nwords\n",
        "---\n---\n",
        "--- \nlicense: mit\n---  \nwords\n",
    ],
    ids=["no-yaml", "not-closed", "four-dashes", "bom", "empty", "spaces"],
)
def test_odd_frames_of_a_card_stay_valid(card):
    rendered = render_card(facts(), card)
    assert set(OWN_KEYS) <= set(header(rendered))
    assert ("words" in rendered) == ("words" in card)
    assert render_card(facts(), rendered) == rendered


HOSTILE_DOMAINS = (
    "a|b",
    "a\nb",
    "`code`",
    "<script>alert(1)</script>",
    "<!-- vmeval-hfds: end -->",
    "[click](http://x)",
    "![x](y)",
    "**bold**",
    "\\|",
    "&lt;",
    "---",
    '"',
    "\x1b[31m",
    "~~x~~",
)


@pytest.mark.parametrize("domain", HOSTILE_DOMAINS, ids=ascii)
def test_a_domain_is_text_in_one_cell(domain):
    rendered = render_card(facts((domain,), ("d-1234",)))
    [row] = [line for line in rendered.splitlines() if "`d-1234` |" in line]
    assert len(re.findall(r"(?<!\\)\|", row)) == 5
    assert "<" not in row
    assert not re.search(r"(?<!&#)[\[\]*]", row)
    assert render_card(facts(("chess",)), rendered).count("vmeval-hfds: end -->") == 1


def test_the_card_of_a_repo_names_the_repo():
    rendered = render_card(facts(address="me/puzzles"))
    assert 'load_dataset("me/puzzles"' in rendered
    assert "vmeval-hfds export --repo-id me/puzzles" in rendered


def test_stated_keys_replace_what_is_there():
    rendered = header(render_card(facts(), "---\nlicense: mit\n---\n", {"license": "cc-by-4.0"}))
    assert rendered["license"] == "cc-by-4.0"


SCALARS = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=12)
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True).filter(lambda key: key not in OWN_KEYS)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.booleans())
def test_any_keys_as_pyyaml_writes_them_come_through(mine, unicode):
    text = yaml.safe_dump(mine, allow_unicode=unicode, default_flow_style=False, sort_keys=False)
    mine = yaml.safe_load(text)
    rendered = render_card(facts(), f"---\n{text if mine else ''}---\n")
    result = header(rendered)
    assert {key: result[key] for key in mine} == mine
    assert render_card(facts(), rendered) == rendered


@given(st.text())
@example("\x1e")
@example("a\u2028b")
@example("license: mit\x0cx")
def test_no_card_makes_it_fail_otherwise_than_by_its_own_error(text):
    for card, domain in product([text, f"---\n{text}\n---\n{text}"], ["maze", "chess"]):
        try:
            rendered = render_card(facts((domain,)), card)
        except VmevalError:
            continue
        assert render_card(facts((domain,)), rendered) == rendered
