// The cases themselves; what each has to show stands in clients/README.md.

package main

import (
	"context"
	"io"
	"slices"
	"time"

	"google.golang.org/grpc/codes"

	"example.com/tinychat/client"
	pb "example.com/tinychat/gen/tinychatv1"
)

func registerAndLogin(s *server) {
	ctx := context.Background()
	name := "ann-" + randomHex()
	made := must(s.accounts.Register(ctx, &pb.RegisterRequest{UserName: name, Password: password}))
	same("name", made.User.Name, name)
	check(made.AccessToken != "", "Register gave no token")

	_, err := s.accounts.Register(ctx, &pb.RegisterRequest{UserName: name, Password: "another one"})
	refused(err, codes.AlreadyExists, "NAME_TAKEN")
	_, err = s.accounts.Login(ctx, &pb.LoginRequest{UserName: name, Password: "another one"})
	refused(err, codes.Unauthenticated, "LOGIN_FAILED")

	login := must(s.accounts.Login(ctx, &pb.LoginRequest{UserName: name, Password: password}))
	same("user", login.User.Id, made.User.Id)
	check(login.Device.Id != made.Device.Id, "the login is not a device of its own")
	devices := must(s.accounts.ListDevices(client.WithToken(ctx, login.AccessToken), &pb.ListDevicesRequest{})).Devices
	same("devices", len(devices), 2)
}

func noToken(s *server) {
	_, err := s.accounts.WhoAmI(context.Background(), &pb.WhoAmIRequest{})
	refused(err, codes.Unauthenticated, "TOKEN_MISSING")
	_, err = s.accounts.WhoAmI(client.WithToken(context.Background(), "none"), &pb.WhoAmIRequest{})
	refused(err, codes.Unauthenticated, "TOKEN_INVALID")
}

func unknownUser(s *server) {
	ann := s.register("ann")
	_, err := s.chat.Send(ann.ctx, sendRequest("nobody-"+randomHex(), "hello"))
	refused(err, codes.NotFound, "USER_NOT_FOUND")
}

func fieldViolation(s *server) {
	ann := s.register("ann")
	_, err := s.chat.Send(ann.ctx, sendRequest(ann.name, ""))
	refused(err, codes.InvalidArgument, "TEXT_EMPTY")
	violations := client.DetailsOf(err).BadRequest.GetFieldViolations()
	same("violations", len(violations), 1)
	same("field", violations[0].Field, "text")
}

func live(s *server) {
	ann, bob := s.register("ann"), s.register("bob")
	feed, stream := s.open(ann)
	defer feed.cancel()
	check(feed.event().GetWelcome() != nil, "the first event is not welcome")
	feed.backlog()

	text := "grüße \U0001F44B\nfrom two lines"
	ask := func(id uint64, request *pb.ChatRequest) {
		request.RequestId = id
		check(stream.Send(request) == nil, "request %d was not sent", id)
	}
	ask(2, &pb.ChatRequest{Request: &pb.ChatRequest_Send{Send: sendRequest(bob.name, text)}})
	sent := feed.reply(2).GetSend()
	check(sent != nil, "the send was not answered as one: %v", feed.reply(2))
	message := feed.message().GetMessage()
	same("seq", message.Seq, sent.Seq)
	same("conversation", message.ConversationId, sent.ConversationId)
	same("text", message.GetText(), text)

	ask(3, &pb.ChatRequest{Request: &pb.ChatRequest_Send{Send: sendRequest("nobody-"+randomHex(), "hello")}})
	failed := feed.reply(3).GetError()
	same("code", codes.Code(failed.GetCode()), codes.NotFound)
	same("reason", failed.GetReason(), "USER_NOT_FOUND")

	ask(4, &pb.ChatRequest{Request: &pb.ChatRequest_Ping{Ping: &pb.Ping{}}})
	check(feed.reply(4).GetPong().GetTime() != nil, "the ping was not answered by a pong: %v", feed.reply(4))

	check(stream.CloseSend() == nil, "the stream could not be half-closed")
	same("end of the stream", feed.end(), io.EOF)
}

func duplicateSend(s *server) {
	ann, bob := s.register("ann"), s.register("bob")
	request := sendRequest(bob.name, "once")
	first := must(s.chat.Send(ann.ctx, request))
	check(!first.Duplicate, "the first send is called a duplicate")
	again := must(s.chat.Send(ann.ctx, request))
	check(again.Duplicate, "the repeat is not called a duplicate")
	same("seq of the repeat", again.Seq, first.Seq)
	same("id of the repeat", again.MessageId, first.MessageId)

	request.Text = "another text"
	_, err := s.chat.Send(ann.ctx, request)
	refused(err, codes.AlreadyExists, "CLIENT_MESSAGE_ID_REUSED")
	page := must(s.conversations.ListMessages(ann.ctx, &pb.ListMessagesRequest{ConversationId: first.ConversationId}))
	same("messages", len(page.Messages), 1)
}

func rateLimited(s *server) {
	ann, bob := s.register("ann"), s.register("bob")
	type outcome struct {
		request *pb.SendRequest
		answer  *pb.SendResponse
		err     error
	}
	sent := map[uint64]string{} // the id of each message that was taken, by seq
	var turnedAway *outcome
	// Many at once: one after the other, a slow disk would keep them below the limit.
	for turnedAway == nil {
		check(len(sent) < 500, "%d messages were taken", len(sent))
		outcomes := make(chan outcome)
		const atOnce = 50
		for range atOnce {
			request := sendRequest(bob.name, "fast")
			go func() {
				answer, err := s.chat.Send(ann.ctx, request)
				outcomes <- outcome{request, answer, err}
			}()
		}
		for range atOnce {
			it := <-outcomes
			if it.err != nil {
				turnedAway = &it
			} else {
				sent[it.answer.Seq] = it.request.ClientMessageId
			}
		}
	}
	var answer *pb.SendResponse
	// What was sent beside it may have taken the place that it was told to wait for.
	for attempt := 0; attempt < 3 && answer == nil; attempt++ {
		refused(turnedAway.err, codes.ResourceExhausted, "RATE_LIMITED")
		wait := client.DetailsOf(turnedAway.err).Retry.GetRetryDelay().AsDuration()
		check(wait > 0 && wait < client.CallTimeout, "RetryInfo says %v", wait)
		time.Sleep(wait)
		answer, turnedAway.err = s.chat.Send(ann.ctx, turnedAway.request)
	}
	check(turnedAway.err == nil, "after the wait: %v", turnedAway.err)
	sent[answer.Seq] = turnedAway.request.ClientMessageId
	held := s.page(ann, answer.ConversationId, 0, 500)
	check(len(held) == len(sent), "%d messages are there, %d were taken", len(held), len(sent))
	for _, message := range held {
		same("client_message_id", message.ClientMessageId, sent[message.Seq])
	}
}

func offlineBacklog(s *server) {
	ann, bob := s.register("ann"), s.register("bob")
	sent := s.sendNumbered(ann, bob, 5)
	feed := s.subscribe(bob, &pb.SubscribeRequest{})
	defer feed.cancel()
	messages := messagesOf(feed.backlog())
	isNumbered(messages, 1, 5)
	for i, message := range messages {
		same("sender", message.Sender.Name, ann.name)
		same("sent_time", message.SentTime.AsTime(), sent[i].SentTime.AsTime())
	}
}

func resume(s *server) {
	ann, bob := s.register("ann"), s.register("bob")
	s.sendNumbered(ann, bob, 6)
	first := s.subscribe(bob, &pb.SubscribeRequest{})
	defer first.cancel()
	var read []*pb.Event
	for len(read) < 3 {
		read = append(read, first.message())
	}
	isNumbered(messagesOf(read), 1, 3)
	first.cancel()

	second := s.subscribe(bob, &pb.SubscribeRequest{ResumeCursor: &read[2].Cursor})
	defer second.cancel()
	isNumbered(messagesOf(second.backlog()), 4, 6)
}

func gap(s *server) {
	ann, bob := s.register("ann"), s.register("bob")
	s.sendNumbered(ann, bob, 5)
	feed := s.subscribe(bob, &pb.SubscribeRequest{MaxBacklogPerConversation: 2})
	defer feed.cancel()
	backlog := feed.backlog()
	isNumbered(messagesOf(backlog), 4, 5)

	gapAt := slices.IndexFunc(backlog, func(event *pb.Event) bool { return event.GetGap() != nil })
	messageAt := slices.IndexFunc(backlog, func(event *pb.Event) bool { return event.GetMessage() != nil })
	check(gapAt >= 0, "no gap came: %v", backlog)
	check(gapAt < messageAt, "the gap came after a message: %v", backlog)
	gap := backlog[gapAt].GetGap()
	same("from_seq", gap.FromSeq, 1)
	same("to_seq", gap.ToSeq, 3)
	isNumbered(s.page(bob, gap.ConversationId, gap.FromSeq-1, uint32(gap.ToSeq-gap.FromSeq+1)), 1, 3)
}

func unknownCursor(s *server) {
	ann, bob := s.register("ann"), s.register("bob")
	s.sendNumbered(ann, bob, 3)
	none := "none"
	feed := s.subscribe(bob, &pb.SubscribeRequest{ResumeCursor: &none})
	defer feed.cancel()
	check(feed.event().GetWelcome() != nil, "the first event is not welcome")
	reset := feed.event().GetReset_()
	check(reset != nil, "no reset came after welcome")
	same("reason", reset.Reason, pb.ResetReason_RESET_REASON_CURSOR_UNDECODABLE)
	isNumbered(messagesOf(feed.backlog()), 1, 3)
}

func revokedToken(s *server) {
	ann := s.register("ann")
	feed := s.subscribe(ann, &pb.SubscribeRequest{})
	defer feed.cancel()
	feed.backlog()

	login := must(s.accounts.Login(ann.ctx, &pb.LoginRequest{UserName: ann.name, Password: password}))
	second := client.WithToken(context.Background(), login.AccessToken)
	began := time.Now()
	must(s.accounts.RevokeDevice(second, &pb.RevokeDeviceRequest{DeviceId: ann.device}))
	refused(feed.end(), codes.Unauthenticated, "TOKEN_INVALID")
	took := time.Since(began)
	check(took < 2*time.Second, "the stream ended only after %v", took)
	_, err := s.accounts.WhoAmI(ann.ctx, &pb.WhoAmIRequest{})
	refused(err, codes.Unauthenticated, "TOKEN_INVALID")
}
