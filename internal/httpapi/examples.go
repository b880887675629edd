package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// The world of the examples: Ann's project holds one specification with three
// items. All examples of the contract are shown from it, by the functions that
// show what is stored, so that they cannot say what an answer would not.
var (
	exampleMorning = time.Date(2026, time.November, 22, 9, 30, 0, 481_516_000, time.UTC)
	exampleEvening = time.Date(2026, time.November, 22, 17, 12, 10, 123_456_000, time.UTC)

	exampleUser = auth.User{
		ID: exampleID[auth.User](0xa1), Email: "ann@example.com", Name: "Ann", Role: auth.RoleUser,
		CreatedAt: exampleMorning, LastLoginAt: exampleEvening,
	}
	exampleSession = auth.Session{
		ID: exampleID[auth.Session](0xf1), User: exampleUser.ID, CreatedAt: exampleMorning, LastUsedAt: exampleEvening,
		ExpiresAt: exampleEvening.AddDate(0, 0, 1), UserAgent: "codegen-cli/2.4", IP: "203.0.113.7",
	}
	exampleProject = requirements.Project{
		ID: exampleID[requirements.Project](0xb1), Owner: exampleUser.ID, Title: "Invoice portal",
		Description: "Customers see and pay their invoices.", SpecificationCount: 1, Version: 3,
		CreatedAt: exampleMorning, UpdatedAt: exampleEvening,
	}
	exampleItems = []requirements.Item{
		exampleItem(1, "A refund goes back to the card that paid."),
		exampleItem(2, "Refunds above 500 need a second person."),
		exampleItem(3, "The customer is told by e-mail."),
	}
	exampleSpecification = requirements.Specification{
		ID: exampleID[requirements.Specification](0xc1), Project: exampleProject.ID, Owner: exampleUser.ID, Number: 1,
		Title: "Refunds", Content: "# Refunds\n\nA customer gets the money back within a day.",
		Items: each(exampleItems, func(i requirements.Item) requirements.ItemID { return i.ID }), Version: 5,
		CreatedAt: exampleMorning, UpdatedAt: exampleEvening,
	}
	exampleGrant = auth.TokenPair{
		AccessToken: "eyJhbGciOiJ…", AccessExpires: time.Hour, RefreshToken: "cgr_7Qm2…", RefreshExpires: 24 * time.Hour,
		Session: exampleSession, User: exampleUser,
	}
)

// exampleEvent is the sign-in that began the example's session.
var exampleEvent = auth.Event{
	ID: exampleID[auth.Event](0x91), At: exampleMorning, Actor: &exampleUser.ID, Action: auth.SessionCreated,
	ResourceType: "session", Resource: new(auth.ResourceID(exampleSession.ID)),
	From:    auth.Client{IP: exampleSession.IP, UserAgent: exampleSession.UserAgent, RequestID: exampleID[record](0xe1).String()},
	Details: map[string]string{},
}

// exampleID is an id whose last byte is n.
func exampleID[T any](n byte) id.Of[T] {
	return id.Of[T]{0x01, 0xa2, 0x04, 0x3e, 0x6e, 0x8b, 0x7c, 0x3d, 0x9a, 0x41, 0x5b, 0x0e, 0x27, 0xd6, 0x83, n}
}

func exampleItem(number byte, content string) requirements.Item {
	return requirements.Item{
		ID: exampleID[requirements.Item](0xd0 + number), Specification: exampleID[requirements.Specification](0xc1),
		Owner: exampleUser.ID, Number: int(number), Content: content, Order: int(number) - 1, Version: 1,
		CreatedAt: exampleMorning, UpdatedAt: exampleMorning,
	}
}

// exampleBodies are the bodies of requests and answers, one of each type. A new
// type needs a line here.
var exampleBodies = sync.OnceValue(func() map[reflect.Type]any {
	var refresh refreshIn
	refresh.Body = madeFor(refresh.Body)
	refresh.Body.RefreshToken = exampleGrant.RefreshToken
	var logout logoutIn
	logout.Body = madeFor(logout.Body)
	logout.Body.AllSessions = true
	var sessions sessionsOut
	sessions.Body.Sessions = []session{{
		ID: exampleSession.ID, CreatedAt: timestamp(exampleSession.CreatedAt), LastUsedAt: timestamp(exampleSession.LastUsedAt),
		ExpiresAt: timestamp(exampleSession.ExpiresAt), UserAgent: exampleSession.UserAgent, IP: exampleSession.IP, Current: true,
	}}
	var projects projectsOut
	projects.Body.Projects = []Project{projectOf(exampleProject)}
	var specifications specificationsOut
	specifications.Body.Specifications = []specification{specificationOf(exampleSpecification)}
	var users usersOut
	users.Body.Users = []managedUserView{managedUserOf(exampleUser)}
	var events auditEventsOut
	events.Body.Events = []event{eventOf(exampleEvent)}
	var items itemsOut
	items.Body.Items = each(exampleItems, itemOf)
	whole := specificationOf(exampleSpecification)
	whole.Items = items.Body.Items

	p, s, i := exampleProject, exampleSpecification, exampleItems[1]
	byType := map[reflect.Type]any{}
	for _, body := range []any{
		idTokenLogin{IDToken: "eyJhbGciOiJSUzI1NiIs…"},
		codeLogin{
			Code: "4/0AVG7fiQ…", CodeVerifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
			RedirectURI: "https://app.example.com/signed-in", Cookie: true,
		},
		grantAnswer(exampleGrant).Body, *refresh.Body, *logout.Body, sessions.Body,
		userPatch{Name: giving(exampleUser.Name)},
		userOf(exampleUser),
		exportView{
			ExportedAt: timestamp(exampleEvening), User: userOf(exampleUser),
			Projects: []exportProject{{Project: projectOf(p), Specifications: []specification{whole}}},
		},
		projectBody{Title: giving(p.Title), Description: giving(p.Description)},
		projectPatch{Title: giving(p.Title)},
		projectOf(p), projects.Body,
		specificationBody{Content: giving(s.Content), Title: giving(s.Title)},
		specificationPatch{Content: giving(s.Content)},
		specificationOf(s), specifications.Body,
		itemBody{Content: giving(i.Content), Order: giving(i.Order)},
		itemPatch{Order: giving(i.Order)},
		itemOf(i), items.Body,
		itemOrder{ItemIDs: s.Items},
		users.Body,
		managedUserPatch{Role: giving(auth.RoleAuditor)},
		managedUserOf(exampleUser), events.Body,
	} {
		byType[reflect.TypeOf(body)] = body
	}
	return byType
})

// madeFor is something for a pointer whose type has no name.
func madeFor[T any](*T) *T { return new(T) }

// newborn is a body as it is right after the creation of what it shows.
func newborn(body any) any {
	switch b := body.(type) {
	case Project:
		b.Version, b.UpdatedAt, b.SpecificationCount = 1, b.CreatedAt, 0
		return b
	case specification:
		b.Version, b.UpdatedAt, b.ItemCount = 1, b.CreatedAt, 0
		return b
	default:
		return body
	}
}

// exampleThing is what the path of an operation names.
type exampleThing struct {
	id, tag string
	value   any
}

var exampleThings = map[string]exampleThing{
	"user":          {id: exampleUser.ID.String()},
	"session":       {id: exampleSession.ID.String()},
	"project":       {exampleProject.ID.String(), etag(exampleProject.Version), exampleProject},
	"specification": {exampleSpecification.ID.String(), etag(exampleSpecification.Version), exampleSpecification},
	"item":          {exampleItems[1].ID.String(), itemTag(exampleItems[1]), exampleItems[1]},
}

// nounIn is what the path of an operation names; empty for none.
func nounIn(op *huma.Operation) string { return nounOf(operations[op.Method+" "+op.Path].missing) }

// exemplify gives an operation the examples of its path, body and answer.
func exemplify(schemas huma.Registry, op *huma.Operation) {
	thing := exampleThings[nounIn(op)]
	for _, p := range op.Parameters {
		switch {
		case p.In == "path":
			p.Example = thing.id
		case p.Name == "If-Match", p.Name == "If-None-Match":
			p.Example = thing.tag
		}
	}
	if op.RequestBody != nil {
		exemplifyContent(schemas, op.RequestBody.Content, func(body any) any { return body })
	}
	switch ok := op.Responses[strconv.Itoa(op.DefaultStatus)]; op.DefaultStatus {
	case http.StatusOK:
		exemplifyContent(schemas, ok.Content, func(body any) any { return body })
	case http.StatusCreated:
		exemplifyContent(schemas, ok.Content, newborn)
	}
}

func exemplifyContent(schemas huma.Registry, content map[string]*huma.MediaType, adapt func(any) any) {
	example := func(of *huma.Schema) (jsontext.Value, bool) {
		body, ok := exampleBodies()[schemas.TypeFromRef(of.Ref)]
		return exampleJSON(adapt(body)), ok
	}
	for _, media := range content {
		if media.Schema.Ref != "" {
			if body, ok := example(media.Schema); ok {
				media.Example = body
			}
			continue
		}
		for _, form := range media.Schema.OneOf { // a body that has several has an example of each
			if media.Examples == nil {
				media.Examples = map[string]*huma.Example{}
			}
			if body, ok := example(form); ok {
				media.Examples[strings.TrimPrefix(form.Ref, schemaPrefix)] = &huma.Example{Value: body}
			}
		}
	}
}

// problemExamples are the examples of an answer with these codes. They are the
// same in each operation, so they stand in the document once.
func problemExamples(c *huma.Components, op *huma.Operation, codes []any) map[string]*huma.Example {
	if c.Examples == nil {
		c.Examples = map[string]*huma.Example{}
	}
	examples := map[string]*huma.Example{}
	for _, code := range codes {
		code := problem.Code(fmt.Sprint(code))
		name := string(code)
		if code == problem.PreconditionFailed { // it shows the resource
			name += "-" + nounIn(op)
		}
		examples[string(code)] = &huma.Example{Ref: "#/components/examples/" + name}
		if c.Examples[name] == nil {
			c.Examples[name] = &huma.Example{Summary: code.Doc().Title, Value: exampleJSON(exampleProblem(op, code))}
		}
	}
	return examples
}

// exampleProblem is a problem of op as a request gets it.
func exampleProblem(op *huma.Operation, code problem.Code) *problemDetails {
	thing := exampleThings[nounIn(op)]
	f, path := problem.NotFound(code), strings.Replace(op.Path, "{id}", thing.id, 1)
	if code == problem.PreconditionFailed {
		f.Current = thing.value
	}
	if code == problem.ValidationFailed {
		_, violations := requirements.ParseNewProject("", "")
		f, path = problem.Invalid(violations), "/projects"
	}
	ctx := context.WithValue(context.Background(), recordKey{}, &record{requestID: exampleID[record](0xe1).String()})
	return problemOf((&http.Request{URL: &url.URL{Path: prefix + path}}).WithContext(ctx), f)
}

// linkOf is a code as a link to the page that explains it.
func linkOf(code any) any { return fmt.Sprintf("[`%[1]s`](/problems/%[1]s)", code) }

// exampleJSON is a body as the server writes it.
func exampleJSON(body any) jsontext.Value {
	written, err := json.Marshal(body, jsonOptions)
	if err != nil {
		panic(fmt.Sprintf("write the example of a %T: %v", body, err)) // answers are written the same way
	}
	return written
}

// giving is a field that the caller gives; the zero given is one left out.
func giving[T any](value T) given[T] { return given[T]{value: value, ok: true} }

// MarshalJSONTo writes the field as a caller would; null, which omitempty leaves
// out, where it is not given. Only examples are written.
func (g given[T]) MarshalJSONTo(e *jsontext.Encoder) error {
	if !g.ok {
		return e.WriteToken(jsontext.Null)
	}
	return json.MarshalEncode(e, g.value)
}
