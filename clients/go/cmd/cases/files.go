// The cases about files; what each has to show stands in clients/README.md.

package main

import (
	"bytes"
	"context"
	"fmt"

	"google.golang.org/grpc/codes"

	"example.com/tinychat/client"
	pb "example.com/tinychat/gen/tinychatv1"
)

// lines is a file of several pieces, each of them another.
func lines() []byte {
	var lines bytes.Buffer
	for number := 1; number <= 30_000; number++ {
		fmt.Fprintln(&lines, "line", number)
	}
	return lines.Bytes()
}

func aFile(s *server) {
	ann, bob, eve := s.register("ann"), s.register("bob"), s.register("eve")
	his := s.subscribe(bob, &pb.SubscribeRequest{})
	defer his.cancel()
	his.backlog()
	whole := lines()
	begin := &pb.CreateUploadRequest{Name: "lines.txt", SizeBytes: uint64(len(whole)), MediaType: "text/plain"}
	made := must(client.Upload(ann.ctx, s.files, bytes.NewReader(whole), begin, notLost))
	request := sendRequest(bob.name, "all of them")
	request.Attachments = []*pb.Attachment{{FileId: made.Id}}
	must(s.chat.Send(ann.ctx, request))

	messages := messagesOf(his.untilText("all of them"))
	same("attachments", len(messages[0].Attachments), 1)
	came := messages[0].Attachments[0]
	same("id", came.Id, made.Id)
	same("name", came.Name, "lines.txt")
	same("size_bytes", came.SizeBytes, begin.SizeBytes)
	same("media_type", came.MediaType, "text/plain")
	same("length of the hash", len(came.Blake3), 32)
	for _, offset := range []uint64{0, 100_000} {
		got, err := s.fetched(bob, came, offset)
		check(err == nil, "the file did not come from %d on: %v", offset, err)
		check(bytes.Equal(got, whole[offset:]), "other bytes came from %d on", offset)
	}
	_, err := s.files.GetFile(eve.ctx, &pb.GetFileRequest{FileId: made.Id})
	refused(err, codes.NotFound, "FILE_NOT_FOUND")
	_, err = s.fetched(eve, came, 0)
	refused(err, codes.NotFound, "FILE_NOT_FOUND")
}

func aCutUpload(s *server) {
	ann := s.register("ann")
	whole := lines()
	begin := &pb.CreateUploadRequest{Name: "lines.txt", SizeBytes: uint64(len(whole))}
	begun := must(client.BeginUpload(ann.ctx, s.files, begin))
	ctx, cut := context.WithCancel(ann.ctx)
	defer cut()
	call := must(s.files.UploadChunks(ctx))
	for offset := uint64(0); offset < 2*client.Piece; offset += client.Piece {
		data := whole[offset : offset+client.Piece]
		err := call.Send(&pb.UploadChunksRequest{UploadId: begun.Id, Offset: offset, Data: data})
		check(err == nil, "the piece at %d was not sent: %v", offset, err)
	}
	get := &pb.GetUploadRequest{UploadId: begun.Id}
	stands := func() uint64 { return must(s.files.GetUpload(ann.ctx, get)).Upload.GetCommittedBytes() }
	eventually("committed_bytes", stands, 2*client.Piece)
	cut()
	same("committed_bytes after the cut", stands(), 2*client.Piece)
	again := &pb.UploadChunkRequest{UploadId: begun.Id, Data: whole[:client.Piece]}
	_, err := s.files.UploadChunk(ann.ctx, again)
	refused(err, codes.FailedPrecondition, "UPLOAD_OFFSET")
	complete := &pb.CompleteUploadRequest{UploadId: begun.Id}
	_, err = s.files.CompleteUpload(ann.ctx, complete)
	refused(err, codes.FailedPrecondition, "UPLOAD_INCOMPLETE")

	made := must(client.ContinueUpload(ann.ctx, s.files, begun.Id, bytes.NewReader(whole), notLost))
	same("file by a repeat", must(s.files.CompleteUpload(ann.ctx, complete)).File.GetId(), made.Id)
	same("file by its upload", must(s.files.GetUpload(ann.ctx, get)).File.GetId(), made.Id)
	check(bytes.Equal(must(s.fetched(ann, made, 0)), whole), "other bytes came")
}

// fetched is what comes of a file, from an offset on.
func (s *server) fetched(who user, file *pb.File, offset uint64) ([]byte, error) {
	var came bytes.Buffer
	_, err := client.Download(who.ctx, s.files, file.Id, offset, &came, notLost)
	return came.Bytes(), err
}

func notLost(err error) {
	check(false, "the connection broke: %v", err)
}
