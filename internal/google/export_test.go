package google

import "time"

// SetFetchTimeout shortens the timeouts of requests to the issuers, so that tests of a
// slow one are fast. Call it while no Verify runs.
func (p *Provider) SetFetchTimeout(timeout time.Duration) {
	p.signIn.keys.fetcher.timeout = timeout
	p.userStore.keys.fetcher.timeout = timeout
	p.client.http.Timeout = timeout
}

// The limits that tests reach and exceed.
const (
	MaxToken    = maxToken
	MaxDocument = maxDocument
)
