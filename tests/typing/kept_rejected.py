"""What type checkers must complain of in files, batches, fine-tuning and audio: one row, one mistake.

In: clients. Out: nothing. The rule: every row is marked as an error, and a mark without an error is an error itself.
Nothing here is run.
"""

from togetherpy import Together


def calls(client: Together) -> None:
    client.files.upload(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.files.upload("a", purpos="eval")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.files.retrieve()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.batches.create(input_file_id="f")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.fine_tuning.create(training_file=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.audio.transcriptions.create(model="m")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def values(client: Together) -> None:
    print(client.files.list().first)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    print(client.files.retrieve("f").size)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    print(client.files.with_raw_response.upload)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
