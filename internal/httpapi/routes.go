package httpapi

import (
	"net/http"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/docs"
	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/httpapi/workspace"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// routes lists every operation of the contract: access (open, user or role), pattern,
// status of success, what an API token needs (scope.go), function, text for the contract,
// and options (operation.go). The texts stand beside the functions; nothing depends on them.
func (a *API) routes() {
	session, account := notFound(problem.SessionNotFound), notFound(problem.UserNotFound)

	open(a, "POST /auth/login", 200, a.login, loginDoc, signInLimiter,
		problems(problem.GoogleTokenInvalid, problem.EmailNotVerified, problem.DomainNotAllowed, problem.AccountSuspended, problem.CSRFRejected))
	open(a, "GET /auth/google", 302, a.browser.Authorize, authorizeDoc, signInLimiter, problems(middleware.RouteNotFound))
	open(a, "GET /auth/google/callback", 302, a.browser.Callback, callbackDoc, signInLimiter, lenientQuery, texts("text/html"), problems(problem.CSRFRejected))
	open(a, "POST /auth/refresh", 200, a.refresh, refreshDoc, refreshCookie,
		problems(problem.RefreshTokenInvalid, problem.RefreshTokenExpired, problem.RefreshTokenReused))
	open(a, "POST /auth/logout", 204, a.logout, logoutDoc, refreshCookie, logoutLimiter,
		problems(problem.TokenMissing, problem.TokenInvalid, problem.TokenExpired, problem.RefreshTokenInvalid, problem.RefreshTokenReused, problem.InvalidHeader, problem.InsufficientScope))
	user(a, "GET /auth/sessions", 200, sessionOnly, a.listSessions, listSessionsDoc, logoutLimiter)
	user(a, "DELETE /auth/sessions/{id}", 204, sessionOnly, a.endSession, endSessionDoc, session, logoutLimiter)

	user(a, "GET /users/me", 200, anyToken, a.getMe, getMeDoc, cached)
	user(a, "PATCH /users/me", 200, sessionOnly, a.patchMe, patchMeDoc)
	user(a, "DELETE /users/me", 204, sessionOnly, a.deleteMe, deleteMeDoc, timeout(18*time.Second), problems(problem.MembersLoseAccess))
	streamed[exportView](a, "GET /users/me/export", sessionOnly, a.exportMe, exportMeDoc, exportParameters())

	role(a, "GET /admin/users", 200, sessionOnly, auth.ReadUsers, a.listUsers, listUsersDoc, paged)
	role(a, "PATCH /admin/users/{id}", 200, sessionOnly, auth.ChangeUsers, a.changeUser, changeUserDoc, account, logoutLimiter)
	role(a, "GET /admin/audit-events", 200, sessionOnly, auth.ReadEvents, a.listEvents, listEventsDoc, paged)

	a.tokenRoutes()
	a.contentRoutes()
}

// tokenRoutes lists the operations on API tokens and bots. What ends a token runs
// whatever the load.
func (a *API) tokenRoutes() {
	bot, token := notFound(problem.BotNotFound), notFound(problem.TokenNotFound)

	user(a, "GET /tokens", 200, sessionOnly, a.listTokens, listTokensDoc, logoutLimiter)
	user(a, "POST /tokens", 201, sessionOnly, a.createToken, createTokenDoc, problems(problem.TokenLimit))
	user(a, "DELETE /tokens/{id}", 204, sessionOnly, a.revokeToken, revokeTokenDoc, token, logoutLimiter)
	user(a, "GET /bots", 200, manages, a.listBots, listBotsDoc, logoutLimiter)
	user(a, "POST /bots", 201, manages, a.createBot, createBotDoc, problems(problem.BotLimit))
	user(a, "PATCH /bots/{id}", 200, manages, a.patchBot, patchBotDoc, bot)
	user(a, "DELETE /bots/{id}", 204, manages, a.deleteBot, deleteBotDoc, bot, logoutLimiter)
	user(a, "GET /bots/{id}/tokens", 200, manages, a.listBotTokens, listBotTokensDoc, bot, logoutLimiter)
	user(a, "POST /bots/{id}/tokens", 201, manages, a.createBotToken, createBotTokenDoc, bot, problems(problem.TokenLimit))
	user(a, "DELETE /bots/{id}/tokens/{token_id}", 204, manages, a.revokeBotToken, revokeBotTokenDoc, token, logoutLimiter)
}

// contentRoutes lists the operations on what users own.
func (a *API) contentRoutes() {
	baseline := notFound(problem.BaselineNotFound)
	project, specification, item := notFound(problem.ProjectNotFound), notFound(problem.SpecificationNotFound), notFound(problem.ItemNotFound)

	user(a, "GET /projects", 200, reads, a.listProjects, listProjectsDoc, cached, paged)
	user(a, "POST /projects", 201, writes, a.createProject, createProjectDoc, idempotent, problems(problem.ProjectLimit, problem.PermissionDenied))
	user(a, "GET /projects/{id}", 200, reads, a.getProject, getProjectDoc, project, cached, texts(openapi.Markdown))
	user(a, "PUT /projects/{id}", 200, writes, a.replaceProject, replaceProjectDoc, project, conditional)
	user(a, "PATCH /projects/{id}", 200, writes, a.patchProject, patchProjectDoc, project, conditional)
	user(a, "DELETE /projects/{id}", 204, writes, a.trashProject, trashProjectDoc, project, conditional, owners)
	user(a, "POST /projects/{id}/restore", 200, writes, a.restoreProject, restoreProjectDoc, project, conditional, restores, problems(problem.ProjectLimit))

	member, invitation := partNotFound(problem.MemberNotFound), partNotFound(problem.InvitationNotFound)
	user(a, "GET /projects/{id}/members", 200, reads, a.listMembers, listMembersDoc, project)
	user(a, "POST /projects/{id}/members", 201, manages, a.addBot, addBotDoc, project, owners, problems(problem.BotNotFound, problem.AlreadyMember, problem.MemberLimit))
	user(a, "PATCH /projects/{id}/members/{user_id}", 200, manages, a.patchMember, patchMemberDoc, project, member, owners)
	user(a, "DELETE /projects/{id}/members/{user_id}", 204, manages, a.removeMember, removeMemberDoc, project, member)
	user(a, "GET /projects/{id}/invitations", 200, manages, a.listInvitations, listInvitationsDoc, project, owners, problems(problem.PermissionDenied))
	user(a, "POST /projects/{id}/invitations", 201, manages, a.createInvitation, createInvitationDoc, project, owners, problems(problem.InvitationLimit))
	user(a, "DELETE /projects/{id}/invitations/{invitation_id}", 204, manages, a.withdrawInvitation, withdrawInvitationDoc, project, invitation, owners)
	user(a, "POST /invitations/accept", 200, manages, a.acceptInvitation, acceptInvitationDoc,
		problems(problem.InvitationNotFound, problem.InvitationExpired, problem.InvitationForAnother, problem.AlreadyMember, problem.MemberLimit, problem.MembershipLimit))

	user(a, "GET /projects/{id}/changes", 200, reads, a.listChanges, listChangesDoc, project, paged, problems(problem.RevisionNotFound, problem.HistoryExpired))
	user(a, "GET /projects/{id}/diff", 200, reads, a.diffProject, diffProjectDoc, project, past, texts(openapi.Markdown, openapi.Diff))
	user(a, "DELETE /projects/{id}/history", 204, writes, a.deleteProjectHistory, deleteProjectHistoryDoc, project, owners, problems(problem.RevisionNotFound, problem.BaselineNeedsHistory))
	user(a, "GET /projects/{id}/baselines", 200, reads, a.listBaselines, listBaselinesDoc, project, paged)
	user(a, "POST /projects/{id}/baselines", 201, writes, a.createBaseline, createBaselineDoc, project, idempotent, past, problems(problem.BaselineExists))
	user(a, "GET /baselines/{id}", 200, reads, a.getBaseline, getBaselineDoc, baseline)
	user(a, "PATCH /baselines/{id}", 200, writes, a.patchBaseline, patchBaselineDoc, baseline, problems(problem.BaselineExists))
	user(a, "DELETE /baselines/{id}", 204, writes, a.deleteBaseline, deleteBaselineDoc, baseline, owners)

	eventStream(a, "GET /projects/{id}/events", reads, a.projectEvents, projectEventsDoc, sinceParameters(), projectEventsExample, project)
	eventStream(a, "GET /events", reads, a.userEvents, userEventsDoc, nil, userEventsExample)

	user(a, "GET /projects/{id}/specs", 200, reads, a.listSpecifications, listSpecificationsDoc, project, cached, paged, past)
	user(a, "POST /projects/{id}/specs", 201, writes, a.createSpecification, createSpecificationDoc, project, idempotent, conditional, problems(problem.SpecificationLimit, problem.ItemLimit))
	user(a, "GET /specs/{id}", 200, reads, a.getSpecification, getSpecificationDoc, specification, cached, past, texts(openapi.Markdown))
	user(a, "DELETE /specs/{id}/history", 204, writes, a.deleteHistory, deleteHistoryDoc, specification, owners, problems(problem.RevisionNotFound, problem.BaselineNeedsHistory))
	user(a, "GET /specs/{id}/diff", 200, reads, a.diffSpecification, diffSpecificationDoc, specification, past, texts(openapi.Markdown, openapi.Diff))
	user(a, "GET /specs/{id}/revisions", 200, reads, a.listRevisions, listRevisionsDoc, specification, paged, texts(openapi.Markdown))
	user(a, "PUT /specs/{id}", 200, writes, a.replaceSpecification, replaceSpecificationDoc, specification, conditional)
	user(a, "PATCH /specs/{id}", 200, writes, a.patchSpecification, patchSpecificationDoc, specification, conditional)
	user(a, "DELETE /specs/{id}", 204, writes, a.trashSpecification, trashSpecificationDoc, specification, conditional, owners)
	user(a, "POST /specs/{id}/restore", 200, writes, a.restoreSpecification, restoreSpecificationDoc, specification, conditional, restores)

	user(a, "GET /projects/{id}/items", 200, reads, a.listProjectItems, listProjectItemsDoc, project, cached, paged)
	user(a, "GET /specs/{id}/items", 200, reads, a.listItems, listItemsDoc, specification, cached)
	user(a, "POST /specs/{id}/items", 201, writes, a.createItem, createItemDoc, specification, idempotent, conditional, problems(problem.ItemLimit))
	user(a, "PUT /specs/{id}/items", 200, writes, a.replaceItems, replaceItemsDoc, specification, conditional, problems(problem.ItemSetMismatch, problem.ItemLimit))
	user(a, "PUT /specs/{id}/items/reorder", 200, writes, a.reorderItems, reorderItemsDoc, specification, conditional, problems(problem.ItemSetMismatch))
	user(a, "GET /items/{id}", 200, reads, a.getItem, getItemDoc, item, cached)
	user(a, "PUT /items/{id}", 200, writes, a.replaceItem, replaceItemDoc, item, conditional)
	user(a, "PATCH /items/{id}", 200, writes, a.patchItem, patchItemDoc, item, conditional)
	user(a, "POST /items/{id}/restore", 200, writes, a.restoreItem, restoreItemDoc, item, bodyless, problems(problem.ItemLimit, problem.UndoConflict, problem.HistoryExpired))
	user(a, "DELETE /items/{id}", 204, writes, a.deleteItem, deleteItemDoc, item, conditional)
	user(a, "POST /items/{id}/move", 200, writes, a.moveItem, moveItemDoc, item, conditional, problems(problem.SpecificationNotFound, problem.ItemLimit))

	user(a, "GET /search", 200, reads, a.search, searchDoc, paged, anyText("q"))
}

// plainRoutes are the routes that are not operations of the contract.
func (a *API) plainRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+prefix+"/openapi.json", a.publishContract("application/json", contractJSON))
	mux.HandleFunc("GET "+prefix+"/openapi.yaml", a.publishContract("application/yaml", contractYAML))

	publicPrefix := func(r *http.Request) string { return middleware.InfoFrom(r.Context()).Public.Prefix }
	a.pages = docs.New(docs.Config{
		Contract: prefix + "/openapi.json", Operations: a.order, Status: statusOf, Missing: a.missing,
		Example: a.contract.ProblemExample, FieldErrors: fieldErrorMeanings(),
		Prefix: a.Public.Prefix, PublicPrefix: publicPrefix,
	})
	mux.HandleFunc("GET /docs", a.pages.Reference)
	mux.HandleFunc("GET /docs/{asset}", a.pages.Asset)
	mux.HandleFunc("GET /problems", a.pages.Problems)
	mux.HandleFunc("GET /problems/{code}", a.pages.Problem)

	a.workspace = workspace.New(a.Public.Prefix, publicPrefix)
	for _, path := range workspace.Paths {
		mux.HandleFunc("GET "+path, a.workspacePage)
	}
	mux.HandleFunc("GET "+workspace.AssetPath, a.workspaceAsset)

	if len(a.PublicKeys) > 0 {
		mux.HandleFunc("GET /.well-known/jwks.json", a.publish("application/jwk-set+json", a.publicKeys))
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
