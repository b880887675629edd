package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// loggedChange is a change in the log of a project.
type loggedChange struct {
	Revision      int64
	At            time.Time
	Kind          string
	Specification string `json:"specification_id"`
	Version       int64  `json:"specification_version"`
	Item          string `json:"item_id"`
}

// changeLog is what a reader has seen of the changes of a project. It reads on where the
// page before has ended: after a revision, or within one.
type changeLog struct {
	changes []loggedChange
	since   int64
	token   string
	fault   string
}

func (l *changeLog) path(project string) string {
	query := url.Values{"since": {"r" + strconv.FormatInt(l.since, 10)}, "page_size": {"100"}}
	if l.token != "" {
		query.Set("page_token", l.token)
	}
	return project + "/changes?" + query.Encode()
}

func (l *changeLog) newest() int64 {
	if len(l.changes) == 0 {
		return 0
	}
	return l.changes[len(l.changes)-1].Revision
}

// read adds a page to the log, and reports whether it has any changes. Each revision must
// be the one before or the next one, and no time may be before the one before it.
func (l *changeLog) read(answer *response) bool {
	if answer == nil { // the process is away
		return false
	}
	if answer.Status != http.StatusOK {
		l.fault = fmt.Sprintf("%d: %s", answer.Status, answer.Body)
		return false
	}
	var page struct {
		Changes       []loggedChange
		NextPageToken string `json:"next_page_token"`
	}
	answer.decode(&page)
	for _, c := range page.Changes {
		newest := l.newest()
		// A revision is complete once it is seen: a later request begins after it.
		if c.Revision != newest+1 && (c.Revision != newest || l.since == newest) {
			l.fault = fmt.Sprintf("r%d comes after r%d", c.Revision, newest)
		}
		if n := len(l.changes); n > 0 && c.At.Before(l.changes[n-1].At) {
			l.fault = fmt.Sprintf("r%d was made at %s, before r%d", c.Revision, c.At, newest)
		}
		l.changes = append(l.changes, c)
	}
	l.token = page.NextPageToken
	if l.token == "" {
		l.since = l.newest()
	}
	return len(page.Changes) > 0
}

// A reader that accepts every log would prove nothing.
func TestHistory_ReaderNoticesWrongOrders(t *testing.T) {
	t.Parallel()
	page := func(changes ...string) *response {
		var list []string
		for _, c := range changes {
			revision, minute, _ := strings.Cut(c, " ")
			list = append(list, fmt.Sprintf(`{"revision":%s,"at":"2026-11-30T09:%s:00Z","kind":"item.created"}`, revision, minute))
		}
		return &response{t: t, Status: http.StatusOK, Body: `{"changes":[` + strings.Join(list, ",") + `],"next_page_token":""}`}
	}
	for name, tc := range map[string]struct {
		pages []*response
		fault string
	}{
		"in order":                      {[]*response{page("1 00", "2 01", "2 01"), page("3 01")}, ""},
		"a gap":                         {[]*response{page("1 00", "3 01")}, "r3 comes after r1"},
		"a smaller one later":           {[]*response{page("1 00", "2 01"), page("1 01")}, "r1 comes after r2"},
		"a revision that is longer now": {[]*response{page("1 00", "2 01"), page("2 01")}, "r2 comes after r2"},
		"a time before the one before":  {[]*response{page("1 01", "2 00")}, "r2 was made at 2026-11-30 09:00:00 +0000 UTC, before r1"},
		"a response that is not a list": {[]*response{{t: t, Status: 410, Body: "gone"}}, "410: gone"},
	} {
		log := &changeLog{}
		for _, p := range tc.pages {
			log.read(p)
		}
		if log.fault != tc.fault {
			t.Errorf("%s: %q, want %q", name, log.fault, tc.fault)
		}
	}
}
