package history

import (
	"fmt"
	"slices"
	"strings"
)

// Summary says in a sentence for people what the revision changed in one specification.
func (r Revision) Summary() string {
	changes := slices.Clone(r.Changes)
	slices.SortFunc(changes, func(a, b Change) int { return int(a.Number - b.Number) })
	var parts []string
	for _, group := range []struct {
		text string
		kind Kind
	}{
		{"created the specification", SpecificationCreated},
		{"moved the specification to the trash", SpecificationTrashed},
		{"restored the specification from the trash", SpecificationRestored},
		{"changed the text", SpecificationChanged},
		{"added %s", ItemCreated},
		{"changed %s", ItemChanged},
		{"moved %s", ItemMoved},
		{"deleted %s", ItemDeleted},
		{"restored %s", ItemRestored},
		{"changed the order of the items", ItemsReordered},
	} {
		var refs []string
		found := false
		for _, c := range changes {
			if c.Kind == group.kind {
				found, refs = true, append(refs, c.Ref())
			}
		}
		switch {
		case !found:
		case strings.Contains(group.text, "%s"):
			parts = append(parts, fmt.Sprintf(group.text, itemsInWords(refs)))
		default:
			parts = append(parts, group.text)
		}
	}
	return sentence(parts)
}

// RevisionsMarkdown returns revisions of one specification as a list for reading.
func RevisionsMarkdown(revisions []Revision) string {
	var b strings.Builder
	for _, r := range revisions {
		name := "a deleted account"
		switch {
		case r.Actor.Name != nil:
			name = escaped(*r.Actor.Name)
		case r.Actor.ID.IsZero():
			name = "an administrator of the database"
		}
		fmt.Fprintf(&b, itemMark+"**%s** v%d, %s, %s: %s\n", Text(r.Revision), r.Changes[0].SpecificationVersion,
			r.At.UTC().Format("2006-01-02 15:04:05 UTC"), name, r.Summary())
	}
	return b.String()
}

// maxRefs is how many items a summary names.
const maxRefs = 3

// itemsInWords names a few items, and counts many.
func itemsInWords(refs []string) string {
	switch {
	case len(refs) == 1:
		return "item " + refs[0]
	case len(refs) > maxRefs:
		return fmt.Sprintf("%d items", len(refs))
	}
	return "items " + inWords(refs)
}

func sentence(parts []string) string {
	text := inWords(parts)
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// inWords joins words as in a sentence: "a, b and c".
func inWords(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
