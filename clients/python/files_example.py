#!/usr/bin/env python3
"""A file from one to another, made to be copied: NAME uploads it and sends it, and a friend of NAME downloads it.

Usage: files_example.py SERVER NAME PASSWORD FILE [CA_FILE]    after ./generate; the friend is NAME-friend.
"""

import filecmp
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "gen"))  # what ./generate made

import grpc
from tinychat.v1 import chat_service_pb2 as chat
from tinychat.v1 import chat_service_pb2_grpc as chat_grpc
from tinychat.v1 import file_service_pb2_grpc as file_grpc
from tinychat.v1 import types_pb2 as types

from example import log_in, on_break
from files import FileDiffers, download, upload
from resuming import Login, connect, follow, new_id, patient


def run(channel: grpc.Channel, name: str, password: str, path: Path) -> None:
    friend = f"{name}-friend"
    hers, his = log_in(channel, name, password), log_in(channel, friend, password)
    print(f"logged in as {name} and {friend}", flush=True)
    files, chats = file_grpc.FileServiceStub(channel), chat_grpc.ChatServiceStub(channel)

    uploaded = upload(files, hers, path, path.name, on_break=on_break)
    print(f"uploaded {uploaded.name}, {uploaded.size_bytes} bytes", flush=True)
    attachment = chat.Attachment(file_id=uploaded.id)
    request = chat.SendRequest(user_name=friend, attachments=[attachment], client_message_id=new_id())
    sent = patient(chats.Send, request, hers)
    print("sent", flush=True)

    message = wait_for(chats, his, sent)
    for came in message.attachments:
        # Others gave the file its name: it is shown, and no path is made of it.
        print(f"{friend} got {came.name} from {message.sender.name}", flush=True)
        with tempfile.NamedTemporaryFile() as copy:
            download(files, his, came.id, copy, on_break=on_break)
            copy.flush()
            if not filecmp.cmp(path, copy.name, shallow=False):
                sys.exit(f"what came is not what stands in {path}")
        print(f"downloaded {came.size_bytes} bytes, equal to those of {name}", flush=True)


def wait_for(chats: chat_grpc.ChatServiceStub, login: Login, sent: chat.SendResponse) -> types.Message:
    """The message as it comes to the other side."""
    for event in follow(chats.Subscribe, login, on_break):
        if event.WhichOneof("body") == "message" and event.message.message_id == sent.message_id:
            return event.message
    sys.exit("this login follows the stream in too many places; the oldest one, here, ends")


def main() -> None:
    if len(sys.argv) not in (5, 6):
        sys.exit("usage: files_example.py SERVER NAME PASSWORD FILE [CA_FILE]")
    server, name, password, path, *ca_file = sys.argv[1:]
    try:
        with connect(server, *ca_file) as channel:
            run(channel, name, password, Path(path))
    except grpc.RpcError as error:
        sys.exit(error.details())  # the server's sentence; to stderr, with exit code 1
    except (FileDiffers, OSError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
