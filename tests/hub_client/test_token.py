"""The token comes from where that was said, and nothing that people read shows it."""

import pytest

from tests.factories import write_folder
from vmeval_builders.secrets import without_tokens
from vmeval_hfds import hf_list_files
from vmeval_hfds.cli.main import main
from vmeval_hfds.errors import HubAccessError
from vmeval_hfds.hub.token import read_token

TOKEN = "hf_" + "aBcDe12345" * 3 + "wxyz"
ID = "user/questions"


@pytest.fixture
def kept_token(monkeypatch, tmp_path):
    """Have a token where `hf auth login` keeps it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    (tmp_path / "token").write_text("hf_keptkeptkept")
    return "hf_keptkeptkept"


def test_the_usual_variable_comes_first(monkeypatch, kept_token):
    assert read_token() == kept_token
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert read_token() == TOKEN


def test_another_variable_is_the_only_place_to_look(monkeypatch, kept_token):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("TEAM_TOKEN", "hf_ofTheTeam12")
    assert read_token("TEAM_TOKEN") == "hf_ofTheTeam12"
    for value in (None, ""):
        monkeypatch.delenv("TEAM_TOKEN") if value is None else monkeypatch.setenv("TEAM_TOKEN", value)
        with pytest.raises(
            HubAccessError, match=r"^TEAM_TOKEN is not set in the environment; set it to a token"
        ):
            read_token("TEAM_TOKEN")


@pytest.mark.parametrize("given", ["s3cret", "Correct-Horse", "api_org_abcdefghijkl", "A" * 60, ""])
def test_what_may_be_a_secret_is_not_repeated(given):
    with pytest.raises(
        HubAccessError, match=r"^the variable that was named for the token is not set"
    ) as caught:
        read_token(given)
    assert not given or given not in str(caught.value)


COMMANDS = {
    "push": ["push", "--path", "questions", "--repo-id", ID],
    "upload": ["upload", "--path", "questions", "--repo-id", ID],
    "download": ["download", "--repo-id", ID, "--target", "target"],
    "ls": ["ls", "--repo-id", ID],
    "export": ["export", "--repo-id", ID, "--target", "target"],
    "verify": ["verify", "--repo-id", ID, "--path", "questions"],
    "info": ["info", "--repo-id", ID],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "given", [TOKEN, f"HF_TOKEN={TOKEN}", "UNSET_VARIABLE"], ids=["token", "both", "unset"]
)
def test_a_wrong_variable_fails_before_the_first_request_and_shows_no_token(
    hub, tmp_path, monkeypatch, capsys, command, given
):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "questions")
    assert main([*COMMANDS[command], "--token-env", given]) == 1
    out, err = capsys.readouterr()
    assert TOKEN not in out + err
    assert ("UNSET_VARIABLE is not set" if given == "UNSET_VARIABLE" else "make another") in err
    assert err.count("\n") == 1
    assert not hub.requests


@pytest.mark.parametrize(
    "arguments", [["ls", TOKEN], ["ls", "--repo-id", TOKEN], ["check", "--path", TOKEN], [TOKEN]]
)
def test_a_token_in_a_wrong_place_is_not_repeated(hub, capsys, arguments):
    assert main(arguments) != 0
    out, err = capsys.readouterr()
    assert TOKEN not in out + err


def test_a_known_token_is_blotted_out_whatever_it_looks_like():
    assert (
        without_tokens("a s3cret and hf_abcdefgh12345678, not hf_datasets", "s3cret")
        == "a hf_… and hf_…, not hf_datasets"
    )


def test_functions_take_the_variable_too(hub, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubAccessError, match="UNSET_VARIABLE is not set"):
        hf_list_files(ID, token_env="UNSET_VARIABLE")
