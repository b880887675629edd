// The benchmark's operations in Fastify and pg: a process for each of two cores, a pool
// in each, schemas for bodies and responses, and prepared statements. It uses the tables
// of bench/reference, and not its functions. It filters by owner in each statement, and
// its login bypasses row-level security.
import cluster from "node:cluster";
import { randomBytes } from "node:crypto";
import { createVerifier } from "fast-jwt";
import Fastify from "fastify";
import pg from "pg";
import * as schemas from "./schemas.js";
import * as sql from "./statements.js";

const processes = 2;
const { ADDRESS, DATABASE_URL, JWT_SECRET_KEY, POOL } = process.env;

if (cluster.isPrimary) {
  for (let n = 0; n < processes; n++) cluster.fork();
  cluster.on("exit", () => process.exit(1));
  process.on("SIGTERM", () => process.exit(0));
} else {
  process.on("disconnect", () => process.exit(0)); // the first process has ended
  serve();
}

async function serve() {
  pg.types.setTypeParser(20, Number); // bigint
  pg.types.setTypeParser(1184, (text) => text); // timestamps stay text, with microseconds
  const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Math.ceil(POOL / processes), options: "-c timezone=UTC" });
  const verify = createVerifier({ key: JWT_SECRET_KEY, algorithms: ["HS256"], allowedIss: "codegenapp", cache: 10000 });
  const app = Fastify({ bodyLimit: 1 << 20 });

  app.get("/ready", async () => "");
  app.register(async (api) => {
    api.addHook("onRequest", async (request, reply) => {
      try {
        const claims = verify(request.headers.authorization?.slice("Bearer ".length));
        request.user = claims.sub;
        request.session = claims.sid;
      } catch {
        return reply.code(401).send();
      }
    });
    routes(api, pool);
  }, { prefix: "/api/v1" });

  const [host, port] = ADDRESS.split(":");
  await app.listen({ host, port: Number(port) });
}

function routes(api, pool) {
  const reads = (response) => ({ schema: { response: { 200: response } } });
  const writes = (body, response) => ({ schema: { body, response: { "2xx": response } } });
  const one = async (db, statement, ...values) => (await db.query({ ...statement, values })).rows[0];

  // The statement that reads the first row checks the session as well.
  const first = async (db, statement, request, id) => {
    const row = await one(db, statement, request.user, id, request.session);
    if (!row) throw status(404);
    return row;
  };

  api.get("/specs/:id", reads(schemas.specification), async (request, reply) => {
    const spec = await first(pool, sql.readSpecification, request, request.params.id);
    reply.header("ETag", tag(spec));
    if (request.query.include !== "items") return specification(spec);
    const { rows } = await pool.query({ ...sql.readItems, values: [request.user, spec.id] });
    return { ...specification(spec), items: rows.map((row, order) => item(row, order, spec)) };
  });

  api.get("/projects/:id/specs", reads(schemas.page), async (request) => {
    const size = Number(request.query.page_size ?? 50);
    const project = await first(pool, sql.readProject, request, request.params.id);
    const { rows } = await pool.query({ ...sql.list, values: [request.user, project.id, size + 1] });
    const page = rows.slice(0, size);
    const next = rows.length > size ? Buffer.from(String(page[size - 1].number)).toString("base64url") : "";
    return { specifications: page.map(specification), next_page_token: next };
  });

  api.patch("/specs/:id", writes(schemas.text(100_000), schemas.specification), inTx(pool, async (db, request, reply) => {
    const spec = await first(db, sql.lockSpecification, request, request.params.id);
    check(spec, request);
    const { title = spec.title, content } = request.body;
    const changed = await one(db, sql.updateSpecification, request.user, spec.id, title.trim(), content);
    reply.header("ETag", tag(changed));
    return specification(changed);
  }));

  api.patch("/items/:id", writes(schemas.text(5000), schemas.item), inTx(pool, async (db, request, reply) => {
    const found = await one(db, sql.findItem, request.user, request.params.id);
    if (!found) throw status(404);
    const spec = await first(db, sql.lockSpecification, request, found.specification_id);
    const changed = await one(db, sql.updateItem, request.user, request.params.id, request.body.content, expected(request));
    if (!changed) throw status(412);
    await one(db, sql.touchSpecification, request.user, spec.id);
    reply.header("ETag", `"${changed.version}-${changed.place}"`);
    return item(changed, changed.place, spec);
  }));

  api.post("/projects/:id/specs", writes(schemas.text(100_000), schemas.specification), inTx(pool, async (db, request, reply) => {
    const project = await first(db, sql.lockProject, request, request.params.id);
    if (project.specification_count >= 1000) throw status(409);
    const { title = "", content } = request.body;
    const made = await one(db, sql.insertSpecification, request.user, newID(), project.id, project.next_number, title.trim(), content);
    await one(db, sql.countSpecification, request.user, project.id);
    reply.code(201).header("ETag", tag(made)).header("Location", `/api/v1/specs/${made.id}`);
    return specification(made);
  }));

  api.post("/specs/:id/items", writes(schemas.text(5000), schemas.item), inTx(pool, async (db, request, reply) => {
    const spec = await first(db, sql.lockSpecification, request, request.params.id);
    const place = spec.item_count;
    if (place >= 500) throw status(409);
    const made = await one(db, sql.insertItem, request.user, newID(), spec.id, spec.next_item_number, request.body.content);
    await one(db, sql.appendItem, request.user, spec.id, made.id);
    reply.code(201).header("ETag", `"1-${place}"`).header("Location", `/api/v1/items/${made.id}`);
    return item(made, place, spec);
  }));

  api.put("/specs/:id/items/reorder", writes(schemas.order, schemas.items), inTx(pool, async (db, request, reply) => {
    const spec = await first(db, sql.lockOrder, request, request.params.id);
    check(spec, request);
    const wanted = new Set(request.body.item_ids);
    const { length } = request.body.item_ids;
    if (length !== spec.item_ids.length || wanted.size !== length || !spec.item_ids.every((id) => wanted.has(id))) throw status(409);
    const changed = await one(db, sql.reorder, request.user, spec.id, request.body.item_ids);
    const { rows } = await db.query({ ...sql.readItems, values: [request.user, spec.id] });
    reply.header("ETag", tag(changed));
    return { items: rows.map((row, order) => item(row, order, spec)), next_page_token: "" };
  }));
}

// inTx runs a handler in a transaction. Its body is sent after the commit.
function inTx(pool, handler) {
  return async (request, reply) => {
    const db = await pool.connect();
    try {
      await db.query("BEGIN");
      const body = await handler(db, request, reply);
      await db.query("COMMIT");
      return body;
    } catch (error) {
      await db.query("ROLLBACK");
      throw error;
    } finally {
      db.release();
    }
  };
}

const status = (statusCode) => Object.assign(new Error(String(statusCode)), { statusCode });

// expected is the version of If-Match, or null if any matches.
function expected(request) {
  const given = request.headers["if-match"];
  return !given || given === "*" ? null : Number(given.replaceAll('"', "").split("-")[0]);
}

function check(row, request) {
  const version = expected(request);
  if (version !== null && version !== row.version) throw status(412);
}

const tag = (row) => `"${row.version}"`;

// time writes "2026-11-22 09:30:00.481516+00" as RFC 3339.
const time = (text) => text.slice(0, 10) + "T" + text.slice(11, 19) + "." + text.slice(20, -3).padEnd(6, "0") + "Z";

function specification(row) {
  return {
    id: row.id, project_id: row.project_id, number: row.number, title: row.title, content: row.content,
    item_count: row.item_count, version: row.version, created_at: time(row.created_at), updated_at: time(row.updated_at), deleted_at: null,
  };
}

function item(row, order, spec) {
  return {
    id: row.id, spec_id: row.specification_id, number: row.number, ref: `${spec.number}.${row.number}`, content: row.content, order, version: row.version,
    created_at: time(row.created_at), updated_at: time(row.updated_at),
  };
}

// newID is a UUID of version 7.
function newID() {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
