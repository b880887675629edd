package telemetry

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"path"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// request is the name of the group that tells of a request. Cloud Logging has a
// field for it, with names of its own.
const request = "http"

var (
	requestField = "httpRequest"
	requestNames = map[string]string{
		"method": "requestMethod", "route": "requestUrl", "status": "status",
		"bytes": "responseSize", "latency": "latency", "protocol": "protocol",
	}
)

// appendAttr writes an attribute, if it says anything. Top tells that it is in no
// group.
func appendAttr(b []byte, a slog.Attr, top bool) []byte {
	a.Value = a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return b
	}
	if a.Value.Kind() != slog.KindGroup {
		return appendValue(appendKey(b, a.Key), a.Value)
	}
	if a.Key == "" { // its attributes are those around it
		for _, inner := range a.Value.Group() {
			b = appendAttr(b, inner, top)
		}
		return b
	}
	return appendGroup(b, a, top && a.Key == request)
}

func appendGroup(b []byte, a slog.Attr, ofRequest bool) []byte {
	before := len(b)
	key := a.Key
	if ofRequest {
		key = requestField
	}
	b = append(appendKey(b, key), '{')
	start := len(b)
	for _, inner := range a.Value.Group() {
		if name, ok := requestNames[inner.Key]; ok && ofRequest {
			inner.Key = name
		}
		b = appendAttr(b, inner, false)
	}
	if len(b) == start {
		return b[:before]
	}
	return append(b, '}')
}

// appendKey writes a name, after a comma unless it is the first. What is fixed
// follows something.
func appendKey(b []byte, key string) []byte {
	if len(b) == 0 || b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(appendText(b, key), ':')
}

// appendText writes a string; what is no UTF-8 in it becomes U+FFFD.
func appendText(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // the only error is that of bad UTF-8
	return b
}

func appendValue(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return appendText(b, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(b, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(b, v.Uint64(), 10)
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case slog.KindFloat64:
		return appendFloat(b, v.Float64())
	case slog.KindDuration:
		return appendDuration(b, v.Duration())
	case slog.KindTime:
		return append(v.Time().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
	case slog.KindGroup, slog.KindLogValuer, slog.KindAny:
	}
	return appendAny(b, v.Any())
}

// appendFloat writes a number, in quotes if it is one that JSON does not have.
func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return appendText(b, strconv.FormatFloat(f, 'g', -1, 64))
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

// appendDuration writes seconds as Google's APIs do: "0.001234s".
func appendDuration(b []byte, d time.Duration) []byte {
	b = strconv.AppendFloat(append(b, '"'), d.Seconds(), 'f', 6, 64)
	return append(b, 's', '"')
}

func appendAny(b []byte, v any) []byte {
	if err, ok := v.(error); ok {
		return appendText(b, err.Error())
	}
	written, err := json.Marshal(v)
	if err != nil {
		return appendText(b, fmt.Sprintf("%+v", v))
	}
	return append(b, written...)
}

// module is how our packages begin.
const module = "github.com/codegenapp/codegenapp/"

// sources are the places of the program that log, as they are written.
var sources = struct {
	sync.RWMutex

	known map[uintptr][]byte
}{known: map[uintptr][]byte{}}

// sourceOf is where a line is written, as a field; nothing if that is not known.
// There are as many places as there are calls in the program, so each is looked up
// once.
func sourceOf(pc uintptr) []byte {
	if pc == 0 {
		return nil
	}
	sources.RLock()
	field, ok := sources.known[pc]
	sources.RUnlock()
	if ok {
		return field
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	// The file as the compiler saw it may begin anywhere on somebody's disk.
	folder, function := path.Split(frame.Function)
	folder += function[:max(0, strings.IndexByte(function, '.'))]
	file := path.Join(strings.TrimPrefix(folder, module), path.Base(frame.File))
	field = append(field, `,"logging.googleapis.com/sourceLocation":{"file":`...)
	field = append(appendText(field, file), `,"line":"`...)
	field = append(strconv.AppendInt(field, int64(frame.Line), 10), `","function":`...)
	field = append(appendText(field, strings.TrimPrefix(frame.Function, module)), '}')
	sources.Lock()
	defer sources.Unlock()
	sources.known[pc] = field
	return field
}
