// From the API's own schema to the fields of a form: what is added there appears here by itself.

import { NONE } from "./format";

export interface Schema {
  type?: string;
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  properties?: Record<string, Schema>;
  title?: string;
  "x-unit"?: string;
}

export interface OpenApi {
  components: { schemas: Record<string, Schema> };
}

export interface Field {
  name: string; // `model_parameters.gamma` for a field of a part
  of: string | null; // the model that it belongs to; null: every one
  label: string;
  unit: string;
  kind: "flag" | "choice" | "whole" | "decimal" | "text";
  what: string;
  range: string;
  standard: unknown;
  choices: string[];
}

/** What was typed, by field; a field that was not touched is not in it. */
export type Values = Record<string, string | boolean>;

const NOT_CONFIGURATION = new Set(["symbol", "confirm", "reason", "replaces", "dry_run"]);
const UNITS: Record<string, string> = { bps: "bps", usdt: "in quote currency", ms: "ms", pct: "%", s: "s" };

/** The fields of an update, with the defaults of a creation. */
export function fieldsOf(document: OpenApi, update: string, create: string): Field[] {
  const { schemas } = document.components;
  const standards = schemas[create]?.properties ?? {};
  return Object.entries(schemas[update]?.properties ?? {})
    .filter(([name]) => !NOT_CONFIGURATION.has(name))
    .flatMap(([name, schema]) => fieldsIn(name, resolved(schema, schemas), standards[name]?.default));
}

/** One field, or those of each kind of object that it may be. */
function fieldsIn(name: string, schema: Schema, standard: unknown): Field[] {
  const kinds = (schema.anyOf ?? [schema]).filter((one) => one.type === "object" && one.properties);
  if (!kinds.length) return [fieldOf(name, schema, standard)];
  return kinds.flatMap((kind) =>
    Object.entries(kind.properties ?? {}).map(([part, inner]) => ({
      ...fieldOf(part, inner, inner.default), name: `${name}.${part}`, of: kind.title ?? null,
    })),
  );
}

/** What a configuration says of a field. */
export function valueOf(config: Record<string, unknown>, name: string): unknown {
  return name.split(".").reduce<unknown>((part, key) => (part as Record<string, unknown> | null | undefined)?.[key], config);
}

/** A value as a person reads it. */
export function text(value: unknown): string {
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return value === undefined || value === null ? NONE : typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}

/** Whether what was typed is what stands: `10` and `10.0` are the same amount. */
export function same(one: string, other: unknown): boolean {
  const stood = text(other);
  return one === stood || (one.trim() !== "" && stood.trim() !== "" && Number(one) === Number(stood));
}

/** Changed fields as the API takes them. */
export function bodyOf(changed: Record<string, string | number | boolean>): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(changed)) {
    const [outer = "", inner] = name.split(".");
    if (inner === undefined) body[outer] = value;
    else body[outer] = { ...(body[outer] as object | undefined), [inner]: value };
  }
  return body;
}

function resolved(schema: Schema, schemas: Record<string, Schema>): Schema {
  const name = schema.$ref?.split("/").pop() ?? schema.allOf?.[0]?.$ref?.split("/").pop();
  const options = schema.anyOf?.filter((one) => one.type !== "null").map((one) => resolved(one, schemas));
  const base = name ? { ...schemas[name], ...schema } : schema;
  return options?.length === 1 ? { ...options[0], ...base } : options ? { ...base, anyOf: options } : base;
}

function fieldOf(name: string, schema: Schema, standard: unknown): Field {
  const number = schema.anyOf?.find((one) => one.type === "number") ?? schema;
  const choices = (schema.enum ?? schema.anyOf?.flatMap((one) => one.enum ?? (one.const === undefined ? [] : [one.const])) ?? []).map(String);
  const [, stem = name, suffix = ""] = /^(.*?)(?:_(bps|usdt|ms|pct|s))?$/.exec(name) ?? [];
  const kind = schema.type === "boolean" ? "flag" : choices.length ? "choice" : schema.type === "integer" ? "whole" : number.type === "number" ? "decimal" : "text";
  const range = number.minimum !== undefined && number.maximum !== undefined ? `${plain(number.minimum)} to ${plain(number.maximum)}` : "";
  return { name, of: null, label: stem.replaceAll("_", " "), unit: schema["x-unit"] ?? UNITS[suffix] ?? "", kind, what: (schema.description ?? "").replaceAll("`", ""), range, standard, choices };
}

function plain(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: 8 });
}

const GROUPS: [string, RegExp][] = [
  ["Model", /^model|^fair_value/],
  ["Limits", /^max_|headroom|divergence/],
  ["Prices", /spread|skew|volatility|level/],
  ["Size and pace", /order_size|interval|threshold_bps/],
  ["Market data", /stale|reference/],
  ["Starting", /enabled|resume/],
];

/** Fields in the order of a desk's questions; one that fits nowhere comes last. */
export function groups(fields: Field[]): [string, Field[]][] {
  const found = new Map<string, Field[]>();
  for (const [name] of [...GROUPS, ["More", /^/] as const]) found.set(name, []);
  for (const field of fields) {
    const group = GROUPS.find(([, pattern]) => pattern.test(field.name))?.[0] ?? "More";
    found.get(group)?.push(field);
  }
  return [...found].filter(([, members]) => members.length);
}
