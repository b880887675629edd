// The tour of the README through a generated client. It stops at the first
// answer that is not what the README says.
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "./build/contract.js";

type Problem = components["schemas"]["Problem"];

const { BASE_URL, TOKEN } = process.env;
if (!BASE_URL || !TOKEN) {
  console.error("Set BASE_URL to the address of a server, and TOKEN to an access token.");
  process.exit(1);
}

const api = createClient<paths>({
  baseUrl: new URL("/api/v1", BASE_URL).href,
  headers: { Authorization: `Bearer ${TOKEN}` },
});

class Surprise extends Error {}

/** Fails unless got is what the tour expects. */
function same<T>(what: string, got: T, want: NoInfer<T>): void {
  const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
  if (g !== w) throw new Surprise(`${what}: got ${g}, want ${w}.`);
}

interface Answer<Data> {
  data?: Data;
  error?: unknown;
  response: Response;
}

function outcome(answer: { error?: unknown; response: Response }): string {
  const problem = answer.error as Problem | undefined;
  return problem ? `${answer.response.status} ${problem.code} (${problem.detail})` : `${answer.response.status}`;
}

/** The data of an answer that has to have this status. */
function done<Data>(what: string, answer: Answer<Data>, status: number): Data {
  if (answer.response.status !== status || answer.error !== undefined) {
    throw new Surprise(`${what}: got ${outcome(answer)}, want ${status}.`);
  }
  return answer.data as Data;
}

/** The problem of an answer that has to be refused with this code. */
function refused<Error extends Problem, Code extends Error["code"]>(
  what: string,
  answer: { error?: Error; response: Response },
  code: Code,
): Extract<Error, { code: Code }> {
  if (answer.error?.code !== code) {
    throw new Surprise(`${what}: got ${outcome(answer)}, want ${code}.`);
  }
  same(`${what}: the status in the problem`, answer.error.status, answer.response.status);
  return answer.error as Extract<Error, { code: Code }>;
}

const tag = (answer: { response: Response }) => answer.response.headers.get("ETag") ?? "";
const contents = (items: { content: string; order: number }[]) => items.map((item) => `${item.order} ${item.content}`);

async function tour(): Promise<void> {
  // A project, and a specification in it. Its title is the first line that says something.
  const project = done("create a project", await api.POST("/projects", { body: { title: "Invoice portal" } }), 201);
  const inProject = { path: { id: project.id } };
  const spec = done(
    "create a specification",
    await api.POST("/projects/{id}/specs", {
      params: inProject,
      body: { content: "# Refunds\n\nA customer gets the money back within a day." },
    }),
    201,
  );
  same("the title of the specification", spec.title, "Refunds");
  const inSpec = { path: { id: spec.id } };

  // Three items at the end, a fourth at the beginning.
  const add = async (content: string, order?: number) =>
    done(
      `add the item "${content}"`,
      await api.POST("/specs/{id}/items", { params: inSpec, body: order === undefined ? { content } : { content, order } }),
      201,
    ).id;
  const a = await add("Refunds are paid within a day.");
  const b = await add("The customer gets an e-mail.");
  const c = await add("The clerk sees who approved it.");
  const d = await add("Above 500, two people approve.", 0);
  const added = done("list the items", await api.GET("/specs/{id}/items", { params: inSpec }), 200);
  same("the items in their order", contents(added.items), [
    "0 Above 500, two people approve.",
    "1 Refunds are paid within a day.",
    "2 The customer gets an e-mail.",
    "3 The clerk sees who approved it.",
  ]);

  // Move one item; the list carries the tag of its specification.
  const moved = await api.PATCH("/items/{id}", { params: { path: { id: d } }, body: { order: 3 } });
  same("the place of the moved item", done("move an item", moved, 200).order, 3);
  const seen = tag(await api.GET("/specs/{id}/items", { params: inSpec }));

  // Reorder all of them, unless another client changed them.
  const reorder = (ids: string[]) =>
    api.PUT("/specs/{id}/items/reorder", { params: { ...inSpec, header: { "If-Match": seen } }, body: { item_ids: ids } });
  const reordered = done("reorder the items", await reorder([b, d, a, c]), 200);
  const order = [
    "0 The customer gets an e-mail.",
    "1 Above 500, two people approve.",
    "2 Refunds are paid within a day.",
    "3 The clerk sees who approved it.",
  ];
  same("the new order", contents(reordered.items), order);

  // The same tag once more is stale; the problem has the specification as it is now.
  const stale = refused("reorder with a stale tag", await reorder([a, b, c, d]), "precondition_failed");
  same("the specification that the problem shows", stale.current.id, spec.id);
  same("how many items it has", stale.current.item_count, 4);
  same("its version as a tag, which the tour has seen", `"${stale.current.version}"` === seen, false);
  const read = await api.GET("/specs/{id}", { params: { ...inSpec, query: { include: "items" } } });
  same("the order after a refused change", contents(done("read the specification", read, 200).items ?? []), order);

  // Its present tag permits a change. Behind compression it ends with -gzip, and works, too.
  const present = { params: { ...inSpec, header: { "If-Match": tag(read) } }, body: { item_ids: [b, d, a, c] } };
  done("reorder with the present tag", await api.PUT("/specs/{id}/items/reorder", present), 200);

  // What is wrong with a request is said for each field.
  const wrong = refused("a project without a title", await api.POST("/projects", { body: { title: " " } }), "validation_failed");
  same("what is wrong in which field", wrong.errors.map(({ pointer, code }) => `${pointer} ${code}`), ["/title blank"]);

  // A retry that creates nothing twice.
  const key = `returns-${randomUUID()}`;
  const create = (content: string) =>
    api.POST("/projects/{id}/specs", { params: { ...inProject, header: { "Idempotency-Key": key } }, body: { content } });
  const first = await create("Returns");
  const again = await create("Returns");
  same("the first answer is a replay", first.response.headers.get("Idempotency-Replayed"), null);
  same("the second answer is a replay", again.response.headers.get("Idempotency-Replayed"), "true");
  same("the answer to a retry", done("retry", again, 201), done("create once", first, 201));
  refused("the same key for something else", await create("Something else"), "idempotency_key_reused");

  // Page by page, the newest first.
  const numbers: number[] = [];
  let token = "";
  do {
    const page = done(
      "a page of specifications",
      await api.GET("/projects/{id}/specs", {
        params: { ...inProject, query: { page_size: 1, page_token: token, order_by: "number desc" } },
      }),
      200,
    );
    numbers.push(...page.specifications.map((s) => s.number));
    token = page.next_page_token;
  } while (token !== "" && numbers.length < 10);
  same("the specifications, page by page", numbers, [2, 1]);
  const altered = await api.GET("/projects", { params: { query: { page_token: "altered" } } });
  refused("a page token that was altered", altered, "invalid_page_token");

  // Into the trash and back.
  done("move the project to the trash", await api.DELETE("/projects/{id}", { params: inProject }), 204);
  refused("read what is in the trash", await api.GET("/specs/{id}", { params: inSpec }), "specification_not_found");
  const trash = done("list the trash", await api.GET("/projects", { params: { query: { trashed: true } } }), 200);
  const trashed = trash.projects.find((p) => p.id === project.id);
  same("the trash has the project, and says since when", typeof trashed?.deleted_at, "string");
  const restored = done("restore the project", await api.POST("/projects/{id}/restore", { params: inProject }), 200);
  same("when a restored project was trashed", restored.deleted_at, null);
  same("the specifications of a restored project", restored.specification_count, 2);
  const back = done("list the restored items", await api.GET("/specs/{id}/items", { params: inSpec }), 200);
  same("the order of restored items", contents(back.items), order);
}

tour().then(
  () => console.log("The tour went as the README says."),
  (reason: unknown) => {
    if (reason instanceof Surprise) console.error(`The tour stopped. ${reason.message}`);
    else console.error(`The tour stopped, since ${BASE_URL} could not be talked to:`, reason);
    process.exitCode = 1;
  },
);
