"""A client in Python: register two users, chat in both directions, miss messages and get them, repeat, fail well.

Run by tests/python_client.rs with the generated code on the path: chat.py ADDRESS [PEM FILE OF AUTHORITIES]. Each step fails with an AssertionError.
"""

import queue
import sys
import uuid

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tinychat.v1 import auth_service_pb2 as auth
from tinychat.v1 import auth_service_pb2_grpc as auth_grpc
from tinychat.v1 import chat_service_pb2 as chat
from tinychat.v1 import chat_service_pb2_grpc as chat_grpc
from tinychat.v1 import conversation_service_pb2 as conversation
from tinychat.v1 import conversation_service_pb2_grpc as conversation_grpc

DEADLINE = 20  # seconds; nothing here may wait for ever
PASSWORD = "correct horse"


class Chat:
    """One bidirectional stream."""

    def __init__(self, stub, login):
        self.requests = queue.SimpleQueue()
        self.stream = stub.Chat(iter(self.requests.get, None), metadata=login, timeout=DEADLINE)
        self.events = []
        self.replies = {}
        self.ask(1, hello=chat.Hello())

    def ask(self, request_id, **request):
        self.requests.put(chat.ChatRequest(request_id=request_id, **request))

    def read_until(self, condition):
        while not condition():
            frame = next(self.stream)
            self.events.extend(frame.events)
            self.replies.update((reply.request_id, reply) for reply in frame.replies)

    def caught_up(self):
        self.read_until(lambda: any(event.WhichOneof("body") == "caught_up" for event in self.events))

    def messages(self):
        return [event.message for event in self.events if event.WhichOneof("body") == "message"]

    def close(self):
        """Half-closes: the server ends the stream with OK."""
        self.requests.put(None)
        for _ in self.stream:
            pass
        assert self.stream.code() == grpc.StatusCode.OK, self.stream.code()


def step(what):
    print(what, flush=True)


def details(error):
    """The rich details of a failed call, by type name."""
    status = rpc_status.from_call(error)
    assert status is not None, "no rich status"
    found = {}
    for detail in status.details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
            if detail.Is(kind.DESCRIPTOR):
                found[kind.DESCRIPTOR.name] = kind()
                detail.Unpack(found[kind.DESCRIPTOR.name])
    return found


def fails(call, code, reason):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, (error.code(), error.details())
        found = details(error)
        assert found["ErrorInfo"].reason == reason, found
        assert found["ErrorInfo"].domain == "tinychat", found
        return found
    raise AssertionError(f"expected {reason}")


def main(address, authorities=None):
    if authorities is None:
        channel = grpc.insecure_channel(address)
    else:
        with open(authorities, "rb") as file:
            channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(file.read()))
    grpc.channel_ready_future(channel).result(timeout=DEADLINE)
    accounts = auth_grpc.AuthServiceStub(channel)
    stub = chat_grpc.ChatServiceStub(channel)
    conversations = conversation_grpc.ConversationServiceStub(channel)

    def register(name):
        request = auth.RegisterRequest(user_name=name, password=PASSWORD)
        answer = accounts.Register(request, timeout=DEADLINE)
        assert answer.user.name == name
        return (("authorization", f"Bearer {answer.access_token}"),)

    ann, bob = register("ann"), register("bob")
    step("registered ann and bob")

    talk = Chat(stub, ann)
    talk.caught_up()
    assert talk.events[0].WhichOneof("body") == "welcome", talk.events[0]
    ids = [str(uuid.uuid4()) for _ in range(3)]
    for number, message_id in enumerate(ids):
        send = chat.SendRequest(user_name="bob", text=f"number {number}", client_message_id=message_id)
        talk.ask(10 + number, send=send)
    talk.read_until(lambda: all(10 + number in talk.replies for number in range(3)))
    seqs = [talk.replies[10 + number].send.seq for number in range(3)]
    assert seqs == [1, 2, 3], talk.replies
    step("sent three messages over one stream")

    talk.ask(20, send=chat.SendRequest(user_name="bob", text="number 0", client_message_id=ids[0]))
    talk.read_until(lambda: 20 in talk.replies)
    repeat = talk.replies[20].send
    assert repeat.duplicate and repeat.seq == 1, repeat
    talk.ask(21, send=chat.SendRequest(user_name="bob", text="other", client_message_id=ids[0]))
    talk.read_until(lambda: 21 in talk.replies)
    assert talk.replies[21].error.reason == "CLIENT_MESSAGE_ID_REUSED", talk.replies[21]
    step("a repeat is answered as the first time")

    listen = Chat(stub, bob)
    listen.caught_up()
    texts = [message.text for message in listen.messages()]
    assert texts == ["number 0", "number 1", "number 2"], texts
    step("bob got what he missed, in order")

    request = chat.SendRequest(user_name="bob", text="live", client_message_id=str(uuid.uuid4()))
    sent = stub.Send(request, metadata=ann, timeout=DEADLINE)
    assert sent.seq == 4, sent
    listen.read_until(lambda: listen.messages()[-1].text == "live")
    listen.ask(30, send=chat.SendRequest(user_name="ann", text="back"))
    talk.read_until(lambda: talk.messages() and talk.messages()[-1].text == "back")
    step("live in both directions")

    request = conversation.ListMessagesRequest(conversation_id=sent.conversation_id, page_size=2, after_seq=1)
    page = conversations.ListMessages(request, metadata=bob, timeout=DEADLINE)
    assert [message.seq for message in page.messages] == [2, 3], page
    assert page.last_seq == 5, page
    step("paged the history")

    def send(login, **fields):
        return lambda: stub.Send(chat.SendRequest(**fields), metadata=login, timeout=DEADLINE)

    fails(send(ann, user_name="nobody", text="x"), grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND")
    login = auth.LoginRequest(user_name="ann", password="wrong horse")
    fails(lambda: accounts.Login(login, timeout=DEADLINE), grpc.StatusCode.UNAUTHENTICATED, "LOGIN_FAILED")
    try:
        send(ann, user_name="bob", text="")()
        raise AssertionError("an empty text was taken")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
        violations = details(error)["BadRequest"].field_violations
        assert [violation.field.split(".")[-1] for violation in violations] == ["text"], violations
    step("errors carry their reasons")

    talk.close()
    listen.close()
    step("all done")


if __name__ == "__main__":
    if sys.argv[1] == "--imports-only":
        step("imports work")
    else:
        main(*sys.argv[1:])
