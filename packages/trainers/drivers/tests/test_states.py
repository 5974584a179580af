import json
from pathlib import Path

from influencerai_drivers.states import StateFolder, link_or_copy, read_state


def a_source(workspace: Path, content: str) -> Path:
    source = workspace / "making"
    (source / "nested").mkdir(parents=True)
    (source / "nested" / "optimizer.pt").write_text(content)
    return source


def test_should_make_a_state_visible_when_it_is_whole(tmp_path: Path) -> None:
    states = StateFolder(tmp_path)
    path = states.publish(a_source(tmp_path, "moments"), step=12, epoch=2, seed=7)
    assert path == "output/state/step-12"
    assert read_state(tmp_path / path) == {"step": 12, "epoch": 2, "seed": 7}
    assert (tmp_path / path / "nested" / "optimizer.pt").read_text() == "moments"


def test_should_keep_the_newest(tmp_path: Path) -> None:
    states = StateFolder(tmp_path, keep=2)
    for step in (5, 9, 10, 100):
        states.publish(a_source(tmp_path, str(step)), step=step, epoch=1)
    assert sorted(entry.name for entry in (tmp_path / "output/state").iterdir()) == ["step-10", "step-100"]


def test_should_replace_the_state_of_a_step(tmp_path: Path) -> None:
    states = StateFolder(tmp_path)
    for content in ("old", "new"):
        path = states.publish(a_source(tmp_path, content), step=3, epoch=1)
    assert (tmp_path / path / "nested" / "optimizer.pt").read_text() == "new"


def test_should_replace_a_link_whole(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("new")
    (tmp_path / "target").write_text("old")
    link_or_copy(tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target").read_text() == "new"
    assert json.dumps(sorted(entry.name for entry in tmp_path.iterdir())) == '["source", "target"]'
