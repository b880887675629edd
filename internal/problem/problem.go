// Package problem is the vocabulary of failure: what went wrong (a [Code]), one
// sentence for the caller, the faults of each field, and the cause for the log.
//
// It knows neither HTTP nor SQL. Whatever is not a *[Error] is our own fault:
// it counts as [Internal] and its text stays private.
package problem

import (
	"errors"
	"fmt"
	"time"
)

// Error is a failure that its caller may read.
type Error struct {
	// Code says what happened, for programs.
	Code Code
	// Detail says what happened this time, for people. It never holds SQL, a
	// stack, a path of this machine, a driver's text or a secret.
	Detail string
	// Fields lists what is wrong with single fields of the request.
	Fields []FieldError
	// Current is the resource as it is now, for PreconditionFailed.
	Current any
	// RetryAfter is how long to wait before the same request may succeed; zero
	// where waiting does not help or nobody knows.
	RetryAfter time.Duration

	cause error
}

// FieldError is one fault of one field.
type FieldError struct {
	// Pointer is the RFC 6901 pointer of the field in the request body.
	Pointer string
	// Code names the rule that was broken: required, too_long, unknown_field …
	Code string
	// Detail is the rule as a sentence.
	Detail string
}

// New returns a failure with a sentence for the caller.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Invalid returns ValidationFailed with every violation found.
func Invalid(violations []FieldError) *Error {
	return &Error{
		Code:   ValidationFailed,
		Detail: "The request was understood, but some of its fields are not valid; see errors.",
		Fields: violations,
	}
}

// NotFound returns the failure of a thing that is not there, or not the caller's:
// the same sentence for both, so that nobody learns which.
func NotFound(code Code) *Error { return New(code, "%s", code.Doc().Description) }

// Because adds the cause, for the log alone.
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// Error is the text for the log.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Detail, e.cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Detail)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// CodeOf returns the code of err, and [Internal] for what nobody classified.
func CodeOf(err error) Code {
	if f, ok := errors.AsType[*Error](err); ok {
		return f.Code
	}
	return Internal
}
