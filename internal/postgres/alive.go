package postgres

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// shouldPing reports whether a connection from the pool has to prove with a
// round trip that it lives. One whose socket can be looked at need not: the
// server has closed it if there is an end to read, which costs no round trip to
// see. Without that, requests after an idle second would take one more.
func shouldPing(_ context.Context, p pgxpool.ShouldPingParams) bool {
	if p.IdleDuration < time.Second {
		return false
	}
	quiet, err := quietSocket(p.Conn.PgConn().Conn())
	return err != nil || !quiet
}

var errNoSocket = errors.New("the connection has no socket to look at")

// quietSocket reports whether the socket is open and has nothing to read, as it
// must be between two requests.
func quietSocket(conn net.Conn) (bool, error) {
	if secured, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secured.NetConn()
	}
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false, errNoSocket
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false, err
	}
	quiet := false
	// Control, not Read: that one waits for whoever reads from the socket, and
	// pgx may still have a reader in the background.
	err = raw.Control(func(fd uintptr) {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = errors.Is(err, syscall.EAGAIN)
	})
	return quiet, err
}
