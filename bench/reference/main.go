// Command reference is a hand-written server of the operations that the benchmark uses,
// with the guarantees of the product: row-level security, versions, an exact order,
// limits, sessions in the database, and idempotency keys. It owns its schema and its
// statements. The difference to codegenapp is the cost of our design and its layers.
//
// It is not for use: it does only what the benchmark needs, writes no log and has no
// metrics. bench compares the responses of both before it measures.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

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
	// Limit is the rate limit of a user in requests a second, 0 for none.
	Limit int `json:"limit"`
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
	defer s.reads.Close()
	defer s.writes.Close()
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

	// reads are connections whose transactions are read-only and have one snapshot.
	reads, writes *pgxpool.Pool
	redis         *redis // nil without Redis
	tokens        tokens
	local         processCache
	limiter       limiter
}

func open(ctx context.Context, c config) (s *server, err error) {
	s = &server{config: c, tokens: tokens{secret: []byte(c.JWTSecret), cached: map[string]caller{}}}
	if s.writes, err = openPool(ctx, c, nil); err != nil {
		return nil, err
	}
	if s.reads, err = openPool(ctx, c, map[string]string{
		"default_transaction_isolation": "repeatable read", "default_transaction_read_only": "on",
	}); err != nil {
		return nil, err
	}
	if c.Redis != "" {
		if s.redis, err = dialRedis(ctx, c.Redis); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// openPool opens a pool of connections with settings.
func openPool(ctx context.Context, c config, settings map[string]string) (*pgxpool.Pool, error) {
	pool, err := pgxpool.ParseConfig(c.Database)
	if err != nil {
		return nil, errors.New("the database's URL cannot be read")
	}
	pool.MaxConns = c.Pool
	params := pool.ConnConfig.RuntimeParams
	maps.Copy(params, map[string]string{"statement_timeout": "3s", "lock_timeout": "1s", "plan_cache_mode": "force_generic_plan"})
	maps.Copy(params, settings)
	opened, err := pgxpool.NewWithConfig(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("open the pool: %w", err)
	}
	return opened, nil
}

// processCache caches responses in the process.
type processCache struct {
	// generations count the writes of each scope; responses are valid for one.
	generations, responses sync.Map
}
