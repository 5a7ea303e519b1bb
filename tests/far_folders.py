"""What holds of a folder far away, whatever store has it: it is read as the same folder on this disk is."""

from tests.factories import tree
from vmeval_hfds import build, check_folder, diff_datasets, export, info, push_to_hub, verify


def builds_as_here(far, folder, tmp_path, num_proc):
    """Hold that its dataset is the folder's, byte for byte."""
    build(folder, tmp_path / "here")
    build(far, tmp_path / "there", num_proc=num_proc)
    assert tree(tmp_path / "there") == tree(tmp_path / "here")


def pushes_as_here(far, folder, tmp_path, hub):
    """Hold that a push of it sends the folder's shards, and that they come back."""
    push_to_hub(folder, "user/here")
    push_to_hub(far, "user/there")
    here, there = (
        {path: one for path, one in hub.files(repo).items() if path.endswith(".parquet")}
        for repo in ("user/here", "user/there")
    )
    assert here == there
    export("user/there", tmp_path / "rebuilt")
    assert tree(tmp_path / "rebuilt") == tree(folder)


def is_read_as_here(far, folder, tmp_path, told_besides=()):
    """Hold that every function that reads takes it; of the codes `told_besides` there are problems only there."""
    build(folder, tmp_path / "dataset")
    assert [one for one in check_folder(far) if one.code not in told_besides] == check_folder(folder)
    assert verify(far, tmp_path / "dataset").same
    assert diff_datasets(far, folder).same
    assert info(far).rows == info(folder).rows
