// Package problem is the vocabulary of failures: a [Code], a sentence for the
// caller, the errors of single fields, and the cause for the log.
//
// It depends on neither HTTP nor SQL. An error that is not an *[Error] is a fault of
// the server: its code is [Internal], and its text stays private.
package problem

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Error is a failure that is reported to the caller.
type Error struct {
	// Code identifies the failure, for programs.
	Code Code
	// Detail describes this occurrence, for people. It never contains SQL, a stack
	// trace, a path of the server, the text of a driver's error, or a secret.
	Detail string
	// Fields lists the invalid fields of the request.
	Fields []FieldError
	// Current is the resource as it is now, for PreconditionFailed.
	Current any
	// RetryAfter is the time after which the same request may succeed; zero if
	// waiting does not help or the time is unknown.
	RetryAfter time.Duration

	cause error
}

// FieldError is one violation of a rule by one field.
type FieldError struct {
	// Pointer is the RFC 6901 pointer of the field in the request body.
	Pointer string
	// Code identifies the rule: required, too_long, unknown_field …
	Code string
	// Detail states the rule as a sentence.
	Detail string
}

// New returns an error with a detail for the caller.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// MaxFieldErrors is how many field errors a problem lists. If there are more, the last
// one says so.
const MaxFieldErrors = 100

// MoreErrors is the code of the field error that stands for the ones not listed.
const MoreErrors = "more_errors"

// Invalid returns ValidationFailed with the field errors, at most MaxFieldErrors.
func Invalid(fields []FieldError) *Error {
	if len(fields) > MaxFieldErrors {
		fields = append(slices.Clone(fields[:MaxFieldErrors-1]), FieldError{
			Code: MoreErrors, Detail: fmt.Sprintf("There are more errors; these are the first %d.", MaxFieldErrors-1),
		})
	}
	return &Error{
		Code:   ValidationFailed,
		Detail: "Some fields of the request are not valid; see errors.",
		Fields: fields,
	}
}

// NotFound returns an error whose detail is the description of its code. A missing
// resource and a resource of another user get the same detail, so that a caller
// cannot tell them apart.
func NotFound(code Code) *Error { return New(code, "%s", code.Doc().Description) }

// Because adds the cause, which only the log shows.
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// Error returns the text for the log.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Detail, e.cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Detail)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// CodeOf returns the code of err, or [Internal] if err has none.
func CodeOf(err error) Code {
	if f, ok := errors.AsType[*Error](err); ok {
		return f.Code
	}
	return Internal
}
