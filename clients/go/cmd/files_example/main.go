// An example of files: NAME uploads one and sends it, and a friend of NAME downloads it. The friend is NAME-friend. It
// is meant to be copied.
//
//	files_example SERVER NAME PASSWORD FILE [CA_FILE]
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"example.com/tinychat/client"
	pb "example.com/tinychat/gen/tinychatv1"
)

func main() {
	if len(os.Args) < 5 || len(os.Args) > 6 {
		fmt.Fprintln(os.Stderr, "usage: files_example SERVER NAME PASSWORD FILE [CA_FILE]")
		os.Exit(2)
	}
	caFile := ""
	if len(os.Args) == 6 {
		caFile = os.Args[5]
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4], caFile); err != nil {
		fmt.Fprintln(os.Stderr, status.Convert(err).Message())
		os.Exit(1)
	}
}

func run(server, name, password, path, caFile string) error {
	conn, err := client.Connect(server, caFile)
	if err != nil {
		return err
	}
	defer conn.Close()
	friend := name + "-friend"
	hers, err := login(conn, name, password)
	if err != nil {
		return err
	}
	his, err := login(conn, friend, password)
	if err != nil {
		return err
	}
	fmt.Println("logged in as", name, "and", friend)

	sent, err := send(hers, conn, friend, path)
	if err != nil {
		return err
	}
	message, err := waitFor(his, conn, sent.MessageId)
	if err != nil {
		return err
	}
	for _, file := range message.Attachments {
		// Others gave the file its name: it is shown, and no path is made of it.
		fmt.Printf("%s got %s from %s\n", friend, file.Name, message.Sender.GetName())
		if err := compare(his, conn, file, path); err != nil {
			return err
		}
		fmt.Printf("downloaded %d bytes, equal to those of %s\n", file.SizeBytes, name)
	}
	return nil
}

// login makes the account, or logs in if it is there, and gives a context that carries the token.
func login(conn *grpc.ClientConn, name, password string) (context.Context, error) {
	accounts := pb.NewAuthServiceClient(conn)
	ctx := context.Background()
	made, err := accounts.Register(ctx, &pb.RegisterRequest{UserName: name, Password: password})
	token := made.GetAccessToken()
	if client.Reason(err) == "NAME_TAKEN" {
		var login *pb.LoginResponse
		login, err = accounts.Login(ctx, &pb.LoginRequest{UserName: name, Password: password})
		token = login.GetAccessToken()
	}
	return client.WithToken(ctx, token), err
}

// send uploads a file and sends it to a user.
func send(ctx context.Context, conn *grpc.ClientConn, to, path string) (*pb.SendResponse, error) {
	source, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	is, err := source.Stat()
	if err != nil {
		return nil, err
	}
	begin := &pb.CreateUploadRequest{Name: filepath.Base(path), SizeBytes: uint64(is.Size())}
	uploaded, err := client.Upload(ctx, pb.NewFileServiceClient(conn), source, begin, lost)
	if err != nil {
		return nil, err
	}
	fmt.Printf("uploaded %s, %d bytes\n", uploaded.Name, uploaded.SizeBytes)
	sent, err := client.Repeat(ctx, pb.NewChatServiceClient(conn).Send, &pb.SendRequest{
		Target:          &pb.SendRequest_UserName{UserName: to},
		ClientMessageId: client.NewMessageID(),
		Attachments:     []*pb.Attachment{{FileId: uploaded.Id}},
	})
	if err == nil {
		fmt.Println("sent")
	}
	return sent, err
}

// waitFor gives the message as it comes to the other side.
func waitFor(ctx context.Context, conn *grpc.ClientConn, id string) (*pb.Message, error) {
	for event, err := range client.Follow(ctx, pb.NewChatServiceClient(conn), "", lost) {
		if err != nil {
			return nil, err
		}
		if message := event.GetMessage(); message.GetMessageId() == id {
			return message, nil
		}
	}
	return nil, io.ErrUnexpectedEOF // Follow ends with an error only
}

// compare downloads a file to the disk and compares it with that of the sender.
func compare(ctx context.Context, conn *grpc.ClientConn, file *pb.File, path string) error {
	copied, err := os.CreateTemp("", "tinychat-")
	if err != nil {
		return err
	}
	defer os.Remove(copied.Name())
	defer copied.Close()
	if _, err := client.Download(ctx, pb.NewFileServiceClient(conn), file.Id, 0, copied, lost); err != nil {
		return err
	}
	came, err := os.ReadFile(copied.Name())
	if err != nil {
		return err
	}
	went, err := os.ReadFile(path)
	if err == nil && !bytes.Equal(came, went) {
		err = fmt.Errorf("what came is not what stands in %s", path)
	}
	return err
}

func lost(error) {
	fmt.Fprintln(os.Stderr, "connection lost, trying again")
}
