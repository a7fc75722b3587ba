#!/usr/bin/env python3
"""A client in Python, made to be copied: register, send, page through history, follow the live stream.

Usage: example.py SERVER NAME PASSWORD [CA_FILE]    after ./generate; ends when the message `stop` comes.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "gen"))  # what ./generate made

import grpc
from tinychat.v1 import auth_service_pb2 as auth
from tinychat.v1 import auth_service_pb2_grpc as auth_grpc
from tinychat.v1 import chat_service_pb2 as chat
from tinychat.v1 import chat_service_pb2_grpc as chat_grpc
from tinychat.v1 import conversation_service_pb2_grpc as conversation_grpc

from resuming import DEADLINE, Login, bearer, connect, follow, history, new_id, patient


def log_in(channel: grpc.Channel, name: str, password: str) -> Login:
    """Registers the name, or logs in if it is taken."""
    accounts = auth_grpc.AuthServiceStub(channel)
    try:
        answer = accounts.Register(auth.RegisterRequest(user_name=name, password=password), timeout=DEADLINE)
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.ALREADY_EXISTS:
            raise
        answer = accounts.Login(auth.LoginRequest(user_name=name, password=password), timeout=DEADLINE)
    return bearer(answer.access_token)


def run(channel: grpc.Channel, name: str, password: str) -> None:
    login = log_in(channel, name, password)
    print(f"logged in as {name}", flush=True)

    # The id makes it one message, however often the request is repeated.
    stub = chat_grpc.ChatServiceStub(channel)
    request = chat.SendRequest(user_name=name, text="hello from python", client_message_id=new_id())
    sent = patient(stub.Send, request, login)
    print(f"sent as seq {sent.seq}", flush=True)

    # Pages of two only to show the paging: leave page_size out and the server takes 50.
    list_messages = conversation_grpc.ConversationServiceStub(channel).ListMessages
    for message in history(list_messages, login, sent.conversation_id, page_size=2):
        print(f"history {message.seq}: {message.text}", flush=True)

    for event in follow(stub.Subscribe, login, on_break):
        if event.WhichOneof("body") == "message":
            print(f"{event.message.sender.name}: {event.message.text}", flush=True)
            if event.message.text == "stop":
                return
    sys.exit("this login follows the stream in too many places; the oldest one, here, ends")


def on_break() -> None:
    print("connection lost, trying again", file=sys.stderr, flush=True)


def main() -> None:
    if len(sys.argv) not in (4, 5):
        sys.exit("usage: example.py SERVER NAME PASSWORD [CA_FILE]")
    server, name, password, *ca_file = sys.argv[1:]
    try:
        with connect(server, *ca_file) as channel:
            run(channel, name, password)
    except grpc.RpcError as error:
        sys.exit(error.details())  # the server's sentence; to stderr, with exit code 1
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
