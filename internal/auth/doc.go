// Package auth holds the rules of who may call: users, roles, sessions and
// the tokens that stand for them.
//
// It knows neither HTTP nor SQL nor any identity provider. It asks for storage
// through [Store] (package postgres) and for verified sign-ins through
// [Provider] (package google).
package auth
