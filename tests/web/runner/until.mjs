// Waiting for a condition, with a bound.

export async function until(what, condition, patienceMs = 30_000) {
  const end = Date.now() + patienceMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${patienceMs / 1000} s for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export function expect(condition, message) {
  if (!condition) throw new Error(message);
}
