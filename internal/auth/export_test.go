package auth

// Remembered is how many verified tokens are remembered.
func (t *AccessTokens) Remembered() int { return len(t.remembered.young) + len(t.remembered.old) }
