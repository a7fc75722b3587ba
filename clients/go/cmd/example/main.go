// An example client of TinyChat: logs in, sends a message to itself, pages through the history of that conversation and
// follows the live stream until a message `stop` comes. It is meant to be copied.
//
//	example SERVER NAME PASSWORD [CA_FILE]
package main

import (
	"context"
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"example.com/tinychat/client"
	pb "example.com/tinychat/gen/tinychatv1"
)

func main() {
	if len(os.Args) < 4 || len(os.Args) > 5 {
		fmt.Fprintln(os.Stderr, "usage: example SERVER NAME PASSWORD [CA_FILE]")
		os.Exit(2)
	}
	caFile := ""
	if len(os.Args) == 5 {
		caFile = os.Args[4]
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], caFile); err != nil {
		fmt.Fprintln(os.Stderr, status.Convert(err).Message())
		os.Exit(1)
	}
}

func run(server, name, password, caFile string) error {
	conn, err := client.Connect(server, caFile)
	if err != nil {
		return err
	}
	defer conn.Close()

	token, err := login(conn, name, password)
	if err != nil {
		return err
	}
	fmt.Println("logged in as", name)
	ctx := client.WithToken(context.Background(), token)

	conversation, err := send(ctx, conn, name, "hello from go")
	if err != nil {
		return err
	}
	if err := history(ctx, conn, conversation); err != nil {
		return err
	}
	return follow(ctx, conn)
}

// login makes the account, or logs in if it is there, and gives the token.
func login(conn *grpc.ClientConn, name, password string) (string, error) {
	accounts := pb.NewAuthServiceClient(conn)
	ctx := context.Background()
	made, err := accounts.Register(ctx, &pb.RegisterRequest{UserName: name, Password: password})
	if client.Reason(err) == "NAME_TAKEN" {
		login, err := accounts.Login(ctx, &pb.LoginRequest{UserName: name, Password: password})
		return login.GetAccessToken(), err
	}
	return made.GetAccessToken(), err
}

// send sends a text and gives the conversation that it stands in. The id makes it one message however often it is sent.
func send(ctx context.Context, conn *grpc.ClientConn, to, text string) (string, error) {
	sent, err := client.Repeat(ctx, pb.NewChatServiceClient(conn).Send, &pb.SendRequest{
		Target:          &pb.SendRequest_UserName{UserName: to},
		ClientMessageId: client.NewMessageID(),
		Text:            text,
	})
	if err != nil {
		return "", err
	}
	fmt.Println("sent as seq", sent.Seq)
	return sent.ConversationId, nil
}

// history prints a conversation from its beginning. Its pages are small to show how paging goes.
func history(ctx context.Context, conn *grpc.ClientConn, conversation string) error {
	conversations := pb.NewConversationServiceClient(conn)
	for after := uint64(0); ; {
		page, err := client.Repeat(ctx, conversations.ListMessages, &pb.ListMessagesRequest{
			ConversationId: conversation,
			Position:       &pb.ListMessagesRequest_AfterSeq{AfterSeq: after},
			PageSize:       2,
		})
		if err != nil {
			return err
		}
		for _, message := range page.Messages {
			fmt.Printf("history %d: %s\n", message.Seq, message.GetText())
			after = message.Seq
		}
		if len(page.Messages) == 0 || after >= page.LastSeq {
			return nil
		}
	}
}

// follow prints what comes, however often the connection breaks, until somebody sends `stop`.
func follow(ctx context.Context, conn *grpc.ClientConn) error {
	lost := func(error) { fmt.Fprintln(os.Stderr, "connection lost, trying again") }
	for event, err := range client.Follow(ctx, pb.NewChatServiceClient(conn), "", lost) {
		if err != nil {
			return err
		}
		// Other events, and kinds that are not known yet, say nothing to this program.
		if message := event.GetMessage(); message != nil {
			fmt.Printf("%s: %s\n", message.Sender.GetName(), message.GetText())
			if message.GetText() == "stop" {
				return nil
			}
		}
	}
	return nil
}
