// openapi-generator: its Java program comes in a Python package.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { compat, freshFolder, generators, here, python, run } from "./tools.mjs";

export async function generate(kind, output) {
  const bin = await python("openapi-generator", join(here, "python/requirements-openapi-generator.txt"));
  const config = join(generators, `openapi-generator-${kind}.yaml`);
  await run(join(bin, "openapi-generator-cli"), ["generate", "-c", config, "-i", compat, "-o", output]);
}

/** All sources of a kind, as one text for each file. */
function sources(folder, ending) {
  const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(ending));
  return names.map((name) => ({ name, text: readFileSync(join(folder, name), "utf8") }));
}

function expect(condition, what) {
  if (!condition) throw new Error(what);
}

const schemas = () => Object.entries(JSON.parse(readFileSync(compat, "utf8")).components.schemas);

/** The closed sets, by their names in the document. */
const closedSets = () => schemas().filter(([, schema]) => schema.enum);

/** Sources of what is only ever sent, where an unknown field is a mistake; by their names without underscores. */
const isOnlySent = (source) =>
  schemas().some(([name, schema]) => schema.additionalProperties === false && source.replace(/_/g, "") === name.toLowerCase());

export const go = {
  name: "openapi-generator-go",
  preparing: "openapi-generator makes Go sources, which must take new fields and new values",
  async prepare() {
    const folder = freshFolder("openapi-generator-go");
    await generate("go", folder);
    const models = sources(folder, ".go").filter(({ name }) => name.startsWith("model_"));
    for (const { name, text } of models.filter(({ name }) => !isOnlySent(name.slice("model_".length, -".go".length)))) {
      expect(!text.includes("DisallowUnknownFields"), `${name} refuses new fields`);
    }
    const enums = models.filter(({ text }) => /^\ttype|^type \w+ string$/m.test(text));
    expect(enums.length === closedSets().length, `${enums.length} enums instead of ${closedSets().length}`);
    for (const { name, text } of enums) {
      expect(/\*v = \w+_UNKNOWN_DEFAULT_OPEN_API\n\treturn nil/.test(text), `${name} refuses new values`);
    }
  },
};

export const java = {
  name: "openapi-generator-java",
  preparing: "openapi-generator makes Java sources, which must take new fields and new values",
  async prepare() {
    const folder = freshFolder("openapi-generator-java");
    await generate("java", folder);
    const models = sources(join(folder, "src/main"), ".java").filter(({ name }) => name.includes("/model/"));
    for (const { name, text } of models) {
      expect(!/is not defined in the .* properties/.test(text), `${name} refuses new fields`);
      const keepsNew = !text.includes("ADDITIONAL_PROPERTIES") || text.includes("@JsonAnySetter");
      expect(keepsNew, `${name} loses new fields`);
    }
    const deployment = models.find(({ name }) => name.endsWith("/Deployment.java"));
    expect(deployment?.text.includes("@JsonAnySetter"), "Deployment.java has no place for new fields");
    const enums = models.filter(({ text }) => /^public enum /m.test(text));
    expect(enums.length === closedSets().length, `${enums.length} enums instead of ${closedSets().length}`);
    for (const { name, text } of enums) {
      expect(/return UNKNOWN_DEFAULT_OPEN_API;/.test(text), `${name} refuses new values`);
    }
  },
};
