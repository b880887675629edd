// The schemas of bodies, and of responses, from which Fastify makes fast encoders.

const string = { type: "string" };
const integer = { type: "integer" };
const id = { type: "string", format: "uuid" };
const object = (properties, required = []) => ({ type: "object", additionalProperties: false, properties, required });
const array = (items) => ({ type: "array", items });

export const text = (max) => object({ title: { ...string, maxLength: 200 }, content: { ...string, minLength: 1, maxLength: max } }, ["content"]);
export const order = object({ item_ids: { ...array(id), maxItems: 500 } }, ["item_ids"]);

export const item = object({
  id: string, spec_id: string, number: integer, ref: string, content: string, order: integer, version: integer, created_at: string, updated_at: string,
});
export const items = object({ items: array(item), next_page_token: string });
export const specification = object({
  id: string, project_id: string, number: integer, title: string, content: string, item_count: integer, version: integer,
  created_at: string, updated_at: string, deleted_at: { ...string, nullable: true }, items: array(item),
});
export const page = object({ specifications: array(specification), next_page_token: string });
