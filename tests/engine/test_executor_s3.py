"""Folders and datasets on S3 whose work is done on a Dask cluster: nothing of them lies on this disk."""

import pytest

from tests.factories import MP4, tree, write_question
from tests.s3 import environment, objects, send
from vmeval_builders.sources.remote import WHOLE_MARK
from vmeval_hfds import build, check_folder, diff_datasets, export, push_to_hub, verify


def write_domains(folder):
    for number in range(12):
        domain = f"domain{number % 3}"
        write_question(folder, domain, f"{domain}_{number}", ground_truth=MP4)
    return folder


pytestmark = pytest.mark.folder("questions", write_domains)


@pytest.fixture(scope="module")
def cluster_environment(s3_endpoint):
    """Let the workers know where S3 is."""
    return environment(s3_endpoint)


@pytest.fixture
def executor(bucket, client):
    return client.get_executor()


@pytest.fixture
def questions(bucket, folder):
    """Give the URL of the folder, as it lies on S3."""
    system, url = bucket
    return send(system, folder, f"{url}/questions")


def files_of(folder):
    return {path: content for path, content in tree(folder).items() if not path.endswith("/")}


def test_a_build_from_s3_to_s3_is_byte_for_byte_the_local_one(bucket, executor, questions, dataset):
    system, url = bucket
    result = build(questions, f"{url}/dataset", executor=executor)
    assert objects(system, f"{url}/dataset") == files_of(dataset)
    assert (result.rows, result.target) == (12, f"{url}/dataset")


def test_a_push_from_s3_is_the_local_one(executor, hub, questions, folder):
    push_to_hub(folder, "user/here")
    push_to_hub(questions, "user/there", executor=executor)
    here, there = (
        {path: one for path, one in hub.files(f"user/{name}").items() if path.endswith(".parquet")}
        for name in ("here", "there")
    )
    assert here == there


@pytest.mark.parametrize("to", ["s3", "disk"])
@pytest.mark.parametrize("of", ["s3", "disk"])
def test_an_export_is_byte_for_byte_the_folder(
    bucket, executor, questions, dataset, folder, tmp_path, of, to
):
    system, url = bucket
    source = build(questions, f"{url}/dataset").target if of == "s3" else dataset
    target = f"{url}/rebuilt" if to == "s3" else tmp_path / "rebuilt"
    result = export(source, target, executor=executor)
    found = objects(system, target) if to == "s3" else files_of(target)
    found.pop(WHOLE_MARK, None)
    assert found == files_of(folder)
    assert result.written == len(found)
    assert verify(target, source, executor=executor).same


def test_what_is_told_of_s3_is_what_is_told_of_the_folder(executor, questions, folder, dataset):
    assert check_folder(questions, executor=executor) == check_folder(folder)
    assert diff_datasets(dataset, questions, executor=executor).same
