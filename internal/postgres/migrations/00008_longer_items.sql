-- An item may have 10,000 characters. Real specification files have items of more than
-- 5,000.

-- +goose Up

ALTER TABLE bullet_items DROP CONSTRAINT bullet_items_content_length,
    ADD CONSTRAINT bullet_items_content_length CHECK (char_length(content) BETWEEN 1 AND 10000) NOT VALID;
-- Every row passed the narrower check, so this reads the table without a lock against
-- writes.
ALTER TABLE bullet_items VALIDATE CONSTRAINT bullet_items_content_length;

-- +goose Down

-- Items of more than 5,000 characters stay; only new ones are checked.
ALTER TABLE bullet_items DROP CONSTRAINT bullet_items_content_length,
    ADD CONSTRAINT bullet_items_content_length CHECK (char_length(content) BETWEEN 1 AND 5000) NOT VALID;
