package httpapi

import (
	"net/http"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/docs"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// routes is every operation of the contract: who may call it, its pattern, the
// status of success, and its function. What it is called, what it is for and
// how it may fail stands in operations.go under the same pattern.
func (a *API) routes() {
	open(a, "POST /auth/login", 200, a.login)
	open(a, "GET /auth/google", 302, a.beginSignIn)
	open(a, "GET /auth/google/callback", 302, a.finishSignIn)
	open(a, "POST /auth/refresh", 200, a.refresh)
	open(a, "POST /auth/logout", 204, a.logout)
	user(a, "GET /auth/sessions", 200, a.listSessions)
	user(a, "DELETE /auth/sessions/{id}", 204, a.endSession)

	user(a, "GET /users/me", 200, a.getMe)
	user(a, "PATCH /users/me", 200, a.patchMe)
	user(a, "DELETE /users/me", 204, a.deleteMe)
	streamed[exportView](a, "GET /users/me/export", a.exportMe)

	user(a, "GET /projects", 200, a.listProjects)
	user(a, "POST /projects", 201, a.createProject)
	user(a, "GET /projects/{id}", 200, a.getProject)
	user(a, "PUT /projects/{id}", 200, a.replaceProject)
	user(a, "PATCH /projects/{id}", 200, a.patchProject)
	user(a, "DELETE /projects/{id}", 204, a.trashProject)
	user(a, "POST /projects/{id}/restore", 200, a.restoreProject)

	user(a, "GET /projects/{id}/specs", 200, a.listSpecifications)
	user(a, "POST /projects/{id}/specs", 201, a.createSpecification)
	user(a, "GET /specs/{id}", 200, a.getSpecification)
	user(a, "PUT /specs/{id}", 200, a.replaceSpecification)
	user(a, "PATCH /specs/{id}", 200, a.patchSpecification)
	user(a, "DELETE /specs/{id}", 204, a.trashSpecification)
	user(a, "POST /specs/{id}/restore", 200, a.restoreSpecification)

	user(a, "GET /specs/{id}/items", 200, a.listItems)
	user(a, "POST /specs/{id}/items", 201, a.createItem)
	user(a, "PUT /specs/{id}/items/reorder", 200, a.reorderItems)
	user(a, "GET /items/{id}", 200, a.getItem)
	user(a, "PUT /items/{id}", 200, a.replaceItem)
	user(a, "PATCH /items/{id}", 200, a.patchItem)
	user(a, "DELETE /items/{id}", 204, a.deleteItem)

	role(a, "GET /admin/users", 200, auth.ReadUsers, a.listUsers)
	role(a, "PATCH /admin/users/{id}", 200, auth.ChangeUsers, a.changeUser)
	role(a, "GET /admin/audit-events", 200, auth.ReadEvents, a.listEvents)
}

// plainRoutes are those outside of the contract's operations.
func (a *API) plainRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+prefix+"/openapi.json", a.publish("application/json", a.ContractJSON))
	mux.HandleFunc("GET "+prefix+"/openapi.yaml", a.publish("application/yaml", a.ContractYAML))

	pages := docs.New(docs.Config{
		Contract: prefix + "/openapi.json", Operations: a.order, Status: statusOf,
		Missing: func(w http.ResponseWriter, r *http.Request) {
			a.fail(w, r, problem.New(routeNotFound, "There is no such page."))
		},
	})
	mux.HandleFunc("GET /docs", pages.Reference)
	mux.HandleFunc("GET /docs/{asset}", pages.Asset)
	mux.HandleFunc("GET /problems", pages.Problems)
	mux.HandleFunc("GET /problems/{code}", pages.Problem)

	if len(a.PublicKeys) > 0 {
		mux.HandleFunc("GET /.well-known/jwks.json", a.publishKeys())
	}

	if !a.MetricsElsewhere {
		mux.HandleFunc("GET /metrics", a.Metrics.Handler().ServeHTTP)
	}
	mux.HandleFunc("GET /health", a.health)
	mux.HandleFunc("GET /health/live", a.healthLive)
	mux.HandleFunc("GET /health/ready", a.healthReady)
	mux.HandleFunc("GET /health/db", a.healthDatabase)
	mux.HandleFunc("GET /health/redis", a.healthRedis)
}
