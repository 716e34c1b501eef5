// Words for numbers and values.

/** How long ago, in one unit. @param {number} milliseconds */
export function age(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 5) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  if (seconds < 86_400 * 60) return `${Math.floor(seconds / 86_400)} d`;
  return `${Math.floor(seconds / 86_400 / 30)} months`;
}

/** How long, in two units at most. @param {number | null | undefined} milliseconds */
export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "—";
  if (milliseconds < 1000) return milliseconds <= 0 ? "0 s" : "< 1 s";
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min${seconds % 60 ? ` ${seconds % 60} s` : ""}`;
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
}

/** @param {string | null | undefined} sha */
export const shortSha = (sha) => (sha ? sha.slice(0, 7) : null);

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${count.toLocaleString()} ${count === 1 ? one : many}`;

/** A word of an open list, for people: `start_timeout` is "start timeout". @param {string} word */
export const spoken = (word) => word.replaceAll("_", " ");

/** @param {string} text */
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const PROVIDERS = /** @type {Record<string, string>} */ ({ cloud66: "Cloud 66", scalingo: "Scalingo" });

/** @param {string} name */
export const providerName = (name) => PROVIDERS[name] ?? capital(name);

/** Who started it, in a word. @param {{ name: string | null, email: string | null, id: string | null } | null} actor */
export const actorName = (actor) => actor?.name ?? actor?.email ?? actor?.id ?? null;

/** @param {number | null | undefined} bytes */
export function size(bytes) {
  if (!bytes) return null;
  return bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
