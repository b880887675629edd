-- Baselines: names for revisions of a project, with a digest of the state.

-- +goose Up
CREATE TABLE baselines (
    owner_id    uuid        NOT NULL,
    id          uuid        NOT NULL,
    project_id  uuid        NOT NULL,
    name        text COLLATE "C" NOT NULL CONSTRAINT baselines_name_length CHECK (char_length(name) BETWEEN 1 AND 100),
    description text        NOT NULL DEFAULT '' CONSTRAINT baselines_description_length CHECK (char_length(description) <= 5000),
    revision    bigint      NOT NULL CONSTRAINT baselines_revision_sane CHECK (revision >= 0),
    digest      text        NOT NULL CONSTRAINT baselines_digest_form CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    created_by  uuid        NOT NULL,
    created_at  timestamptz NOT NULL,
    CONSTRAINT baselines_pkey PRIMARY KEY (owner_id, id),
    CONSTRAINT baselines_name_key UNIQUE (owner_id, project_id, name),
    CONSTRAINT baselines_project_fkey FOREIGN KEY (owner_id, project_id)
        REFERENCES projects (owner_id, id) ON DELETE CASCADE
);
ALTER TABLE baselines ENABLE ROW LEVEL SECURITY;
ALTER TABLE baselines FORCE  ROW LEVEL SECURITY;
CREATE POLICY baselines_own ON baselines TO codegenapp_app
    USING (owner_id = (SELECT app_user_id())) WITH CHECK (owner_id = (SELECT app_user_id()));
GRANT SELECT, INSERT, DELETE ON baselines TO codegenapp_app;
GRANT UPDATE (name, description) ON baselines TO codegenapp_app;

-- +goose Down
DROP TABLE baselines;
