package gate

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

func BenchmarkLocal(b *testing.B) {
	enterMany(b, NewLocal(time.Now, time.Minute), 1)
}

func BenchmarkRedis(b *testing.B) {
	for _, connections := range []int{1, 2, 8} {
		for _, callers := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("connections=%d/callers=%d", connections, callers), func(b *testing.B) {
				r := openRedis(b, RedisConfig{URL: newRedis(b), Connections: connections, Wait: patience})
				awaitHere(b, r)
				enterMany(b, r, callers)
			})
		}
	}
}

func enterMany(b *testing.B, g auth.Gate, callers int) {
	b.Helper()
	b.ReportAllocs()
	if callers > 1 {
		b.SetParallelism(callers / 2)
	}
	r := rate("default", 100, time.Minute)
	if callers == 1 {
		for b.Loop() {
			enter(b, g, address(rand.IntN(10_000)), r)
		}
		return
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			enter(b, g, address(rand.IntN(10_000)), r)
		}
	})
}
