// Where things are. SLIPWAY_PROGRAM, CHROMIUM and WEB_FOLDER (for the pictures) may say otherwise.

import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(dirname(fileURLToPath(import.meta.url)));
export const web = here;
export const root = dirname(dirname(here));
export const program = process.env.SLIPWAY_PROGRAM ?? join(root, "target/debug/slipway");
export const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const pictures = process.env.WEB_FOLDER ?? join(root, "target/xtask/web");
mkdirSync(pictures, { recursive: true });
