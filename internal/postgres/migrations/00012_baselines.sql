-- Baselines: names for revisions of a project, with a digest of the state.

-- +goose Up

-- Locks the table that the foreign key refers to, before anything is changed. See
-- migration 7.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '300ms', true);
    FOR attempt IN 1..300 LOOP
        BEGIN
            LOCK TABLE projects IN SHARE ROW EXCLUSIVE MODE;
            RETURN;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            PERFORM pg_sleep(0.5 + random() / 2);
        END;
    END LOOP;
    RAISE EXCEPTION 'the tables were in use for minutes, by a backup or an export perhaps; nothing was changed, so migrate again'
        USING ERRCODE = 'lock_not_available';
END
$$;
-- +goose StatementEnd

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
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '300ms', true);
    FOR attempt IN 1..300 LOOP
        BEGIN
            LOCK TABLE projects, baselines IN ACCESS EXCLUSIVE MODE;
            RETURN;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            PERFORM pg_sleep(0.5 + random() / 2);
        END;
    END LOOP;
    RAISE EXCEPTION 'the tables were in use for minutes, by a backup or an export perhaps; nothing was changed, so migrate again'
        USING ERRCODE = 'lock_not_available';
END
$$;
-- +goose StatementEnd
DROP TABLE baselines;
