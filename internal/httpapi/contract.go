package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	stdjson "encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/httpapi/docs"
	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/members"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// newContract is the contract without its operations.
func newContract() *openapi.Contract {
	return openapi.New(openapi.Config{
		Prefix: prefix, Introduction: docs.Introduction, Format: jsonFormat, Markdown: markdownFormat, Diff: diffFormat, Headers: limitHeaders(),
		Resources: []openapi.Resource{ // the last that an operation may not find is what its path names
			{Name: "baseline", NotFound: problem.BaselineNotFound, View: reflect.TypeFor[baseline]()},
			{Name: "bot", NotFound: problem.BotNotFound, View: reflect.TypeFor[bot]()},
			{Name: "token", NotFound: problem.TokenNotFound, View: reflect.TypeFor[TokenView]()},
			{Name: "user", NotFound: problem.UserNotFound, View: reflect.TypeFor[UserView]()},
			{Name: "session", NotFound: problem.SessionNotFound, View: reflect.TypeFor[session]()},
			{Name: "invitation", NotFound: problem.InvitationNotFound, View: reflect.TypeFor[invitation]()},
			{Name: "member", NotFound: problem.MemberNotFound, View: reflect.TypeFor[member]()},
			{Name: "project", NotFound: problem.ProjectNotFound, View: reflect.TypeFor[Project](), ETag: `"3"`},
			{Name: "specification", NotFound: problem.SpecificationNotFound, View: reflect.TypeFor[specification](), ETag: `"5"`},
			{Name: "item", NotFound: problem.ItemNotFound, View: reflect.TypeFor[item](), ETag: `"1-1"`},
		},
		Problem: reflect.TypeFor[problemDetails](), FieldError: reflect.TypeFor[fieldError](), FieldErrorCodes: fieldErrorCodes,
		Status: statusOf, Example: exampleProblem,
		Samples: map[reflect.Type]any{
			reflect.TypeFor[auth.UserID]():                  exampleID[auth.User](0xa1),
			reflect.TypeFor[requirements.ProjectID]():       exampleID[requirements.Project](0xb1),
			reflect.TypeFor[requirements.SpecificationID](): exampleID[requirements.Specification](0xc1),
			reflect.TypeFor[requirements.ItemID]():          exampleID[requirements.Item](0xd2),
			reflect.TypeFor[history.BaselineID]():           exampleID[history.Baseline](0xb5),
			reflect.TypeFor[auth.APITokenID]():              exampleID[auth.APIToken](0xf4),
			reflect.TypeFor[members.InvitationID]():         exampleID[members.Invitation](0xc7),
			reflect.TypeFor[auth.SessionID]():               exampleID[auth.Session](0xf1),
			reflect.TypeFor[auth.EventID]():                 exampleID[auth.Event](0x91),
			reflect.TypeFor[timestamp]():                    timestamp(time.Date(2026, time.November, 22, 17, 12, 10, 123_456_000, time.UTC)),
		},
	})
}

// exampleID is an id whose last byte is n.
func exampleID[T any](n byte) id.Of[T] {
	return id.Of[T]{0x01, 0xa2, 0x04, 0x3e, 0x6e, 0x8b, 0x7c, 0x3d, 0x9a, 0x41, 0x5b, 0x0e, 0x27, 0xd6, 0x83, n}
}

// exampleProblem is a problem as a request to path gets it.
func exampleProblem(code problem.Code, path string, current any) any {
	f := problem.NotFound(code)
	f.Current = current
	if code == problem.ValidationFailed {
		_, faults := requirements.ParseNewProject("", "")
		f, path = problem.Invalid(faults), "/projects"
	}
	ctx := middleware.NewContext(context.Background(), &middleware.Info{RequestID: exampleID[requestInfo](0xe1).String()})
	return problemOf((&http.Request{URL: &url.URL{Path: prefix + path}}).WithContext(ctx), f)
}

// ContractJSON is the published contract, indented. It does not contain the version of
// the program, so a change of it is a change of the contract.
func (a *API) ContractJSON() ([]byte, error) { return contractJSON(a.huma.OpenAPI()) }

// ContractYAML is the same as YAML.
func (a *API) ContractYAML() ([]byte, error) { return contractYAML(a.huma.OpenAPI()) }

func contractJSON(contract *huma.OpenAPI) ([]byte, error) {
	return stdjson.MarshalIndent(contract, "", "  ")
}

func contractYAML(contract *huma.OpenAPI) ([]byte, error) { return contract.YAML() }

// publishContract serves the contract. Its server is the path of the API as the client
// sees it, behind the prefix of a proxy.
func (a *API) publishContract(media string, render func(*huma.OpenAPI) ([]byte, error)) http.HandlerFunc {
	renderBehind := func(path string) ([]byte, error) {
		contract := *a.huma.OpenAPI()
		contract.Servers = []*huma.Server{{URL: path + prefix}}
		return render(&contract)
	}
	usual := a.publish(media, func() ([]byte, error) { return renderBehind(a.Public.Prefix) })
	return func(w http.ResponseWriter, r *http.Request) {
		if public := middleware.InfoFrom(r.Context()).Public; public.Prefix != a.Public.Prefix {
			a.publish(media, func() ([]byte, error) { return renderBehind(public.Prefix) })(w, r)
			return
		}
		usual(w, r)
	}
}

// publicKeys are the public keys of access tokens as a JWK set (RFC 7517).
func (a *API) publicKeys() ([]byte, error) {
	return json.Marshal(struct {
		Keys []auth.PublicKey `json:"keys"`
	}{a.PublicKeys})
}

// publish serves a document that is rendered once.
func (a *API) publish(media string, render func() ([]byte, error)) http.HandlerFunc {
	once := sync.OnceValues(render)
	return func(w http.ResponseWriter, r *http.Request) {
		document, err := once()
		if err != nil {
			a.fail(w, r, fmt.Errorf("render a published document: %w", err))
			return
		}
		sum := sha256.Sum256(document)
		w.Header().Set("Content-Type", media)
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
		w.WriteHeader(http.StatusOK) // explicitly: middleware.NotModified decides here about 304
		_, _ = w.Write(document)     // the client may have disconnected
	}
}
