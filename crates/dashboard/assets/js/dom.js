// Drawing: elements from calls, and lists that keep the nodes of what did not change.

/**
 * @typedef {Node | string | number | null | undefined | false} Leaf
 * @typedef {Leaf | Leaf[] | (Leaf | Leaf[])[] | (Leaf | Leaf[] | (Leaf | Leaf[])[])[]} Child What can stand in an element: lists in lists are laid flat.
 */

/**
 * An element. Attributes that are null, undefined or false are left out; `on…` are listeners.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any> | null} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  set(element, attributes ?? {});
  add(element, children);
  return element;
}

/**
 * The same for drawings.
 * @param {string} tag
 * @param {Record<string, any> | null} [attributes]
 * @param {...Child} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(element, attributes ?? {});
  add(element, children);
  return element;
}

/** A drawing of the sprite; says nothing to screen readers. @param {string} name */
export function icon(name) {
  return svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `/assets/icons.svg#${name}` }));
}

/** @param {Element} element @param {Record<string, any>} attributes */
function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** @param {Element} element @param {Child[]} children */
function add(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) add(element, child);
    else if (child !== null && child !== undefined && child !== false) element.append(/** @type {any} */ (child));
  }
}

/** @param {Element} parent @param {...Child} children */
export function fill(parent, ...children) {
  parent.replaceChildren();
  add(parent, children);
}

/** @type {WeakMap<Node, { key: string, sign: string }>} */
const drawn = new WeakMap();

/**
 * Makes the children of `parent` those of `items`: a node whose sign is the same stays, one that changed is drawn again and
 * keeps the focus if it had it.
 * @template I
 * @param {Element} parent
 * @param {I[]} items
 * @param {{ key(item: I): string, sign(item: I): string, draw(item: I, isNew: boolean): Element }} how
 */
export function reconcile(parent, items, { key, sign, draw }) {
  /** @type {Map<string, Element>} */
  const old = new Map();
  for (const child of parent.children) {
    const known = drawn.get(child);
    if (known) old.set(known.key, child);
  }
  const isFirst = old.size === 0;
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const wanted = sign(item);
    let node = old.get(name);
    old.delete(name);
    if (!node || drawn.get(node)?.sign !== wanted) {
      const fresh = draw(item, !node && !isFirst);
      drawn.set(fresh, { key: name, sign: wanted });
      if (node) {
        const focus = focusPath(node);
        if (place === node) place = fresh;
        node.replaceWith(fresh);
        refocus(fresh, focus);
      }
      node = fresh;
    }
    if (node === place) place = node.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const gone of old.values()) gone.remove();
  while (place && !drawn.has(place)) {
    const next = place.nextElementSibling;
    place.remove();
    place = next;
  }
}

/** Where in a node the focus is. @param {Element} node */
function focusPath(node) {
  if (!node.contains(document.activeElement)) return null;
  const all = [node, ...node.querySelectorAll("a, button, input, select")];
  return all.indexOf(/** @type {Element} */ (document.activeElement));
}

/** @param {Element} node @param {number | null} index */
function refocus(node, index) {
  if (index === null || index < 0) return;
  const all = [node, ...node.querySelectorAll("a, button, input, select")];
  /** @type {HTMLElement | undefined} */ (all[index])?.focus({ preventScroll: true });
}

/** Tells those who listen rather than look. @param {string} text */
export function say(text) {
  const place = document.getElementById("say");
  if (place) place.textContent = text;
}

/** Shows a line for a moment. @param {string} text */
export function pop(text) {
  const line = h("div", { class: "pop", role: "status" }, text);
  document.querySelectorAll(".pop").forEach((other) => other.remove());
  document.body.append(line);
  setTimeout(() => line.remove(), 4000);
}
