package history

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// marked shows segments as git does for words: [-deleted-]{+inserted+}.
func marked(segments []Segment) string {
	var b strings.Builder
	for _, segment := range segments {
		switch segment.Op {
		case OpEqual:
			b.WriteString(segment.Text)
		case OpDelete:
			b.WriteString("[-" + segment.Text + "-]")
		case OpInsert:
			b.WriteString("{+" + segment.Text + "+}")
		}
	}
	return b.String()
}

func TestSegments_AreReadable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, from, to, want string }{
		{"nothing", "", "", ""},
		{"the same", "a b", "a b", "a b"},
		{"all", "", "a b", "{+a b+}"},
		{"a word", "The system must stop.", "The service must stop.", "The [-system-]{+service+} must stop."},
		{
			"replaced words and the blanks between them",
			"The system must send an email to the user when the order has been shipped.",
			"The service should deliver a message to each customer once the parcel was handed over.",
			"The [-system must send an email-]{+service should deliver a message+} to [-the user when-]{+each customer once+} the " +
				"[-order has been shipped-]{+parcel was handed over+}.",
		},
		{
			"insertions",
			"A limit of 5 MiB applies to uploads. Larger files are refused with 413.",
			"A limit of 20 MiB applies to uploads and imports. Larger files are refused with 413, and the message says so.",
			"A limit of [-5-]{+20+} MiB applies to uploads{+ and imports+}. Larger files are refused with 413{+, and the message says so+}.",
		},
		{"a line of a list", "- a\n- b\n- c\n", "- a\n- x\n- b\n- c\n", "- a\n{+- x\n+}- b\n- c\n"},
		{"a line less", "- a\n- b\n- c\n", "- a\n- c\n", "- a\n[-- b\n-]- c\n"},
		{"a paragraph", "One is here.", "One is here.\n\nTwo is there.", "One is here.{+\n\nTwo is there.+}"},
		{
			"paragraphs", "One is here.\n\nTwo is there.\n", "Two is there.\n\nThree is new.\n",
			"[-One is here.\n\n-]Two is there.\n{+\nThree is new.\n+}",
		},
		{"lines stay apart", "alpha beta\ngamma\n", "one two\nthree\n", "[-alpha beta-]{+one two+}\n[-gamma-]{+three+}\n"},
		{"blanks", "foo bar", "foo  bar", "foo[- -]{+  +}bar"},
		{"line ends", "one\r\ntwo\r\n", "one\r\ntwo\n", "one\r\ntwo[-\r\n-]{+\n+}"},
		{"code", "x := map[string]int{}", "x := make(map[string]int, n)", "x := {+make(+}map[string]int[-{}-]{+, n)+}"},
		{"Chinese", "用户必须登录，管理员可以登出。", "管理员必须登录，用户可以登出。", "[-用户-]{+管理员+}必须登录，[-管理员-]{+用户+}可以登出。"},
		{"Japanese", "パスワードは八文字以上とする。", "パスワードは十二文字以上とする。", "パスワードは[-八-]{+十二+}文字以上とする。"},
		{"Arabic", "يجب أن يرسل النظام رسالة", "يجب أن يرسل الخادم رسالة قصيرة", "يجب أن يرسل [-النظام-]{+الخادم+} رسالة{+ قصيرة+}"},
		{
			"clusters", "👩\u200d👩\u200d👧 🇩🇪🇫🇷 e\u0301 กำ", "👩\u200d👩\u200d👦 🇩🇪🇪🇸 e กา",
			"[-👩\u200d👩\u200d👧-]{+👩\u200d👩\u200d👦+} 🇩🇪[-🇫🇷 e\u0301 กำ-]{+🇪🇸 e กา+}",
		},
	} {
		if diff := cmp.Diff(c.want, marked(Segments(c.from, c.to))); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
	}
}

// faultOf says which promise of Segments is broken, or nothing.
func faultOf(from, to string, segments []Segment) string {
	var before, after strings.Builder
	fromEnds, toEnds := clusterEnds(from), clusterEnds(to)
	for n, segment := range segments {
		switch {
		case segment.Text == "":
			return "a segment is empty"
		case n > 0 && segments[n-1].Op == segment.Op:
			return "neighbours have the same operation"
		case n > 0 && segments[n-1].Op == OpInsert && segment.Op == OpDelete:
			return "an insertion comes before a deletion"
		case n > 0 && segment.Op == OpInsert && segments[n-1] == Segment{OpDelete, segment.Text}:
			return "a text is replaced by itself"
		}
		if segment.Op != OpInsert {
			before.WriteString(segment.Text)
		}
		if segment.Op != OpDelete {
			after.WriteString(segment.Text)
		}
		if !fromEnds[before.Len()] || !toEnds[after.Len()] {
			return "a segment ends within a cluster"
		}
	}
	switch {
	case before.String() != from:
		return "equal and deleted segments are not the first text"
	case after.String() != to:
		return "equal and inserted segments are not the second text"
	case from == to && from != "" && len(segments) != 1:
		return "equal texts are not one segment"
	default:
		return ""
	}
}

func TestSegments_ArePartsOfBothTexts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from, to := texts().Draw(t, "from"), texts().Draw(t, "to")
		if rapid.Bool().Draw(t, "edit") { // texts that share most
			words := strings.SplitAfter(from, " ")
			at := rapid.IntRange(0, len(words)-1).Draw(t, "at")
			words[at] = to
			to = strings.Join(words, "")
		}
		segments := Segments(from, to)
		if fault := faultOf(from, to, segments); fault != "" {
			t.Fatalf("%+q to %+q: %s: %+q", from, to, fault, segments)
		}
		if diff := cmp.Diff(segments, Segments(from, to)); diff != "" {
			t.Fatalf("not the same the second time: %s", diff)
		}
	})
}

func FuzzSegments_KeepBothTexts(f *testing.F) {
	for _, seed := range [][2]string{
		{"", "a"},
		{"The system must stop.", "The service stops."},
		{"用户必须登录，管理员可以登出。", "管理员必须登录。"},
		{"パスワードは八文字以上", "パスワードは十二文字"},
		{"يجب أن يرسل النظام رسالة", "يجب أن يرسل الخادم"},
		{"👩\u200d👩\u200d👧 🇩🇪🇫🇷", "👩\u200d👩\u200d👦 🇩🇪🇪🇸🇫"},
		{"e\u0301a\u0308\u0323", "ea\u0323"},
		{"one\r\ntwo\r\n", "one\ntwo\r"},
		{"\xff\xfea\xf0\x9f", "a\xf0\x9f\x91"}, // not UTF-8
		{"a b a b a b", "b a b a"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, from, to string) {
		if fault := faultOf(from, to, Segments(from, to)); fault != "" {
			t.Errorf("%+q to %+q: %s: %+q", from, to, fault, Segments(from, to))
		}
		if utf8.ValidString(from) && utf8.ValidString(to) {
			for _, segment := range Segments(from, to) {
				if !utf8.ValidString(segment.Text) {
					t.Errorf("%+q to %+q: %+q is not UTF-8", from, to, segment.Text)
				}
			}
		}
	})
}
