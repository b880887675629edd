package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/danielgtaylor/huma/v2/validation"

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

// schemaRule is a rule of the schema: the message by which huma reports its violation,
// and the code and the sentence by which we do. A %s of the sentence is a value of
// the message.
type schemaRule struct {
	message        *regexp.Regexp
	code, sentence string
}

var verbs = regexp.MustCompile(`%[a-z]`)

func newSchemaRule(message, code, sentence string) schemaRule {
	pattern := verbs.ReplaceAllString(regexp.QuoteMeta(message), "(.*)")
	return schemaRule{regexp.MustCompile(`(?s)^` + pattern + `$`), code, sentence}
}

// schemaRules are the rules that the schemas of the contract use; the first match
// counts. huma's own sentences never reach the caller: some repeat the value.
var schemaRules = []schemaRule{
	newSchemaRule(validation.MsgUnexpectedProperty, unknownField, "There is no such field here."),
	newSchemaRule(validation.MsgExpectedRequiredProperty, "required", "This is needed."),
	newSchemaRule(validation.MsgExpectedString, "wrong_type", "This must be a string."),
	newSchemaRule(validation.MsgExpectedInteger, "wrong_type", "This must be a whole number."),
	newSchemaRule(validation.MsgExpectedNumber, "wrong_type", "This must be a number."),
	newSchemaRule(validation.MsgExpectedBoolean, "wrong_type", "This must be true or false."),
	newSchemaRule(validation.MsgExpectedArray, "wrong_type", "This must be a list."),
	newSchemaRule(validation.MsgExpectedObject, "wrong_type", "This must be an object."),
	newSchemaRule(validation.MsgExpectedMinLength, "too_short", "At least %s characters are needed."),
	newSchemaRule(validation.MsgExpectedMaxLength, "too_long", "At most %s characters are allowed."),
	newSchemaRule(validation.MsgExpectedMinimumNumber, "out_of_range", "This must be at least %s."),
	newSchemaRule(validation.MsgExpectedMaximumNumber, "out_of_range", "This must be at most %s."),
	newSchemaRule(validation.MsgExpectedMinItems, "too_few", "At least %s entries are needed."),
	newSchemaRule(validation.MsgExpectedMaxItems, "too_many", "At most %s entries are allowed."),
	newSchemaRule(validation.MsgExpectedArrayItemsUnique, "repeated", "Each entry may occur once."),
	newSchemaRule(validation.MsgExpectedOneOf, "not_allowed", "This must be one of: %s."),
	newSchemaRule(validation.MsgExpectedRFC4122UUID, "wrong_format", "This must be an id: a UUID in lower case with hyphens."),
	newSchemaRule(validation.MsgExpectedBePattern, "wrong_format", "This must be %s."),
}

// unknownField is the code of a field that the schema does not have.
const unknownField = "unknown_field"

// fieldErrorCodes are the codes of field errors: those of schemaRules and of the
// business rules. Tests check every response against them.
var fieldErrorCodes = []any{
	"blank", "control_character", "invalid", "not_allowed", "out_of_range", "repeated", "required",
	"too_few", "too_long", "too_many", "too_short", unknownField, "wrong_format", "wrong_type",
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
// first, then query, headers, and body. All faults of a body are reported together.
func (c *call) inputError(status int, message string, errs []error) error {
	var body []problem.FieldError
	parts := map[string]*huma.ErrorDetail{}
	for _, err := range errs {
		var rules *problem.Error
		var detail *huma.ErrorDetail
		switch {
		case errors.As(err, &rules):
			body = append(body, rules.Fields...)
		case errors.As(err, &detail):
			part, path, _ := strings.Cut(detail.Location, ".")
			if part == "body" && status != http.StatusBadRequest { // 400 stands for what is not JSON
				body = append(body, fieldErrorOf(path, detail.Message))
			} else if parts[part] == nil {
				parts[part] = detail
			}
		}
	}
	switch {
	case parts["path"] != nil:
		return problem.NotFound(c.op.missing)
	case parts["query"] != nil:
		return parameterError(problem.InvalidParameter, "query parameter", parts["query"])
	case parts["header"] != nil:
		return parameterError(problem.InvalidHeader, "header", parts["header"])
	case parts["body"] != nil:
		return problem.New(problem.MalformedJSON, "%s", parts["body"].Message) // a sentence of jsonFormat
	case len(body) > 0:
		return problem.Invalid(dedupe(wholeBodyOnly(body)))
	}
	return c.bodyError(status, message, errs)
}

// bodyError is the error of a body that could not be read at all.
func (c *call) bodyError(status int, message string, errs []error) error {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return problem.New(middleware.BodyTooLarge, "The body has more than %d bytes.", c.api.MaxBodyBytes)
	case http.StatusRequestTimeout:
		return problem.New(middleware.RequestTimeout, "The body did not arrive in time.")
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

// parameterError names the query parameter or header and what is wrong with it.
func parameterError(code problem.Code, kind string, d *huma.ErrorDetail) error {
	_, name, _ := strings.Cut(d.Location, ".")
	sentence := strings.TrimPrefix(d.Message, "invalid value: ") + "."
	if rule, values, ok := ruleOf(d.Message); ok {
		sentence = rule.say(values)
	}
	return problem.New(code, "The %s %s is not valid: %s", kind, name, sentence)
}

// elements are the indexes of list elements at the end of a path: [0], [3].
var elements = regexp.MustCompile(`(?s)^(.*?)((?:\[\d+\])*)$`)

// fieldErrorOf translates one of huma's errors of a body. Our bodies are flat: a path
// is a field, or an element of a list in a field.
func fieldErrorOf(path, message string) problem.FieldError {
	rule, values, ok := ruleOf(message)
	if !ok {
		rule = schemaRule{code: "invalid", sentence: "This is not valid."}
	}
	parts := elements.FindStringSubmatch(path)
	unknown := rule.code == unknownField
	if unknown { // the caller's own name, whatever it looks like
		parts = []string{path, path, ""}
	}
	pointer := ""
	if parts[1] != "" || unknown {
		pointer = "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(parts[1])
	}
	pointer += strings.NewReplacer("[", "/", "]", "").Replace(parts[2])
	if rule.code == "required" { // its message names the field
		pointer += "/" + values[0]
	}
	return problem.FieldError{Pointer: pointer, Code: rule.code, Detail: rule.say(values)}
}

// wholeBodyOnly drops the errors of fields if the body is not an object at all.
func wholeBodyOnly(all []problem.FieldError) []problem.FieldError {
	for _, e := range all {
		if e.Pointer == "" {
			return []problem.FieldError{e}
		}
	}
	return all
}

// dedupe sorts errors by field and keeps one for each rule of a field: the schema and
// the business rules may have found the same.
func dedupe(all []problem.FieldError) []problem.FieldError {
	slices.SortStableFunc(all, func(a, b problem.FieldError) int {
		return cmp.Or(strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Code, b.Code))
	})
	return slices.CompactFunc(all, func(a, b problem.FieldError) bool { return a.Pointer == b.Pointer && a.Code == b.Code })
}

// A body with business rules has a method that converts it to a value of the rules,
// and reports the faults. huma calls its method Resolve after the schema check;
// [ruleErrors] adds the faults there, so that all faults of a body are reported
// together. The function of the operation converts the body with [checked].

// ruleErrors hands the faults to huma. Of absent fields only the schema speaks: present,
// if not nil, has those that are not.
func ruleErrors(faults []problem.FieldError, present map[string]bool) []error {
	faults = slices.DeleteFunc(faults, func(e problem.FieldError) bool { return present != nil && !present[e.Pointer] })
	if len(faults) == 0 {
		return nil
	}
	return []error{problem.Invalid(faults)}
}

// checked is the value of a conversion, or the problem of its faults.
func checked[T any](value T, faults []problem.FieldError) (T, error) {
	if len(faults) > 0 {
		return value, problem.Invalid(faults)
	}
	return value, nil
}
