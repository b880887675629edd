package httpapi

import "net/http"

// routes is every operation of the contract: who may call it, its pattern, the
// status of success, and its function. What it is called, what it is for and
// how it may fail stands in operations.go under the same pattern.
func (a *API) routes() {
	open(a, "POST /auth/login", 200, a.login)

	user(a, "GET /projects", 200, a.listProjects)
	user(a, "POST /projects", 201, a.createProject)
	user(a, "GET /projects/{id}", 200, a.getProject)
	user(a, "PUT /projects/{id}", 200, a.replaceProject)
	user(a, "PATCH /projects/{id}", 200, a.patchProject)
	user(a, "DELETE /projects/{id}", 204, a.trashProject)
	user(a, "POST /projects/{id}/restore", 200, a.restoreProject)
}

// plainRoutes are those outside of the contract's operations.
func (a *API) plainRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+prefix+"/openapi.json", a.contractJSON)
	mux.HandleFunc("GET "+prefix+"/openapi.yaml", a.contractYAML)

	mux.HandleFunc("GET /health", a.health)
	mux.HandleFunc("GET /health/live", a.healthLive)
	mux.HandleFunc("GET /health/ready", a.healthReady)
	mux.HandleFunc("GET /health/db", a.healthDatabase)
	mux.HandleFunc("GET /health/redis", a.healthRedis)
}
