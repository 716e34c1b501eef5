// Which rows and columns the board has: applications that meet in a name, by what the address asks for.

import { family } from "../applications.js";
import { providerName } from "../format.js";
import { query } from "../router.js";

/** @import { BoardItem } from "../../../types/slipway.js" */
/** @typedef {{ key: string, name: string, provider: string, owner: string | null, cells: Map<string, BoardItem> }} Row */
/** @typedef {{ kind: "group", name: string, count: number } | { kind: "row", row: Row }} Line */

const FIRST_ENVIRONMENTS = ["production", "staging"];
const NO_ENVIRONMENT = "no environment";

/** What the address asks for. */
export function wishes() {
  const wanted = query();
  return {
    q: (wanted.get("q") ?? "").trim().toLowerCase(),
    status: wanted.get("status") ?? "",
    provider: wanted.get("provider") ?? "",
    group: wanted.get("group") ?? "",
  };
}

/** @param {BoardItem} item @param {string} status */
export function isAt({ last_deployment }, status) {
  if (status === "running") return Boolean(last_deployment && !last_deployment.is_finished);
  return last_deployment?.status === status;
}

/** @param {BoardItem[]} items @param {ReturnType<typeof wishes>} wanted @returns {Row[]} */
export function arrange(items, wanted) {
  /** @type {Map<string, Row>} */
  const rows = new Map();
  for (const item of items) {
    const { application } = item;
    if (wanted.provider && application.provider !== wanted.provider) continue;
    const name = family(application);
    const text = `${application.name} ${application.owner ?? ""} ${application.environment ?? ""} ${application.account}`;
    if (wanted.q && !text.toLowerCase().includes(wanted.q)) continue;
    const key = `${application.account}/${name}`;
    const row = rows.get(key) ?? { key, name, provider: application.provider, owner: application.owner, cells: new Map() };
    const environment = application.environment ?? NO_ENVIRONMENT;
    // Two of one name in one environment stay two rows.
    if (row.cells.has(environment)) rows.set(`${key}#${application.id}`, { ...row, key: `${key}#${application.id}`, cells: new Map([[environment, item]]) });
    else {
      row.cells.set(environment, item);
      rows.set(key, row);
    }
  }
  const all = [...rows.values()].filter((row) => !wanted.status || [...row.cells.values()].some((item) => isAt(item, wanted.status)));
  return all.sort((one, other) => one.name.localeCompare(other.name) || one.key.localeCompare(other.key));
}

/** @param {Row[]} rows */
export function columns(rows) {
  const names = new Set(rows.flatMap((row) => [...row.cells.keys()]));
  const place = (/** @type {string} */ name) => {
    const first = FIRST_ENVIRONMENTS.indexOf(name);
    if (first >= 0) return first;
    return name === NO_ENVIRONMENT ? 99 : 50;
  };
  return [...names].sort((one, other) => place(one) - place(other) || one.localeCompare(other));
}

/** @param {Row[]} rows @param {string} group @returns {Line[]} */
export function lines(rows, group) {
  if (!group) return rows.map((row) => ({ kind: "row", row }));
  const name = (/** @type {Row} */ row) => (group === "owner" ? (row.owner ?? "No owner") : providerName(row.provider));
  return [...groupBy(rows, name).entries()]
    .sort(([one], [other]) => one.localeCompare(other))
    .flatMap(([title, members]) => [
      /** @type {Line} */ ({ kind: "group", name: title, count: members.length }),
      ...members.map((row) => /** @type {Line} */ ({ kind: "row", row })),
    ]);
}

/** @param {Row[]} rows @param {(row: Row) => string} name */
function groupBy(rows, name) {
  /** @type {Map<string, Row[]>} */
  const groups = new Map();
  for (const row of rows) groups.set(name(row), [...(groups.get(name(row)) ?? []), row]);
  return groups;
}
