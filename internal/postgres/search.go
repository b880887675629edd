package postgres

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/search"
)

// maxSearchSeconds is how long a search reads texts: 50 to 100 MB. It is well below the
// timeout of a statement.
const maxSearchSeconds = 1

// Search implements requirements.Store.
func (s *Store) Search(ctx context.Context, actor auth.Actor, q requirements.SearchQuery) (requirements.Found, error) {
	var rows []db.SearchRow
	var shared []db.ListMembershipsRow
	complete := true
	var queries []query
	if !q.Text.Empty() {
		queries = []query{
			get(&rows, func(queries *db.Queries) ([]db.SearchRow, error) {
				return queries.Search(ctx, searchParams(actor, q))
			}),
			get(&complete, func(queries *db.Queries) (bool, error) { return queries.SearchedAll(ctx, maxSearchSeconds) }),
		}
		if actor.At.IsZero() {
			queries = append(queries, get(&shared, func(q *db.Queries) ([]db.ListMembershipsRow, error) {
				return q.ListMemberships(ctx, actor.User)
			}))
		}
	}
	err := s.read(ctx, actor, queries...) // the session is checked in any case
	return requirements.Found{Hits: convertAll(rows, hitOf), Complete: complete, Shared: convertAll(shared, locationOf)}, err
}

func locationOf(row db.ListMembershipsRow) auth.Location {
	return auth.Location{Owner: row.OwnerID, Project: row.ProjectID}
}

func searchParams(actor auth.Actor, q requirements.SearchQuery) db.SearchParams {
	p := db.SearchParams{
		OwnerID: actor.Owner(), ProjectID: pgtype.UUID{Bytes: q.Project, Valid: !q.Project.IsZero()}, Kind: string(q.Kind),
		Words: []string{}, Exact: []string{}, Whole: []string{}, Without: []string{},
		MaxSeconds: maxSearchSeconds, MaxBytes: page.MaxBytes, PageSize: int32Of(q.Limit),
		AfterRank: int32Of(q.After.Number), AfterUpdatedAt: q.After.Time, AfterID: pgtype.UUID{Bytes: q.After.ID, Valid: true},
	}
	for _, t := range q.Text.Terms {
		pattern, exact := like(t)
		p.Words = append(p.Words, pattern)
		e := expression(t)
		if !exact {
			p.Exact = append(p.Exact, e)
		}
		if whole := wholeExpression(t); whole != e {
			p.Whole = append(p.Whole, whole)
		}
	}
	for _, t := range q.Text.Without {
		p.Without = append(p.Without, expression(t))
	}
	return p
}

func hitOf(row db.SearchRow) requirements.Hit {
	return requirements.Hit{
		Kind: requirements.HitKind(row.Kind), Project: row.ProjectID.Bytes, Specification: row.SpecificationID.Bytes, Item: row.ItemID.Bytes,
		SpecificationNumber: int(row.SpecificationNumber), ItemNumber: int(row.ItemNumber),
		Title: row.Title, Content: row.Content,
		At: page.Cursor{Number: int(row.Rank), Time: row.UpdatedAt.UTC(), ID: row.ID.Bytes},
	}
}

// Terms are searched in texts whose ASCII letters are in lower case. Nothing else here
// depends on PostgreSQL's notion of letters, so a search finds the same in every locale.
//
// LIKE is twice as fast as a regular expression. It is exact for terms in ASCII and
// in scripts without cases; for others it leaves few texts to the expression.

// like returns the pattern that every text with the term is like, and whether only those
// are.
func like(t search.Term) (pattern string, exact bool) {
	var b strings.Builder
	exact = true
	b.WriteByte('%')
	for _, c := range t.Text {
		switch {
		case c == ' ': // of any length
			b.WriteByte('%')
			exact = false
		case c == '%', c == '_', c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c >= utf8.RuneSelf && len(search.Cases(c)) > 1:
			b.WriteByte('_')
			exact = false
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('%')
	return b.String(), exact
}

const (
	// spaces matches what unicode.IsSpace reports.
	spaces = `[\s\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+`
	// inWord has the characters of words, roughly: letters, marks and digits of all scripts,
	// without the blocks of punctuation, symbols and emoji. It only affects the order of hits.
	inWord = `0-9a-z_\u00c0-\u060b\u060d-\u061a\u061c-\u061e\u0620-\u0963\u0966-\u1fff\u2c00-\u2dff\u3005-\u3007\u3031-\ufe0f\ufe70-\ufefe` +
		`\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uffdc\U00010000-\U0001efff\U00020000-\U0010ffff`
)

// expression returns the regular expression that matches exactly the texts with the term.
func expression(t search.Term) string {
	var b strings.Builder
	for _, c := range t.Text {
		switch cases := search.Cases(c); {
		case c == ' ':
			b.WriteString(spaces)
		case c >= utf8.RuneSelf && len(cases) > 1:
			b.WriteString("[" + string(cases) + "]")
		case c < utf8.RuneSelf && !isLetterOrDigit(c):
			b.WriteByte('\\')
			b.WriteRune(c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// wholeExpression is expression, but it matches only where the term is a word, or where a
// word begins with it if the term is a prefix. Anything may stand beside a character that
// is in no word, and beside one of a script without spaces.
func wholeExpression(t search.Term) string {
	e := expression(t)
	first, _ := utf8.DecodeRuneInString(t.Text)
	last, _ := utf8.DecodeLastRuneInString(t.Text)
	if isSpaced(first) {
		e = "(?:^|[^" + inWord + "])" + e
	}
	if isSpaced(last) && !t.Prefix {
		e += "(?:$|[^" + inWord + "])"
	}
	return e
}

// isSpaced reports whether a character is in words with spaces between them.
func isSpaced(c rune) bool {
	return isLetterOrDigit(c) && !unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

func isLetterOrDigit(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }
