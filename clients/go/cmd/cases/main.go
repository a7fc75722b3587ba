// The cases of clients/README.md against a real server. Prints `ok NAME` for each and how many there are at the end, or
// says what differed and exits 1.
//
//	cases SERVER [CA_FILE]
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/tinychat/client"
	pb "example.com/tinychat/gen/tinychatv1"
)

const password = "correct horse"

// cases in the order of clients/README.md.
var cases = []struct {
	name string
	run  func(*server)
}{
	{"register_and_login", registerAndLogin},
	{"no_token", noToken},
	{"unknown_user", unknownUser},
	{"field_violation", fieldViolation},
	{"live", live},
	{"duplicate_send", duplicateSend},
	{"rate_limited", rateLimited},
	{"offline_backlog", offlineBacklog},
	{"resume", resume},
	{"gap", gap},
	{"unknown_cursor", unknownCursor},
	{"revoked_token", revokedToken},
	{"a_channel", aChannel},
	{"edits_and_deletions", editsAndDeletions},
	{"replies_and_reactions", repliesAndReactions},
	{"search_and_mentions", searchAndMentions},
	{"settings_and_presence", settingsAndPresence},
	{"an_invite_link", anInviteLink},
	{"a_block", aBlock},
	{"delivered_and_read", deliveredAndRead},
	{"a_file", aFile},
	{"a_cut_upload", aCutUpload},
}

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 {
		fmt.Fprintln(os.Stderr, "usage: cases SERVER [CA_FILE]")
		os.Exit(2)
	}
	caFile := ""
	if len(os.Args) == 3 {
		caFile = os.Args[2]
	}
	conn, err := client.Connect(os.Args[1], caFile)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer conn.Close()
	server := &server{
		accounts:      pb.NewAuthServiceClient(conn),
		chat:          pb.NewChatServiceClient(conn),
		conversations: pb.NewConversationServiceClient(conn),
		files:         pb.NewFileServiceClient(conn),
	}
	for _, one := range cases {
		if err := differs(one.run, server); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", one.name, err)
			os.Exit(1)
		}
		fmt.Println("ok", one.name)
	}
	fmt.Printf("%d of %d\n", len(cases), len(cases))
}

// difference is what a check panics with: a case ends at the first, without an if after each line.
type difference string

// differs runs a case and gives what differed.
func differs(run func(*server), server *server) (err error) {
	defer func() {
		if found := recover(); found != nil {
			what, ours := found.(difference)
			if !ours {
				panic(found)
			}
			err = fmt.Errorf("%s", what)
		}
	}()
	run(server)
	return nil
}

func check(holds bool, format string, values ...any) {
	if !holds {
		panic(difference(fmt.Sprintf(format, values...)))
	}
}

func same[T comparable](what string, got, want T) {
	check(got == want, "%s: got %v, want %v", what, got, want)
}

// must takes the answer of a call that has to succeed.
func must[Answer any](answer Answer, err error) Answer {
	check(err == nil, "a call failed: %v", err)
	return answer
}

// eventually asks again and again until the answer is what it must be.
func eventually[T comparable](what string, ask func() T, want T) {
	end := time.Now().Add(client.CallTimeout)
	got := ask()
	for ; got != want && time.Now().Before(end); got = ask() {
		time.Sleep(10 * time.Millisecond)
	}
	same(what, got, want)
}

// refused checks that a call failed as it should.
func refused(err error, code codes.Code, reason string) {
	check(err != nil, "a call succeeded, want %v / %s", code, reason)
	info := client.DetailsOf(err).Info
	got := fmt.Sprintf("%v / %s of %s", status.Code(err), info.GetReason(), info.GetDomain())
	same("error", got, fmt.Sprintf("%v / %s of tinychat", code, reason))
}

// server is the server under test.
type server struct {
	accounts      pb.AuthServiceClient
	chat          pb.ChatServiceClient
	conversations pb.ConversationServiceClient
	files         pb.FileServiceClient
}

// user is an account of one case.
type user struct {
	name, id, device string
	ctx              context.Context // for the calls of this user
}

// register makes a user whom no other case knows.
func (s *server) register(role string) user {
	name := role + "-" + randomHex()
	made := must(s.accounts.Register(context.Background(), &pb.RegisterRequest{UserName: name, Password: password}))
	return user{name, made.User.Id, made.Device.Id, client.WithToken(context.Background(), made.AccessToken)}
}

// logIn makes another device of a user.
func (s *server) logIn(who user) user {
	made := must(s.accounts.Login(context.Background(), &pb.LoginRequest{UserName: who.name, Password: password}))
	return user{who.name, who.id, made.Device.Id, client.WithToken(context.Background(), made.AccessToken)}
}

// sendNumbered sends `number 1` to `number COUNT` and gives the answers.
func (s *server) sendNumbered(from, to user, count int) []*pb.SendResponse {
	var sent []*pb.SendResponse
	for number := 1; number <= count; number++ {
		sent = append(sent, must(s.chat.Send(from.ctx, sendRequest(to.name, numbered(number)))))
	}
	return sent
}

func numbered(number int) string {
	return fmt.Sprintf("number %d", number)
}

func sendRequest(to, text string) *pb.SendRequest {
	return &pb.SendRequest{
		Target:          &pb.SendRequest_UserName{UserName: to},
		ClientMessageId: client.NewMessageID(),
		Text:            text,
	}
}

func toConversation(id, text string) *pb.SendRequest {
	return &pb.SendRequest{
		Target:          &pb.SendRequest_ConversationId{ConversationId: id},
		ClientMessageId: client.NewMessageID(),
		Text:            text,
	}
}

func toChannel(name, text string) *pb.SendRequest {
	return &pb.SendRequest{
		Target:          &pb.SendRequest_ChannelName{ChannelName: name},
		ClientMessageId: client.NewMessageID(),
		Text:            text,
	}
}

func randomHex() string {
	var bytes [6]byte
	rand.Read(bytes[:]) // never fails
	return fmt.Sprintf("%x", bytes)
}

// page lists the messages after a seq.
func (s *server) page(who user, conversation string, after uint64, size uint32) []*pb.Message {
	return must(s.conversations.ListMessages(who.ctx, &pb.ListMessagesRequest{
		ConversationId: conversation,
		Position:       &pb.ListMessagesRequest_AfterSeq{AfterSeq: after},
		PageSize:       size,
	})).Messages
}

// feed reads what a stream brings, Chat or Subscribe.
type feed struct {
	read    func() ([]*pb.Event, []*pb.Reply, error)
	cancel  context.CancelFunc
	events  []*pb.Event // read, but not taken yet
	replies map[uint64]*pb.Reply
}

// subscribe opens a stream of events.
func (s *server) subscribe(who user, request *pb.SubscribeRequest) *feed {
	ctx, cancel := context.WithCancel(who.ctx)
	stream := must(s.chat.Subscribe(ctx, request))
	return &feed{cancel: cancel, read: func() ([]*pb.Event, []*pb.Reply, error) {
		frame, err := stream.Recv()
		return frame.GetEvents(), nil, err
	}}
}

// open opens a stream for both directions and says hello.
func (s *server) open(who user) (*feed, pb.ChatService_ChatClient) {
	ctx, cancel := context.WithCancel(who.ctx)
	stream := must(s.chat.Chat(ctx))
	hello := &pb.ChatRequest{RequestId: 1, Request: &pb.ChatRequest_Hello{Hello: &pb.Hello{}}}
	check(stream.Send(hello) == nil, "hello was not sent")
	return &feed{cancel: cancel, replies: make(map[uint64]*pb.Reply), read: func() ([]*pb.Event, []*pb.Reply, error) {
		frame, err := stream.Recv()
		return frame.GetEvents(), frame.GetReplies(), err
	}}, stream
}

// frame reads one frame, and ends the stream if none comes in time.
func (f *feed) frame() error {
	late := time.AfterFunc(client.CallTimeout, f.cancel)
	defer late.Stop()
	events, replies, err := f.read()
	f.events = append(f.events, events...)
	for _, reply := range replies {
		f.replies[reply.RequestId] = reply
	}
	return err
}

// event gives the next event.
func (f *feed) event() *pb.Event {
	for len(f.events) == 0 {
		err := f.frame()
		check(err == nil, "the stream ended instead of bringing an event: %v", err)
	}
	event := f.events[0]
	f.events = f.events[1:]
	return event
}

// backlog gives all events before caught_up.
func (f *feed) backlog() []*pb.Event {
	var events []*pb.Event
	for event := f.event(); event.GetCaughtUp() == nil; event = f.event() {
		events = append(events, event)
	}
	return events
}

// message gives the next event that is a message.
func (f *feed) message() *pb.Event {
	for {
		if event := f.event(); event.GetMessage() != nil {
			return event
		}
	}
}

// until gives all events up to the first that is wanted, itself included.
func (f *feed) until(wanted func(*pb.Event) bool) []*pb.Event {
	for events := []*pb.Event{}; ; {
		event := f.event()
		events = append(events, event)
		if wanted(event) {
			return events
		}
	}
}

// untilText gives all events up to the message with this text.
func (f *feed) untilText(text string) []*pb.Event {
	return f.until(func(event *pb.Event) bool { return event.GetMessage().GetText() == text })
}

// reply gives the answer to a request.
func (f *feed) reply(id uint64) *pb.Reply {
	for f.replies[id] == nil {
		err := f.frame()
		check(err == nil, "the stream ended instead of answering request %d: %v", id, err)
	}
	return f.replies[id]
}

// end reads up to the error that ends the stream.
func (f *feed) end() error {
	for {
		if err := f.frame(); err != nil {
			return err
		}
	}
}

// story tells in words what a stream brought: messages and changes of members, in their order.
func story(events []*pb.Event) string {
	var words []string
	for _, event := range events {
		if message := event.GetMessage(); message != nil {
			words = append(words, fmt.Sprintf("%d %q", message.Seq, message.GetText()))
		}
		if changed := event.GetMemberChanged(); changed != nil {
			words = append(words, changed.User.GetName()+" "+changed.Change.String())
		}
	}
	return strings.Join(words, ", ")
}

// counts tells in words the reactions to a message.
func counts(reactions []*pb.Reaction) string {
	var words []string
	for _, reaction := range reactions {
		words = append(words, fmt.Sprintf("%s %d %v", reaction.Emoji, reaction.Count, reaction.Mine))
	}
	return strings.Join(words, ", ")
}

// names gives the names of users, in their order.
func names(users []*pb.UserRef) string {
	var words []string
	for _, user := range users {
		words = append(words, user.Name)
	}
	return strings.Join(words, ", ")
}

// snippets tells in words what a search found: the text of each snippet, and what is marked first in it, since hex digits
// of a name could be marked, too.
func snippets(hits []*pb.SearchHit) string {
	var words []string
	for _, hit := range hits {
		text, marked := "", ""
		for _, part := range hit.Snippet {
			text += part.Text
			if part.Match && marked == "" {
				marked = part.Text
			}
		}
		words = append(words, fmt.Sprintf("%s [%s]", text, marked))
	}
	return strings.Join(words, ", ")
}

// messagesOf gives the messages among events.
func messagesOf(events []*pb.Event) []*pb.Message {
	var messages []*pb.Message
	for _, event := range events {
		if message := event.GetMessage(); message != nil {
			messages = append(messages, message)
		}
	}
	return messages
}

// isNumbered checks that messages are `number FIRST` to `number LAST`, each once and in order, with those seqs.
func isNumbered(messages []*pb.Message, first, last int) {
	var got, want []string
	for _, message := range messages {
		got = append(got, fmt.Sprintf("%d %q", message.Seq, message.GetText()))
	}
	for number := first; number <= last; number++ {
		want = append(want, fmt.Sprintf("%d %q", number, numbered(number)))
	}
	same("messages", strings.Join(got, ", "), strings.Join(want, ", "))
}
