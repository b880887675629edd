package google

import (
	"net/url"
	"strings"
	"unicode"
)

const (
	maxName    = 200 // code points, as everywhere a user's name is kept
	maxPicture = 2000
)

// displayName is the person's name as one line. A name that cannot be used is
// replaced, not refused: nobody can sign in differently because of it.
func displayName(c claims) string {
	if name := oneLine(c.Name); name != "" {
		return name
	}
	return oneLine(c.Email[:strings.LastIndexByte(c.Email, '@')])
}

func oneLine(name string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, name))
	if runes := []rune(name); len(runes) > maxName {
		name = strings.TrimSpace(string(runes[:maxName]))
	}
	return name
}

// pictureURL is the address of the picture, or empty when a browser should not
// be sent there.
func pictureURL(address string) string {
	if len(address) > maxPicture {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return address
}
