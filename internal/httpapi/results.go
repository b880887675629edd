package httpapi

import "github.com/codegenapp/codegenapp/internal/problem"

// resultOf is what came of a try to sign in or to refresh, in a word for metrics:
// ok; refused, because of what the caller has sent; reused, an old refresh token;
// unavailable, something is away; or failed, a fault of ours.
func resultOf(err error) string {
	if err == nil {
		return "ok"
	}
	switch code := problem.CodeOf(err); {
	case code == problem.RefreshTokenReused:
		return "reused"
	case code.Doc().Kind == problem.KindUnavailable:
		return "unavailable"
	case code == problem.Internal:
		return "failed"
	default:
		return "refused"
	}
}
