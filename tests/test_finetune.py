"""client.fine_tuning: jobs from their beginning to the model on this machine."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.answers import answer, error_body, head
from support.clients import failure
from support.scripted import ScriptedServer, close, request, send

from togetherpy import APIConnectionError, APIResponseError, BadRequestError, InternalServerError, NotFoundError
from togetherpy.testing import LocalServer
from togetherpy.types.files import FileDownloadProgress
from togetherpy.types.finetune import (
    COMPLETED_STATUSES,
    FinetuneCheckpoint,
    FinetuneEvent,
    FinetuneJobStatus,
    FinetuneResponse,
    TrainingType,
)

Maker = Callable[..., Any]
JOB: dict[str, Any] = {
    "id": "ft-1",
    "status": "running",
    "model": "m/base",
    "model_output_name": "me/base-x",
    "created_at": "2026-01-01T00:00:00Z",
    "training_type": {"type": "Lora", "lora_r": 8, "lora_alpha": 16},
    "TrainingFileNumLines": 5,
}


def jobs(caller: Any) -> Any:
    return caller.area("fine_tuning")


def uploaded(caller: Any, folder: Path) -> str:
    path = folder / "train.jsonl"
    path.write_text('{"text": "Lake Tana is in Ethiopia."}\n' * 4, encoding="utf-8")
    found: str = caller.area("files").upload(path).id
    return found


def test_from_a_file_to_a_model(client: Maker, tmp_path: Path) -> None:
    seen: list[Any] = []
    with LocalServer() as server:
        caller = client(server)
        area = jobs(caller)
        made = area.create(training_file=uploaded(caller, tmp_path), model="m/base", n_epochs=3, suffix="x")
        assert type(made) is FinetuneResponse
        assert (made.status, made.output_name, made.n_epochs) == ("pending", "local/base-x", 3)
        assert made.x_model_output_name == made.output_name
        failure(BadRequestError, lambda: area.download(made.id, output=tmp_path / "a"))
        states = [area.retrieve(made.id).status for _ in range(2)]
        assert states == ["running", "completed"]
        assert states[-1] in COMPLETED_STATUSES
        events = area.list_events(made.id)
        assert [one.type for one in events.data] == ["job_pending", "job_start", "training_start", "job_complete"]
        assert [type(one) for one in events] == [FinetuneEvent] * 4
        checkpoints = area.list_checkpoints(made.id)
        assert [(one.name, one.type, one.timestamp) for one in checkpoints] == [
            (made.id, "Final", "2026-01-02T00:00:00Z"),
            (f"{made.id}:1", "Intermediate", "2026-01-01T00:00:00Z"),
        ]
        there = area.download(made.id, output=tmp_path, progress_callback=seen.append)
        query = server.requests[-1].query
        assert [one.id for one in area.list()] == [one.id for one in area.list().data] == [made.id]
        assert area.delete(made.id, False).message
        assert server.requests[-1].query == "force=false"
        failure(NotFoundError, lambda: area.retrieve(made.id))
    assert query == f"ft_id={made.id}&checkpoint=merged"
    assert (there.object, there.id, there.checkpoint_step) == ("local", made.id, None)
    assert there.filename == str(tmp_path.resolve() / "local--base-x.tar.zst")
    assert Path(there.filename).stat().st_size == there.size == 1004
    assert seen == [FileDownloadProgress(1004, 1004)]


def test_the_price(client: Maker, tmp_path: Path) -> None:
    with LocalServer() as server:
        caller = client(server)
        price = jobs(caller).estimate_price(
            training_file=uploaded(caller, tmp_path), model="m", n_epochs=2, training_type="lora", training_method="sft"
        )
        assert server.requests[-1].json["training_method"] == {"method": "sft", "train_on_inputs": "auto"}
        assert "training_type" not in server.requests[-1].json
    assert (price.estimated_total_price, price.allowed_to_proceed) == (0.76, True)


def test_cancelled(client: Maker, tmp_path: Path) -> None:
    with LocalServer() as server:
        caller = client(server)
        made = jobs(caller).create(training_file=uploaded(caller, tmp_path), model="m")
        assert jobs(caller).cancel(made.id).status == FinetuneJobStatus.STATUS_CANCELLED
        assert jobs(caller).retrieve(made.id).status == "cancelled"
        assert jobs(caller).list_checkpoints(made.id) == []
        failure(BadRequestError, lambda: jobs(caller).cancel(made.id))


# What is sent


def sent_by(client: Maker, **params: Any) -> dict[str, Any]:
    with ScriptedServer([request, send(answer(JOB))]) as server:
        jobs(client(server)).create(**{"training_file": "f", "model": "m", **params})
        found: dict[str, Any] = json.loads(server.requests[0].body)
    assert (found.pop("training_file"), found.pop("model", "m")) == ("f", "m")
    return found


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, {}),
        ({"lora": True}, {}),
        ({"lora": False}, {"training_type": {"type": "Full"}}),
        ({"lora_r": 8}, {"training_type": {"type": "Lora", "lora_r": 8, "lora_alpha": 16}}),
        (
            {"lora": True, "lora_r": 8, "lora_alpha": 4, "lora_dropout": 0.1},
            {"training_type": {"type": "Lora", "lora_r": 8, "lora_alpha": 4, "lora_dropout": 0.1}},
        ),
        ({"training_type": {"type": "New"}}, {"training_type": {"type": "New"}}),
        ({"training_method": "sft"}, {"training_method": {"method": "sft", "train_on_inputs": "auto"}}),
        ({"train_on_inputs": False}, {"training_method": {"method": "sft", "train_on_inputs": False}}),
        (
            {"training_method": "dpo", "dpo_beta": 0.1, "dpo_normalize_logratios_by_length": False},
            {"training_method": {"method": "dpo", "dpo_beta": 0.1, "dpo_normalize_logratios_by_length": False}},
        ),
        (
            {"training_method": "dpo", "simpo_gamma": 0.5},
            {
                "training_method": {
                    "method": "dpo",
                    "simpo_gamma": 0.5,
                    "dpo_reference_free": True,
                    "dpo_normalize_logratios_by_length": True,
                }
            },
        ),
        ({"training_method": {"method": "new"}}, {"training_method": {"method": "new"}}),
        (
            {"lr_scheduler_type": "linear", "min_lr_ratio": 0.1},
            {"lr_scheduler": {"lr_scheduler_type": "linear", "lr_scheduler_args": {"min_lr_ratio": 0.1}}},
        ),
        (
            {"min_lr_ratio": 0.1},
            {
                "lr_scheduler": {
                    "lr_scheduler_type": "cosine",
                    "lr_scheduler_args": {"min_lr_ratio": 0.1, "num_cycles": 0.5},
                }
            },
        ),
        ({"lr_scheduler": {"lr_scheduler_type": "new"}}, {"lr_scheduler": {"lr_scheduler_type": "new"}}),
        ({"train_vision": True}, {"multimodal_params": {"train_vision": True}}),
        ({"wandb_api_key": "w", "verbose": True, "model_limits": object()}, {"wandb_key": "w"}),
        (
            {"batch_size": "max", "something_new": [1], "warmup_ratio": None},
            {"batch_size": "max", "something_new": [1]},
        ),
        ({"model": None, "from_checkpoint": "ft-0:2"}, {"from_checkpoint": "ft-0:2"}),
    ],
)
def test_what_is_sent(client: Maker, params: dict[str, Any], expected: dict[str, Any]) -> None:
    assert sent_by(client, **params) == expected


@pytest.mark.parametrize(
    ("params", "expected", "said"),
    [
        ({"training_file": None}, TypeError, "training_file"),
        ({"model": None}, ValueError, "one of model"),
        ({"from_checkpoint": "ft-1"}, ValueError, "one of model"),
        ({"training_type": "half"}, ValueError, "training_type"),
        ({"training_method": "rl"}, ValueError, "training_method"),
        ({"training_method": "dpo", "train_on_inputs": True}, ValueError, "train_on_inputs"),
        ({"dpo_beta": 0.1}, ValueError, "dpo_beta"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate"),
    ],
)
def test_what_cannot_be_sent(client: Maker, params: Any, expected: type[Exception], said: str) -> None:
    caller = jobs(client(base_url="http://127.0.0.1:9/v1"))
    with pytest.raises(expected, match=said):
        caller.create(**{"training_file": "f", "model": "m", **params})


@pytest.mark.parametrize(("name", "expected"), [("", ValueError), ("..", ValueError), (5, TypeError)])
def test_ids_that_are_none(client: Maker, name: Any, expected: type[Exception]) -> None:
    caller = jobs(client(base_url="http://127.0.0.1:9/v1"))
    for method in ("retrieve", "cancel", "delete", "list_events", "list_checkpoints", "download"):
        with pytest.raises(expected, match="id"):
            getattr(caller, method)(name)


# What comes


def test_odd_jobs_are_kept(client: Maker) -> None:
    odd = {**JOB, "status": "resting", "n_epochs": "three", "new": 1, "training_type": {"type": "New", "x": 2}}
    with ScriptedServer([request, send(answer(odd)), request, send(answer(JOB))]) as server:
        caller = jobs(client(server))
        found, good = caller.retrieve("ft-1"), caller.retrieve("ft-1")
    assert (found.status, found.n_epochs, found.new, found.training_type.x) == ("resting", "three", 1, 2)
    assert good.to_dict() == JOB
    assert (type(good.training_type), good.training_file_num_lines) == (TrainingType, 5)


@pytest.mark.parametrize("method", ["list", "list_events", "list_checkpoints"])
@pytest.mark.parametrize("body", [{"data": [{"step": 1}, None, "x"]}, [{"step": 1}, None, "x"]])
def test_both_forms_of_lists(client: Maker, method: str, body: Any) -> None:
    with ScriptedServer([request, send(answer(body))]) as server:
        found = getattr(jobs(client(server)), method)(*([] if method == "list" else ["ft-1"]))
    assert found.data is found
    assert {None, "x"} <= {one if isinstance(one, str | None) else 0 for one in found}
    assert len(found) == 3


@pytest.mark.parametrize("method", ["list", "list_events", "list_checkpoints"])
@pytest.mark.parametrize("body", [{"jobs": []}, "x", b"<html>", b""])
def test_what_is_no_list(client: Maker, method: str, body: Any) -> None:
    with ScriptedServer([request, send(answer(body))]) as server:
        caller = jobs(client(server))
        failure(APIResponseError, lambda: getattr(caller, method)(*([] if method == "list" else ["ft-1"])))


def test_a_price_that_is_not_known(client: Maker) -> None:
    body = {"estimation_available": False, "unavailable_reason": "train_file_not_validated"}
    with ScriptedServer([request, send(answer(body))]) as server:
        price = jobs(client(server)).estimate_price(training_file="f")
    assert (price.estimation_available, price.estimated_total_price) == (False, None)
    assert price.unavailable_reason == "train_file_not_validated"


def test_errors(client: Maker, tmp_path: Path) -> None:
    with LocalServer() as server:
        area = jobs(client(server))
        for call in (area.retrieve, area.cancel, area.delete, area.list_events, area.list_checkpoints, area.content):
            failure(NotFoundError, lambda call=call: call("ft-0"))
        failure(NotFoundError, lambda: area.create(training_file="f", model="m"))
        failure(NotFoundError, lambda: area.estimate_price(training_file="f", model="m"))
        failure(NotFoundError, lambda: area.download("ft-0", output=tmp_path / "a"))
    assert os.listdir(tmp_path) == []


# Not blindly again


def test_what_may_have_made_a_job_is_not_tried_again(client: Maker) -> None:
    with ScriptedServer([request, send(answer(error_body(), 500))]) as server:
        caller = jobs(client(server, max_retries=3))
        assert failure(InternalServerError, lambda: caller.create(training_file="f", model="m")).attempts == 1
    with ScriptedServer([request, close]) as server:
        caller = jobs(client(server, max_retries=3))
        assert failure(APIConnectionError, lambda: caller.create(training_file="f", model="m")).maybe_billed
        assert server.connections == 1


def test_what_has_made_none_is_tried_again(client: Maker) -> None:
    script = [[request, send(answer(error_body(), 429))], [request, send(answer(JOB))]]
    with ScriptedServer(*script) as server:
        assert jobs(client(server, max_retries=1)).create(training_file="f", model="m").id == "ft-1"


# Downloads


@pytest.mark.parametrize(
    ("job", "params", "query"),
    [
        ({}, {}, "ft_id=ft-1&checkpoint=merged"),
        ({}, {"checkpoint_type": "adapter"}, "ft_id=ft-1&checkpoint=adapter"),
        ({}, {"checkpoint_step": 2}, "ft_id=ft-1&checkpoint_step=2&checkpoint=merged"),
        ({"training_type": {"type": "Full"}}, {}, "ft_id=ft-1&checkpoint=model_output_path"),
    ],
)
def test_what_is_downloaded(client: Maker, tmp_path: Path, job: Any, params: Any, query: str) -> None:
    model = answer(b"model", content_type="application/x-tar")
    with ScriptedServer([request, send(answer({**JOB, **job})), request, send(model)]) as server:
        there = jobs(client(server)).download("ft-1", output=tmp_path, **params)
        assert server.requests[1].target == f"/v1/finetune/download?{query}"
    assert Path(there.filename).name == "me--base-x.tar.gz"


def test_a_step_after_a_colon(client: Maker, tmp_path: Path) -> None:
    with ScriptedServer([request, send(answer(JOB)), request, send(answer(b"model"))]) as server:
        caller = jobs(client(server))
        assert caller.download("ft-1:7", output=tmp_path / "a").checkpoint_step == 7
        assert "checkpoint_step=7" in server.requests[1].target
        for name, params in (("ft-1:7", {"checkpoint_step": 7}), ("ft-1:x", {}), ("ft-1", {"checkpoint_type": "x"})):
            with pytest.raises(ValueError, match="checkpoint"):
                caller.download(name, **params)


def test_a_full_training_has_no_adapter(client: Maker) -> None:
    with ScriptedServer([request, send(answer({**JOB, "training_type": {"type": "Full"}}))]) as server:
        caller = jobs(client(server))
        with pytest.raises(ValueError, match="full training"):
            caller.download("ft-1", checkpoint_type="adapter")


def test_a_download_goes_on_where_it_broke(client: Maker, tmp_path: Path) -> None:
    broken = head(content_type="application/zstd", content_length=10) + b"01234"
    rest = answer(b"56789", 206, content_range="bytes 5-9/10")
    with ScriptedServer([request, send(answer(JOB)), request, send(broken), close], [request, send(rest)]) as server:
        there = jobs(client(server, max_retries=1)).download("ft-1", output=tmp_path / "a")
    assert (Path(there.filename).read_bytes(), there.size) == (b"0123456789", 10)


def test_content(client: Maker) -> None:
    with ScriptedServer([request, send(answer(b"model"))]) as server:
        caller = client(server)
        opened = jobs(caller).content("ft-1", checkpoint="adapter")
        assert caller.finish(opened.read()) == b"model"
        assert server.requests[0].target == "/v1/finetune/download?ft_id=ft-1&checkpoint=adapter"


def test_raw_answers_and_hooks(client: Maker) -> None:
    seen: list[Any] = []

    class Seen:
        def on_response(self, event: Any) -> None:
            seen.append((event.endpoint, event.model))

    checkpoints = answer({"data": [{"step": 3, "checkpoint_type": "Intermediate"}]})
    with ScriptedServer([request, send(answer(JOB))]) as server:
        caller = jobs(client(server, hooks=Seen()))
        assert caller.with_raw_response.create(training_file="f", model="m").parse().id == "ft-1"
    with ScriptedServer([request, send(answer(JOB)), request, send(checkpoints)]) as server:
        caller = jobs(client(server, hooks=Seen()))
        assert caller.with_raw_response.retrieve("ft-1").json() == JOB
        (one,) = caller.with_raw_response.list_checkpoints("ft-1").parse()
        assert (type(one), one.name) == (FinetuneCheckpoint, "ft-1:3")
        with pytest.raises(AttributeError):
            _ = caller.with_raw_response.download
    assert seen == [
        ("fine_tuning.create", "m"),
        ("fine_tuning.retrieve", None),
        ("fine_tuning.list_checkpoints", None),
    ]
