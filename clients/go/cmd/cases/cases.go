// The cases themselves; what each has to show stands in clients/README.md.

package main

import (
	"context"
	"io"
	"slices"
	"strings"
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

func aChannel(s *server) {
	ann, bob := s.register("ann"), s.register("bob")
	hers, his := s.subscribe(ann, &pb.SubscribeRequest{}), s.subscribe(bob, &pb.SubscribeRequest{})
	defer hers.cancel()
	defer his.cancel()
	hers.backlog()
	his.backlog()
	name := "channel-" + randomHex()
	made := must(s.conversations.CreateConversation(ann.ctx, &pb.CreateConversationRequest{
		Kind:          pb.ConversationKind_CONVERSATION_KIND_CHANNEL,
		Name:          name,
		HistoryAccess: pb.HistoryAccess_HISTORY_ACCESS_SINCE_JOIN,
	})).Conversation
	same("name", made.Name, name)
	same("role", made.MyRole, pb.Role_ROLE_OWNER)
	must(s.chat.Send(ann.ctx, toChannel(name, "before bob")))

	joined := must(s.conversations.JoinChannel(bob.ctx, &pb.JoinChannelRequest{ChannelName: name})).Conversation
	same("id", joined.Id, made.Id)
	same("role", joined.MyRole, pb.Role_ROLE_MEMBER)
	must(s.chat.Send(bob.ctx, toChannel(name, "from bob")))
	must(s.chat.Send(ann.ctx, toChannel(name, "from ann")))
	both := bob.name + ` MEMBER_CHANGE_JOINED, 2 "from bob", 3 "from ann"`
	same("stream of ann", story(hers.untilText("from ann")), `1 "before bob", `+both)
	same("stream of bob", story(his.untilText("from ann")), both)
	list := &pb.ListMessagesRequest{ConversationId: made.Id}
	page := must(s.conversations.ListMessages(bob.ctx, list))
	same("messages", len(page.Messages), 2)
	same("first message", page.Messages[0].GetText(), "from bob")
	same("second message", page.Messages[1].GetText(), "from ann")
	same("history_floor_seq", page.HistoryFloorSeq, 1)
	same("last_seq", page.LastSeq, 3)

	must(s.conversations.LeaveConversation(bob.ctx, &pb.LeaveConversationRequest{ConversationId: made.Id}))
	_, err := s.conversations.ListMessages(bob.ctx, list)
	refused(err, codes.NotFound, "CONVERSATION_NOT_FOUND")
	must(s.chat.Send(ann.ctx, toChannel(name, "after bob")))
	must(s.chat.Send(ann.ctx, sendRequest(bob.name, "just to you"))) // comes after what must not come
	left := bob.name + " MEMBER_CHANGE_LEFT, "
	same("stream of ann", story(hers.untilText("just to you")), left+`4 "after bob", 1 "just to you"`)
	same("stream of bob", story(his.untilText("just to you")), left+`1 "just to you"`)
}

func editsAndDeletions(s *server) {
	ann, bob := s.register("ann"), s.register("bob")
	feed := s.subscribe(bob, &pb.SubscribeRequest{})
	defer feed.cancel()
	feed.backlog()
	sent := must(s.chat.Send(ann.ctx, sendRequest(bob.name, "as sent")))
	feed.untilText("as sent")

	edit := &pb.EditMessageRequest{ConversationId: sent.ConversationId, Seq: sent.Seq, Text: "as edited"}
	edited := must(s.conversations.EditMessage(ann.ctx, edit)).Message
	events := feed.until(func(event *pb.Event) bool { return event.GetMessageEdited() != nil })
	told := events[len(events)-1].GetMessageEdited().Message
	for _, message := range []*pb.Message{edited, told} {
		same("seq", message.GetSeq(), sent.Seq)
		same("text", message.GetText(), "as edited")
		same("revision", message.GetRevision(), 1)
	}
	remove := &pb.DeleteMessageRequest{ConversationId: sent.ConversationId, Seq: sent.Seq}
	edit.Text = "not mine"
	_, err := s.conversations.EditMessage(bob.ctx, edit)
	refused(err, codes.PermissionDenied, "MESSAGE_NOT_YOURS")
	_, err = s.conversations.DeleteMessage(bob.ctx, remove)
	refused(err, codes.PermissionDenied, "MESSAGE_NOT_YOURS")

	deleted := must(s.conversations.DeleteMessage(ann.ctx, remove)).Message
	events = feed.until(func(event *pb.Event) bool { return event.GetMessageDeleted() != nil })
	event := events[len(events)-1].GetMessageDeleted()
	same("seq of the event", event.Seq, sent.Seq)
	same("revision of the event", event.Revision, 2)
	same("deleted_by", event.DeletedBy.GetName(), ann.name)
	edit.Text = "too late"
	_, err = s.conversations.EditMessage(ann.ctx, edit)
	refused(err, codes.FailedPrecondition, "MESSAGE_DELETED")
	held := s.page(bob, sent.ConversationId, 0, 0)
	same("messages", len(held), 1)
	for _, message := range []*pb.Message{deleted, held[0]} {
		same("seq", message.GetSeq(), sent.Seq)
		same("revision", message.GetRevision(), 2)
		check(message.GetDeleted() && message.Content == nil, "it is not deleted: %v", message)
	}
}

func repliesAndReactions(s *server) {
	ann, bob := s.register("ann"), s.register("bob")
	hers, his := s.subscribe(ann, &pb.SubscribeRequest{}), s.subscribe(bob, &pb.SubscribeRequest{})
	defer hers.cancel()
	defer his.cancel()
	hers.backlog()
	his.backlog()
	question := must(s.chat.Send(ann.ctx, sendRequest(bob.name, "a question")))
	reply := sendRequest(ann.name, "an answer")
	reply.ReplyToSeq = question.Seq
	answer := must(s.chat.Send(bob.ctx, reply))
	for _, feed := range []*feed{hers, his} {
		messages := messagesOf(feed.untilText("an answer"))
		same("messages", len(messages), 2)
		same("reply_to_seq of the question", messages[0].ReplyToSeq, 0)
		same("seq", messages[1].Seq, answer.Seq)
		same("reply_to_seq", messages[1].ReplyToSeq, question.Seq)
	}
	unknown := sendRequest(ann.name, "to nothing")
	unknown.ReplyToSeq = 99
	_, err := s.chat.Send(bob.ctx, unknown)
	refused(err, codes.InvalidArgument, "REPLY_TO_UNKNOWN")

	const thumb = "\U0001F44D"
	// What bob is told, and what both find in the history.
	told := func(added bool, toAnn, toBob string) {
		events := his.until(func(event *pb.Event) bool { return event.GetReactionChanged() != nil })
		event := events[len(events)-1].GetReactionChanged()
		same("seq of the event", event.Seq, answer.Seq)
		same("reactions of the event", counts(event.Reactions), toBob)
		same("user of the event", event.User.GetName(), ann.name)
		same("emoji of the event", event.Emoji, thumb)
		same("added", event.Added, added)
		same("history of ann", counts(s.page(ann, answer.ConversationId, question.Seq, 0)[0].Reactions), toAnn)
		same("history of bob", counts(s.page(bob, answer.ConversationId, question.Seq, 0)[0].Reactions), toBob)
	}
	add := &pb.AddReactionRequest{ConversationId: answer.ConversationId, Seq: answer.Seq, Emoji: thumb}
	same("reactions", counts(must(s.conversations.AddReaction(ann.ctx, add)).Reactions), thumb+" 1 true")
	told(true, thumb+" 1 true", thumb+" 1 false")
	remove := &pb.RemoveReactionRequest{ConversationId: answer.ConversationId, Seq: answer.Seq, Emoji: thumb}
	same("reactions", counts(must(s.conversations.RemoveReaction(ann.ctx, remove)).Reactions), "")
	told(false, "", "")
}

func searchAndMentions(s *server) {
	ann, bob := s.register("ann"), s.register("bob")
	name := "channel-" + randomHex()
	made := must(s.conversations.CreateConversation(ann.ctx, &pb.CreateConversationRequest{
		Kind:      pb.ConversationKind_CONVERSATION_KIND_CHANNEL,
		Name:      name,
		UserNames: []string{bob.name},
	})).Conversation
	meet, closed := "Meet at the Café, @"+bob.name, "the café is closed"
	first := must(s.chat.Send(ann.ctx, toChannel(name, meet)))
	must(s.chat.Send(ann.ctx, toChannel(name, closed)))

	found := func(query string) string {
		request := &pb.SearchMessagesRequest{Query: query, ConversationId: made.Id}
		return snippets(must(s.conversations.SearchMessages(bob.ctx, request)).Hits)
	}
	same("hits", found("CAFE"), closed+" [café], "+meet+" [Café]")
	same("hits of words that stand together", found(`"café is"`), closed+" [café is]")
	same("hits of what is mere text", found(`a" OR (`), "")
	_, err := s.conversations.SearchMessages(bob.ctx, &pb.SearchMessagesRequest{ConversationId: made.Id})
	refused(err, codes.InvalidArgument, "QUERY_INVALID")
	violations := client.DetailsOf(err).BadRequest.GetFieldViolations()
	same("violations", len(violations), 1)
	same("field", violations[0].Field, "query")

	mentions := func() []*pb.Message {
		return must(s.conversations.ListMentions(bob.ctx, &pb.ListMentionsRequest{})).Messages
	}
	held := mentions()
	same("messages that mention bob", len(held), 1)
	same("seq", held[0].Seq, first.Seq)
	same("mentions", len(held[0].Mentions), 1)
	same("mentioned", held[0].Mentions[0].Name, bob.name)
	get := &pb.GetConversationRequest{ConversationId: made.Id}
	same("count of mentions", must(s.conversations.GetConversation(bob.ctx, get)).Conversation.Mentions, 1)

	remove := &pb.DeleteMessageRequest{ConversationId: made.Id, Seq: first.Seq}
	must(s.conversations.DeleteMessage(ann.ctx, remove))
	same("hits of what is deleted", found("meet"), "")
	same("mentions of what is deleted", len(mentions()), 0)
}

func settingsAndPresence(s *server) {
	ann, bob := s.register("ann"), s.register("bob")
	other, third := s.logIn(bob), s.logIn(bob)
	id := must(s.chat.Send(ann.ctx, sendRequest(bob.name, "hello"))).ConversationId
	first := s.subscribe(bob, &pb.SubscribeRequest{})
	his := s.subscribe(other, &pb.SubscribeRequest{EphemeralEvents: true})
	hers := s.subscribe(ann, &pb.SubscribeRequest{EphemeralEvents: true})
	for _, feed := range []*feed{first, his, hers} {
		defer feed.cancel()
		feed.backlog()
	}

	isSettings := func(event *pb.Event) bool { return event.GetSettingsChanged() != nil }
	// What the second device of bob is told.
	told := func(level pb.NotifyLevel) {
		events := his.until(isSettings)
		event := events[len(events)-1].GetSettingsChanged()
		same("conversation", event.ConversationId, id)
		same("marked_unread", event.MarkedUnread, true)
		same("level", event.Notify.GetLevel(), level)
	}
	must(s.chat.MarkUnread(bob.ctx, &pb.MarkUnreadRequest{ConversationId: id}))
	told(pb.NotifyLevel_NOTIFY_LEVEL_ALL)
	none := &pb.NotifySettings{Level: pb.NotifyLevel_NOTIFY_LEVEL_NONE}
	set := &pb.SetNotifyLevelRequest{ConversationId: id, Notify: none}
	same("level that holds", must(s.conversations.SetNotifyLevel(bob.ctx, set)).Notify.GetLevel(), none.Level)
	told(none.Level)
	must(s.chat.Send(bob.ctx, sendRequest(ann.name, "it is set"))) // comes after what must not come
	check(!slices.ContainsFunc(hers.untilText("it is set"), isSettings), "ann is told what bob sets")

	quiet := &pb.SetPresenceRequest{Presence: pb.Presence_PRESENCE_DO_NOT_DISTURB}
	same("presence", must(s.chat.SetPresence(bob.ctx, quiet)).Presence, quiet.Presence)
	hers.until(func(event *pb.Event) bool { // others may come before it
		return event.GetPresence().GetUserId() == bob.id && event.GetPresence().Presence == quiet.Presence
	})
	_, err := s.chat.SetPresence(third.ctx, quiet)
	refused(err, codes.FailedPrecondition, "NO_OPEN_STREAM")

	isTyping := func(event *pb.Event) bool { return event.GetTyping() != nil }
	must(s.chat.SetTyping(bob.ctx, &pb.SetTypingRequest{ConversationId: id, Typing: true}))
	events := hers.until(isTyping)
	typing := events[len(events)-1].GetTyping()
	same("conversation", typing.ConversationId, id)
	same("who types", typing.User.GetName(), bob.name)
	same("typing", typing.Typing, true)
	must(s.chat.Send(ann.ctx, sendRequest(bob.name, "you type")))
	check(!slices.ContainsFunc(his.untilText("you type"), isTyping), "a device of bob is told that he types")
}

func anInviteLink(s *server) {
	ann, bob, eve := s.register("ann"), s.register("bob"), s.register("eve")
	his := s.subscribe(bob, &pb.SubscribeRequest{})
	defer his.cancel()
	his.backlog()
	made := must(s.conversations.CreateConversation(ann.ctx, &pb.CreateConversationRequest{
		Kind:          pb.ConversationKind_CONVERSATION_KIND_GROUP,
		Name:          "a club",
		HistoryAccess: pb.HistoryAccess_HISTORY_ACCESS_SINCE_JOIN,
	})).Conversation
	must(s.chat.Send(ann.ctx, toConversation(made.Id, "before bob")))
	create := &pb.CreateInviteLinkRequest{ConversationId: made.Id, UsesMax: 1}
	link := must(s.conversations.CreateInviteLink(ann.ctx, create))
	check(strings.HasPrefix(link.Code, "tci_"), "the code does not begin with tci_")
	list := &pb.ListInviteLinksRequest{ConversationId: made.Id}
	links := must(s.conversations.ListInviteLinks(ann.ctx, list)).InviteLinks
	same("links", len(links), 1)
	same("id of the link", links[0].Id, link.InviteLink.GetId())
	same("uses_max", links[0].UsesMax, 1)

	join := &pb.JoinByInviteLinkRequest{Code: link.Code}
	joined := must(s.conversations.JoinByInviteLink(bob.ctx, join)).Conversation
	same("id", joined.Id, made.Id)
	same("role", joined.MyRole, pb.Role_ROLE_MEMBER)
	must(s.chat.Send(ann.ctx, toConversation(made.Id, "to bob, too")))
	came := story(his.untilText("to bob, too"))
	same("stream of bob", came, bob.name+` MEMBER_CHANGE_JOINED, 2 "to bob, too"`)
	page := must(s.conversations.ListMessages(bob.ctx, &pb.ListMessagesRequest{ConversationId: made.Id}))
	same("messages", len(page.Messages), 1)
	same("message", page.Messages[0].GetText(), "to bob, too")
	same("history_floor_seq", page.HistoryFloorSeq, 1)

	same("links at the end", len(must(s.conversations.ListInviteLinks(ann.ctx, list)).InviteLinks), 0)
	_, err := s.conversations.JoinByInviteLink(eve.ctx, join)
	refused(err, codes.NotFound, "INVITE_LINK_VOID")
}

func aBlock(s *server) {
	ann, bob := s.register("ann"), s.register("bob")
	other := s.logIn(bob)
	must(s.chat.Send(ann.ctx, sendRequest(bob.name, "hello")))
	his, hers := s.subscribe(other, &pb.SubscribeRequest{}), s.subscribe(ann, &pb.SubscribeRequest{})
	for _, feed := range []*feed{his, hers} {
		defer feed.cancel()
		feed.backlog()
	}
	isBlocks := func(event *pb.Event) bool { return event.GetBlocksChanged() != nil }
	// Whom bob blocks, as his second device is told.
	told := func() string {
		events := his.until(isBlocks)
		return names(events[len(events)-1].GetBlocksChanged().Users)
	}

	must(s.chat.BlockUser(bob.ctx, &pb.BlockUserRequest{UserName: ann.name}))
	same("blocks of the event", told(), ann.name)
	listed := must(s.chat.ListBlockedUsers(bob.ctx, &pb.ListBlockedUsersRequest{}))
	same("blocks of bob", names(listed.Users), ann.name)
	_, err := s.chat.Send(ann.ctx, sendRequest(bob.name, "?"))
	refused(err, codes.PermissionDenied, "BLOCKED_BY_USER")
	_, err = s.chat.Send(bob.ctx, sendRequest(ann.name, "!"))
	refused(err, codes.FailedPrecondition, "USER_BLOCKED")

	must(s.chat.UnblockUser(bob.ctx, &pb.UnblockUserRequest{UserName: ann.name}))
	same("blocks of the event", told(), "")
	must(s.chat.Send(ann.ctx, sendRequest(bob.name, "at last")))
	same("stream of bob", story(his.untilText("at last")), `2 "at last"`)
	check(!slices.ContainsFunc(hers.untilText("at last"), isBlocks), "ann is told whom bob blocks")
}

func deliveredAndRead(s *server) {
	ann, bob := s.register("ann"), s.register("bob")
	hers := s.subscribe(ann, &pb.SubscribeRequest{EphemeralEvents: true})
	his := s.subscribe(bob, &pb.SubscribeRequest{})
	for _, feed := range []*feed{hers, his} {
		defer feed.cancel()
		feed.backlog()
	}
	sent := must(s.chat.Send(ann.ctx, sendRequest(bob.name, "did it come?")))
	type come struct {
		user            string
		delivered, read uint64
	}
	// How far bob has come, as ann is told.
	marker := func() come {
		list := &pb.ListMarkersRequest{ConversationId: sent.ConversationId}
		markers := must(s.conversations.ListMarkers(ann.ctx, list)).Markers
		same("markers", len(markers), 1)
		return come{markers[0].User.GetName(), markers[0].DeliveredSeq, markers[0].ReadSeq}
	}
	same("marker", marker(), come{bob.name, 0, 0})

	events := his.untilText("did it come?")
	must(s.chat.Acknowledge(bob.ctx, &pb.AcknowledgeRequest{Cursor: events[len(events)-1].Cursor}))
	events = hers.until(func(event *pb.Event) bool { return event.GetDelivered() != nil })
	delivered := events[len(events)-1].GetDelivered()
	same("conversation", delivered.ConversationId, sent.ConversationId)
	same("at whom", delivered.UserId, bob.id)
	same("delivered_seq", delivered.DeliveredSeq, sent.Seq)
	eventually("marker", marker, come{bob.name, sent.Seq, 0})

	must(s.chat.MarkRead(bob.ctx, &pb.MarkReadRequest{ConversationId: sent.ConversationId, ReadSeq: sent.Seq}))
	same("marker", marker(), come{bob.name, sent.Seq, sent.Seq})
}
