"""A newcomer's way: ten commands, pasted from the docs, from nothing to a repository that was changed and compared."""

from tests.docs.test_pages import ROOT, blocks, run

PAGE = ROOT / "docs/first-steps.md"


def test_ten_commands_lead_to_a_pushed_changed_and_compared_repository(hub, tmp_path):
    commands = [line for _, text in blocks(PAGE) for line in text.splitlines()]
    assert len(commands) == 10
    said = []
    for language, text in blocks(PAGE):
        done = run(tmp_path, language, text)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout)
    changed = "changed: maze_task/maze_0000: prompt.txt"
    assert changed in said[2]
    assert changed in said[3]
    assert "0 missing, 0 extra, 0 different" in said[3]
    assert "Find the shortest way out." in (tmp_path / "questions.html").read_text()
    assert b"maze" in hub.files("user/first-steps")["README.md"]
