"""Files: uploads and downloads that go on where they were, however often the connection breaks.

Import it after gen/ (made by ./generate) is on sys.path. Made to be copied, together with resuming.py.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO

import grpc
from blake3 import blake3  # compares what came with what was sent; without this package leave the hashes empty
from google.rpc import error_details_pb2
from tinychat.v1 import file_service_pb2 as file
from tinychat.v1 import file_service_pb2_grpc as file_grpc
from tinychat.v1 import types_pb2 as types

from resuming import DEADLINE, Login, OnBreak, Tries, detail, patient, wait_asked

PIECE = 64 * 1024  # bytes that are sent at once

Source = bytes | str | os.PathLike  # the bytes themselves, or the path of a file


class FileDiffers(Exception):
    """What came is not the file that was asked for."""


def upload(
    files: file_grpc.FileServiceStub,
    login: Login,
    source: Source,
    name: str,
    media_type: str = "",
    on_break: OnBreak = lambda: None,
) -> types.File:
    """Uploads a file. Attach its id to a message: until then it is yours alone, and does not stay for long."""
    begun = begin_upload(files, login, source, name, media_type)
    return continue_upload(files, login, begun.id, source, on_break)


def begin_upload(
    files: file_grpc.FileServiceStub, login: Login, source: Source, name: str, media_type: str = ""
) -> file.Upload:
    """Says what will come. Whoever keeps the id of the upload can go on with it in another run of the program.

    If the answer is lost, the repeat begins another upload; the server forgets the first after a while.
    """
    whole = blake3()
    size = 0
    for piece in read(source):
        whole.update(piece)
        size += len(piece)
    request = file.CreateUploadRequest(name=name, size_bytes=size, media_type=media_type, blake3=whole.digest())
    return patient(files.CreateUpload, request, login).upload


def continue_upload(
    files: file_grpc.FileServiceStub,
    login: Login,
    upload_id: str,
    source: Source,
    on_break: OnBreak = lambda: None,
) -> types.File:
    """Brings what the server does not have yet, and makes the whole a file.

    Gives up when nothing came further for a minute; then the upload is still there to be continued.
    """
    tries = Tries()
    furthest = 0
    while True:
        # Also says what became of it if the answer of CompleteUpload was lost.
        seen = patient(files.GetUpload, file.GetUploadRequest(upload_id=upload_id), login)
        if seen.HasField("file"):
            return seen.file
        if seen.upload.committed_bytes > furthest:
            furthest = seen.upload.committed_bytes
            tries.came_further()
        try:
            if seen.upload.committed_bytes < seen.upload.size_bytes:
                bring(files, login, seen.upload, source)
            request = file.CompleteUploadRequest(upload_id=upload_id)
            return files.CompleteUpload(request, metadata=login, timeout=DEADLINE).file
        except grpc.RpcError as error:
            asked = wait_asked(error)
            info = detail(error, error_details_pb2.ErrorInfo)
            if info and info.reason == "UPLOAD_OFFSET":
                asked = 0  # a call that broke brought more after we had asked: ask again
            tries.wait(error, asked, on_break)


def bring(files: file_grpc.FileServiceStub, login: Login, upload: file.Upload, source: Source) -> None:
    """One call that brings everything from where the upload stands. A file may take its time, so it has no deadline:
    the pings of the channel notice a server that is gone, and the server one of us that is too slow."""
    unreadable: list[OSError] = []

    def requests() -> Iterator[file.UploadChunksRequest]:
        offset = upload.committed_bytes
        try:
            for piece in read(source, offset, upload.size_bytes):
                digest = blake3(piece).digest()
                yield file.UploadChunksRequest(upload_id=upload.id, offset=offset, data=piece, blake3=digest)
                offset += len(piece)
        except OSError as error:  # gRPC would make a broken connection of it
            unreadable.append(error)

    try:
        files.UploadChunks(requests(), metadata=login)
    finally:
        if unreadable:
            raise unreadable[0]


def read(source: Source, offset: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The pieces of a source. Each reader opens the file anew: one of a call that broke may still be reading."""
    if isinstance(source, bytes):
        for start in range(offset, len(source), PIECE):
            yield source[start : start + PIECE]
        return
    with open(source, "rb") as opened:
        opened.seek(offset)
        while piece := opened.read(PIECE if end is None else min(PIECE, end - offset)):
            yield piece
            offset += len(piece)


def download(
    files: file_grpc.FileServiceStub,
    login: Login,
    file_id: str,
    writer: BinaryIO,
    offset: int = 0,
    on_break: OnBreak = lambda: None,
) -> types.File:
    """Writes a file, from an offset on, and returns what it is. Raises FileDiffers if it is not whole, or, where all of
    it came, has another hash: forget then what was written.

    The name in a File is for people: choose the path that you write to yourself.
    """
    tries = Tries()
    known: types.File | None = None
    whole = blake3() if offset == 0 else None
    while known is None or offset < known.size_bytes:
        stream = files.Download(file.DownloadRequest(file_id=file_id, offset=offset), metadata=login)
        try:
            for answer in stream:
                if known is None and answer.HasField("file"):
                    known = answer.file
                if known is None or answer.offset != offset or offset + len(answer.data) > known.size_bytes:
                    raise FileDiffers(f"{len(answer.data)} bytes for {answer.offset} do not fit after {offset} bytes")
                writer.write(answer.data)
                if whole:
                    whole.update(answer.data)
                offset += len(answer.data)
                tries.came_further()
            if known is None or offset < known.size_bytes:
                raise FileDiffers(f"the file ended after {offset} bytes")
        except grpc.RpcError as error:
            tries.wait(error, wait_asked(error), on_break)
        finally:
            stream.cancel()
    if whole and known.blake3 and whole.digest() != known.blake3:
        raise FileDiffers("the file came with another hash")
    return known
