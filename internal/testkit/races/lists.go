package races

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// PagesAreComplete reads a project's specifications, live and trashed, in every order, each
// page at another server, while others move specifications to the trash and back. Every
// walk must return each unmoved specification once, and none twice.
func PagesAreComplete(t *testing.T, c Clients, d time.Duration) {
	t.Helper()
	const each = Limit / 2
	home := newProject(c[0])
	var specs []spec
	for range 2 * each {
		specs = append(specs, home.spec(c[0]))
	}
	lasting := map[bool][]string{}
	for n, s := range specs[:each] {
		c.At(n).Delete(s.path()).Want(204)
		lasting[true] = append(lasting[true], s.ID)
	}
	for _, s := range specs[each:] {
		lasting[false] = append(lasting[false], s.ID)
	}
	wrong, until := CollectFailures(t), time.Now().Add(d)
	var walks atomic.Int64
	seed := testkit.Seed(t)
	Concurrently(2*each, func(k int) bool {
		dice := rand.New(rand.NewPCG(seed, uint64(k)))
		if k < each { // this goroutine moves a specification
			for one := home.spec(c.At(k)); time.Now().Before(until); {
				c.At(k).Delete(one.path()).Want(204)
				c.At(k+1).Post(one.path()+"/restore", nil).Want(200)
			}
			return true
		}
		for time.Now().Before(until) {
			trashed := dice.IntN(2) == 0
			order := []string{"number", "created_at", "updated_at", "title"}[dice.IntN(4)] + []string{"", " desc"}[dice.IntN(2)]
			if err := walk(c, home, trashed, order, 1+dice.IntN(3), lasting[trashed]); err != nil {
				wrong.Add("an incomplete walk", "by %s, trash %t: %v", order, trashed, err)
			}
			walks.Add(1)
		}
		return true
	})
	t.Logf("%d walks", walks.Load())
}

// walk reads a list, each page at another server, and returns what is wrong with it.
func walk(c Clients, home project, trashed bool, order string, size int, lasting []string) error {
	query := url.Values{"page_size": {strconv.Itoa(size)}, "order_by": {order}, "trashed": {strconv.FormatBool(trashed)}}
	times := map[string]int{}
	for n := 0; n == 0 || query.Get("page_token") != ""; n++ {
		var page struct {
			Specifications []spec
			NextPageToken  string `json:"next_page_token"`
		}
		c.At(n).Get(home.specs() + "?" + query.Encode()).Want(200).Decode(&page)
		for _, s := range page.Specifications {
			// A specification that moved meanwhile may appear again at its new position.
			if times[s.ID]++; times[s.ID] > 1 && (slices.Contains(lasting, s.ID) || !strings.HasPrefix(order, "updated_at")) {
				return fmt.Errorf("%s was returned %d times", s.ID, times[s.ID])
			}
		}
		query.Set("page_token", page.NextPageToken)
	}
	for _, id := range lasting {
		if times[id] != 1 {
			return fmt.Errorf("%s exists and was returned %d times", id, times[id])
		}
	}
	return nil
}
