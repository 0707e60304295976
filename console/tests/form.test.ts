import { expect, test } from "vitest";
import { bodyOf, fieldsOf, groups, valueOf, type OpenApi } from "../src/form";

const decimal = { anyOf: [{ type: "string", pattern: "^x$" }, { type: "number", minimum: 0.0001, maximum: 1000 }], description: "Spread." };
const document: OpenApi = {
  components: {
    schemas: {
      Model: { type: "string", enum: ["classic", "glft"] },
      Create: { properties: { base_spread_bps: { ...decimal, default: "10" }, model: { $ref: "#/components/schemas/Model", default: "classic" }, num_levels: { default: 1 }, glft_gamma: { default: null } } },
      Update: {
        properties: {
          symbol: { type: "string" }, reason: { type: "string" }, confirm: { type: "boolean" },
          base_spread_bps: decimal, num_levels: { type: "integer", minimum: 1, maximum: 20 }, enabled: { type: "boolean" },
          model: { $ref: "#/components/schemas/Model", description: "How." },
          glft_gamma: { anyOf: [{ type: "string" }, { type: "number", minimum: 0, maximum: 1 }, { type: "null" }] },
        },
      },
    },
  },
};
const fields = fieldsOf(document, "Update", "Create");
const field = (name: string) => fields.find((one) => one.name === name);

test("every field of the schema is in the form with its unit, range, default and sentence, and nothing else", () => {
  expect(fields.map((one) => one.name)).toEqual(["base_spread_bps", "num_levels", "enabled", "model", "glft_gamma"]);
  expect(field("base_spread_bps")).toMatchObject({ label: "base spread", unit: "bps", kind: "decimal", range: "0.0001 to 1,000", standard: "10", what: "Spread." });
  expect(field("num_levels")).toMatchObject({ kind: "whole", range: "1 to 20", standard: 1 });
  expect(field("enabled")?.kind).toBe("flag");
});

test("a model and its parameters appear by themselves", () => {
  expect(field("model")).toMatchObject({ kind: "choice", choices: ["classic", "glft"], standard: "classic", what: "How." });
  expect(field("glft_gamma")).toMatchObject({ kind: "decimal", range: "0 to 1" });
  expect(groups(fields).flatMap(([, members]) => members).length).toBe(fields.length);
});

const parts: OpenApi = {
  components: {
    schemas: {
      Create: { properties: {} },
      Update: {
        properties: {
          model: { type: "string", enum: ["linear_skew", "glft"] },
          model_parameters: {
            anyOf: [
              { type: "object", title: "linear_skew", properties: {} },
              { type: "object", title: "glft", properties: { gamma: { anyOf: [{ type: "string" }, { type: "number", minimum: 0, maximum: 1000 }], default: "0.1", description: "Risk aversion.", "x-unit": "1/tick" } } },
            ],
          },
        },
      },
    },
  },
};

test("each model brings its own parameters with their units and defaults", () => {
  const fields = fieldsOf(parts, "Update", "Create");
  expect(fields.map((one) => [one.name, one.of])).toEqual([["model", null], ["model_parameters.gamma", "glft"]]);
  expect(fields[1]).toMatchObject({ label: "gamma", unit: "1/tick", kind: "decimal", standard: "0.1", range: "0 to 1,000" });
});

test("a parameter goes to the API inside of its part, and is read from there", () => {
  expect(bodyOf({ model: "glft", "model_parameters.gamma": "0.2", "model_parameters.tau_s": "3" })).toEqual({ model: "glft", model_parameters: { gamma: "0.2", tau_s: "3" } });
  expect(valueOf({ model_parameters: { gamma: "0.2" } }, "model_parameters.gamma")).toBe("0.2");
  expect(valueOf({}, "model_parameters.gamma")).toBeUndefined();
});
