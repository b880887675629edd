package main

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/codegenapp/codegenapp/bench/load"
)

// contract is the path prefix of the operations.
const contract = "/api/v1"

// appendRequest writes a request. Extra is header lines, each with its end.
func appendRequest(b []byte, method, path string, u *user, extra string, body []byte) []byte {
	b = append(append(append(b, method...), ' '), path...)
	b = append(b, " HTTP/1.1\r\nHost: bench\r\n"...)
	b = append(append(b, u.credentials...), extra...)
	if body != nil {
		b = append(b, "Content-Type: application/json\r\nContent-Length: "...)
		b = append(strconv.AppendInt(b, int64(len(body)), 10), "\r\n"...)
	}
	return append(append(b, "\r\n"...), body...)
}

// action writes one kind of request about a specification.
type action func(b []byte, s *specTarget) ([]byte, load.Want)

// api is the requests of one API.
type api struct {
	read, readWithItems, readList, readUnchanged              action
	patch, patchItem, rotate, createItem, createSpecification action
}

// contractAPI is the API of codegenapp, which all but PocketBase have.
var contractAPI = &api{
	read: readSpecification, readWithItems: readWithItems, readList: readList, readUnchanged: readUnchanged,
	patch: patch, patchItem: patchItem, rotate: rotate, createItem: createItem, createSpecification: createSpecification,
}

// The reads.

func readSpecification(b []byte, s *specTarget) ([]byte, load.Want) {
	return appendRequest(b, http.MethodGet, contract+"/specs/"+s.id, s.user, "", nil), load.Want{Status: 200, Prefix: []byte(`{"id":"` + s.id), Suffix: []byte("}")}
}

func readWithItems(b []byte, s *specTarget) ([]byte, load.Want) {
	return appendRequest(b, http.MethodGet, contract+"/specs/"+s.id+"?include=items", s.user, "", nil),
		load.Want{Status: 200, Prefix: []byte(`{"id":"` + s.id), Suffix: []byte("}]}")}
}

func readList(b []byte, s *specTarget) ([]byte, load.Want) {
	return appendRequest(b, http.MethodGet, contract+"/projects/"+s.project+"/specs?page_size=20", s.user, "", nil),
		load.Want{Status: 200, Prefix: []byte(`{"specifications":[{"id":"` + s.first), Suffix: []byte(`"}`)}
}

func readUnchanged(b []byte, s *specTarget) ([]byte, load.Want) {
	return appendRequest(b, http.MethodGet, contract+"/specs/"+s.id, s.user, `If-None-Match: "`+strconv.FormatInt(s.version, 10)+"\"\r\n", nil), load.Want{Status: 304}
}

// The writes.

func patch(b []byte, s *specTarget) ([]byte, load.Want) {
	version := strconv.FormatInt(s.version, 10)
	body := []byte(`{"content":"Revision ` + version + filler + `"}`)
	return appendRequest(b, http.MethodPatch, contract+"/specs/"+s.id, s.user, "If-Match: \""+version+"\"\r\n", body),
		load.Want{Status: 200, Prefix: []byte(`{"id":"` + s.id)}
}

// patchItem changes the first item.
func patchItem(b []byte, s *specTarget) ([]byte, load.Want) {
	version := strconv.FormatInt(s.itemVersion, 10)
	return appendRequest(b, http.MethodPatch, contract+"/items/"+s.items[0], s.user, "If-Match: \""+version+"\"\r\n", []byte(`{"content":"Point `+version+filler+`"}`)),
		load.Want{Status: 200, Prefix: []byte(`{"id":"` + s.items[0])}
}

// rotate puts the first item last.
func rotate(b []byte, s *specTarget) ([]byte, load.Want) {
	s.items = append(s.items[1:], s.items[0])
	body := []byte(`{"item_ids":["`)
	for n, item := range s.items {
		if n > 0 {
			body = append(body, `","`...)
		}
		body = append(body, item...)
	}
	body = append(body, `"]}`...)
	return appendRequest(b, http.MethodPut, contract+"/specs/"+s.id+"/items/reorder", s.user, `If-Match: "`+strconv.FormatInt(s.version, 10)+"\"\r\n", body),
		load.Want{Status: 200, Prefix: []byte(`{"items":[{"id":"` + s.items[0])}
}

func createItem(b []byte, s *specTarget) ([]byte, load.Want) {
	return appendRequest(b, http.MethodPost, contract+"/specs/"+s.id+"/items", s.user, "", []byte(`{"content":"Refunds above 500 need a second person, who is not the first."}`)),
		load.Want{Status: 201, Prefix: []byte(`{"id":"`)}
}

// createSpecification creates one in the project of the target.
func createSpecification(b []byte, s *specTarget) ([]byte, load.Want) {
	return appendRequest(b, http.MethodPost, contract+"/projects/"+s.project+"/specs", s.user, "", []byte(`{"title":"Refunds","content":"Created`+filler+`"}`)),
		load.Want{Status: 201, Prefix: []byte(`{"id":"`)}
}

// filler brings a content to a usual length.
var filler = string(bytes.Repeat([]byte(" and so on"), 38))
