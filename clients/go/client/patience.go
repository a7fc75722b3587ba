// Patience: calls that are repeated, and the stream of events that resumes after any break.

package client

import (
	"context"
	"io"
	"iter"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "example.com/tinychat/gen/tinychatv1"
)

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
	// A stream resumes for as long as the program lives; somebody waits for a call.
	repeatAtMost = time.Minute
)

// pauses grow from one to the next and are random, so that not all clients come back at the same moment.
type pauses struct{ longest time.Duration }

// sleep waits for the next pause, and before it as long as the server asked for.
func (p *pauses) sleep(ctx context.Context, asked time.Duration) error {
	p.longest = min(max(2*p.longest, firstPause), longestPause)
	select {
	case <-time.After(asked + p.longest/2 + rand.N(p.longest/2)):
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}

// tries says how long something is tried again: for a minute from the last time that it came further.
type tries struct {
	pauses pauses
	end    time.Time
	lost   func(error) // is called once for each break
}

func newTries(lost func(error)) *tries {
	return &tries{end: time.Now().Add(repeatAtMost), lost: lost}
}

func (t *tries) cameFurther() {
	*t = *newTries(t.lost)
}

// sleep waits for the next try as long as pauses do, and tells whether there is one.
func (t *tries) sleep(ctx context.Context, err error, asked time.Duration) bool {
	if !time.Now().Add(asked).Before(t.end) || ctx.Err() != nil {
		return false
	}
	if t.pauses.longest == 0 {
		t.lost(err)
	}
	return t.pauses.sleep(ctx, asked) == nil
}

// Repeat makes a call until it is answered or refused for good, or a minute is over. For calls that may be made twice:
// those that only read, and Send with a client_message_id.
func Repeat[Request, Answer any](ctx context.Context,
	call func(context.Context, Request, ...grpc.CallOption) (Answer, error), request Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, repeatAtMost)
	defer cancel()
	var pauses pauses
	for {
		answer, err := call(ctx, request)
		if err == nil {
			return answer, nil
		}
		wait, again := worthRepeating(err)
		if !again || pauses.sleep(ctx, wait) != nil {
			return answer, err
		}
	}
}

// Events yields the events of one stream, and at last the error that ended it.
func Events(ctx context.Context, chat pb.ChatServiceClient, request *pb.SubscribeRequest) iter.Seq2[*pb.Event, error] {
	return func(yield func(*pb.Event, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // ends the stream when the caller wants no more of it
		stream, err := chat.Subscribe(ctx, request)
		for err == nil {
			var frame *pb.SubscribeResponse
			frame, err = stream.Recv()
			for _, event := range frame.GetEvents() {
				if !yield(event, nil) {
					return
				}
			}
		}
		if err == io.EOF {
			err = status.Error(codes.Unavailable, "the server ended the stream")
		}
		yield(nil, err)
	}
}

// Follow yields the events after the cursor (empty: after what the device acknowledged), each message once. After any
// break it calls lost, once, and resumes after the last event that was yielded. It ends with an error when trying again
// is of no use, or with the context.
func Follow(ctx context.Context, chat pb.ChatServiceClient, cursor string,
	lost func(error)) iter.Seq2[*pb.Event, error] {
	return func(yield func(*pb.Event, error) bool) {
		seen := make(map[string]uint64) // conversation id to the last seq that was yielded
		connected := true
		var pauses pauses
		for {
			request := &pb.SubscribeRequest{}
			if cursor != "" {
				resume := cursor
				request.ResumeCursor = &resume
			}
			var goingAway *pb.GoingAway
			var end error
			for event, err := range Events(ctx, chat, request) {
				if err != nil {
					end = err
					break
				}
				if event.GetWelcome() != nil {
					connected, pauses.longest = true, 0
				}
				if event.GetReset_() != nil { // the store is another one
					cursor, seen = "", make(map[string]uint64)
				}
				if event.GetGoingAway() != nil {
					goingAway = event.GetGoingAway()
				}
				message := event.GetMessage()
				repeated := message != nil && message.Seq <= seen[message.ConversationId]
				if !repeated && !yield(event, nil) {
					return
				}
				if message != nil && !repeated {
					seen[message.ConversationId] = message.Seq
				}
				// Only now: an event that was not handled must come again. Some are no places to resume.
				if event.Cursor != "" {
					cursor = event.Cursor
				}
			}

			wait, again := worthRepeating(end)
			if goingAway != nil {
				wait, again = goingAway.RetryAfter.AsDuration(), goingAway.RetryAfter != nil
				if !again {
					end = status.Errorf(codes.Aborted, "the server ended the stream for good: %v", goingAway.Reason)
				}
			}
			if connected && again && ctx.Err() == nil {
				connected = false
				lost(end)
			}
			if !again || pauses.sleep(ctx, wait) != nil {
				yield(nil, end)
				return
			}
		}
	}
}
