package pgbouncer

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// give changes the owner of the file to PgBouncer's user. That is the current user, except
// for root: PgBouncer refuses to run as root.
func (s *Server) give(file string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // no other is what is meant
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read the id of user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read the group of user %s: %w", name, err)
		}
		as := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return as, errors.Join(os.Chown(s.dir, int(uid), int(gid)), os.Chown(file, int(uid), int(gid)))
	}
	return nil, errors.New(`root cannot run PgBouncer, and there is neither a user "postgres" nor "nobody" to run it as`)
}
