package httpapi

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// IdempotentIn is the input of a creation that happens once for each Idempotency-Key.
type IdempotentIn struct {
	Key idempotencyKey `header:"Idempotency-Key" doc:"Names this creation: for 24 hours the same request with the same key gets the same response and creates nothing more."`
}

// request identifies the request: the same key, path and body (whatever its spacing
// and the order of its names) are the same request. It is zero without a key.
func (in *IdempotentIn) request(path string, body []byte) (requirements.IdempotentRequest, error) {
	if in.Key.text == "" {
		return requirements.IdempotentRequest{}, nil
	}
	digest, err := requestDigest(prefix+path, body)
	return requirements.IdempotentRequest{Key: in.Key.text, Digest: digest}, err
}

// requestDigest is equal for creations that ask for the same.
func requestDigest(path string, body []byte) ([sha256.Size]byte, error) {
	canonical := jsontext.Value(body).Clone()
	if err := canonical.Canonicalize(); err != nil {
		return [sha256.Size]byte{}, err
	}
	return sha256.Sum256(fmt.Appendf(nil, "POST %s\n%s", path, canonical)), nil
}

// maxKeyLength is the maximum length of an Idempotency-Key.
const maxKeyLength = 255

// idempotencyKey is 1 to 255 visible ASCII characters.
type idempotencyKey struct{ text string }

// UnmarshalText reads the key.
func (k *idempotencyKey) UnmarshalText(text []byte) error {
	if len(text) > maxKeyLength {
		return fmt.Errorf("it has %d characters, at most %d are allowed", len(text), maxKeyLength)
	}
	for _, c := range text {
		if c < '!' || c > '~' {
			return fmt.Errorf("only visible ASCII characters are allowed")
		}
	}
	k.text = string(text)
	return nil
}

// Schema documents the form.
func (idempotencyKey) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: `^[!-~]{1,255}$`, Examples: []any{"9b2f6c1e-5c3a-4f5e-8a53-0b8f7a3f9a11"}}
}

// CreatedOut is what every response to a creation has besides the resource.
type CreatedOut struct {
	Location string `header:"Location" doc:"The path of what was created."`
	ETag     string `header:"ETag" doc:"The version, for If-Match and If-None-Match."`
	Replayed string `header:"Idempotency-Replayed" doc:"true if this is the response to an earlier request with the same Idempotency-Key."`
}

func created(ctx context.Context, path string, tag requirements.Tag, replayed bool) CreatedOut {
	out := CreatedOut{Location: middleware.InfoFrom(ctx).Public.Path(prefix + path), ETag: etag(tag)}
	if replayed {
		out.Replayed = "true"
	}
	return out
}
