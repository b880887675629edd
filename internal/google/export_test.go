package google

import "time"

// SetFetchBound shortens the patience with the issuers, so that the tests of a
// slow one are fast. Call it while no Verify runs.
func (p *Provider) SetFetchBound(bound time.Duration) {
	p.signIn.keys.publisher.bound = bound
	p.userStore.keys.publisher.bound = bound
	p.client.http.Timeout = bound
}

// The bounds that tests go up to and beyond.
const (
	MaxToken    = maxToken
	MaxDocument = maxDocument
)
