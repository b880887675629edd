-- The database of the hand-written server. Fastify and Flask use the same tables, with a
-- login that bypasses row-level security, and statements of their own.
--
-- Keys begin with the owner, so one index serves the policy and the lookup. The order of
-- items is an array on their specification: it is dense by construction, and a reorder
-- changes one row. Only the functions below change it for the hand-written server.

CREATE TABLE users (
    id uuid PRIMARY KEY
);

CREATE TABLE sessions (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users,
    expires_at timestamptz NOT NULL
);

CREATE TABLE projects (
    owner_id            uuid NOT NULL REFERENCES users,
    id                  uuid NOT NULL,
    title               text NOT NULL CHECK (char_length(title) <= 200),
    specification_count integer NOT NULL DEFAULT 0,
    next_number         integer NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    deleted_at          timestamptz,
    PRIMARY KEY (owner_id, id)
) WITH (fillfactor = 70);

CREATE TABLE specifications (
    owner_id         uuid NOT NULL,
    id               uuid NOT NULL,
    project_id       uuid NOT NULL,
    number           integer NOT NULL,
    title            text NOT NULL CHECK (char_length(title) <= 200),
    content          text NOT NULL CHECK (char_length(content) BETWEEN 1 AND 100000),
    item_ids         uuid[] NOT NULL DEFAULT '{}',
    next_item_number integer NOT NULL DEFAULT 1,
    version          bigint NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    deleted_at       timestamptz,
    PRIMARY KEY (owner_id, id),
    UNIQUE (owner_id, project_id, number),
    FOREIGN KEY (owner_id, project_id) REFERENCES projects ON DELETE CASCADE
) WITH (fillfactor = 70);

CREATE TABLE items (
    owner_id         uuid NOT NULL,
    id               uuid NOT NULL,
    specification_id uuid NOT NULL,
    number           integer NOT NULL,
    content          text NOT NULL CHECK (char_length(content) BETWEEN 1 AND 5000),
    version          bigint NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    PRIMARY KEY (owner_id, id),
    UNIQUE (owner_id, specification_id, number),
    FOREIGN KEY (owner_id, specification_id) REFERENCES specifications ON DELETE CASCADE
) WITH (fillfactor = 70);

-- Responses to creations with an Idempotency-Key.
CREATE TABLE saved_responses (
    owner_id   uuid NOT NULL REFERENCES users,
    key        text NOT NULL,
    request    bytea NOT NULL,
    etag       text NOT NULL DEFAULT '',
    location   text NOT NULL DEFAULT '',
    body       bytea NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_id, key)
);

-- Without a user in app.user_id, the policies reject each statement with an error.
ALTER TABLE projects        ENABLE ROW LEVEL SECURITY;
ALTER TABLE specifications  ENABLE ROW LEVEL SECURITY;
ALTER TABLE items           ENABLE ROW LEVEL SECURITY;
ALTER TABLE saved_responses ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON projects        USING (owner_id = current_setting('app.user_id')::uuid);
CREATE POLICY own ON specifications  USING (owner_id = current_setting('app.user_id')::uuid);
CREATE POLICY own ON items           USING (owner_id = current_setting('app.user_id')::uuid);
CREATE POLICY own ON saved_responses USING (owner_id = current_setting('app.user_id')::uuid);

GRANT SELECT ON sessions TO bench_reference;
GRANT SELECT, UPDATE ON projects TO bench_reference;
GRANT SELECT, INSERT, UPDATE ON specifications, items, saved_responses TO bench_reference;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO bench_peer;
