"""togetherpy.utils.check_file: reports of files that are good, odd and none."""

import io
from pathlib import Path
from typing import Any

import pytest

import togetherpy
from togetherpy.utils import check_file
from togetherpy.utils.files import check_open

KEYS = {
    "is_check_passed",
    "message",
    "found",
    "file_size",
    "utf8",
    "line_type",
    "text_field",
    "key_value",
    "has_min_samples",
    "num_samples",
    "load_json",
    "load_csv",
}


def test_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "\xc3\xa9"}\r\n\n{"text": NaN}')
    assert check_file(str(path)) == {
        "is_check_passed": True,
        "message": "Checks passed",
        "found": True,
        "file_size": 30,
        "filetype": "jsonl",
        "utf8": True,
        "line_type": True,
        "text_field": True,
        "key_value": True,
        "has_min_samples": True,
        "num_samples": 2,
        "load_json": True,
        "load_csv": None,
    }
    assert togetherpy.utils.check_file is check_file


@pytest.mark.parametrize(
    ("name", "content", "purpose", "found"),
    [
        ("a.jsonl", b"", "fine-tune", {"file_size": 0}),
        ("a.jsonl", b"\n\n", "fine-tune", {"has_min_samples": False}),
        ("a.jsonl", b"{}\n{", "batch-api", {"load_json": False, "line_number": 2, "utf8": True, "line_type": True}),
        ("a.jsonl", b"{}\n\n5\n", "eval", {"load_json": False, "line_type": False, "line_number": 3}),
        ("a.jsonl", b"[" * 5000, "eval", {"load_json": False}),
        ("a.jsonl", b"{}\n\xff", "fine-tune", {"utf8": False, "line_type": None, "text_field": None}),
        ("a.csv", b"a,b\n1,2\n", "fine-tune", {"load_csv": None}),
        ("a.csv", b"a,b\n1\n", "eval", {"load_csv": False, "line_number": 2}),
        ("a.csv", b"a,b\n", "eval", {"has_min_samples": False}),
        ("a.csv", b"\n", "eval", {"load_csv": False}),
        ("a.parquet", b"PAR1" + b"x" * 8, "fine-tune", {"is_check_passed": False}),
        ("a.parquet", b"PAR1" + b"x" * 4 + b"PAR1", "eval", {"is_check_passed": False}),
        ("a.json", b"{}", "fine-tune", {"is_check_passed": False}),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes, purpose: str, found: dict[str, Any]) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    report = check_file(path, purpose)
    assert report["is_check_passed"] is False
    assert report["message"] != "Checks passed"
    assert found.items() <= report.items()
    assert report.keys() >= KEYS


def test_good_files_of_other_kinds(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'a,b\n1,"x\ny"\n3,4\n')
    report = check_file(tmp_path / "a.csv", "eval")
    assert (report["is_check_passed"], report["num_samples"], report["load_csv"]) == (True, 2, True)
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"x" * 4 + b"PAR1")
    assert check_file(tmp_path / "a.parquet")["is_check_passed"] is True


def test_what_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        report = check_file(path)
        assert (report["found"], report["is_check_passed"]) == (False, False)
        assert report.keys() == KEYS


def test_an_open_file_is_left_where_it_stood() -> None:
    file = io.BytesIO(b"x\n{}\n")
    file.seek(2)
    assert check_open(file, ".jsonl", "eval")["num_samples"] == 1
    assert file.tell() == 2


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "a.jsonl").open("wb") as file:
        file.truncate(60 * 2**30)
    assert "GB" in check_file(tmp_path / "a.jsonl")["message"]
    monkeypatch.setattr("togetherpy.utils.files._LONGEST", 10)
    (tmp_path / "b.jsonl").write_bytes(b" " * 20)
    assert "longer than" in check_file(tmp_path / "b.jsonl")["message"]


def test_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = togetherpy.utils.nothing  # type: ignore[attr-defined]
