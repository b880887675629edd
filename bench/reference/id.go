package main

import (
	"encoding/hex"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// id is a UUID that pgx reads and writes in its binary form; uuid.UUID would go
// through text, at a quarter of the cost of a whole list.
type id [16]byte

// newID is a UUID of version 7.
func newID() id { return id(uuid.Must(uuid.NewV7())) }

// parseID reads the canonical form.
func parseID(text string) (id, error) {
	read, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return id{}, errors.New("not an id")
	}
	return id(read), nil
}

func (i id) String() string { return string(i.appendTo(make([]byte, 0, 36))) }

func (i id) appendTo(b []byte) []byte {
	var text [36]byte
	hex.Encode(text[:8], i[:4])
	hex.Encode(text[9:13], i[4:6])
	hex.Encode(text[14:18], i[6:8])
	hex.Encode(text[19:23], i[8:10])
	hex.Encode(text[24:], i[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return append(b, text[:]...)
}

// UnmarshalText reads the id in requests and tokens.
func (i *id) UnmarshalText(text []byte) (err error) {
	*i, err = parseID(string(text))
	return err
}

// ScanUUID reads the id from PostgreSQL.
func (i *id) ScanUUID(v pgtype.UUID) error {
	if !v.Valid {
		return errors.New("cannot read NULL as an id")
	}
	*i = v.Bytes
	return nil
}

// UUIDValue hands the id to PostgreSQL.
func (i id) UUIDValue() (pgtype.UUID, error) { //nolint:unparam // pgx asks for this form
	return pgtype.UUID{Bytes: i, Valid: true}, nil
}
