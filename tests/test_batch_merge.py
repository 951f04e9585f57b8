"""Results of the Batch APIs of Together, OpenAI and Groq, merged into the output of a run, which goes on with it."""

import json
from pathlib import Path
from typing import Any

from support.batches import prompts, read_rows, write_rows

from togetherpy import batch


def answer(name: Any, text: str = "fine", **more: Any) -> dict[str, Any]:
    """As all three services write it."""
    body = {
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3},
    }
    return {"id": "br_1", "custom_id": name, "response": {"status_code": 200, "body": body}, **more}


def codes(path: Path) -> dict[str, str | None]:
    """Of each row, what it failed with."""
    return {row["custom_id"]: row["error"] and row["error"]["code"] for row in read_rows(path)}


def test_each_row_of_the_input_has_one_line_in_its_order(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", [{**row, "kept": 1} for row in prompts(4)])
    done = write_rows(tmp_path / "o.jsonl", [answer("c2"), answer("c0"), answer("other")])
    failed = write_rows(
        tmp_path / "e.jsonl", [{"custom_id": "c1", "error": {"message": "no", "code": "batch_expired"}}]
    )
    summary = batch.merge(source, [done, failed], tmp_path / "out.jsonl")
    assert codes(tmp_path / "out.jsonl") == {"c0": None, "c1": "batch_expired", "c2": None, "c3": "missing"}
    rows = read_rows(tmp_path / "out.jsonl")
    assert [row["custom_id"] for row in rows] == ["c0", "c1", "c2", "c3"]
    assert [row["index"] for row in rows] == [0, 1, 2, 3]
    assert all(row["columns"] == {"kept": 1} for row in rows)
    assert rows[0]["response"]["body"] == answer("c0")["response"]["body"]
    assert (summary.rows, summary.succeeded, summary.failed, summary.unasked, summary.exit_code) == (4, 2, 2, 1, 3)
    assert summary.failures == {"batch_expired": 1, "missing": 1}
    assert summary.complaints == ['custom_id "other" is in the files and not in the input']
    assert json.loads((tmp_path / "out.jsonl.meta.json").read_bytes())["params"] is None
