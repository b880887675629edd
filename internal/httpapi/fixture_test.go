package httpapi_test

import (
	"bufio"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

const projectsPath = "/api/v1/projects"

// project is what a client reads of a project.
type project struct {
	ID                 string       `json:"id"`
	OwnerID            string       `json:"owner_id"`
	Owner              projectOwner `json:"owner"`
	Role               string       `json:"role"`
	Title              string       `json:"title"`
	Description        string       `json:"description"`
	SpecificationCount int          `json:"specification_count"`
	Version            int          `json:"version"`
	Revision           int          `json:"revision"`
	CreatedAt          string       `json:"created_at"`
	UpdatedAt          string       `json:"updated_at"`
	DeletedAt          *string      `json:"deleted_at"`
}

// projectOwner is what a client reads of the owner of a project.
type projectOwner struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// nameOf reads the name of a user.
func nameOf(c *testkit.Client) string { return profileOf(c.Get(mePath).Want(200)).Name }

func (p project) path() string { return projectsPath + "/" + p.ID }

// projectOf reads the project in a response.
func projectOf(a *testkit.Response) project {
	var p project
	a.Decode(&p)
	return p
}

// newProject creates a project with a description, so that its loss would
// show.
func newProject(c *testkit.Client, title string) project {
	return projectOf(c.Post(projectsPath, map[string]any{"title": title, "description": "About " + title}).Want(201))
}

// projectPage is one page of the list.
type projectPage struct {
	Projects      []project `json:"projects"`
	NextPageToken string    `json:"next_page_token"`
}

// listProjects reads one page; parameters are pairs of name and value.
func listProjects(c *testkit.Client, parameters ...string) projectPage {
	var page projectPage
	c.Get(projectsPath + encodeQuery(parameters...)).Want(200).Decode(&page)
	return page
}

func encodeQuery(parameters ...string) string {
	values := url.Values{}
	for pair := range slices.Chunk(parameters, 2) {
		values.Add(pair[0], pair[1])
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}

func projectIDs(projects []project) []string {
	all := make([]string, len(projects))
	for i, p := range projects {
		all[i] = p.ID
	}
	return all
}

// loginResponse is what a client reads of a sign-in.
type loginResponse struct {
	AccessToken      string `json:"access_token"`
	TokenType        string `json:"token_type"`
	ExpiresIn        int    `json:"expires_in"`
	RefreshToken     string `json:"refresh_token"`
	RefreshExpiresIn int    `json:"refresh_expires_in"`
	SessionID        string `json:"session_id"`
	User             struct {
		ID          string  `json:"id"`
		Email       string  `json:"email"`
		Name        string  `json:"name"`
		PictureURL  *string `json:"picture_url"`
		Role        string  `json:"role"`
		CreatedAt   string  `json:"created_at"`
		LastLoginAt string  `json:"last_login_at"`
	} `json:"user"`
}

var idTokenCount atomic.Int64

// idToken returns an ID token that differs from all others. Without the jti,
// two of one user in one second would be equal.
func idToken(t *testing.T, s *testkit.Server, c issuer.Claims) string {
	t.Helper()
	extra := map[string]any{"jti": idTokenCount.Add(1)}
	maps.Copy(extra, c.Extra)
	c.Extra = extra
	return s.IDToken(t, c)
}

// signIn signs in with a new ID token.
func signIn(t *testing.T, s *testkit.Server, c issuer.Claims) loginResponse {
	t.Helper()
	var g loginResponse
	s.Anonymous(t).Post("/api/v1/auth/login", map[string]any{"id_token": idToken(t, s, c)}).Want(200).Decode(&g)
	return g
}

// withToken is a client with this access token.
func withToken(t *testing.T, s *testkit.Server, token string) *testkit.Client {
	t.Helper()
	c := s.Anonymous(t)
	c.Token = token
	return c
}

// rawResponse is the response to a request that is written byte by byte.
type rawResponse struct {
	Status int
	Header http.Header
	Body   string
}

// sendRaw sends lines as a request of HTTP/1.1 and adds Host and Connection:
// close. A body follows after an empty line.
func sendRaw(t *testing.T, s *testkit.Server, lines ...string) rawResponse {
	t.Helper()
	return sendRawThenClose(t, s, nil, lines...)
}

// sendRawThenClose sends like sendRaw, waits, and closes its side of the
// connection. The server sees a client that has disconnected.
func sendRawThenClose(t *testing.T, s *testkit.Server, wait func(), lines ...string) rawResponse {
	t.Helper()
	address, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{Timeout: time.Minute}).DialContext(t.Context(), "tcp", address.Host)
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	lines = slices.Insert(slices.Clone(lines), 1, "Host: "+address.Host, "Connection: close")
	if !slices.Contains(lines, "") {
		lines = append(lines, "", "")
	}
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")); err != nil {
		t.Fatalf("write: %v", err)
	}
	if half, ok := conn.(*net.TCPConn); ok && wait != nil {
		wait()
		if err := half.CloseWrite(); err != nil {
			t.Fatalf("close for writing: %v", err)
		}
	}
	method, _, _ := strings.Cut(lines[0], " ")
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s: %v", lines[0], err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s: %v", lines[0], err)
	}
	return rawResponse{answer.StatusCode, answer.Header, string(body)}
}
