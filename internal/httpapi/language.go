package httpapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// languages are those of the pages for browsers, and of the workspace.
var languages = map[string]bool{"en": true, "de": true}

// preferredLanguage returns the language of a page: the one with the highest weight in
// Accept-Language (RFC 9110, section 12.5.4), of equal ones the first. Without one of
// [languages] it is English.
func preferredLanguage(h http.Header) string {
	chosen, best := "en", 0.0
	list := strings.Join(h.Values("Accept-Language"), ",")
	if len(list) > maxAccept {
		return chosen
	}
	for entry := range strings.SplitSeq(list, ",") {
		tag, parameters, err := mime.ParseMediaType(strings.TrimSpace(entry))
		if err != nil {
			continue
		}
		weight := 1.0
		if q, ok := parameters["q"]; ok {
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		language, _, _ := strings.Cut(tag, "-")
		if languages[language] && weight > best {
			chosen, best = language, weight
		}
	}
	return chosen
}
