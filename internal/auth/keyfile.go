package auth

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
)

// ParseKeys reads a key file: PEM with private keys in PKCS#8 or SEC1, and
// public ones in PKIX, all Ed25519 or P-256. The error goes on from the name of
// the setting, and repeats nothing of the file.
func ParseKeys(file []byte) ([]Key, error) {
	var keys []Key
	blocks := 0
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if blocks++; block.Type == "EC PARAMETERS" { // openssl writes them before a key of SEC1
			continue
		}
		key, err := parseKey(block)
		if err != nil {
			return nil, fmt.Errorf("holds a block (number %d) %w", blocks, err)
		}
		if slices.ContainsFunc(keys, func(known Key) bool { return known.id == key.id }) {
			return nil, errors.New("holds the same key twice")
		}
		keys = append(keys, key)
	}
	// The decoder passes over what it cannot read, which would be a key missed.
	if blocks == 0 || blocks != bytes.Count(file, []byte("-----BEGIN ")) {
		return nil, errors.New("is not PEM, or a part of it is damaged")
	}
	if len(keys) == 0 {
		return nil, errors.New("holds no key")
	}
	return keys, nil
}

func parseKey(block *pem.Block) (Key, error) {
	var read any
	var err error
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return Key{}, errors.New("that is encrypted; decrypt it with: openssl pkey")
	case block.Type == "PRIVATE KEY":
		read, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case block.Type == "EC PRIVATE KEY":
		read, err = x509.ParseECPrivateKey(block.Bytes)
	case block.Type == "PUBLIC KEY":
		read, err = x509.ParsePKIXPublicKey(block.Bytes)
	case block.Type == "RSA PRIVATE KEY" || block.Type == "RSA PUBLIC KEY" || block.Type == "DSA PRIVATE KEY":
		return Key{}, errNeither
	default:
		return Key{}, errors.New("that is no key in PKCS#8, SEC1 or PKIX")
	}
	if err != nil { // whose text may quote what it read
		return Key{}, errors.New("that cannot be read, or is neither Ed25519 nor P-256")
	}
	return keyOf(read)
}
