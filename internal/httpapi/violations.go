package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// setUpHuma makes huma speak our vocabulary. Its settings are global, so this
// happens once.
var setUpHuma = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true
	// Only the type matters here: huma documents errors by it.
	huma.NewError = func(status int, message string, _ ...error) huma.StatusError {
		return &problemDetails{Status: status, Detail: message}
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := refusal(ctx, status, message, errs)
		for name, values := range p.headers {
			ctx.SetHeader(name, values[0])
		}
		return p
	}
	// Each message is a code of ours and its sentence.
	validation.MsgUnexpectedProperty = "unknown_field|There is no such field here."
	validation.MsgExpectedRequiredProperty = "required|%s"
	validation.MsgExpectedString = "wrong_type|This must be a string."
	validation.MsgExpectedInteger = "wrong_type|This must be a whole number."
	validation.MsgExpectedNumber = "wrong_type|This must be a number."
	validation.MsgExpectedBoolean = "wrong_type|This must be true or false."
	validation.MsgExpectedArray = "wrong_type|This must be a list."
	validation.MsgExpectedObject = "wrong_type|This must be an object."
	validation.MsgExpectedMinLength = "too_short|At least %d characters are needed."
	validation.MsgExpectedMaxLength = "too_long|At most %d characters are allowed."
	validation.MsgExpectedMinimumNumber = "out_of_range|This must be at least %v."
	validation.MsgExpectedMaximumNumber = "out_of_range|This must be at most %v."
	validation.MsgExpectedMinItems = "too_few|At least %d entries are needed."
	validation.MsgExpectedMaxItems = "too_many|At most %d entries are allowed."
	validation.MsgExpectedArrayItemsUnique = "repeated|Each entry may occur once."
	validation.MsgExpectedOneOf = "not_allowed|This must be one of: %s."
	validation.MsgExpectedRFC4122UUID = "wrong_format|This must be an id: a UUID in lower case with hyphens.%.0v"
	validation.MsgExpectedBePattern = "wrong_format|This must be %s."
})

// refusal is the problem of a request that huma refused before the handler.
func refusal(ctx huma.Context, status int, message string, errs []error) *problemDetails {
	c := callOf(ctx.Context())
	if c == nil { // huma could not write an answer of ours
		r, _ := unwrap(ctx)
		return problemOf(r, errors.Join(append(errs, errors.New(message))...))
	}
	return problemOf(c.request, c.orRefused(ctx.Context(), c.refused(status, message, errs)))
}

// refused says in our vocabulary why huma refused a request. Of several parts
// the path counts first, then query, headers, and body.
func (c *call) refused(status int, message string, errs []error) error {
	var body []problem.FieldError
	parts := map[string]*huma.ErrorDetail{}
	for _, err := range errs {
		var f *problem.Error
		var detail *huma.ErrorDetail
		switch {
		case errors.As(err, &f):
			body = append(body, f.Fields...)
		case errors.As(err, &detail):
			part, place, _ := strings.Cut(detail.Location, ".")
			if part == "body" && !strings.HasPrefix(detail.Message, "malformed_json|") {
				body = append(body, violationOf(place, detail.Message))
			} else if parts[part] == nil {
				parts[part] = detail
			}
		}
	}
	switch {
	case parts["path"] != nil:
		return problem.NotFound(c.op.missing)
	case parts["query"] != nil:
		return badParameter(parts["query"])
	case parts["header"] != nil:
		_, name, _ := strings.Cut(parts["header"].Location, ".")
		return problem.New(problem.InvalidHeader, "The header %s is not valid: %s.", name, strings.TrimPrefix(parts["header"].Message, "invalid value: "))
	case parts["body"] != nil:
		_, sentence, _ := strings.Cut(parts["body"].Message, "|")
		return problem.New(problem.MalformedJSON, "%s", sentence)
	case len(body) > 0:
		return problem.Invalid(tidy(wholeFirst(body)))
	}
	return c.unread(status, message, errs)
}

// unread is the fault of a body that could not be read at all.
func (c *call) unread(status int, message string, errs []error) error {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return problem.New(bodyTooLarge, "The body has more than %d bytes.", c.api.MaxBodyBytes)
	case http.StatusRequestTimeout:
		return problem.New(timedOut, "The body did not arrive in time.")
	case http.StatusBadRequest:
		return problem.New(problem.MalformedJSON, "A JSON body is needed; the request has none.")
	}
	err := errors.Join(errs...)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, http.ErrHandlerTimeout), status == http.StatusInternalServerError:
		return problem.New(problem.MalformedJSON, "The body ended too early.").Because(err)
	default:
		return fmt.Errorf("%s (%d): %w", message, status, err)
	}
}

// badParameter names the query parameter and what is wrong with it.
func badParameter(d *huma.ErrorDetail) error {
	_, name, _ := strings.Cut(d.Location, ".")
	if code, sentence, ok := strings.Cut(strings.TrimPrefix(d.Message, "invalid value: "), "|"); ok {
		if code == string(problem.InvalidPageToken) {
			return problem.New(problem.InvalidPageToken, "%s", sentence)
		}
		return problem.New(problem.InvalidParameter, "The query parameter %s is not valid: %s", name, sentence)
	}
	return problem.New(problem.InvalidParameter, "The query parameter %s is not valid: %s.", name, d.Message)
}

// elements is the path of list elements at the end of a place: [0], [3].
var elements = regexp.MustCompile(`(?s)^(.*?)((?:\[\d+\])*)$`)

// violationOf reads one of huma's faults of the body. Our bodies are flat: a
// place is a field, or an element of a list in a field.
func violationOf(place, message string) problem.FieldError {
	code, sentence, ok := strings.Cut(message, "|")
	if !ok {
		code, sentence = "invalid", "This is not valid." // the library's words may repeat the value
	}
	parts := elements.FindStringSubmatch(place)
	unknown := code == "unknown_field"
	if unknown { // a name of the caller's own, whatever it looks like
		parts = []string{place, place, ""}
	}
	pointer := ""
	if parts[1] != "" || unknown {
		pointer = "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(parts[1])
	}
	pointer += strings.NewReplacer("[", "/", "]", "").Replace(parts[2])
	if code == "required" {
		pointer, sentence = pointer+"/"+sentence, "This is needed."
	}
	return problem.FieldError{Pointer: pointer, Code: code, Detail: sentence}
}

// wholeFirst leaves out what is said of the fields of a body that is no object.
func wholeFirst(vs []problem.FieldError) []problem.FieldError {
	for _, v := range vs {
		if v.Pointer == "" {
			return []problem.FieldError{v}
		}
	}
	return vs
}

// tidy sorts violations by place and keeps one for each rule of a place: the
// schema and the rules may have found the same.
func tidy(vs []problem.FieldError) []problem.FieldError {
	slices.SortStableFunc(vs, func(a, b problem.FieldError) int {
		return strings.Compare(a.Pointer+"\x00"+a.Code, b.Pointer+"\x00"+b.Code)
	})
	return slices.CompactFunc(vs, func(a, b problem.FieldError) bool { return a.Pointer == b.Pointer && a.Code == b.Code })
}

// violationsOf hands to huma what the rules found, but for fields that are not
// there to be judged: of those the schema has spoken.
func violationsOf(faults []problem.FieldError, there map[string]bool) []error {
	faults = slices.DeleteFunc(faults, func(v problem.FieldError) bool { return there != nil && !there[v.Pointer] })
	if len(faults) == 0 {
		return nil
	}
	return []error{problem.Invalid(faults)}
}
