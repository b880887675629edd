package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"
)

// caller is the user and session of an access token.
type caller struct {
	user, session id
	expires       time.Time
}

// key is a key of the caller's in Redis. All of one user lie in one slot.
func (c caller) key(name string) string { return "reference:{" + c.user.String() + "}:" + name }

// mostKnown bounds how many verified tokens are remembered.
const maxCachedTokens = 100_000

// tokens verifies access tokens: JWTs with HS256. A token that was verified is
// remembered until it expires.
type tokens struct {
	secret []byte
	mu     sync.RWMutex
	cached map[string]caller
}

var errToken = errors.New("the access token is not valid")

func (t *tokens) verify(authorization string) (caller, error) {
	raw, ok := strings.CutPrefix(authorization, "Bearer ")
	if !ok {
		return caller{}, errToken
	}
	t.mu.RLock()
	actor, known := t.cached[raw]
	t.mu.RUnlock()
	if !known {
		var err error
		if actor, err = t.read(raw); err != nil {
			return caller{}, err
		}
		t.mu.Lock()
		if len(t.cached) >= maxCachedTokens {
			clear(t.cached)
		}
		t.cached[strings.Clone(raw)] = actor
		t.mu.Unlock()
	}
	if time.Now().After(actor.expires) {
		return caller{}, errToken
	}
	return actor, nil
}

// read checks signature, type and claims.
func (t *tokens) read(raw string) (caller, error) {
	end := strings.LastIndexByte(raw, '.')
	head, body, ok := strings.Cut(raw[:max(0, end)], ".")
	if !ok {
		return caller{}, errToken
	}
	mac := hmac.New(sha256.New, t.secret)
	mac.Write([]byte(raw[:end]))
	signature, err := base64.RawURLEncoding.Strict().DecodeString(raw[end+1:])
	if err != nil || !hmac.Equal(signature, mac.Sum(nil)) {
		return caller{}, errToken
	}
	var header struct{ Typ, Alg string }
	var claims struct {
		Iss      string
		Sub, Sid id
		Exp      int64
	}
	if errors.Join(part(head, &header), part(body, &claims)) != nil ||
		header.Alg != "HS256" || header.Typ != "at+jwt" || claims.Iss != "codegenapp" {
		return caller{}, errToken
	}
	return caller{user: claims.Sub, session: claims.Sid, expires: time.Unix(claims.Exp, 0)}, nil
}

func part(text string, into any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return err
	}
	return json.NewDecoder(bytes.NewReader(raw)).Decode(into)
}
