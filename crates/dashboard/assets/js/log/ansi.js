// Colours of terminals in a log, as spans. Whatever else a terminal would do is left out.

import { h } from "../dom.js";

// Control sequences: SGR is kept, all others are dropped, with what they carry.
const SEQUENCE = /\u001b\[([0-9;:]*)([A-Za-z])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[()][A-Z0-9]|\u001b./g;
const STYLES = /** @type {Record<number, string>} */ ({ 1: "b", 2: "d", 3: "i", 4: "u" });

/** A terminal's state between lines. */
export class Pen {
  constructor() {
    /** @type {Set<string>} */
    this.styles = new Set();
    this.colour = "";
  }

  /** @param {string} codes */
  set(codes) {
    const numbers = codes === "" ? [0] : codes.split(/[;:]/).map(Number);
    for (let at = 0; at < numbers.length; at += 1) {
      const code = numbers[at];
      if (code === 0) {
        this.styles.clear();
        this.colour = "";
      } else if (STYLES[code]) this.styles.add(STYLES[code]);
      else if (code === 22) ["b", "d"].forEach((style) => this.styles.delete(style));
      else if (code === 23) this.styles.delete("i");
      else if (code === 24) this.styles.delete("u");
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) this.colour = String(code % 10);
      else if (code === 39) this.colour = "";
      else if (code === 38 || code === 48) {
        // 38;5;n and 38;2;r;g;b: the first sixteen have a name here, the others keep the text's colour.
        if (code === 38) this.colour = numbers[at + 1] === 5 && numbers[at + 2] < 16 ? String(numbers[at + 2] % 8) : "";
        at += numbers[at + 1] === 5 ? 2 : 4;
      }
    }
  }

  classes() {
    return [...this.styles, ...(this.colour ? [this.colour] : [])].map((name) => `a-${name}`).join(" ");
  }
}

/** A line without any sequence: what is searched. @param {string} line */
export const plain = (line) => shown(line.replace(SEQUENCE, ""));

/** The last state of a line that was drawn over and over with carriage returns. @param {string} line */
const shown = (line) => line.replace(/\r+$/, "").split("\r").at(-1) ?? "";

/** @param {string} line @param {Pen} pen @returns {(Node | string)[]} */
export function painted(line, pen) {
  /** @type {(Node | string)[]} */
  const nodes = [];
  let at = 0;
  const put = (/** @type {string} */ text) => {
    if (!text) return;
    const classes = pen.classes();
    nodes.push(classes ? h("span", { class: classes }, text) : text);
  };
  const last = line.replace(/\r+$/, "");
  const visible = last.includes("\r") ? last.slice(last.lastIndexOf("\r") + 1) : last;
  for (const found of visible.matchAll(SEQUENCE)) {
    put(visible.slice(at, found.index));
    at = found.index + found[0].length;
    if (found[2] === "m") pen.set(found[1]);
  }
  put(visible.slice(at));
  return nodes;
}
