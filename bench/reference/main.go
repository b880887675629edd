// Command reference is a hand-written server of the operations that the benchmark uses:
// the same tables, statements and row-level security, the same calls to Redis, the same
// bytes in the responses. The difference to codegenapp is the cost of its layers.
//
// It is not for use. It does only what the benchmark needs, shares no code with the
// product, and keeps SQL of its own: it does not follow each change of the product.
// bench compares the responses of both before it measures.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// config is read from a file, because it holds passwords.
type config struct {
	Address   string `json:"address"`
	Database  string `json:"database"`
	Pool      int32  `json:"pool"`
	JWTSecret string `json:"jwt_secret"`
	PageKey   string `json:"page_key"`
	// Redis is host:port, or empty.
	Redis string `json:"redis"`
	// Cache enables caching of responses: in Redis, or in the process without one.
	Cache bool `json:"cache"`
}

func main() {
	path := flag.String("config", "", "the file with the configuration")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *path); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, path string) error {
	var c config
	file, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	if err := json.Unmarshal(file, &c); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	s, err := open(ctx, c)
	if err != nil {
		return err
	}
	defer s.pool.Close()
	server := &http.Server{
		Addr: c.Address, Handler: s,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: time.Minute,
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// server handles the requests.
type server struct {
	config
	pool   *pgxpool.Pool
	redis  *redis // nil without Redis
	tokens tokens
	local  processCache
}

func open(ctx context.Context, c config) (*server, error) {
	pool, err := pgxpool.ParseConfig(c.Database)
	if err != nil {
		return nil, errors.New("the database's URL cannot be read")
	}
	pool.MaxConns = c.Pool
	pool.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, connectSQL)
		return err
	}
	s := &server{config: c, tokens: tokens{secret: []byte(c.JWTSecret), cached: map[string]caller{}}}
	if s.pool, err = pgxpool.NewWithConfig(ctx, pool); err != nil {
		return nil, fmt.Errorf("open the pool: %w", err)
	}
	if c.Redis != "" {
		if s.redis, err = dialRedis(ctx, c.Redis); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// processCache caches responses in the process.
type processCache struct {
	// generations count the writes of each user; responses are valid for one.
	generations, responses sync.Map
}
