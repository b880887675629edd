package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// open is the specification without the closing brace.
func (s *specification) open(b []byte) []byte {
	if b == nil {
		b = make([]byte, 0, 512+len(s.content)+len(s.content)/8)
	}
	b = appendID(append(b, `{"id":`...), s.id)
	b = appendID(append(b, `,"project_id":`...), s.project)
	b = strconv.AppendInt(append(b, `,"number":`...), int64(s.number), 10)
	b = appendString(append(b, `,"title":`...), s.title)
	b = appendString(append(b, `,"content":`...), s.content)
	b = strconv.AppendInt(append(b, `,"item_count":`...), int64(s.items), 10)
	b = strconv.AppendInt(append(b, `,"version":`...), s.version, 10)
	b = appendTime(append(b, `,"created_at":`...), s.created)
	b = appendTime(append(b, `,"updated_at":`...), s.updated)
	return append(b, `,"deleted_at":null`...) // a deleted one is not read
}

// tag is the item's entity tag: version and place.
func (i *item) tag() string {
	return `"` + strconv.FormatInt(i.version, 10) + "-" + strconv.Itoa(int(i.order)) + `"`
}

func (i *item) append(b []byte) []byte {
	b = appendID(append(b, `{"id":`...), i.id)
	b = appendID(append(b, `,"spec_id":`...), i.spec)
	b = strconv.AppendInt(append(b, `,"number":`...), int64(i.number), 10)
	b = strconv.AppendInt(append(b, `,"ref":"`...), int64(i.specNumber), 10)
	b = append(strconv.AppendInt(append(b, '.'), int64(i.number), 10), '"')
	b = appendString(append(b, `,"content":`...), i.content)
	b = strconv.AppendInt(append(b, `,"order":`...), int64(i.order), 10)
	b = strconv.AppendInt(append(b, `,"version":`...), i.version, 10)
	b = appendTime(append(b, `,"created_at":`...), i.created)
	b = appendTime(append(b, `,"updated_at":`...), i.updated)
	return append(b, '}')
}

func appendItems(b []byte, items []item) []byte {
	b = append(b, '[')
	for n := range items {
		if n > 0 {
			b = append(b, ',')
		}
		b = items[n].append(b)
	}
	return append(b, ']')
}

func appendPage(b []byte, page []specification, next string) []byte {
	size := 256
	for n := range page {
		size += 512 + len(page[n].content)
	}
	b = append(make([]byte, 0, size+len(b)), `{"specifications":[`...)
	for n := range page {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(page[n].open(b), '}')
	}
	b = appendString(append(b, `],"next_page_token":`...), next)
	return append(b, '}')
}

func appendID(b []byte, i id) []byte { return append(i.appendTo(append(b, '"')), '"') }

func appendTime(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, `"2006-01-02T15:04:05.000000Z"`)
}

// appendString escapes what JSON must, and what HTML could take for its own.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for n := 0; n < len(s); {
		c := s[n]
		if c >= utf8.RuneSelf || c >= ' ' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' {
			n++
			continue
		}
		b = append(b, s[from:n]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		default:
			const digits = "0123456789abcdef"
			b = append(b, `\u00`...)
			b = append(b, digits[c>>4], digits[c&15])
		}
		n++
		from = n
	}
	return append(append(b, s[from:]...), '"')
}

// pageToken is a signed cursor behind a row. It is valid for one user only.
func (s *server) pageToken(actor caller, parent id, last *specification) string {
	cursor := fmt.Appendf(nil, `{"number":%d,"id":"%s"}`, last.number, last.id)
	mac := hmac.New(sha256.New, []byte(s.PageKey))
	fmt.Fprintf(mac, "%s|%s|", actor.user, parent)
	mac.Write(cursor)
	return base64.RawURLEncoding.EncodeToString(append(mac.Sum(nil)[:16], cursor...))
}
