// Errors: what the server says about them for programs, and which of them are worth another try.

package client

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Details are what the server sends with an error. What it did not send is nil; the getters of nil give zero values.
type Details struct {
	Info       *errdetails.ErrorInfo
	Retry      *errdetails.RetryInfo
	BadRequest *errdetails.BadRequest
}

// DetailsOf reads the details of an error that a call or a stream ended with.
func DetailsOf(err error) Details {
	var found Details
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			found.Info = detail
		case *errdetails.RetryInfo:
			found.Retry = detail
		case *errdetails.BadRequest:
			found.BadRequest = detail
		}
	}
	return found
}

// Reason is the reason of an error for programs, such as USER_NOT_FOUND; empty if the server gave none.
func Reason(err error) string {
	return DetailsOf(err).Info.GetReason()
}

// worthRepeating tells whether the same request may succeed later, and how long the server wants us to wait.
func worthRepeating(err error) (wait time.Duration, again bool) {
	if _, told := status.FromError(err); !told {
		return 0, false // no call said so: what was read or written was not the network
	}
	details := DetailsOf(err)
	if details.Retry != nil {
		return details.Retry.GetRetryDelay().AsDuration(), true
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded:
		return 0, true
	case codes.Unknown, codes.Internal, codes.Canceled, codes.ResourceExhausted:
		// The server says why it refuses; without that the connection broke underneath.
		return 0, details.Info == nil
	}
	return 0, false
}
