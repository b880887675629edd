// Package id holds identifiers: UUIDs of version 7 (RFC 9562), typed by what they
// identify, so that the compiler keeps ids of different resources apart.
//
// It knows the text, JSON and PostgreSQL forms of an id. It knows no resource.
package id

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// Of identifies one T. The zero value identifies nothing.
type Of[T any] [16]byte

// ErrNotUUID is returned for text that is not a UUID with hyphens.
var ErrNotUUID = errors.New("not a UUID with hyphens")

// New returns a new id. Later ids sort after earlier ones, which keeps indexes
// dense: across processes to the millisecond, within one process always.
func New[T any]() Of[T] {
	v7, err := uuid.NewV7()
	if err != nil {
		// Without the system's random source no id is safe.
		panic(fmt.Sprintf("make an id: %v", err))
	}
	return Of[T](v7)
}

// Parse parses a UUID with hyphens, in lower or upper case: some platforms write
// UUIDs in upper case. It accepts no other spelling. [Of.String] is always in lower
// case, so a resource has one name in responses, caches and tokens.
func Parse[T any](text string) (Of[T], error) {
	parsed, err := uuid.Parse(text)
	if err != nil || len(text) != canonicalLength {
		return Of[T]{}, ErrNotUUID
	}
	return Of[T](parsed), nil
}

// canonicalLength tells 8-4-4-4-12 digits with hyphens from the other spellings that
// package uuid accepts: in braces, as a URN, without hyphens.
const canonicalLength = 36

// IsZero reports whether the id identifies nothing.
func (i Of[T]) IsZero() bool { return i == Of[T]{} }

// String returns the canonical spelling: lower case with hyphens.
func (i Of[T]) String() string { return uuid.UUID(i).String() }

// AppendText appends the canonical spelling. JSON encoding uses it.
func (i Of[T]) AppendText(b []byte) ([]byte, error) {
	const digits = "0123456789abcdef"
	for n, octet := range i {
		if n == 4 || n == 6 || n == 8 || n == 10 {
			b = append(b, '-')
		}
		b = append(b, digits[octet>>4], digits[octet&15])
	}
	return b, nil
}

// MarshalText returns the canonical spelling.
func (i Of[T]) MarshalText() ([]byte, error) { return i.AppendText(make([]byte, 0, canonicalLength)) }

// UnmarshalText is Parse.
func (i *Of[T]) UnmarshalText(text []byte) error {
	parsed, err := Parse[T](string(text))
	if err != nil {
		return err
	}
	*i = parsed
	return nil
}

// ScanUUID reads the id from PostgreSQL. NULL is an error.
func (i *Of[T]) ScanUUID(v pgtype.UUID) error {
	if !v.Valid {
		return errors.New("cannot read NULL as an id")
	}
	*i = v.Bytes
	return nil
}

// UUIDValue returns the id for PostgreSQL. The zero id is NULL.
func (i Of[T]) UUIDValue() (pgtype.UUID, error) {
	return pgtype.UUID{Bytes: i, Valid: !i.IsZero()}, nil
}
