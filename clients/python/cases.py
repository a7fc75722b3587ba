#!/usr/bin/env python3
"""The cases of clients/README.md against a real server.

Usage: cases.py SERVER [CA_FILE]    after ./generate; prints `ok NAME` for each, or what differed and exits 1.
"""

from __future__ import annotations

import copy
import io
import itertools
import queue
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "gen"))  # what ./generate made

import grpc
from google.rpc import error_details_pb2
from grpc import StatusCode
from tinychat.v1 import auth_service_pb2 as auth
from tinychat.v1 import auth_service_pb2_grpc as auth_grpc
from tinychat.v1 import chat_service_pb2 as chat
from tinychat.v1 import chat_service_pb2_grpc as chat_grpc
from tinychat.v1 import conversation_service_pb2 as conversation
from tinychat.v1 import conversation_service_pb2_grpc as conversation_grpc
from tinychat.v1 import file_service_pb2 as file
from tinychat.v1 import file_service_pb2_grpc as file_grpc
from tinychat.v1 import types_pb2 as types

from files import PIECE, begin_upload, blake3, continue_upload, download, upload
from resuming import DEADLINE, Login, bearer, connect, detail, history, new_id, wait_asked

PASSWORD = "correct horse"
# Bytes that must come as they went: two lines, a tab, an emoji of several code points, an accent beside its letter.
TEXT = "family \N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}\n\tcafe\u0301 "
# A file of several pieces, each of them another.
LINES = "".join(f"line {number}\n" for number in range(1, 30_001)).encode()
THUMB = "\N{THUMBS UP SIGN}"


class Difference(Exception):
    """What came is not what must come."""


def check(what: str, came: Any, must: Any) -> None:
    if came != must:
        raise Difference(f"{what}: {came!r} instead of {must!r}")


def refused(call: Callable[[], Any], code: StatusCode, reason: str | None = None) -> grpc.RpcError:
    """Makes a call that must fail so, and returns its error. No reason: any will do."""
    try:
        call()
    except grpc.RpcError as error:
        check("code", error.code(), code)
        info = detail(error, error_details_pb2.ErrorInfo)
        if info is None or not info.reason:
            raise Difference(f"no ErrorInfo with a reason beside {error.details()!r}") from error
        check("domain", info.domain, "tinychat")
        check("reason", info.reason, reason or info.reason)
        return error
    raise Difference(f"the call succeeded instead of {code}")


class Server:
    """The services, with a deadline on everything."""

    def __init__(self, channel: grpc.Channel):
        self.auth = auth_grpc.AuthServiceStub(channel)
        self.chat = chat_grpc.ChatServiceStub(channel)
        self.conversations = conversation_grpc.ConversationServiceStub(channel)
        self.files = file_grpc.FileServiceStub(channel)

    def log_in(self, name: str, password: str) -> auth.LoginResponse:
        return self.auth.Login(auth.LoginRequest(user_name=name, password=password), timeout=DEADLINE)

    def who_am_i(self, login: Login = ()) -> auth.WhoAmIResponse:
        return self.auth.WhoAmI(auth.WhoAmIRequest(), metadata=login, timeout=DEADLINE)

    def send(self, sender: User, to: str, text: str, message_id: str = "") -> chat.SendResponse:
        request = chat.SendRequest(user_name=to, text=text, client_message_id=message_id)
        return self.chat.Send(request, metadata=sender.login, timeout=DEADLINE)

    def in_channel(self, sender: User, channel: str, text: str) -> chat.SendResponse:
        request = chat.SendRequest(channel_name=channel, text=text, client_message_id=new_id())
        return self.chat.Send(request, metadata=sender.login, timeout=DEADLINE)

    def send_numbers(self, sender: User, to: User, count: int) -> list[chat.SendResponse]:
        """Sends `number 1`, `number 2` …"""
        return [self.send(sender, to.name, f"number {number}") for number in range(1, count + 1)]

    def ask(self, user: User, call: str, **request: Any) -> Any:
        """One call of the ConversationService, by its name."""
        message = getattr(conversation, f"{call}Request")(**request)
        return getattr(self.conversations, call)(message, metadata=user.login, timeout=DEADLINE)

    def ask_chat(self, user: User, call: str, **request: Any) -> Any:
        """One call of the ChatService, by its name."""
        message = getattr(chat, f"{call}Request")(**request)
        return getattr(self.chat, call)(message, metadata=user.login, timeout=DEADLINE)

    def ask_files(self, user: User, call: str, **request: Any) -> Any:
        """One call of the FileService that is no stream, by its name."""
        message = getattr(file, f"{call}Request")(**request)
        return getattr(self.files, call)(message, metadata=user.login, timeout=DEADLINE)

    def fetched(self, user: User, file_id: str, offset: int = 0) -> bytes:
        """What comes of a file, from an offset on."""
        came = io.BytesIO()
        download(self.files, user.login, file_id, came, offset)
        return came.getvalue()

    def events(self, user: User, **request: Any) -> Iterator[types.Event]:
        """The events of one stream, without any resuming."""
        stream = self.chat.Subscribe(chat.SubscribeRequest(**request), metadata=user.login, timeout=DEADLINE)
        try:
            for frame in stream:
                yield from frame.events
        finally:
            stream.cancel()


class User:
    """A new user, logged in."""

    def __init__(self, server: Server):
        self.name = f"user-{secrets.token_hex(8)}"
        request = auth.RegisterRequest(user_name=self.name, password=PASSWORD)
        self.registered = server.auth.Register(request, timeout=DEADLINE)
        self.login = bearer(self.registered.access_token)

    def on_another_device(self, server: Server) -> User:
        """The same user, logged in once more."""
        other = copy.copy(self)
        other.login = bearer(server.log_in(self.name, PASSWORD).access_token)
        return other


class Chat:
    """One stream in both directions."""

    def __init__(self, server: Server, user: User):
        self.requests: queue.SimpleQueue = queue.SimpleQueue()
        self.stream = server.chat.Chat(iter(self.requests.get, None), metadata=user.login, timeout=DEADLINE)
        self.last_request = 0
        self.events: list[types.Event] = []
        self.replies: dict[int, chat.Reply] = {}
        self.request(hello=chat.Hello())
        self.read_until(lambda: self.events and kind(self.events[-1]) == "caught_up")
        check("first event of Chat", kind(self.events[0]), "welcome")

    def request(self, **request: Any) -> int:
        self.last_request += 1
        self.requests.put(chat.ChatRequest(request_id=self.last_request, **request))
        return self.last_request

    def ask(self, **request: Any) -> chat.Reply:
        """Sends a frame and returns the reply to it."""
        request_id = self.request(**request)
        self.read_until(lambda: request_id in self.replies)
        return self.replies[request_id]

    def message(self, seq: int) -> types.Message:
        """Waits for the message with this seq."""

        def found() -> list[types.Message]:
            return [event.message for event in self.events if event.message.seq == seq]

        self.read_until(found)
        return found()[0]

    def read_until(self, condition: Callable[[], Any]) -> None:
        while not condition():
            frame = next(self.stream, None)
            if frame is None:
                raise Difference(f"Chat ended after {self.events} and {self.replies}")
            self.events.extend(frame.events)
            self.replies.update((reply.request_id, reply) for reply in frame.replies)

    def close(self) -> None:
        """Ends the requests: the server answers by ending the stream with OK; anything else is raised."""
        self.requests.put(None)
        for _ in self.stream:
            pass


def kind(event: types.Event) -> str | None:
    return event.WhichOneof("body")


def until_caught_up(events: Iterable[types.Event]) -> list[types.Event]:
    """Reads up to `caught_up` and returns what came."""
    read = []
    for event in events:
        read.append(event)
        if kind(event) == "caught_up":
            check("first event", kind(read[0]), "welcome")
            return read
    raise Difference(f"the stream ended before caught_up, after {read}")


def until_text(events: Iterable[types.Event], text: str) -> list[types.Event]:
    """Reads up to the message with this text and returns what came."""
    read = []
    for event in events:
        read.append(event)
        if event.message.text == text:
            return read
    raise Difference(f"the stream ended before {text!r}, after {read}")


def until_kind(events: Iterable[types.Event], wanted: str) -> Any:
    """Reads up to the first event of this kind and returns its body."""
    for event in events:
        if kind(event) == wanted:
            return getattr(event, wanted)
    raise Difference(f"the stream ended before {wanted}")


def eventually(what: str, ask: Callable[[], Any], must: Any) -> None:
    """Asks again and again until the answer is what it must be."""
    give_up = time.monotonic() + DEADLINE
    while (came := ask()) != must:
        if time.monotonic() > give_up:
            check(what, came, must)
        time.sleep(0.01)


def story(events: Iterable[types.Event]) -> list[str]:
    """What a stream brought, in words: resets, gaps, messages and changes of members, in their order."""
    words = []
    for event in events:
        if kind(event) == "message":
            words.append(f"{event.message.seq}: {event.message.text}")
        elif kind(event) == "gap":
            words.append(f"gap {event.gap.from_seq} to {event.gap.to_seq}")
        elif kind(event) == "reset":
            words.append("reset")
        elif kind(event) == "member_changed":
            changed = event.member_changed
            words.append(f"{changed.user.name}: {types.MemberChange.Name(changed.change)}")
    return words


def numbers(first: int, last: int) -> list[str]:
    """The story of the messages that `send_numbers` sent."""
    return [f"{number}: number {number}" for number in range(first, last + 1)]


def register_and_login(server: Server) -> None:
    ann = User(server)
    first = ann.registered
    check("name", first.user.name, ann.name)
    check("a token came", first.access_token != "", True)
    again = auth.RegisterRequest(user_name=ann.name, password=PASSWORD)
    refused(lambda: server.auth.Register(again, timeout=DEADLINE), StatusCode.ALREADY_EXISTS, "NAME_TAKEN")
    refused(lambda: server.log_in(ann.name, "wrong horse"), StatusCode.UNAUTHENTICATED, "LOGIN_FAILED")
    second = server.log_in(ann.name, PASSWORD)
    check("user of the login", second.user.id, first.user.id)
    check("another device", second.device.id != first.device.id, True)
    for login in (first, second):
        me = server.who_am_i(bearer(login.access_token))
        check("WhoAmI", (me.user.id, me.device.id), (first.user.id, login.device.id))


def no_token(server: Server) -> None:
    refused(server.who_am_i, StatusCode.UNAUTHENTICATED, "TOKEN_MISSING")
    refused(lambda: server.who_am_i(bearer("none")), StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


def unknown_user(server: Server) -> None:
    ann = User(server)
    nobody = f"nobody-{secrets.token_hex(8)}"
    refused(lambda: server.send(ann, nobody, "hello"), StatusCode.NOT_FOUND, "USER_NOT_FOUND")


def field_violation(server: Server) -> None:
    ann = User(server)
    error = refused(lambda: server.send(ann, ann.name, ""), StatusCode.INVALID_ARGUMENT, "TEXT_EMPTY")
    request = detail(error, error_details_pb2.BadRequest)
    check("fields", request and [violation.field for violation in request.field_violations], ["text"])


def live(server: Server) -> None:
    ann, bob = User(server), User(server)
    talk, listen = Chat(server, ann), Chat(server, bob)
    sent = talk.ask(send=chat.SendRequest(user_name=bob.name, text=TEXT, client_message_id=new_id())).send
    check("seq of the first message", sent.seq, 1)
    for stream in (talk, listen):  # the sender's own device gets the event too
        message = stream.message(sent.seq)
        check("sender", message.sender.name, ann.name)
        check("text", message.text.encode(), TEXT.encode())

    back = server.send(bob, ann.name, "back by a call")
    check("text by a call", talk.message(back.seq).text, "back by a call")

    nobody = f"nobody-{secrets.token_hex(8)}"
    error = talk.ask(send=chat.SendRequest(user_name=nobody, text="hello")).error
    check("error in-band", (error.code, error.reason), (StatusCode.NOT_FOUND.value[0], "USER_NOT_FOUND"))
    check("answer to ping", talk.ask(ping=chat.Ping()).WhichOneof("result"), "pong")
    for stream in (talk, listen):
        stream.close()


def duplicate_send(server: Server) -> None:
    ann, bob = User(server), User(server)
    message_id = new_id()
    first = server.send(ann, bob.name, "once", message_id)
    check("duplicate of the first", first.duplicate, False)
    repeat = server.send(ann, bob.name, "once", message_id)
    check("repeat", (repeat.seq, repeat.duplicate), (first.seq, True))
    reused = "CLIENT_MESSAGE_ID_REUSED"
    refused(lambda: server.send(ann, bob.name, "other", message_id), StatusCode.ALREADY_EXISTS, reused)

    # The same in a stream: all doors know the same ids.
    talk = Chat(server, ann)
    repeat = talk.ask(send=chat.SendRequest(user_name=bob.name, text="once", client_message_id=message_id)).send
    check("repeat in-band", (repeat.seq, repeat.duplicate), (first.seq, True))
    error = talk.ask(send=chat.SendRequest(user_name=bob.name, text="other", client_message_id=message_id)).error
    check("error in-band", (error.code, error.reason), (StatusCode.ALREADY_EXISTS.value[0], reused))
    talk.close()
    held = history(server.conversations.ListMessages, ann.login, first.conversation_id)
    check("history", [message.text for message in held], ["once"])


def rate_limited(server: Server) -> None:
    ann = User(server)
    sent: dict[int, str] = {}  # the id of each message that was acknowledged, by seq

    def start() -> tuple[chat.SendRequest, grpc.Future]:
        request = chat.SendRequest(user_name=ann.name, text="fast", client_message_id=new_id())
        return request, server.chat.Send.future(request, metadata=ann.login, timeout=DEADLINE)

    # Many at once: one after the other, a slow disk would keep them below the limit.
    turned_away = None
    give_up = time.monotonic() + DEADLINE
    while turned_away is None:
        if time.monotonic() > give_up:
            raise Difference(f"no limit after {len(sent)} sends")
        for request, call in [start() for _ in range(50)]:
            if call.exception():
                turned_away = request, call
            else:
                sent[call.result().seq] = request.client_message_id

    request, call = turned_away
    for _ in range(3):  # what was sent beside it may have taken the place that it was told to wait for
        error = refused(call.result, StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
        wait = wait_asked(error)
        check(f"RetryInfo asks for a wait, {wait}", wait is not None and 0 < wait < DEADLINE, True)
        time.sleep(wait)
        call = server.chat.Send.future(request, metadata=ann.login, timeout=DEADLINE)
        if not call.exception():
            break
    answer = call.result()
    check("duplicate", answer.duplicate, False)
    sent[answer.seq] = request.client_message_id
    held = history(server.conversations.ListMessages, ann.login, answer.conversation_id)
    check("history", [(message.seq, message.client_message_id) for message in held], sorted(sent.items()))


def offline_backlog(server: Server) -> None:
    ann, bob = User(server), User(server)
    sent = server.send_numbers(ann, bob, 5)
    events = until_caught_up(server.events(bob))
    check("stream", story(events), numbers(1, 5))
    times = [event.message.sent_time for event in events if kind(event) == "message"]
    check("times", times, [answer.sent_time for answer in sent])


def resume(server: Server) -> None:
    ann, bob = User(server), User(server)
    server.send_numbers(ann, bob, 6)
    stream = server.events(bob)
    read = list(itertools.islice((event for event in stream if kind(event) == "message"), 3))
    stream.close()
    check("first stream", story(read), numbers(1, 3))
    events = until_caught_up(server.events(bob, resume_cursor=read[-1].cursor))
    check("resumed stream", story(events), numbers(4, 6))


def gap(server: Server) -> None:
    ann, bob = User(server), User(server)
    sent = server.send_numbers(ann, bob, 5)
    events = until_caught_up(server.events(bob, max_backlog_per_conversation=2))
    check("stream", story(events), ["gap 1 to 3", *numbers(4, 5)])

    left_out = next(event.gap for event in events if kind(event) == "gap")
    check("conversation of the gap", left_out.conversation_id, sent[0].conversation_id)
    request = conversation.ListMessagesRequest(
        conversation_id=left_out.conversation_id,
        after_seq=left_out.from_seq - 1,
        page_size=left_out.to_seq - left_out.from_seq + 1,
    )
    page = server.conversations.ListMessages(request, metadata=bob.login, timeout=DEADLINE)
    check("page", [f"{message.seq}: {message.text}" for message in page.messages], numbers(1, 3))
    check("last_seq", page.last_seq, 5)


def unknown_cursor(server: Server) -> None:
    ann, bob = User(server), User(server)
    server.send_numbers(ann, bob, 3)
    events = until_caught_up(server.events(bob, resume_cursor="none"))
    check("stream", story(events), ["reset", *numbers(1, 3)])


def revoked_token(server: Server) -> None:
    ann = User(server)
    second = server.log_in(ann.name, PASSWORD)
    stream = server.events(ann)
    until_caught_up(stream)

    request = auth.RevokeDeviceRequest(device_id=ann.registered.device.id)
    server.auth.RevokeDevice(request, metadata=bearer(second.access_token), timeout=DEADLINE)
    began = time.monotonic()
    refused(lambda: list(stream), StatusCode.UNAUTHENTICATED)
    took = time.monotonic() - began
    check(f"the stream ended within 2 s, after {took:.1f} s", took < 2, True)
    refused(lambda: server.who_am_i(ann.login), StatusCode.UNAUTHENTICATED)


def a_channel(server: Server) -> None:
    ann, bob = User(server), User(server)
    hers, his = server.events(ann), server.events(bob)
    for stream in (hers, his):
        until_caught_up(stream)
    name = f"channel-{secrets.token_hex(8)}"
    request = {"kind": types.CONVERSATION_KIND_CHANNEL, "history_access": types.HISTORY_ACCESS_SINCE_JOIN}
    made = server.ask(ann, "CreateConversation", name=name, **request).conversation
    check("name and role", (made.name, made.my_role), (name, types.ROLE_OWNER))
    server.in_channel(ann, name, "before bob")

    joined = server.ask(bob, "JoinChannel", channel_name=name).conversation
    check("id and role", (joined.id, joined.my_role), (made.id, types.ROLE_MEMBER))
    server.in_channel(bob, name, "from bob")
    server.in_channel(ann, name, "from ann")
    both = [f"{bob.name}: MEMBER_CHANGE_JOINED", "2: from bob", "3: from ann"]
    check("stream of ann", story(until_text(hers, "from ann")), ["1: before bob", *both])
    check("stream of bob", story(until_text(his, "from ann")), both)
    page = server.ask(bob, "ListMessages", conversation_id=made.id)
    check("page", [message.text for message in page.messages], ["from bob", "from ann"])
    check("floor and end", (page.history_floor_seq, page.last_seq), (1, 3))

    server.ask(bob, "LeaveConversation", conversation_id=made.id)
    gone = "CONVERSATION_NOT_FOUND"
    refused(lambda: server.ask(bob, "ListMessages", conversation_id=made.id), StatusCode.NOT_FOUND, gone)
    server.in_channel(ann, name, "after bob")
    server.send(ann, bob.name, "just to you")  # comes after what must not come
    left = f"{bob.name}: MEMBER_CHANGE_LEFT"
    check("stream of ann", story(until_text(hers, "just to you")), [left, "4: after bob", "1: just to you"])
    check("stream of bob", story(until_text(his, "just to you")), [left, "1: just to you"])


def edits_and_deletions(server: Server) -> None:
    ann, bob = User(server), User(server)
    his = server.events(bob)
    until_caught_up(his)
    sent = server.send(ann, bob.name, "as sent")
    at = {"conversation_id": sent.conversation_id, "seq": sent.seq}
    until_text(his, "as sent")

    edited = server.ask(ann, "EditMessage", text="as edited", **at).message
    for message in (edited, until_kind(his, "message_edited").message):
        check("edited", (message.seq, message.text, message.revision), (sent.seq, "as edited", 1))
    denied, not_yours = StatusCode.PERMISSION_DENIED, "MESSAGE_NOT_YOURS"
    refused(lambda: server.ask(bob, "EditMessage", text="not mine", **at), denied, not_yours)
    refused(lambda: server.ask(bob, "DeleteMessage", **at), denied, not_yours)

    deleted = server.ask(ann, "DeleteMessage", **at).message
    event = until_kind(his, "message_deleted")
    check("event", (event.seq, event.revision, event.deleted_by.name), (sent.seq, 2, ann.name))
    late = StatusCode.FAILED_PRECONDITION
    refused(lambda: server.ask(ann, "EditMessage", text="too late", **at), late, "MESSAGE_DELETED")
    held = server.ask(bob, "ListMessages", conversation_id=sent.conversation_id).messages
    check("messages", len(held), 1)
    for message in (deleted, held[0]):
        shown = (message.seq, message.revision, message.deleted, message.WhichOneof("content"))
        check("deleted", shown, (sent.seq, 2, True, None))


def replies_and_reactions(server: Server) -> None:
    ann, bob = User(server), User(server)
    hers, his = server.events(ann), server.events(bob)
    for stream in (hers, his):
        until_caught_up(stream)
    question = server.send(ann, bob.name, "a question")
    reply = chat.SendRequest(user_name=ann.name, text="an answer", reply_to_seq=question.seq)
    answer = server.chat.Send(reply, metadata=bob.login, timeout=DEADLINE)
    for stream in (hers, his):
        messages = [event.message for event in until_text(stream, "an answer") if kind(event) == "message"]
        told = [(message.seq, message.reply_to_seq) for message in messages]
        check("seq and reply_to_seq", told, [(question.seq, 0), (answer.seq, question.seq)])
    reply.reply_to_seq = 99
    invalid = StatusCode.INVALID_ARGUMENT
    refused(lambda: server.chat.Send(reply, metadata=bob.login, timeout=DEADLINE), invalid, "REPLY_TO_UNKNOWN")

    def counts(reactions: Iterable[types.Reaction]) -> list[tuple[str, int, bool]]:
        return [(reaction.emoji, reaction.count, reaction.mine) for reaction in reactions]

    at = {"conversation_id": answer.conversation_id, "seq": answer.seq}
    steps = (("AddReaction", [(THUMB, 1, True)], [(THUMB, 1, False)]), ("RemoveReaction", [], []))
    for call, to_ann, to_bob in steps:
        check(call, counts(server.ask(ann, call, emoji=THUMB, **at).reactions), to_ann)
        event = until_kind(his, "reaction_changed")
        check("reactions of the event", (event.seq, counts(event.reactions)), (answer.seq, to_bob))
        change = (event.user.name, event.emoji, event.added)
        check("change of the event", change, (ann.name, THUMB, call == "AddReaction"))
        for user, must in ((ann, to_ann), (bob, to_bob)):
            held = server.ask(user, "ListMessages", conversation_id=answer.conversation_id).messages
            check("reactions in the history", [counts(message.reactions) for message in held], [[], must])


def search_and_mentions(server: Server) -> None:
    ann, bob = User(server), User(server)
    name = f"channel-{secrets.token_hex(8)}"
    request = {"kind": types.CONVERSATION_KIND_CHANNEL, "user_names": [bob.name]}
    made = server.ask(ann, "CreateConversation", name=name, **request).conversation
    meet, closed = f"Meet at the Café, @{bob.name}", "the café is closed"
    first = server.in_channel(ann, name, meet)
    server.in_channel(ann, name, closed)

    def shown(hit: conversation.SearchHit) -> tuple[str, list[str]]:
        """The text of the snippet, and what is marked first in it: hex digits of the name could be marked, too."""
        marked = [part.text for part in hit.snippet if part.match]
        return "".join(part.text for part in hit.snippet), marked[:1]

    def found(query: str) -> list[tuple[str, list[str]]]:
        hits = server.ask(bob, "SearchMessages", query=query, conversation_id=made.id).hits
        return [shown(hit) for hit in hits]

    check("hits", found("CAFE"), [(closed, ["café"]), (meet, ["Café"])])
    check("hits of words that stand together", found('"café is"'), [(closed, ["café is"])])
    check("hits of what is mere text", found('a" OR ('), [])
    error = refused(lambda: found(""), StatusCode.INVALID_ARGUMENT, "QUERY_INVALID")
    wrong = detail(error, error_details_pb2.BadRequest)
    check("fields", wrong and [violation.field for violation in wrong.field_violations], ["query"])

    def mentions() -> list[tuple[int, list[str]]]:
        messages = server.ask(bob, "ListMentions").messages
        return [(message.seq, [user.name for user in message.mentions]) for message in messages]

    check("mentions", mentions(), [(first.seq, [bob.name])])
    state = server.ask(bob, "GetConversation", conversation_id=made.id).conversation
    check("count of mentions", state.mentions, 1)

    server.ask(ann, "DeleteMessage", conversation_id=made.id, seq=first.seq)
    check("hits of what is deleted", found("meet"), [])
    check("mentions of what is deleted", mentions(), [])


def settings_and_presence(server: Server) -> None:
    ann, bob = User(server), User(server)
    other, third = bob.on_another_device(server), bob.on_another_device(server)
    at = {"conversation_id": server.send(ann, bob.name, "hello").conversation_id}
    first = server.events(bob)
    his, hers = server.events(other, ephemeral_events=True), server.events(ann, ephemeral_events=True)
    for stream in (first, his, hers):
        until_caught_up(stream)

    def aside(level: types.NotifyLevel) -> types.SettingsChanged:
        return types.SettingsChanged(marked_unread=True, notify=types.NotifySettings(level=level), **at)

    server.ask_chat(bob, "MarkUnread", **at)
    check("settings", until_kind(his, "settings_changed"), aside(types.NOTIFY_LEVEL_ALL))
    none = types.NotifySettings(level=types.NOTIFY_LEVEL_NONE)
    check("level", server.ask(bob, "SetNotifyLevel", notify=none, **at).notify, none)
    check("settings", until_kind(his, "settings_changed"), aside(types.NOTIFY_LEVEL_NONE))
    server.send(bob, ann.name, "it is set")  # comes after what must not come
    kinds = [kind(event) for event in until_text(hers, "it is set")]
    check("settings of bob on the stream of ann", kinds.count("settings_changed"), 0)

    quiet = types.PRESENCE_DO_NOT_DISTURB
    check("presence", server.ask_chat(bob, "SetPresence", presence=quiet).presence, quiet)
    wanted = types.PresenceChanged(user_id=bob.registered.user.id, presence=quiet)
    while until_kind(hers, "presence") != wanted:
        pass  # others may come before it
    failed = StatusCode.FAILED_PRECONDITION
    refused(lambda: server.ask_chat(third, "SetPresence", presence=quiet), failed, "NO_OPEN_STREAM")

    server.ask_chat(bob, "SetTyping", typing=True, **at)
    event = until_kind(hers, "typing")
    told = (event.conversation_id, event.user.name, event.typing)
    check("typing", told, (at["conversation_id"], bob.name, True))
    server.send(ann, bob.name, "you type")
    kinds = [kind(event) for event in until_text(his, "you type")]
    check("typing of bob on his own stream", kinds.count("typing"), 0)


def an_invite_link(server: Server) -> None:
    ann, bob, eve = User(server), User(server), User(server)
    his = server.events(bob)
    until_caught_up(his)
    request = {"kind": types.CONVERSATION_KIND_GROUP, "history_access": types.HISTORY_ACCESS_SINCE_JOIN}
    made = server.ask(ann, "CreateConversation", name="a club", **request).conversation
    at = {"conversation_id": made.id}
    server.ask_chat(ann, "Send", text="before bob", **at)
    link = server.ask(ann, "CreateInviteLink", uses_max=1, **at)
    check("beginning of the code", link.code[:4], "tci_")

    def listed() -> list[tuple[str, int, int]]:
        links = server.ask(ann, "ListInviteLinks", **at).invite_links
        return [(link.id, link.uses_count, link.uses_max) for link in links]

    check("links", listed(), [(link.invite_link.id, 0, 1)])
    joined = server.ask(bob, "JoinByInviteLink", code=link.code).conversation
    check("id and role", (joined.id, joined.my_role), (made.id, types.ROLE_MEMBER))
    server.ask_chat(ann, "Send", text="to bob, too", **at)
    must = [f"{bob.name}: MEMBER_CHANGE_JOINED", "2: to bob, too"]
    check("stream of bob", story(until_text(his, "to bob, too")), must)
    page = server.ask(bob, "ListMessages", **at)
    check("page", [message.text for message in page.messages], ["to bob, too"])
    check("floor", page.history_floor_seq, 1)

    check("links", listed(), [])
    void = "INVITE_LINK_VOID"
    refused(lambda: server.ask(eve, "JoinByInviteLink", code=link.code), StatusCode.NOT_FOUND, void)


def a_block(server: Server) -> None:
    ann, bob = User(server), User(server)
    other = bob.on_another_device(server)
    server.send(ann, bob.name, "hello")
    his, hers = server.events(other), server.events(ann)
    for stream in (his, hers):
        until_caught_up(stream)

    def names(users: Iterable[types.UserRef]) -> list[str]:
        return [user.name for user in users]

    server.ask_chat(bob, "BlockUser", user_name=ann.name)
    check("blocks of the event", names(until_kind(his, "blocks_changed").users), [ann.name])
    check("blocks of bob", names(server.ask_chat(bob, "ListBlockedUsers").users), [ann.name])
    refused(lambda: server.send(ann, bob.name, "?"), StatusCode.PERMISSION_DENIED, "BLOCKED_BY_USER")
    refused(lambda: server.send(bob, ann.name, "!"), StatusCode.FAILED_PRECONDITION, "USER_BLOCKED")

    server.ask_chat(bob, "UnblockUser", user_name=ann.name)
    check("blocks of the event", names(until_kind(his, "blocks_changed").users), [])
    server.send(ann, bob.name, "at last")
    check("stream of bob", story(until_text(his, "at last")), ["2: at last"])
    kinds = [kind(event) for event in until_text(hers, "at last")]
    check("blocks of bob on the stream of ann", kinds.count("blocks_changed"), 0)


def delivered_and_read(server: Server) -> None:
    ann, bob = User(server), User(server)
    hers, his = server.events(ann, ephemeral_events=True), server.events(bob)
    for stream in (hers, his):
        until_caught_up(stream)
    sent = server.send(ann, bob.name, "did it come?")
    at = {"conversation_id": sent.conversation_id}

    def markers() -> list[tuple[str, int, int]]:
        listed = server.ask(ann, "ListMarkers", **at).markers
        return [(marker.user.name, marker.delivered_seq, marker.read_seq) for marker in listed]

    check("markers", markers(), [(bob.name, 0, 0)])
    cursor = until_text(his, "did it come?")[-1].cursor
    server.ask_chat(bob, "Acknowledge", cursor=cursor)
    wanted = types.DeliveredMarker(user_id=bob.registered.user.id, delivered_seq=sent.seq, **at)
    check("delivered", until_kind(hers, "delivered"), wanted)
    eventually("markers", markers, [(bob.name, sent.seq, 0)])

    server.ask_chat(bob, "MarkRead", read_seq=sent.seq, **at)
    check("markers", markers(), [(bob.name, sent.seq, sent.seq)])


def a_file(server: Server) -> None:
    ann, bob, eve = User(server), User(server), User(server)
    his = server.events(bob)
    until_caught_up(his)
    made = upload(server.files, ann.login, LINES, "lines.txt", "text/plain")
    must = (made.id, "lines.txt", len(LINES), "text/plain", blake3(LINES).digest())
    request = {"user_name": bob.name, "text": "all of them", "client_message_id": new_id()}
    server.ask_chat(ann, "Send", attachments=[chat.Attachment(file_id=made.id)], **request)
    for came in until_text(his, "all of them")[-1].message.attachments:
        check("attachment", (came.id, came.name, came.size_bytes, came.media_type, came.blake3), must)
        check("bytes are equal", server.fetched(bob, came.id) == LINES, True)
        check("bytes are equal from an offset on", server.fetched(bob, came.id, 100_000) == LINES[100_000:], True)
        break
    else:
        raise Difference("the message came without the file")
    gone = "FILE_NOT_FOUND"
    refused(lambda: server.ask_files(eve, "GetFile", file_id=made.id), StatusCode.NOT_FOUND, gone)
    refused(lambda: server.fetched(eve, made.id), StatusCode.NOT_FOUND, gone)


def a_cut_upload(server: Server) -> None:
    ann = User(server)
    begun = begin_upload(server.files, ann.login, LINES, "lines.txt")
    pieces: queue.SimpleQueue = queue.SimpleQueue()
    call = server.files.UploadChunks.future(iter(pieces.get, None), metadata=ann.login, timeout=DEADLINE)
    for offset in (0, PIECE):
        data = LINES[offset : offset + PIECE]
        pieces.put(file.UploadChunksRequest(upload_id=begun.id, offset=offset, data=data))

    def stands() -> int:
        return server.ask_files(ann, "GetUpload", upload_id=begun.id).upload.committed_bytes

    eventually("committed_bytes", stands, 2 * PIECE)
    call.cancel()
    pieces.put(None)
    check("committed_bytes after the cut", stands(), 2 * PIECE)
    again = {"upload_id": begun.id, "offset": 0, "data": LINES[:PIECE]}
    refused(lambda: server.ask_files(ann, "UploadChunk", **again), StatusCode.FAILED_PRECONDITION, "UPLOAD_OFFSET")
    early = "UPLOAD_INCOMPLETE"
    complete = {"upload_id": begun.id}
    refused(lambda: server.ask_files(ann, "CompleteUpload", **complete), StatusCode.FAILED_PRECONDITION, early)

    made = continue_upload(server.files, ann.login, begun.id, LINES)
    check("file by a repeat", server.ask_files(ann, "CompleteUpload", **complete).file, made)
    check("file by its upload", server.ask_files(ann, "GetUpload", upload_id=begun.id).file, made)
    check("bytes are equal", server.fetched(ann, made.id) == LINES, True)


CASES = [
    register_and_login,
    no_token,
    unknown_user,
    field_violation,
    live,
    duplicate_send,
    rate_limited,
    offline_backlog,
    resume,
    gap,
    unknown_cursor,
    revoked_token,
    a_channel,
    edits_and_deletions,
    replies_and_reactions,
    search_and_mentions,
    settings_and_presence,
    an_invite_link,
    a_block,
    delivered_and_read,
    a_file,
    a_cut_upload,
]


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: cases.py SERVER [CA_FILE]")
    with connect(*sys.argv[1:]) as channel:
        server = Server(channel)
        for case in CASES:
            try:
                case(server)
            except Difference as difference:
                sys.exit(f"{case.__name__}: {difference}")
            except grpc.RpcError as error:
                sys.exit(f"{case.__name__}: {error.code()}: {error.details()}")
            print(f"ok {case.__name__}", flush=True)
    print(f"{len(CASES)} of {len(CASES)}")


if __name__ == "__main__":
    main()
