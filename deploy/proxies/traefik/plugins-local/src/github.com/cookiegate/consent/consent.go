// Package consent leaves of a request's headers what its consent grants, after the gate has said yes.
package consent

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// Config is a middleware's: Preflight for requests that the gate was not asked about.
type Config struct {
	Preflight bool `json:"preflight,omitempty"`
}

// CreateConfig gives the configuration of a middleware that says nothing.
func CreateConfig() *Config { return &Config{} }

// Only these reach the collector: no cookie, no token, no header that a tracker thought of.
var (
	passed = []string{
		"Origin", "Content-Type", "Content-Length", "Content-Encoding", "Authorization",
		"X-Consent-Subject", "X-Consent-Scope", "X-Consent-Acquire",
	}
	ofPreflights = []string{"Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"}
	granted      = map[string]string{"User-Agent": "device", "Accept-Language": "language", "Referer": "browsing"}
)

type middleware struct {
	next      http.Handler
	preflight bool
}

// New makes the middleware.
func New(_ context.Context, next http.Handler, config *Config, _ string) (http.Handler, error) {
	return &middleware{next: next, preflight: config.Preflight}, nil
}

func (m *middleware) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	if m.preflight {
		if request.ContentLength != 0 {
			http.Error(answer, "a preflight has no body", http.StatusBadRequest)
			return
		}
		request.URL.RawQuery = ""
		request.Header = only(request.Header, ofPreflights, nil)
	} else {
		acquire := strings.Fields(request.Header.Get("X-Consent-Acquire"))
		request.URL.RawQuery = withoutToken(request.URL.RawQuery)
		request.Header = only(request.Header, passed, acquire)
	}
	request.RequestURI = request.URL.RequestURI()
	m.next.ServeHTTP(answer, request)
}

func only(headers http.Header, names []string, acquire []string) http.Header {
	kept := http.Header{}
	for _, name := range names {
		if values := headers.Values(name); len(values) > 0 {
			kept[name] = values
		}
	}
	for name, category := range granted {
		if has(acquire, category) && headers.Get(name) != "" {
			kept[name] = headers.Values(name)
		}
	}
	if !has(acquire, "ip") {
		kept["X-Forwarded-For"] = nil // traefik would write the visitor's address
	}
	return kept
}

func has(words []string, word string) bool {
	for _, item := range words {
		if item == word {
			return true
		}
	}
	return false
}

func withoutToken(query string) string {
	var kept []string
	for _, item := range strings.Split(query, "&") {
		name, _, _ := strings.Cut(item, "=")
		plain, err := url.QueryUnescape(name)
		if err == nil && plain != "ct" && item != "" {
			kept = append(kept, item)
		}
	}
	return strings.Join(kept, "&")
}
