package middleware

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
)

func TestPublicURL_Setting(t *testing.T) {
	t.Parallel()
	const (
		none = "is not a URL such as"
		more = "has a user, a query or a fragment"
		form = "is not written as browsers write"
		path = "has a path with other characters"
	)
	for text, tc := range map[string]struct {
		origin, prefix string
		fault          string
	}{
		"https://app.example.com":                             {"https://app.example.com", "", ""},
		"https://app.example.com/":                            {"https://app.example.com", "", ""},
		"https://app.example.com:8443":                        {"https://app.example.com:8443", "", ""},
		"https://app.example.com/req":                         {"https://app.example.com", "/req", ""},
		"https://app.example.com/a/b-c_d.e~/":                 {"https://app.example.com", "/a/b-c_d.e~", ""},
		"http://localhost:8080":                               {"http://localhost:8080", "", ""},
		"https://[2001:db8::1]:8443/x":                        {"https://[2001:db8::1]:8443", "/x", ""},
		"app.example.com":                                     {fault: none},
		"//app.example.com":                                   {fault: none},
		"ftp://app.example.com":                               {fault: none},
		"capacitor://localhost":                               {fault: none},
		"https://":                                            {fault: none},
		"*":                                                   {fault: none},
		"https://app.example.com:443":                         {fault: form},
		"https://APP.example.com":                             {fault: form},
		"https://b\u00fccher.example":                         {fault: form},
		"https://ann@app.example.com":                         {fault: more},
		"https://app.example.com?x":                           {fault: more},
		"https://app.example.com?":                            {fault: more},
		"https://app.example.com/#":                           {fault: more},
		"https://app.example.com//x":                          {fault: path},
		"https://app.example.com/x//":                         {fault: path},
		"https://app.example.com/a b":                         {fault: path},
		"https://app.example.com/a%2Fb":                       {fault: path},
		"https://app.example.com/../x":                        {fault: path},
		"https://app.example.com/<x>":                         {fault: path},
		"http://app.example.com":                              {fault: "is not https://"},
		"https://app.example.com/" + strings.Repeat("a", 300): {fault: path},
	} {
		got, err := ParsePublicURL(text, OriginRules{})
		if tc.fault != "" {
			if err == nil || !strings.HasPrefix(err.Error(), tc.fault) {
				t.Errorf("%s: %v, want %s", text, err, tc.fault)
			}
			continue
		}
		if err != nil || got.Origin() != tc.origin || got.Prefix != tc.prefix {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
	}
	if got, err := ParsePublicURL("http://app.example.com", OriginRules{Plain: true}); err != nil || got.Origin() != "http://app.example.com" {
		t.Errorf("plain HTTP, which is allowed, is %+v, %v", got, err)
	}
}

func TestPublicURL_OfARequest(t *testing.T) {
	t.Parallel()
	const host = "internal:8080"
	for name, tc := range map[string]struct {
		setting   string
		untrusted bool
		ownTLS    bool
		headers   []string
		want      string
	}{
		"the Host header":                  {want: "http://" + host},
		"TLS of the server":                {ownTLS: true, want: "https://" + host},
		"an untrusted peer":                {untrusted: true, headers: []string{"X-Forwarded-Host", "evil.example", "X-Forwarded-Prefix", "/evil", "X-Forwarded-Proto", "https"}, want: "http://" + host},
		"a proxy":                          {headers: []string{"X-Forwarded-Host", "app.example.test", "X-Forwarded-Proto", "https"}, want: "https://app.example.test"},
		"a proxy with a port":              {headers: []string{"X-Forwarded-Host", "app.example.test:8443"}, want: "http://app.example.test:8443"},
		"a proxy with a path":              {headers: []string{"X-Forwarded-Host", "app.example.test", "X-Forwarded-Prefix", "/backend/"}, want: "http://app.example.test/backend"},
		"only a path":                      {headers: []string{"X-Forwarded-Prefix", "/backend"}, want: "http://" + host + "/backend"},
		"the root as a path":               {headers: []string{"X-Forwarded-Prefix", "/"}, want: "http://" + host},
		"a host in capitals":               {headers: []string{"X-Forwarded-Host", "APP.example.test"}, want: "http://app.example.test"},
		"IPv6":                             {headers: []string{"X-Forwarded-Host", "[2001:db8::1]:8443"}, want: "http://[2001:db8::1]:8443"},
		"the last of several":              {headers: []string{"X-Forwarded-Host", "evil.example, app.example.test"}, want: "http://app.example.test"},
		"the last of several lines":        {headers: []string{"X-Forwarded-Host", "evil.example", "X-Forwarded-Host", "app.example.test"}, want: "http://app.example.test"},
		"a host with a path":               {headers: []string{"X-Forwarded-Host", "app.example.test/x"}, want: "http://" + host},
		"a host with a user":               {headers: []string{"X-Forwarded-Host", "ann@app.example.test"}, want: "http://" + host},
		"a host with a scheme":             {headers: []string{"X-Forwarded-Host", "https://app.example.test"}, want: "http://" + host},
		"a host with markup":               {headers: []string{"X-Forwarded-Host", `"><script>`}, want: "http://" + host},
		"a host that is empty":             {headers: []string{"X-Forwarded-Host", ""}, want: "http://" + host},
		"a port that is no port":           {headers: []string{"X-Forwarded-Host", "app.example.test:x"}, want: "http://" + host},
		"a path to another host":           {headers: []string{"X-Forwarded-Prefix", "//evil.example"}, want: "http://" + host},
		"a path with a backslash":          {headers: []string{"X-Forwarded-Prefix", `/\\evil.example`}, want: "http://" + host},
		"a path upwards":                   {headers: []string{"X-Forwarded-Prefix", "/a/../b"}, want: "http://" + host},
		"a path with a percent sign":       {headers: []string{"X-Forwarded-Prefix", "/a%2fb"}, want: "http://" + host},
		"a path without a slash":           {headers: []string{"X-Forwarded-Prefix", "backend"}, want: "http://" + host},
		"a path with markup":               {headers: []string{"X-Forwarded-Prefix", `/"><script>`}, want: "http://" + host},
		"the setting":                      {setting: "https://public.example/api", want: "https://public.example/api"},
		"the setting instead of the proxy": {setting: "https://public.example", headers: []string{"X-Forwarded-Host", "app.example.test", "X-Forwarded-Prefix", "/x", "X-Forwarded-Proto", "http"}, want: "https://public.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := Config{Proxies: proxies(t, "10.0.0.0/8")}
			if tc.setting != "" {
				var err error
				if c.Public, err = ParsePublicURL(tc.setting, OriginRules{}); err != nil {
					t.Fatal(err)
				}
			}
			r := &http.Request{Host: host, RemoteAddr: "10.0.0.1:1", Header: http.Header{}}
			if tc.untrusted {
				r.RemoteAddr = "203.0.113.9:1"
			}
			if tc.ownTLS {
				r.TLS = &tls.ConnectionState{}
			}
			for n := 0; n < len(tc.headers); n += 2 {
				r.Header.Add(tc.headers[n], tc.headers[n+1])
			}
			if got := New(c).Connection(r).Public; got.Origin()+got.Path("") != tc.want {
				t.Errorf("the server is at %s, want %s", got.Origin()+got.Path(""), tc.want)
			}
		})
	}
}

func TestOrigins_Allows(t *testing.T) {
	t.Parallel()
	list := []string{"https://app.example.com", "http://localhost:*", "http://[::1]:*", "capacitor://localhost", "app://-", AnyOrigin}
	for origin, want := range map[string]bool{
		"https://app.example.com": true, "http://localhost": true, "http://localhost:5173": true, "http://localhost:1": true, "http://[::1]:3000": true,
		"capacitor://localhost": true, "app://-": true,
		"": false, "*": false, "null": false, "http://localhost:*": false, "http://localhost:": false, "http://localhost:0": false, "http://localhost:05": false,
		"http://localhost:5173/": false, "http://localhost.evil.example": false, "http://localhost:5173.evil.example": false, "http://localhost:123456": false,
		"https://localhost:5173": false, "http://127.0.0.1:5173": false, "capacitor://localhost:1": false, "app://": false, "https://app.example.com:8443": false,
	} {
		if AllowsOrigin(list, origin) != want {
			t.Errorf("%q is allowed: %t", origin, !want)
		}
	}
}
