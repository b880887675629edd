// Package requirements holds the rules of what is kept: projects, their
// specifications, and the ordered items of a specification; their limits, their
// versions, and the trash.
//
// It knows neither HTTP nor SQL. It asks for storage through [Store], which
// package postgres implements. Each change follows one way: lock and read,
// decide in a pure function, write.
package requirements
