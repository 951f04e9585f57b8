"""What type checkers make of files, batches, fine-tuning and audio: one row, one type.

In: clients. Out: nothing. The rule: mypy and pyright read every row, and tests/test_typing.py runs it.
"""

import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import assert_type

from togetherpy import APIResponse, AsyncTogether, Together, batch
from togetherpy._core.download import AsyncBinaryStream, BinaryStream
from togetherpy.resources.audio._answers import AsyncSpeechStream, AudioResponse, SpeechStream
from togetherpy.types._listing import Listing
from togetherpy.types.audio_speech import AudioSpeechStreamChunk, AudioTranscriptionResponse, AudioTranscriptionWord
from togetherpy.types.batch import BatchCreateResponse, BatchJob, BatchJobStatus
from togetherpy.types.files import (
    FileDeleteResponse,
    FileDownloadProgress,
    FileObject,
    FilePurpose,
    FileResponse,
    FileUploadProgress,
)
from togetherpy.types.finetune import (
    FinetuneCheckpoint,
    FinetuneDeleteResponse,
    FinetuneDownloadResult,
    FinetuneEvent,
    FinetuneJobStatus,
    FinetunePriceEstimationResponse,
    FinetuneResponse,
)
from togetherpy.utils import check_file

CHAT = "/v1/chat/completions"
BODY = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def written(text: str) -> Path:
    path = Path(tempfile.mkdtemp()) / "a.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


def show_upload(progress: FileUploadProgress) -> None:
    assert_type(progress.uploaded_bytes, int)


def show_download(progress: FileDownloadProgress) -> None:
    assert_type(progress.total_bytes, int)


def files(client: Together) -> None:
    path = written('{"text": "a"}\n')
    made = client.files.upload(path, purpose="fine-tune", progress_callback=show_upload)
    assert_type(made, FileResponse)
    assert_type(made.purpose, FilePurpose | None)
    assert_type(made.bytes, int | None)
    assert made.id is not None
    assert_type(client.files.upload(str(path), purpose=FilePurpose.Eval, timeout=5), FileResponse)
    with path.open("rb") as opened:
        assert_type(client.files.upload(opened, check=False), FileResponse)
    assert_type(client.files.list(), Listing[FileResponse])
    assert_type(client.files.list().data[0], FileResponse)
    for one in client.files.list():
        assert_type(one, FileResponse)
    assert_type(client.files.retrieve(made.id), FileResponse)
    content = client.files.content(made.id)
    assert_type(content, BinaryStream)
    assert_type(content.read(), bytes)
    there = client.files.retrieve_content(made.id, output=path.with_name("b"), progress_callback=show_download)
    assert_type(there, FileObject)
    assert_type(client.files.with_raw_response.retrieve(made.id), APIResponse[FileResponse])
    assert_type(client.files.delete(made.id), FileDeleteResponse)
    assert_type(check_file(path)["is_check_passed"] is True, bool)


async def files_asynchronously(client: AsyncTogether, flag: bool) -> None:
    path = written('{"text": "a"}\n')
    made = await client.files.upload(path)
    assert_type(made, FileResponse)
    assert made.id is not None
    assert_type(await client.files.list(), Listing[FileResponse])
    content = await client.files.content(made.id)
    assert_type(content, AsyncBinaryStream)
    assert_type(await content.text(), str)
    assert_type(await client.files.retrieve_content(made.id, output=path.with_name("b")), FileObject)
    assert_type(await client.files.with_raw_response.delete(made.id), APIResponse[FileDeleteResponse])


def batches(client: Together) -> None:
    path = written(json.dumps({"custom_id": "1", "body": BODY}) + "\n")
    file = client.files.upload(path, purpose="batch-api")
    assert file.id is not None
    made = client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    assert_type(made, BatchCreateResponse)
    assert_type(made.job, BatchJob | None)
    job = client.batches.create_batch(file.id, CHAT)
    assert_type(job, BatchJob)
    assert_type(job.status, BatchJobStatus | None)
    assert_type(job.created_at, datetime | None)
    assert job.id is not None
    assert_type(client.batches.retrieve(job.id), BatchJob)
    assert_type(client.batches.list(), list[BatchJob])
    assert_type(client.batches.cancel(job.id), BatchJob)
    assert_type(client.batches.with_raw_response.list_batches(), APIResponse[list[BatchJob]])


def jobs(client: Together) -> None:
    rows = [{"custom_id": "1", "body": BODY}]
    with tempfile.TemporaryDirectory() as folder:
        made = batch.submit(rows, folder, client=client, model="m", max_tokens=5, rows_per_job=2)
        assert_type(made, batch.Jobs)
        assert_type(made.jobs, list[batch.JobState])
        assert_type(batch.status(made.directory, client=client), batch.Jobs)
        assert_type(batch.wait(Path(folder), client=client, interval=0.01), batch.Jobs)
        assert_type(batch.download(folder, client=client, partial=True), batch.MergeSummary)
        assert_type(batch.cancel(folder, client=client), batch.Jobs)


async def jobs_asynchronously(client: AsyncTogether, flag: bool) -> None:
    rows = [{"custom_id": "1", "body": BODY}]
    with tempfile.TemporaryDirectory() as folder:
        assert_type(await batch.asubmit(rows, folder, client=client, model="m"), batch.Jobs)
        assert_type(await batch.astatus(folder, client=client), batch.Jobs)
        assert_type(await batch.await_jobs(folder, client=client, interval=0.01), batch.Jobs)
        assert_type(await batch.adownload(folder, client=client), batch.MergeSummary)
        assert_type(await batch.acancel(folder, client=client), batch.Jobs)


async def batches_asynchronously(client: AsyncTogether, flag: bool) -> None:
    assert_type(await client.batches.list(), list[BatchJob])
    assert_type(await client.batches.with_raw_response.list(), APIResponse[list[BatchJob]])


def fine_tuning(client: Together) -> None:
    path = written('{"text": "a"}\n')
    file = client.files.upload(path)
    assert file.id is not None
    made = client.fine_tuning.create(training_file=file.id, model="m", n_epochs=2, lora=True, learning_rate=1e-5)
    assert_type(made, FinetuneResponse)
    assert_type(made.status, FinetuneJobStatus | None)
    assert made.id is not None
    assert_type(client.fine_tuning.estimate_price(training_file=file.id), FinetunePriceEstimationResponse)
    assert_type(client.fine_tuning.list(), Listing[FinetuneResponse])
    assert_type(client.fine_tuning.list_events(made.id), Listing[FinetuneEvent])
    for _ in range(3):
        assert_type(client.fine_tuning.retrieve(made.id), FinetuneResponse)
    assert_type(client.fine_tuning.list_checkpoints(made.id), Listing[FinetuneCheckpoint])
    assert_type(client.fine_tuning.download(made.id, output=path.with_name("b")), FinetuneDownloadResult)
    assert_type(client.fine_tuning.content(made.id, checkpoint="merged"), BinaryStream)
    assert_type(client.fine_tuning.delete(made.id), FinetuneDeleteResponse)


def audio(client: Together) -> None:
    spoken = client.audio.speech.create(model="m", input="Hello", voice="v")
    assert_type(spoken, AudioResponse)
    assert_type(spoken.content, bytes)
    stream = client.audio.speech.create(model="m", input="Hello", voice="v", stream=True)
    assert_type(stream, SpeechStream)
    for chunk in stream:
        assert_type(chunk, AudioSpeechStreamChunk)
        assert_type(chunk.audio, bytes)
    heard = client.audio.transcriptions.create(file=spoken.content, timestamp_granularities=["word"])
    assert_type(heard, AudioTranscriptionResponse)
    assert_type(heard.words, list[AudioTranscriptionWord] | None)
    assert_type(client.audio.translations.create(file=("a.wav", spoken.content)), AudioTranscriptionResponse)
    raw = client.audio.speech.with_raw_response.create(model="m", input="Hello", voice="v")
    assert_type(raw, APIResponse[AudioResponse])


async def audio_asynchronously(client: AsyncTogether, flag: bool) -> None:
    spoken = await client.audio.speech.create(model="m", input="Hello", voice="v")
    assert_type(spoken, AudioResponse)
    stream = await client.audio.speech.create(model="m", input="Hello", voice="v", stream=True)
    assert_type(stream, AsyncSpeechStream)
    async for chunk in stream:
        assert_type(chunk, AudioSpeechStreamChunk)
    either = await client.audio.speech.create(model="m", input="Hello", voice="v", stream=not flag)
    assert_type(either, AudioResponse | AsyncSpeechStream)
    assert_type(await client.audio.transcriptions.create(file=b"RIFF"), AudioTranscriptionResponse)
