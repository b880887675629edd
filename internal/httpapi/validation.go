package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// setUpHuma makes huma write our problems. Its settings are global, so this happens
// once.
var setUpHuma = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true
	// Only the type matters here: huma documents errors by it.
	huma.NewError = func(status int, message string, _ ...error) huma.StatusError {
		return &problemDetails{Status: status, Detail: message}
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		p := inputProblem(ctx, status, message, errs)
		for name, values := range p.headers {
			ctx.SetHeader(name, values[0])
		}
		return p
	}
})

// schemaRule is a rule of a parameter's schema: the message by which huma reports its
// violation, and the sentence by which we do. A %s of the sentence is a value of the
// message.
type schemaRule struct {
	message  *regexp.Regexp
	sentence string
}

var verbs = regexp.MustCompile(`%[a-z]`)

func newSchemaRule(message, sentence string) schemaRule {
	pattern := verbs.ReplaceAllString(regexp.QuoteMeta(message), "(.*)")
	return schemaRule{regexp.MustCompile(`(?s)^` + pattern + `$`), sentence}
}

// schemaRules are the rules that the parameters of the contract use; the first match
// counts. huma's own sentences never reach the caller: some repeat the value.
var schemaRules = []schemaRule{
	newSchemaRule(validation.MsgExpectedMinLength, "At least %s characters are needed."),
	newSchemaRule(validation.MsgExpectedMaxLength, "At most %s characters are allowed."),
	newSchemaRule(validation.MsgExpectedMinimumNumber, "This must be at least %s."),
	newSchemaRule(validation.MsgExpectedMaximumNumber, "This must be at most %s."),
	newSchemaRule(validation.MsgExpectedOneOf, "This must be one of: %s."),
	newSchemaRule(validation.MsgExpectedRFC4122UUID, "This must be an id: a UUID with hyphens."),
	newSchemaRule(validation.MsgExpectedBePattern, "This must be %s."),
}

// fieldErrorCodes are the codes of field errors: those of package body and of the
// business rules. Tests check every response against them.
var fieldErrorCodes = []any{
	"blank", "control_character", problem.MoreErrors, "not_allowed", "out_of_range", "repeated", "required",
	"too_long", "too_many", "too_short", body.UnknownField, "wrong_format", body.WrongType,
}

// ruleOf finds the rule of a message of huma's, and the values in the message.
func ruleOf(message string) (rule schemaRule, values []string, ok bool) {
	for _, rule := range schemaRules {
		if match := rule.message.FindStringSubmatch(message); match != nil {
			return rule, match[1:], true
		}
	}
	return schemaRule{}, nil, false
}

// say is the sentence of the rule.
func (s schemaRule) say(values []string) string {
	if strings.Contains(s.sentence, "%s") {
		return fmt.Sprintf(s.sentence, values[0])
	}
	return s.sentence
}

// inputProblem is the problem of a request that huma rejected before the function ran.
func inputProblem(ctx huma.Context, status int, message string, errs []error) *problemDetails {
	c := callFrom(ctx.Context())
	if c == nil { // huma failed to write one of our responses
		r, _ := humago.Unwrap(ctx)
		return problemOf(r, errors.Join(append(errs, errors.New(message))...))
	}
	return problemOf(c.request, c.authorizedError(ctx.Context(), c.inputError(status, message, errs)))
}

// inputError translates huma's errors. Of several parts of a request the path counts
// first, then query, headers, and body.
func (c *call) inputError(status int, message string, errs []error) error {
	parts := map[string]*huma.ErrorDetail{}
	for _, err := range errs {
		if detail, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			part, _, _ := strings.Cut(detail.Location, ".")
			if parts[part] == nil {
				parts[part] = detail
			}
		}
	}
	switch {
	case parts["path"] != nil && parts["path"].Location != "path.id" && c.op.missingPart != "":
		return problem.NotFound(c.op.missingPart)
	case parts["path"] != nil:
		return problem.NotFound(c.op.missing)
	case parts["query"] != nil:
		return parameterError(problem.InvalidParameter, "query parameter", parts["query"])
	case parts["header"] != nil:
		return parameterError(problem.InvalidHeader, "header", parts["header"])
	}
	return c.bodyError(status, message, errs)
}

// bodyError is the error of a body that could not be read at all.
func (c *call) bodyError(status int, message string, errs []error) error {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return bodyTooLarge(c.maxBody)
	case http.StatusRequestTimeout:
		return problem.New(middleware.RequestTimeout, "The body did not arrive in time.")
	case http.StatusBadRequest:
		return problem.New(problem.MalformedJSON, "A JSON body is needed; the request has none.")
	}
	err := errors.Join(errs...)
	if full, ok := errors.AsType[*problem.Error](err); ok { // of countedBody
		return full
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, http.ErrHandlerTimeout), status == http.StatusInternalServerError:
		return problem.New(problem.MalformedJSON, "The body ended too early.").Because(err)
	default:
		return fmt.Errorf("%s (%d): %w", message, status, err)
	}
}

func bodyTooLarge(limit int64) error {
	return problem.New(middleware.BodyTooLarge, "The body has more than %d bytes.", limit)
}

// parameterError names the query parameter or header and what is wrong with it.
func parameterError(code problem.Code, kind string, d *huma.ErrorDetail) error {
	_, name, _ := strings.Cut(d.Location, ".")
	sentence := strings.TrimPrefix(d.Message, "invalid value: ") + "."
	if rule, values, ok := ruleOf(d.Message); ok {
		sentence = rule.say(values)
	}
	return problem.New(code, "The %s %s is not valid: %s", kind, name, sentence)
}
