-- Projects. A child of a project refers to (project_id, owner_id), by
-- projects_id_owner_key. So no row can have a parent of another owner, although
-- foreign keys ignore row-level security.

-- +goose Up
CREATE TABLE projects (
    id                        uuid        CONSTRAINT projects_pkey PRIMARY KEY,
    owner_id                  uuid        NOT NULL CONSTRAINT projects_owner_fkey REFERENCES users ON DELETE CASCADE,
    -- Titles sort by code point: the same in every database, whatever its locale.
    title                     text COLLATE "C" NOT NULL
        CONSTRAINT projects_title_length CHECK (char_length(title) BETWEEN 1 AND 100),
    description               text        NOT NULL DEFAULT ''
        CONSTRAINT projects_description_length CHECK (char_length(description) <= 5000),
    -- Live specifications, and the number of the next one. They change under the
    -- lock of this row.
    specification_count       integer     NOT NULL DEFAULT 0 CONSTRAINT projects_specification_count_sane CHECK (specification_count >= 0),
    next_specification_number integer     NOT NULL DEFAULT 1 CONSTRAINT projects_next_number_sane CHECK (next_specification_number >= 1),
    version                   bigint      NOT NULL DEFAULT 1,
    created_at                timestamptz NOT NULL,
    updated_at                timestamptz NOT NULL,
    deleted_at                timestamptz,
    trashed                   boolean     NOT NULL GENERATED ALWAYS AS (deleted_at IS NOT NULL) STORED,
    CONSTRAINT projects_id_owner_key UNIQUE (id, owner_id)
);

-- One index for each order of the list; read backwards for descending.
CREATE INDEX projects_by_created_at ON projects (owner_id, trashed, created_at, id);
CREATE INDEX projects_by_updated_at ON projects (owner_id, trashed, updated_at, id);
CREATE INDEX projects_by_title      ON projects (owner_id, trashed, title, id);

-- The version is the ETag: the database increments it, never the client.
-- +goose StatementBegin
CREATE FUNCTION raise_version() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER projects_raise_version BEFORE UPDATE ON projects
    FOR EACH ROW EXECUTE FUNCTION raise_version();

ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
ALTER TABLE projects FORCE  ROW LEVEL SECURITY;
CREATE POLICY projects_own ON projects TO codegenapp_app
    USING (owner_id = (SELECT app_user_id())) WITH CHECK (owner_id = (SELECT app_user_id()));

-- The service cannot update id, owner_id, created_at and version.
GRANT SELECT, DELETE ON projects TO codegenapp_app;
GRANT INSERT (id, owner_id, title, description, created_at, updated_at) ON projects TO codegenapp_app;
GRANT UPDATE (title, description, specification_count, next_specification_number, updated_at, deleted_at) ON projects TO codegenapp_app;

-- +goose Down
DROP TABLE projects;
DROP FUNCTION raise_version();
