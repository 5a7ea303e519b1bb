"""VBVR-Bench's results: which files are, by their names, and that whatever is in them becomes rows and comes back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmeval_builders.checks import check_scan
from vmeval_builders.layouts.registry import RESULTS
from vmeval_builders.rows import read_unit, rows_of, table_of
from vmeval_builders.scan import scan_rows


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("sora_vbvr_results.json", ("sora", None, "vbvr_results")),
        ("evaluation_results/lane/wan-2.2_14b_vbvr_results.json", ("wan-2.2_14b", None, "vbvr_results")),
        ("wan_checkpoint-100_vbvr_results.json", ("wan_checkpoint-100", None, "vbvr_results")),
        ("sora-2_20260401_120000_eval_results.json", ("sora-2", "20260401_120000", "eval_results")),
        (
            "a_20260401_b_20260402_120000_eval_results.json",
            ("a_20260401_b", "20260402_120000", "eval_results"),
        ),
        ("a b_2026-04-01_12-00-00_eval_results.json", ("a b", "2026-04-01_12-00-00", "eval_results")),
        ("my_run_eval_results.json", ("my_run", None, "eval_results")),
        ("all_models_summary.json", None),
        ("wan_checkpoints_summary.json", None),
        ("_vbvr_results.json", None),
        ("sora_vbvr_results.json.bak", None),
        ("VBVRBenchEvaluator_summary.json", None),
    ],
)
def test_the_name_says_model_time_and_kind(path, expected):
    parts = RESULTS.parts(path)
    assert (parts and (parts["model"], parts["created_at"], parts["kind"])) == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "score",
    "dimensions",
    "error",
    "task_name",
    "split",
    "video_file",
    "video_path",
    "video_idx",
    "category",
]
SAMPLES = st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES) | VALUES, max_size=4)
FILES = st.fixed_dictionaries(
    {"samples": SAMPLES | VALUES}, optional={"model_name": VALUES, "timestamp": VALUES}
)


@given(FILES)
def test_any_content_becomes_rows_and_is_kept(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("results")
    text = json.dumps(value)
    (folder / "a_vbvr_results.json").write_text(text, encoding="utf-8")
    scan = scan_rows(folder)
    rows = [row for unit in scan.units for row in rows_of(RESULTS, read_unit(scan.source, RESULTS, unit))]
    samples = value["samples"] if isinstance(value["samples"], list) else []
    assert len(rows) == max(1, len(samples))
    assert [row["file"] for row in rows] == [text, *[None] * (len(rows) - 1)]
    assert table_of(RESULTS, rows).num_rows == len(rows)
    assert not [one for one in check_scan(scan) if one.severity == "error"]
