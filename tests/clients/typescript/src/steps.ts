// What both clients share: where the gateway is, and how a step is told and waited for.

export const url = setting("SLIPWAY_URL");
export const token = setting("SLIPWAY_TOKEN");
export const adminToken = setting("SLIPWAY_ADMIN_TOKEN");
/** Whether statuses that nobody has heard of are on their way. */
export const unknownStatuses = process.env.SLIPWAY_UNKNOWN_STATUSES === "true";

/** How long a live change may take. */
export const PATIENCE_MS = 120_000;
export const NOBODY = "00000000-0000-7000-8000-000000000000";

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

export function check(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

export async function step<T>(name: string, run: () => Promise<T>): Promise<T> {
  try {
    const result = await run();
    console.log(`ok ${name}`);
    return result;
  } catch (error) {
    console.log(`FAILED ${name}`);
    throw error;
  }
}

/** Asks until there is an answer. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  while (Date.now() < end) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
  throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
}
