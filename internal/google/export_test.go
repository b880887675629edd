package google

import "time"

// SetFetchBound shortens the patience with the issuer, so that the tests of a
// slow one are fast. Call it while no Verify runs.
func (v *Verifier) SetFetchBound(bound time.Duration) { v.keys.publisher.bound = bound }

// The bounds that tests go up to and beyond.
const (
	MaxToken    = maxToken
	MaxDocument = maxDocument
)
