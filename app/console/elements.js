// Elements out of plain values. Strings become text nodes: nothing that is stored is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: attributes by name, `on…` as listeners, null and false left out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Set attributes of an element as `el` does. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === null || value === undefined || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : value);
  }
}

/** Draw a line icon from the path of a 16 × 16 box. */
export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export const ICONS = {
  up: "M8 13V3M4 7l4-4 4 4",
  down: "M8 3v10M4 9l4 4 4-4",
  same: "M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3v10M3 8h10",
};

/** Make a link, but only to http and https; anything else is shown as text. */
export function link(address, ...children) {
  const safe = webAddress(address);
  if (safe === null) return el("span", {}, ...children);
  return el("a", { href: safe, target: "_blank", rel: "noopener noreferrer", class: "out" }, ...children);
}

/** Return an address that leads to the web, or null. */
export function webAddress(address) {
  if (typeof address !== "string" || !/^https?:\/\//i.test(address)) return null;
  try {
    const url = new URL(address);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'", "&amp;": "&" };

/** Turn a fragment, escaped but for <hi>, into text nodes and <mark>. */
export function highlighted(fragment) {
  return fragment.split(/(<hi>[^<]*<\/hi>)/).filter(Boolean).map((piece) => {
    const marked = piece.startsWith("<hi>") && piece.endsWith("</hi>");
    const text = (marked ? piece.slice(4, -5) : piece).replace(/&(?:lt|gt|quot|#x27|amp);/g, (name) => ENTITIES[name]);
    return marked ? el("mark", {}, text) : text;
  });
}

/** Show a moment as its date, the whole of it on demand. */
export function moment(iso, label = "") {
  if (!iso) return null;
  const shown = iso.slice(0, 10);
  return el("time", { datetime: iso, title: iso }, label ? `${label} ${shown}` : shown);
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

let ids = 0;

/** Put a control under its label. */
export function field(label, control, hint = "") {
  control.id ||= `field-${++ids}`;
  const noted = hint ? el("p", { class: "hint", id: `${control.id}-hint` }, hint) : null;
  if (noted) control.setAttribute("aria-describedby", noted.id);
  return el("div", { class: "field" }, el("label", { for: control.id }, label), control, noted);
}

/** Make a select out of [value, label] pairs. */
export function choice(options, chosen, onchange) {
  const select = el("select", { onchange: () => onchange(select.value) });
  for (const [value, label] of options) select.append(new Option(label, value, false, value === chosen));
  return select;
}

/** Say something short, also to screen readers. */
export function notice(text) {
  const shown = el("div", { class: "notice" }, text);
  document.getElementById("notices").append(shown);
  setTimeout(() => shown.remove(), 4000);
}
