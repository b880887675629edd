package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBackup_PruneKeepsNewestOfDaysWeeksAndMonths(t *testing.T) {
	t.Parallel()
	// A Sunday and the Monday after it, which begins another week; two of one day.
	all := []string{
		"20250331T020000Z", "20260131T020000Z", "20260215T020000Z", "20260228T020000Z", "20260301T020000Z", "20260302T020000Z",
		"20260303T020000Z", "20260304T020000Z", "20260304T140000Z",
	}
	for name, tc := range map[string]struct {
		daily, weekly, monthly string
		damaged, missing       string
		kept                   []string
		status                 int
	}{
		"all days":                   {daily: "99", kept: slices.Concat(all[:7], all[8:])},
		"two days":                   {daily: "2", weekly: "0", monthly: "0", kept: []string{"20260303T020000Z", "20260304T140000Z"}},
		"three weeks":                {daily: "0", weekly: "3", monthly: "0", kept: []string{"20260215T020000Z", "20260301T020000Z", "20260304T140000Z"}},
		"three months":               {daily: "0", weekly: "0", monthly: "3", kept: []string{"20260131T020000Z", "20260228T020000Z", "20260304T140000Z"}},
		"two of each":                {daily: "2", weekly: "2", monthly: "2", kept: []string{"20260228T020000Z", "20260301T020000Z", "20260303T020000Z", "20260304T140000Z"}},
		"none, but one has to stay":  {daily: "0", weekly: "0", monthly: "0", kept: []string{"20260304T140000Z"}},
		"one, and the newest is not": {daily: "1", weekly: "0", monthly: "0", damaged: "20260304T140000Z", status: 1, kept: []string{"20260304T020000Z", "20260304T140000Z"}},
		"one, and the newest has no checksum": {
			daily: "1", weekly: "0", monthly: "0", missing: "20260304T140000Z", status: 1, kept: []string{"20260304T020000Z", "20260304T140000Z"},
		},
		"a damaged one of a month": {
			daily: "0", weekly: "0", monthly: "2", damaged: "20260228T020000Z", status: 1, kept: []string{"20260215T020000Z", "20260228T020000Z", "20260304T140000Z"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, stamp := range all {
				file := filepath.Join(dir, "codegenapp-"+stamp+".dump")
				must(t, os.WriteFile(file, []byte(stamp), 0o600))
				must(t, os.WriteFile(file+".sha256", fmt.Appendf(nil, "%x  %s\n", sha256.Sum256([]byte(stamp)), filepath.Base(file)), 0o600))
				if stamp == tc.damaged {
					must(t, os.WriteFile(file, []byte("something else"), 0o600))
				}
				if stamp == tc.missing {
					must(t, os.Remove(file+".sha256"))
				}
			}
			others := []string{"codegenapp-by-hand.dump", "notes.txt"}
			for _, other := range others {
				must(t, os.WriteFile(filepath.Join(dir, other), nil, 0o600))
			}
			newScript(t, []string{
				"BACKUP_DIR=" + dir, "BACKUP_KEEP_DAILY=" + tc.daily, "BACKUP_KEEP_WEEKLY=" + tc.weekly, "BACKUP_KEEP_MONTHLY=" + tc.monthly,
			}, "backup.sh", "prune").want(tc.status, tc.damaged, tc.missing)
			want := others
			for _, stamp := range tc.kept {
				want = append(want, "codegenapp-"+stamp+".dump")
				if stamp != tc.missing {
					want = append(want, "codegenapp-"+stamp+".dump.sha256")
				}
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, filesIn(t, dir)); diff != "" {
				t.Errorf("these are kept (-want +got):\n%s", diff)
			}
		})
	}
}
