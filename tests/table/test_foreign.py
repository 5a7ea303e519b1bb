"""What a repository holds is told from names and card: what a push made is never foreign to a push."""

import pytest

from vmeval_hfds.table.foreign import foreign_content, held_dataset

OURS = "---\nvmeval_hfds:\n  schema_version: 1\n  builder: questions\n---\n# Questions\n"
OTHERS = "---\ndataset_info:\n  features: []\n  splits:\n  - name: test\n    num_bytes: 1\n    num_examples: 3\n---\n"
A_PERSONS = "# Just words\n"
SHARD = "data/maze/test-00000-of-00001.parquet"
LISTING = "files/test-00000-of-00001.parquet"
PREVIEW = "assets/preview.png"

REPOSITORIES = {
    # name: files, card, what is foreign to a push of questions, whether upload meets a dataset
    "nothing": ([], None, None, False),
    "what the Hub begins with": ([".gitattributes"], None, None, False),
    "a card and a licence": (["README.md", "LICENSE", ".gitattributes"], A_PERSONS, None, False),
    "a whole push": ([SHARD, LISTING, PREVIEW, "README.md"], OURS, None, True),
    "a push whose card was replaced": ([SHARD, LISTING, PREVIEW, "README.md"], A_PERSONS, None, True),
    "a push without its card": ([SHARD, LISTING, PREVIEW], None, None, True),
    "only the picture of a push": ([PREVIEW, "README.md"], A_PERSONS, None, False),
    "only the list of a push": ([LISTING], None, None, True),
    "only the card of a push": (["README.md"], OURS, None, True),
    "our dataset and a person's files": ([SHARD, "notes.md", "README.md"], OURS, None, True),
    "another's dataset": (["data/test-00000-of-00001.parquet", "README.md"], OTHERS, "dataset_info", True),
    "a mirror": (["maze_task/maze_0000/prompt.txt", "README.md"], A_PERSONS, "maze_task/maze_0000/prompt.txt", False),
    "a mirror over a push": ([SHARD, PREVIEW, "maze_task/m/prompt.txt"], None, "maze_task/m/prompt.txt", True),
    "a card that cannot be read": (["README.md"], "---\ndataset_info: [\n---\n", "dataset_info", True),
    "another picture": (["assets/photo.png"], None, "assets/photo.png", False),
    "parquet of another layout": (["train.parquet"], None, "train.parquet", False),
}  # fmt: skip


@pytest.mark.parametrize(("files", "card", "foreign", "_"), REPOSITORIES.values(), ids=REPOSITORIES)
def test_only_what_no_push_made_is_foreign_to_a_push(files, card, foreign, _):
    found = foreign_content(files, card, "questions")
    assert found is None if foreign is None else foreign in found


@pytest.mark.parametrize(("files", "card", "_", "is_dataset"), REPOSITORIES.values(), ids=REPOSITORIES)
def test_a_dataset_is_known_by_its_card_or_its_shards(files, card, _, is_dataset):
    assert (held_dataset(files, card) is not None) is is_dataset


def test_a_dataset_of_another_kind_is_foreign():
    assert foreign_content([SHARD], OURS, "outputs") == "questions, not outputs"
