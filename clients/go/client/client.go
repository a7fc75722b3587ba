// Package client is what a client of TinyChat needs beside the generated stubs: a connection, ids for messages, errors
// read by their details, calls that are repeated, and a stream that resumes.
package client

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
)

// CallTimeout is how long one call may take. Streams live on.
const CallTimeout = 20 * time.Second

// Connect makes a connection to HOST:PORT. With a caFile (PEM) it is TLS and trusts the authorities in that file, or
// the server whose certificate stands in it; without one it is in the clear.
func Connect(server, caFile string) (*grpc.ClientConn, error) {
	security := grpc.WithInsecure()
	if caFile != "" {
		trusted, err := credentials.NewClientTLSFromFile(caFile, "")
		if err != nil {
			return nil, err
		}
		security = grpc.WithTransportCredentials(trusted)
	}
	// Dial and WithInsecure are the names that every version 1.x of the library has, even that of Debian 12; newer ones
	// would like NewClient and insecure.NewCredentials better.
	return grpc.Dial(server, security,
		grpc.WithUnaryInterceptor(withTimeout),
		// A server that was started again is to be found soon: by itself the library waits up to two minutes.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: firstPause, Multiplier: 2, Jitter: 0.2, MaxDelay: longestPause,
			},
			MinConnectTimeout: 5 * time.Second,
		}),
		// A stream on which nothing comes asks now and then whether the other side is still there.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 10 * time.Second}),
	)
}

// withTimeout bounds a call, so that no caller waits for ever.
func withTimeout(ctx context.Context, method string, request, answer any, conn *grpc.ClientConn,
	call grpc.UnaryInvoker, options ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	return call(ctx, method, request, answer, conn, options...)
}

// WithToken lets the calls of the context carry the token of a login.
func WithToken(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// NewMessageID makes a UUIDv7 for a client_message_id: 48 bits of time, then random ones.
func NewMessageID() string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], uint64(time.Now().UnixMilli())<<16)
	rand.Read(id[6:]) // never fails
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
