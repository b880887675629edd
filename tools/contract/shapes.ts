// What the generated types must be for the people who use them. Nothing here
// runs: `tsc` fails where a line is not true, and names the place.
import type { components, paths } from "./build/contract.js";

type Schemas = components["schemas"];

/** The places in T of which a client would know nothing: any, unknown, never. */
type Holes<T, Place extends string> = 0 extends 1 & T
  ? Place
  : [T] extends [never]
    ? Place
    : unknown extends T
      ? Place
      : T extends readonly (infer Element)[]
        ? Holes<Element, `${Place}[]`>
        : T extends object
          ? string extends keyof T
            ? never // free names are meant to be free
            : { [Name in keyof T & string]-?: Holes<T[Name], `${Place}.${Name}`> }[keyof T & string]
          : never;

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : [A, "is not", B];

/** Fails to compile with what it was given instead of true. */
type Holds<Claim extends true> = Claim;

type Problems<Answers> = {
  [Status in keyof Answers]: Answers[Status] extends { content: { "application/problem+json": infer Problem } } ? Problem : never;
}[keyof Answers];

/** The problems of an operation that carry a code: what `if (error.code === …)` leaves. */
type Refused<Operation extends { responses: unknown }, Code extends string> = Extract<
  Problems<Operation["responses"]>,
  { code: Code }
>;

type Query<Operation extends { parameters: { query?: unknown } }> = Required<NonNullable<Operation["parameters"]["query"]>>;

type Reorder = paths["/specs/{id}/items/reorder"]["put"];
type Projects = paths["/projects"]["get"];

export type Claims = [
  Holds<Same<{ [Name in keyof Schemas]: Holes<Schemas[Name], Name> }[keyof Schemas], never>>,

  // null only where there may be nothing; optional only where there may be nothing to say.
  Holds<Same<Schemas["Project"]["deleted_at"], string | null>>,
  Holds<Same<Schemas["Project"]["title"], string>>,
  Holds<Same<Schemas["User"]["picture_url"], string | null>>,
  Holds<Same<Schemas["Specification"]["items"], Schemas["Item"][] | undefined>>,
  Holds<Same<Schemas["ProjectPatch"]["title"], string | undefined>>,
  Holds<Same<Schemas["ProjectPatch"]["description"], string | null | undefined>>,
  Holds<Same<Schemas["User"]["role"], "user" | "auditor" | "admin">>,

  // Query parameters are what a person would write.
  Holds<Same<Query<Projects>["trashed"], boolean>>,
  Holds<Same<Query<Projects>["page_size"], number>>,
  Holds<
    Same<
      Query<Projects>["order_by"],
      "created_at" | "created_at desc" | "updated_at" | "updated_at desc" | "title" | "title desc"
    >
  >,
  Holds<Same<Query<paths["/specs/{id}"]["get"]>["include"], "items">>,

  // Codes distinguish problems.
  Holds<Same<Schemas["Problem"]["current"], Schemas["Project"] | Schemas["Specification"] | Schemas["Item"] | undefined>>,
  Holds<string extends Schemas["Problem"]["code"] | Schemas["FieldError"]["code"] ? false : true>,
  Holds<Refused<Reorder, "precondition_failed">["current"] extends Schemas["Specification"] ? true : false>,
  Holds<Refused<paths["/items/{id}"]["patch"], "precondition_failed">["current"] extends Schemas["Item"] ? true : false>,
  Holds<Refused<Reorder, "validation_failed">["errors"] extends Schemas["FieldError"][] ? true : false>,
  Holds<Same<Refused<Reorder, "project_not_found">, never>>,
];
