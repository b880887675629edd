package gate

import (
	"strings"

	"github.com/codegenapp/codegenapp/internal/identity"
)

// The keys of a slot. The braces put all of them on one node of a cluster.

func key(slot identity.Slot, kind, name string) string {
	return strings.Join([]string{"codegenapp:{", string(slot), "}:", kind, name}, "")
}

func rateKey(slot identity.Slot, rate string) string { return key(slot, "rate:", rate) }
func epochKey(slot identity.Slot) string             { return key(slot, "epoch", "") }
func marksKey(slot identity.Slot) string             { return key(slot, "marks", "") }
func sessionKey(e identity.Entry) string             { return key(e.Slot, "session:", e.Session.String()) }
func answerKey(e identity.Entry) string              { return key(e.Slot, "answer:", e.Question) }

// record is a kept answer as Redis holds it: its epoch, whose it is and to what
// question, its ETag, and its body, each in a line. Whoever reads it compares the
// first two: an answer that came to a wrong place is none.
func record(e identity.Entry, epoch identity.Epoch, a identity.Answer) string {
	return strings.Join([]string{string(epoch), answerKey(e), a.ETag, string(a.Body)}, "\n")
}

// read is the answer of a record to the question of e in its epoch, else nil.
func read(record string, e identity.Entry, epoch identity.Epoch) *identity.Answer {
	of, rest, _ := strings.Cut(record, "\n")
	whose, rest, _ := strings.Cut(rest, "\n")
	tag, body, whole := strings.Cut(rest, "\n")
	if !whole || of != string(epoch) || whose != answerKey(e) {
		return nil
	}
	return &identity.Answer{ETag: tag, Body: []byte(body)}
}
