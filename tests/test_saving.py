"""Downloads that become files: see `test_files` for whole ones."""

import os
from pathlib import Path

import pytest

from togetherpy._core.saving import Unfinished


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    with Unfinished(tmp_path / "a") as file:
        file.write(b"xx")
        file.restart()
        file.write(b"..cd")
        file.begin_with(b"ab")
        file.write(b"e")
        assert not (tmp_path / "a").exists()
        assert file.size == 5
        file.finish()
    assert (tmp_path / "a").read_bytes() == b"abcde"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_was_not_finished_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"before")
    with Unfinished(tmp_path / "a") as file:
        file.write(b"x")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"before"}


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a folder"):
        Unfinished(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_stays_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is a device or a pipe"):
        Unfinished(tmp_path / "pipe")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
