package auth

// CachedTokens is the number of verified tokens in the cache.
func (t *AccessTokens) CachedTokens() int { return len(t.cache.young) + len(t.cache.old) }

// NewAPITokenText, ParseAPIToken and TokenChecksum are the form of API tokens.
var (
	NewAPITokenText = newAPIToken
	ParseAPIToken   = parseAPIToken
	TokenChecksum   = checksum
)
