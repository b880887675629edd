package httpapi

import (
	"fmt"

	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/httpapi/docs"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// meanings explains the codes of field errors on the page of validation_failed.
var meanings = map[string]string{
	"blank":             "It needs at least one visible character.",
	"control_character": "It contains a control character that is not allowed.",
	problem.MoreErrors:  "The request has more errors than the list shows; this entry is the last.",
	"not_allowed":       "The value, or the field in this combination, is not allowed here.",
	"out_of_range":      "The number is too small or too large.",
	"repeated":          "An entry occurs more than once.",
	"required":          "The field is missing.",
	"too_long":          "The text has too many characters.",
	"too_many":          "The list has too many entries.",
	"too_short":         "The text has too few characters, or the list too few entries.",
	body.UnknownField:   "The request has a field that does not exist; the pointer shows its name.",
	"wrong_format":      "The text has another form than the field needs, such as an id.",
	body.WrongType:      "The value has another JSON type, such as a number in place of a string.",
}

// fieldErrorMeanings returns all codes of field errors with their meanings.
func fieldErrorMeanings() []docs.FieldErrorCode {
	return each(fieldErrorCodes, func(code any) docs.FieldErrorCode {
		name := fmt.Sprint(code)
		return docs.FieldErrorCode{Code: name, Meaning: meanings[name]}
	})
}
