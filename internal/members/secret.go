package members

import (
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"math/big"
	"strings"
)

const (
	// SecretPrefix begins each secret of an invitation, so that scanners recognize it.
	SecretPrefix = "cgi_"

	secretBytes = 24
	// secretDigits and checksumDigits are the lengths of 24 and 4 bytes in base 62.
	secretDigits, checksumDigits = 33, 6
)

// newSecret returns a new secret: the prefix, 24 random bytes, and the CRC-32 of both, in
// base 62. By its checksum a scanner tells a secret from other text.
func newSecret() string {
	var random [secretBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	body := SecretPrefix + base62(new(big.Int).SetBytes(random[:]), secretDigits)
	return body + checksum(body)
}

func checksum(body string) string {
	return base62(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(body)))), checksumDigits)
}

// base62 returns a number with leading zeros. The digits 10 to 61 are a to z, A to Z.
func base62(n *big.Int, digits int) string {
	return fmt.Sprintf("%s%s", strings.Repeat("0", max(0, digits-len(n.Text(62)))), n.Text(62))
}
