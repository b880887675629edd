// Package codegenapp holds the files of the root folder that the program prints.
package codegenapp

import _ "embed" // for the file

// ExampleSettings is .env.example: every setting, with its description and its default
// or a placeholder.
//
//go:embed .env.example
var ExampleSettings string
