-- ListMembers reads the members of a project by name.
-- name: ListMembers :many
SELECT m.user_id, coalesce(person_name(m.user_id), '')::text AS name, m.role, m.created_at, person_is_bot(m.user_id)::boolean AS bot
FROM   project_members AS m
WHERE  m.owner_id = @owner_id AND m.project_id = @project_id AND m.removed_at IS NULL
ORDER  BY person_name(m.user_id) COLLATE "C", m.user_id;

-- ListMember reads a member of a locked project, if the user is one.
-- name: ListMember :many
SELECT m.user_id, coalesce(person_name(m.user_id), '')::text AS name, m.role, m.created_at, person_is_bot(m.user_id)::boolean AS bot
FROM   project_members AS m
WHERE  m.owner_id = @owner_id AND m.project_id = @project_id AND m.user_id = @user_id AND m.removed_at IS NULL;

-- SetMemberRole sets the role of a member of a locked project.
-- name: SetMemberRole :exec
UPDATE project_members
SET    role = @role
WHERE  owner_id = @owner_id AND project_id = @project_id AND user_id = @user_id;

-- RemoveMember ends a membership in a locked project. The row stays, so that the history
-- can name its author.
-- name: RemoveMember :exec
UPDATE project_members
SET    removed_at = @removed_at::timestamptz
WHERE  owner_id = @owner_id AND project_id = @project_id AND user_id = @user_id;

-- LeaveProject ends a membership of the caller. It returns the owner of the project.
-- name: LeaveProject :one
UPDATE project_members
SET    removed_at = clock_timestamp()
WHERE  user_id = @user_id AND project_id = @project_id AND removed_at IS NULL
RETURNING owner_id;

-- ListOpenInvitations reads the invitations of a project that can be accepted, the newest
-- first.
-- name: ListOpenInvitations :many
SELECT owner_id, id, project_id, role, email, created_at, expires_at
FROM   invitations
WHERE  owner_id = @owner_id AND project_id = @project_id
AND    accepted_at IS NULL AND withdrawn_at IS NULL AND expires_at > clock_timestamp()
ORDER  BY created_at DESC, id DESC;

-- InsertInvitation inserts an invitation to a locked project.
-- name: InsertInvitation :exec
INSERT INTO invitations (owner_id, id, project_id, role, email, hash, created_at, expires_at)
VALUES (@owner_id, @id, @project_id, @role, @email, @hash, @created_at, @expires_at);

-- WithdrawInvitation withdraws an open invitation to a locked project.
-- name: WithdrawInvitation :exec
UPDATE invitations
SET    withdrawn_at = @withdrawn_at::timestamptz
WHERE  owner_id = @owner_id AND id = @id;

-- CountMembersOfProjects counts the members of each live project of the owner that has
-- some, by title.
-- name: CountMembersOfProjects :many
SELECT p.id, count(*) AS members
FROM   project_members AS m
JOIN   projects AS p ON p.owner_id = m.owner_id AND p.id = m.project_id
WHERE  m.owner_id = @owner_id AND m.removed_at IS NULL AND NOT p.trashed
GROUP  BY p.id, p.title
ORDER  BY p.title, p.id;

-- GetBotState reads a bot of the owner of a locked project, whether it is a member of the
-- project, and how many members that has. The bot is locked against deletion.
-- name: GetBotState :many
SELECT u.name,
       EXISTS (SELECT FROM project_members AS m
               WHERE  m.owner_id = @owner_id AND m.project_id = @project_id AND m.user_id = u.id AND m.removed_at IS NULL) AS is_member,
       (SELECT count(*) FROM project_members AS m
        WHERE  m.owner_id = @owner_id AND m.project_id = @project_id AND m.removed_at IS NULL) AS members
FROM   users AS u
WHERE  u.id = @bot_id AND u.managed_by = @owner_id
FOR    KEY SHARE OF u;

-- AddBot makes a bot of the owner a member of a locked project.
-- name: AddBot :exec
SELECT add_bot(@project_id::uuid, @bot_id::uuid, @role::text, @at::timestamptz);
