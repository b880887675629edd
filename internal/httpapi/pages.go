package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// PageIn is the query of every paged list.
type PageIn struct {
	PageSize  int    `query:"page_size" minimum:"1" maximum:"100" default:"50" doc:"The maximum number of rows in the response."`
	PageToken string `query:"page_token" maxLength:"2000" doc:"next_page_token of the previous page; empty for the first page."`
}

// after is the position where the page begins; nil for the first page. The token is
// valid in its scope only.
func (in *PageIn) after(a *API, scope string) (*requirements.Cursor, error) {
	if in.PageToken == "" {
		return nil, nil //nolint:nilnil // the first page has no position
	}
	after, err := a.pageTokens.open(in.PageToken, scope)
	if err != nil {
		return nil, problem.New(problem.InvalidPageToken, "The page token does not belong to this list, order, filter and user.").Because(err)
	}
	return &after, nil
}

// ListIn is the query of a list that has a trash.
type ListIn struct {
	PageIn
	Trashed string `query:"trashed" enum:"true,false" default:"false" doc:"Lists the trash instead of the live resources."`
}

// query is the query for the rules. A token is valid only for the list with its name.
func (in *ListIn) query(a *API, actor auth.Actor, name string, order requirements.Order) (requirements.ListQuery, error) {
	q := requirements.ListQuery{Order: order, Trashed: in.Trashed == "true", Limit: in.PageSize}
	var err error
	q.After, err = in.after(a, pageScope(actor, name, q))
	return q, err
}

// nextToken is the next_page_token of a page.
func (a *API) nextToken(actor auth.Actor, name string, q requirements.ListQuery, next *requirements.Cursor) string {
	if next == nil {
		return ""
	}
	return a.pageTokens.seal(*next, pageScope(actor, name, q))
}

// pageScope is everything that a page token is bound to.
func pageScope(actor auth.Actor, name string, q requirements.ListQuery) string {
	return fmt.Sprintf("%s|%s|%s|%t|%t", actor.User, name, q.Order.Column, q.Order.Descending, q.Trashed)
}

// pageTokens seals cursors: a client can read a token, but not make or alter one. A
// token works only for its list and its user.
type pageTokens struct{ key []byte }

func newPageTokens(secret []byte) pageTokens { return pageTokens{key: keyFor("page tokens", secret)} }

// keyFor derives the key of one purpose from the secret: what is sealed for a purpose
// does not open for another.
func keyFor(purpose string, secret []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

const pageMACBytes = 16

func (t pageTokens) mac(cursor []byte, scope string) []byte {
	mac := hmac.New(sha256.New, t.key)
	fmt.Fprintf(mac, "%d|%s|", len(scope), scope)
	mac.Write(cursor)
	return mac.Sum(nil)[:pageMACBytes]
}

func (t pageTokens) seal(c requirements.Cursor, scope string) string {
	cursor, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("seal a page token: %v", err)) // a struct of a time and strings
	}
	return base64.RawURLEncoding.EncodeToString(append(t.mac(cursor, scope), cursor...))
}

func (t pageTokens) open(token, scope string) (requirements.Cursor, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	// The decoder ignores line breaks; a token has one spelling.
	if err != nil || len(raw) < pageMACBytes || base64.RawURLEncoding.EncodeToString(raw) != token {
		return requirements.Cursor{}, errors.New("not a page token")
	}
	if !hmac.Equal(raw[:pageMACBytes], t.mac(raw[pageMACBytes:], scope)) {
		return requirements.Cursor{}, errors.New("altered, or of another list")
	}
	var c requirements.Cursor
	err = json.Unmarshal(raw[pageMACBytes:], &c)
	return c, err
}

// orderOf reads an order_by, "title" or "title desc". The schema has checked it.
func orderOf(text string) requirements.Order {
	column, descending := strings.CutSuffix(text, " desc")
	return requirements.Order{Column: requirements.Column(column), Descending: descending}
}
