// From the API's own schema to the fields of a form: what is added there appears here by itself.

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
}

export interface OpenApi {
  components: { schemas: Record<string, Schema> };
}

export interface Field {
  name: string;
  label: string;
  unit: string;
  kind: "flag" | "choice" | "whole" | "decimal" | "text";
  what: string;
  range: string;
  standard: unknown;
  choices: string[];
}

const NOT_CONFIGURATION = new Set(["symbol", "confirm", "reason"]);
const UNITS: Record<string, string> = { bps: "bps", usdt: "in quote currency", ms: "ms", pct: "%", s: "s" };

/** The fields of an update, with the defaults of a creation. */
export function fieldsOf(document: OpenApi, update: string, create: string): Field[] {
  const { schemas } = document.components;
  const standards = schemas[create]?.properties ?? {};
  return Object.entries(schemas[update]?.properties ?? {})
    .filter(([name]) => !NOT_CONFIGURATION.has(name))
    .map(([name, schema]) => fieldOf(name, resolved(schema, schemas), standards[name]?.default));
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
  return { name, label: stem.replaceAll("_", " "), unit: UNITS[suffix] ?? "", kind, what: (schema.description ?? "").replaceAll("`", ""), range, standard, choices };
}

function plain(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: 8 });
}

const GROUPS: [string, RegExp][] = [
  ["Limits", /^max_|headroom|divergence/],
  ["Prices", /spread|skew|volatility|level|model/],
  ["Size and pace", /order_size|interval|threshold_bps/],
  ["Market data", /stale|reference/],
  ["Starting", /enabled|resume/],
];

/** Fields in the order of a desk's questions; one that fits nowhere comes with the model's own. */
export function groups(fields: Field[]): [string, Field[]][] {
  const found = new Map<string, Field[]>();
  for (const [name] of [...GROUPS, ["Model", /^/] as const]) found.set(name, []);
  for (const field of fields) {
    const group = GROUPS.find(([, pattern]) => pattern.test(field.name))?.[0] ?? "Model";
    found.get(group)?.push(field);
  }
  return [...found].filter(([, members]) => members.length);
}
