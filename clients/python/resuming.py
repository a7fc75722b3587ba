"""What every program needs that talks to TinyChat: a connection, calls with patience, and a stream that resumes.

Import it after gen/ (made by ./generate) is on sys.path. Made to be copied.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tinychat.v1 import chat_service_pb2 as chat
from tinychat.v1 import conversation_service_pb2 as conversation
from tinychat.v1 import types_pb2 as types

DEADLINE = 20  # seconds for one call
PATIENCE = 60  # seconds until a call that is repeated is given up
FIRST_WAIT, LONGEST_WAIT = 0.1, 3.0  # seconds between attempts, at most

CHANNEL_OPTIONS = [
    # A channel connects again by itself, after waits that grow and are random: by default up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", int(FIRST_WAIT * 1000)),
    ("grpc.max_reconnect_backoff_ms", int(LONGEST_WAIT * 1000)),
    # Pings notice a server that went without a word, also while nothing is said (0: as many as it takes).
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
]

Login = tuple[tuple[str, str], ...]  # the metadata that carries a token
OnBreak = Callable[[], None]  # called once for each break


def connect(server: str, ca_file: str | None = None) -> grpc.Channel:
    """Opens a channel to HOST:PORT: in the clear, or with TLS that trusts the certificates in a PEM file."""
    if ca_file is None:
        return grpc.insecure_channel(server, CHANNEL_OPTIONS)
    with open(ca_file, "rb") as file:
        return grpc.secure_channel(server, grpc.ssl_channel_credentials(file.read()), CHANNEL_OPTIONS)


def bearer(token: str) -> Login:
    return (("authorization", f"Bearer {token}"),)


def new_id() -> str:
    """A UUID for a send. Version 7, which sorts by time, is in the library since Python 3.14."""
    return str(getattr(uuid, "uuid7", uuid.uuid4)())


# What the library makes of a connection that ended in the middle, by how it ended.
BROKEN = (
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)


def detail(error: grpc.RpcError, kind: Any) -> Any:
    """The detail of this kind (ErrorInfo, RetryInfo, BadRequest) that a failed call carries; None if it has none."""
    status = rpc_status.from_call(error)
    for packed in status.details if status else ():
        found = kind()
        if packed.Unpack(found):
            return found
    return None


def wait_asked(error: grpc.RpcError) -> float | None:
    """How many seconds to wait at least before the same request can succeed; None if it never will."""
    if retry := detail(error, error_details_pb2.RetryInfo):
        return retry.retry_delay.ToTimedelta().total_seconds()
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return 0
    # The server gives every refusal an ErrorInfo. These without one are what is left of a connection that broke.
    broken = error.code() in BROKEN
    return 0 if broken and not detail(error, error_details_pb2.ErrorInfo) else None


def back_off() -> Iterator[float]:
    """Waits between attempts: growing, and random, so that not all clients of a server come back at once."""
    longest = FIRST_WAIT
    while True:
        yield random.uniform(0, longest)
        longest = min(2 * longest, LONGEST_WAIT)


class Tries:
    """How long something is tried again: PATIENCE seconds from the last time that it came further."""

    def __init__(self) -> None:
        self.came_further()

    def came_further(self) -> None:
        self.waits = back_off()
        self.give_up = time.monotonic() + PATIENCE
        self.told = False  # each break once, however many attempts it takes

    def wait(self, error: grpc.RpcError, asked: float | None, on_break: OnBreak = lambda: None) -> None:
        """Waits before the next try, at least as long as asked; raises the error if no try is left, or of any use."""
        if asked is None or time.monotonic() + asked > self.give_up:
            raise error
        if not self.told:
            on_break()
            self.told = True
        time.sleep(asked + next(self.waits))


def patient(call: Callable, request: Any, login: Login) -> Any:
    """Makes a call and repeats it while that can help. For reads, and for sends that have a client_message_id."""
    tries = Tries()
    while True:
        try:
            return call(request, metadata=login, timeout=DEADLINE, wait_for_ready=True)
        except grpc.RpcError as error:
            tries.wait(error, wait_asked(error))


def history(list_messages: Callable, login: Login, conversation_id: str, page_size: int = 0) -> Iterator[types.Message]:
    """All messages of a conversation from its beginning, page by page."""
    seq = 0
    while True:
        request = conversation.ListMessagesRequest(conversation_id=conversation_id, after_seq=seq, page_size=page_size)
        page = patient(list_messages, request, login)
        yield from page.messages
        if not page.messages:
            return
        seq = page.messages[-1].seq


def follow(subscribe: Callable, login: Login, on_break: OnBreak) -> Iterator[types.Event]:
    """Follows the events of a device for ever and gets over every break; each message comes once.

    An event counts as handled when the next one is asked for: only then its cursor is kept. The backlog comes whole,
    so there are no gaps to page. Ends when the server asks not to come back; raises what waiting does not mend.
    """
    cursor = None
    seen: dict[str, int] = {}  # the highest seq of each conversation: they come in order
    waits = back_off()
    told = False  # each break once, however many attempts it takes
    while True:
        asked = 0.0
        try:
            # wait_for_ready: while the server is away the channel looks for it, and no call fails for that.
            request = chat.SubscribeRequest(resume_cursor=cursor)
            for frame in subscribe(request, metadata=login, wait_for_ready=True):
                for event in frame.events:
                    kind = event.WhichOneof("body")
                    if kind == "welcome":
                        waits, told = back_off(), False
                    elif kind == "reset":  # another store: nothing that was known holds
                        cursor = None
                        seen.clear()
                    elif kind == "going_away":
                        if not event.going_away.HasField("retry_after"):
                            return
                        asked = event.going_away.retry_after.ToTimedelta().total_seconds()
                    elif kind == "message":
                        message = event.message
                        if message.seq <= seen.get(message.conversation_id, 0):
                            continue  # delivery is at least once
                        seen[message.conversation_id] = message.seq
                    yield event
                    cursor = event.cursor or cursor
        except grpc.RpcError as error:
            wait = wait_asked(error)
            if wait is None:
                raise
            asked = max(asked, wait)
        if not told:
            on_break()
            told = True
        time.sleep(asked + next(waits))
