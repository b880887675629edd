package pgserver

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCluster_UnfinishedIsReplaced(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	half := filepath.Join(dir, "postgres", "init-123")
	write(t, filepath.Join(half, "data", "PG_VERSION"), "15\n")
	write(t, filepath.Join(half, "password"), "secret\n")
	write(t, filepath.Join(dir, "password.new"), "half a passw")
	note(t, started(t, dir))
	if exists(t, half) {
		t.Error("the half cluster is still there")
	}
}

func TestCluster_PasswordOfAnUnfinishedStartIsReused(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	write(t, filepath.Join(dir, "password"), "of the first attempt\n")
	s := started(t, dir)
	if s.password != "of the first attempt" {
		t.Errorf("the password is %q", s.password)
	}
	queryText(t, s, `SELECT 'it fits'`)
}

func TestCluster_MissingPasswordIsReported(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	stop(t, started(t, dir))
	must(t, os.Remove(filepath.Join(dir, "password")))
	_, err := start(t.Context(), testConfig(t, dir), testMachine(t))
	wantError(t, err, "password of the data is missing", "remove "+dir)
}

func TestCluster_InitdbFailureShowsItsReason(t *testing.T) {
	t.Parallel()
	m := testMachine(t)
	m.binaries = only(t, fakeBinaries(t, "17.1"))
	_, err := start(t.Context(), testConfig(t, newDir(t)), m)
	wantError(t, err, "create a database cluster", "initdb", "this is not PostgreSQL")
}

func TestCluster_DataBelongToTheServersUser(t *testing.T) {
	t.Parallel()
	asRoot(t)
	dir := newDir(t)
	started(t, dir)
	as, err := accountFor(filepath.Join(dir, "postgres", "data"))
	must(t, err)
	usual, err := accountFor("")
	must(t, err)
	if as.cred == nil || as.cred.Uid == 0 || as.cred.Uid != usual.cred.Uid {
		t.Errorf("the data belong to %+v", as)
	}
}

func TestCluster_RootRunsAsOwnerOfExistingData(t *testing.T) {
	t.Parallel()
	asRoot(t)
	dir := newCluster(t)
	s := started(t, dir)
	note(t, s)
	stop(t, s)
	const uid = 54321 // some user who started it before root did
	must(t, filepath.WalkDir(filepath.Join(dir, "postgres", "data"), func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, uid)
	}))
	s = started(t, dir)
	found(t, s)
	as, err := accountFor(pidFilePath(filepath.Join(dir, "postgres", "data")))
	if err != nil || as.cred.Uid != uid {
		t.Errorf("the server runs as %+v (%v)", as, err)
	}
}
