// Files: uploads and downloads that go on where they were, however often the connection breaks.

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	pb "example.com/tinychat/gen/tinychatv1"
)

// Piece is how many bytes of a file are sent at once.
const Piece = 64 * 1024

// ErrFileDiffers says that what came is not the file that was asked for.
var ErrFileDiffers = errors.New("what came is not the file that was asked for")

// Upload uploads a file. Attach its id to a message: until then it is yours alone, and does not stay for long. For
// lost see ContinueUpload.
func Upload(ctx context.Context, files pb.FileServiceClient, source io.ReaderAt, begin *pb.CreateUploadRequest,
	lost func(error)) (*pb.File, error) {
	begun, err := BeginUpload(ctx, files, begin)
	if err != nil {
		return nil, err
	}
	return ContinueUpload(ctx, files, begun.Id, source, lost)
}

// BeginUpload says what will come: its name and size at the least. Whoever keeps the id of the upload can go on with it
// in another run of the program. If the answer is lost, the repeat begins another upload; the server forgets the first
// after a while.
//
// The hash of the whole may be said, too. Neither Go nor Debian has BLAKE3; with a module such as
// lukechampine.com/blake3 set the field, and compare that of a File with what Download wrote.
func BeginUpload(ctx context.Context, files pb.FileServiceClient, begin *pb.CreateUploadRequest) (*pb.Upload, error) {
	created, err := Repeat(ctx, files.CreateUpload, begin)
	return created.GetUpload(), err
}

// ContinueUpload brings what the server does not have yet, and makes the whole a file. For each break it calls lost,
// once. It gives up when nothing came further for a minute; then the upload is still there to be continued.
func ContinueUpload(ctx context.Context, files pb.FileServiceClient, id string, source io.ReaderAt,
	lost func(error)) (*pb.File, error) {
	tries := newTries(lost)
	for furthest := uint64(0); ; {
		// Also says what became of it if the answer of CompleteUpload was lost.
		seen, err := Repeat(ctx, files.GetUpload, &pb.GetUploadRequest{UploadId: id})
		if err != nil || seen.File != nil {
			return seen.GetFile(), err
		}
		if seen.Upload.GetCommittedBytes() > furthest {
			furthest = seen.Upload.CommittedBytes
			tries.cameFurther()
		}
		err = bring(ctx, files, seen.Upload, source)
		if err == nil {
			var completed *pb.CompleteUploadResponse
			completed, err = files.CompleteUpload(ctx, &pb.CompleteUploadRequest{UploadId: id})
			if err == nil {
				return completed.File, nil
			}
		}
		wait, again := worthRepeating(err)
		// A call that broke brought more after we had asked: ask again.
		again = again || Reason(err) == "UPLOAD_OFFSET"
		if !again || !tries.sleep(ctx, err, wait) {
			return nil, err
		}
	}
}

// bring makes one call that brings everything from where the upload stands. A file may take its time, so it has no
// deadline: the pings of the connection notice a server that is gone, and the server one of us that is too slow.
func bring(ctx context.Context, files pb.FileServiceClient, upload *pb.Upload, source io.ReaderAt) error {
	offset := upload.GetCommittedBytes()
	if offset >= upload.GetSizeBytes() {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the call if the source cannot be read
	stream, err := files.UploadChunks(ctx)
	if err != nil {
		return err
	}
	for end := error(nil); end == nil && offset < upload.SizeBytes; {
		data := make([]byte, min(Piece, upload.SizeBytes-offset))
		var count int
		count, end = source.ReadAt(data, int64(offset))
		if end != nil && end != io.EOF {
			return end
		}
		// A source that ends too soon: CompleteUpload is refused.
		if count == 0 {
			break
		}
		chunk := &pb.UploadChunksRequest{UploadId: upload.Id, Offset: offset, Data: data[:count]}
		if stream.Send(chunk) != nil {
			break // the answer says why the call ended
		}
		offset += uint64(count)
	}
	_, err = stream.CloseAndRecv()
	return err
}

// Download writes a file, from an offset on, and gives what it is. For each break it calls lost, once, and goes on
// where it was, until nothing has come for a minute. If the error is ErrFileDiffers, forget what was written.
//
// The name in a File is for people: choose the path that you write to yourself.
func Download(ctx context.Context, files pb.FileServiceClient, id string, offset uint64, to io.Writer,
	lost func(error)) (*pb.File, error) {
	tries := newTries(lost)
	var known *pb.File
	for known == nil || offset < known.SizeBytes {
		var end error
		for piece, err := range pieces(ctx, files, &pb.DownloadRequest{FileId: id, Offset: offset}) {
			if err != nil {
				end = err
				break
			}
			if known == nil {
				known = piece.File
			}
			length := uint64(len(piece.Data))
			if known == nil || piece.Offset != offset || offset+length > known.SizeBytes {
				return nil, fmt.Errorf("%w: %d bytes for %d do not fit after %d bytes",
					ErrFileDiffers, length, piece.Offset, offset)
			}
			if _, err := to.Write(piece.Data); err != nil {
				return nil, err
			}
			offset += length
			tries.cameFurther()
		}
		if end == io.EOF {
			if known == nil || offset < known.SizeBytes {
				return nil, fmt.Errorf("%w: it ended after %d bytes", ErrFileDiffers, offset)
			}
			break
		}
		wait, again := worthRepeating(end)
		if !again || !tries.sleep(ctx, end, wait) {
			return nil, end
		}
	}
	return known, nil
}

// pieces yields what one call brings of a file, and at last the error that ended it: io.EOF if that was all.
func pieces(ctx context.Context, files pb.FileServiceClient,
	request *pb.DownloadRequest) iter.Seq2[*pb.DownloadResponse, error] {
	return func(yield func(*pb.DownloadResponse, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // ends the call when the caller wants no more of it
		stream, err := files.Download(ctx, request)
		for err == nil {
			var piece *pb.DownloadResponse
			piece, err = stream.Recv()
			if err == nil && !yield(piece, nil) {
				return
			}
		}
		yield(nil, err)
	}
}
