package history

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Digester computes the digest of a project's state: the SHA-256 of the canonical JSON
// (RFC 8785) of
//
//	{"title", "description", "specifications": [{"number", "title", "content", "items": [{"number", "content"}]}]}
//
// Equal states have equal digests, whatever their ids, versions and times are. The
// document is hashed as it is written and never held in memory.
type Digester struct {
	hash   hash.Hash
	title  string
	number int // of the last specification; 0 before the first
	buffer []byte
}

// NewDigester begins the digest of a project with the given title and description.
func NewDigester(title, description string) *Digester {
	d := &Digester{hash: sha256.New(), title: title}
	// RFC 8785 sorts the names of an object: content, items, number, title.
	d.write(`{"description":`)
	d.writeText(description)
	d.write(`,"specifications":[`)
	return d
}

// Add adds a live specification with its items in their order. Specifications have to
// come by ascending number; Add panics otherwise, because the digest would be one that no
// other computation of it gives.
func (d *Digester) Add(list requirements.ItemList) {
	s := list.Specification
	if s.Number <= d.number {
		panic(fmt.Sprintf("digest of a project: specification %d comes after %d", s.Number, d.number))
	}
	if d.number > 0 {
		d.write(`,`)
	}
	d.number = s.Number
	d.write(`{"content":`)
	d.writeText(s.Content)
	d.write(`,"items":[`)
	for n, item := range list.Items {
		if n > 0 {
			d.write(`,`)
		}
		d.write(`{"content":`)
		d.writeText(item.Content)
		d.writeNumber(item.Number)
		d.write(`}`)
	}
	d.write(`]`)
	d.writeNumber(s.Number)
	d.write(`,"title":`)
	d.writeText(s.Title)
	d.write(`}`)
}

// Sum ends the document and returns its digest: "sha256:" and 64 hexadecimal digits. It is
// called once, and last.
func (d *Digester) Sum() string {
	d.write(`],"title":`)
	d.writeText(d.title)
	d.write(`}`)
	return "sha256:" + hex.EncodeToString(d.hash.Sum(nil))
}

func (d *Digester) write(json string) {
	d.buffer = append(d.buffer[:0], json...)
	d.flush()
}

// writeText writes a string as RFC 8785 spells it. Texts that are not UTF-8 have no
// canonical JSON; the rules for texts reject them.
func (d *Digester) writeText(text string) {
	d.buffer, _ = jsontext.AppendQuote(d.buffer[:0], text)
	d.flush()
}

// writeNumber writes a member "number". RFC 8785 spells whole numbers below 2⁵³ in decimal.
func (d *Digester) writeNumber(number int) {
	d.buffer = strconv.AppendInt(append(d.buffer[:0], `,"number":`...), int64(number), 10)
	d.flush()
}

// flush hashes the buffer. A hash never returns an error.
func (d *Digester) flush() { _, _ = d.hash.Write(d.buffer) }
