// Requests to the public API, and its problems.

import { learn } from "./clock.js";

const BASE = "/api/v1";
const READ_ATTEMPTS = 4;

/** What an answer that is not good says. */
export class ProblemError extends Error {
  /** @param {number} status @param {any} problem @param {number} retryAfter */
  constructor(status, problem, retryAfter) {
    super(problem.detail ?? problem.title ?? `the gateway answered ${status}`);
    this.status = status;
    /** @type {string} */
    this.code = problem.code ?? "";
    /** @type {{ field: string, message: string }[]} */
    this.errors = problem.errors ?? [];
    this.retryAfter = retryAfter;
    this.isRetryable = problem.retryable === true;
  }
}

/** The gateway did not answer. */
export class UnreachableError extends Error {}

/** @type {Set<(code: string) => void>} */
const refused = new Set();

/** Calls when the gateway does not know who asks. @param {(code: string) => void} listener */
export const onRefused = (listener) => refused.add(listener);

/**
 * @param {Record<string, string | number | boolean | null | undefined>} [parameters]
 * @returns {string}
 */
export function query(parameters = {}) {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return text ? `?${text}` : "";
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, headers?: Record<string, string>, signal?: AbortSignal }} [options]
 * @returns {Promise<Response>}
 */
export async function request(method, path, { body, headers, signal } = {}) {
  let answer;
  try {
    answer = await fetch(BASE + path, {
      method,
      signal,
      credentials: "same-origin",
      headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new UnreachableError("The gateway does not answer.");
  }
  const date = answer.headers.get("date");
  if (date) learn(new Date(date).toISOString());
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401 && path !== "/session") refused.forEach((listener) => listener(problem.code ?? ""));
  throw new ProblemError(answer.status, problem, Number(answer.headers.get("retry-after") ?? 0));
}

/**
 * Reads; what may succeed a moment later is asked again.
 * @param {string} path
 * @param {Record<string, string | number | boolean | null | undefined>} [parameters]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function read(path, parameters, signal) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await (await request("GET", path + query(parameters), { signal })).json();
    } catch (error) {
      if (!(error instanceof ProblemError && error.isRetryable) || attempt === READ_ATTEMPTS || signal?.aborted) throw error;
      const pause = Math.max(error.retryAfter * 1000, 400 * 2 ** attempt) * (0.5 + Math.random());
      await new Promise((resolve) => setTimeout(resolve, Math.min(pause, 10_000)));
    }
  }
}

/**
 * All pages of a list, one after the other.
 * @param {string} path
 * @param {Record<string, string | number | boolean | null | undefined>} parameters
 * @param {AbortSignal} [signal]
 */
export async function readAll(path, parameters, signal) {
  const first = await read(path, { limit: 200, ...parameters }, signal);
  const items = first.items;
  for (let page = first; page.next_cursor; ) {
    page = await read(path, { limit: 200, ...parameters, cursor: page.next_cursor, min_cursor: null }, signal);
    items.push(...page.items);
  }
  return { ...first, items, next_cursor: null };
}

/**
 * Asks for a change. With the same key it is never made twice.
 * @param {string} path
 * @param {unknown} body
 * @param {string} [key]
 */
export async function change(path, body, key) {
  const headers = key ? { "Idempotency-Key": key } : undefined;
  return (await request("POST", path, { body, headers })).json();
}

/** A name that nobody else has, also where the page came over plain HTTP. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
