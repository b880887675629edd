package gate

import (
	"strings"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// The keys of a slot. The braces put all of them on one node of a cluster.

func key(slot auth.Slot, kind, name string) string {
	return strings.Join([]string{"codegenapp:{", string(slot), "}:", kind, name}, "")
}

func rateKey(slot auth.Slot, rate string) string { return key(slot, "rate:", rate) }
func epochKey(slot auth.Slot) string             { return key(slot, "epoch", "") }
func marksKey(slot auth.Slot) string             { return key(slot, "marks", "") }
func sessionKey(e auth.Entry) string             { return key(e.Slot, "session:", e.Session.String()) }
func answerKey(e auth.Entry) string              { return key(e.Slot, "answer:", e.Question) }

// record is a kept answer as Redis holds it: its epoch, whose it is and to what
// question, its ETag, and its body, each in a line. Whoever reads it compares the
// first two: an answer that came to a wrong place is none.
func record(e auth.Entry, epoch auth.Epoch, a auth.Answer) string {
	return strings.Join([]string{string(epoch), answerKey(e), a.ETag, string(a.Body)}, "\n")
}

// read is the answer of a record to the question of e in its epoch, else nil.
func read(record string, e auth.Entry, epoch auth.Epoch) *auth.Answer {
	of, rest, _ := strings.Cut(record, "\n")
	whose, rest, _ := strings.Cut(rest, "\n")
	tag, body, whole := strings.Cut(rest, "\n")
	if !whole || of != string(epoch) || whose != answerKey(e) {
		return nil
	}
	return &auth.Answer{ETag: tag, Body: []byte(body)}
}
