// The filter builder. Which filters there are, and of which kind, is read from the service's own schema.

import { choice, el, field, fill, icon, ICONS } from "./elements.js";

const SEPARATE = new Set(["access_control_list"]);
const SHOWN = {
  hidden: "Hidden", source_type: "Source type", tags: "Tags", document_sets: "Document sets", document_ids: "Documents",
  hierarchy_node_ids: "Hierarchy nodes", persona_id: "Persona", project_id: "Project",
  forced_document_sets: "Forced document sets", created_at: "Created", updated_at: "Updated", metadata: "Metadata",
};

/** Read the filters of a schema: name, label, hint, and the kind of control each takes. */
export function filtersOf(schema) {
  const resolve = (part) => (part.$ref ? schema.$defs[part.$ref.split("/").pop()] : part);
  const body = resolve(schema.properties.filters);
  return Object.entries(body.properties).filter(([name]) => !SEPARATE.has(name)).map(([name, property]) => {
    const form = resolve((property.anyOf ?? [property]).find((part) => part.type !== "null"));
    const items = form.items ? resolve(form.items) : null;
    const label = SHOWN[name] ?? name.replaceAll("_", " ");
    return { name, label, hint: property.description ?? "", ...kindOf(form, items, resolve) };
  });
}

function kindOf(form, items, resolve) {
  if (form.type === "boolean") return { kind: "flag", empty: true };
  if (form.type === "integer" || form.type === "number") return { kind: "number", empty: null };
  if (form.type === "array" && items.type === "integer") return { kind: "numbers", empty: [] };
  if (form.type === "array" && items.type === "string") return { kind: "words", empty: [] };
  if (form.type === "array" && items.properties) return { kind: "records", fields: Object.keys(items.properties), empty: [] };
  if (form.properties && Object.values(form.properties).every((part) => isMoment(part, resolve))) {
    return { kind: "range", fields: Object.keys(form.properties), empty: {} };
  }
  return { kind: "json", empty: {} };
}

function isMoment(part, resolve) {
  return (part.anyOf ?? [part]).map(resolve).some((one) => one.format === "date-time");
}

/** Show the active filters, and a way to add each of the others. `changed(filters, added)` gets all of them. */
export function filterBuilder(kinds, filters, changed, redraw) {
  let own = filters;
  const put = (name, value) => {
    own = { ...own, [name]: value };
    changed(own);
  };
  const rows = kinds.filter((kind) => kind.name in filters).map((kind) => {
    const drop = () => redraw(Object.fromEntries(Object.entries(own).filter(([name]) => name !== kind.name)), "");
    return el("fieldset", { class: "filter", "data-filter": kind.name },
      el("legend", {}, kind.label),
      el("button", { type: "button", class: "plain drop", "aria-label": `Remove the filter ${kind.label}`, onclick: drop }, icon(ICONS.close)),
      CONTROLS[kind.kind](kind, filters[kind.name], (value) => put(kind.name, value)),
      kind.hint ? el("p", { class: "hint" }, kind.hint) : null);
  });
  const idle = kinds.filter((kind) => !(kind.name in filters));
  const add = choice([["", "Add a filter…"], ...idle.map((kind) => [kind.name, kind.label])], "", (name) => {
    if (name) redraw({ ...own, [name]: kinds.find((kind) => kind.name === name).empty }, name);
  });
  add.setAttribute("aria-label", "Add a filter");
  add.id = "add-filter";
  return el("div", { class: "filters" }, rows, add);
}

// Each control keeps what it shows: it is made anew only when filters come or go.
const CONTROLS = {
  flag(kind, value, put) {
    return named(choice([["true", "yes"], ["false", "no"]], String(value), (chosen) => put(chosen === "true")), kind.label);
  },
  number(kind, value, put) {
    return input({ type: "number", step: 1, value: value ?? "", "aria-label": kind.label }, (text) => put(text === "" ? null : Number(text)));
  },
  numbers(kind, value, put) {
    return wordList(kind.label, value.map(String), (words) => put(words.map(Number).filter(Number.isInteger)), { inputmode: "numeric" });
  },
  words(kind, value, put) {
    return wordList(kind.label, value, put);
  },
  records(kind, value, put) {
    return recordList(kind, value, put);
  },
  range(kind, value, put) {
    let own = value;
    return el("div", { class: "record" }, kind.fields.map((name) =>
      field(name, input({ type: "datetime-local", value: (value[name] ?? "").slice(0, 16), "aria-label": `${kind.label}: ${name}` }, (text) => {
        own = Object.fromEntries(Object.entries({ ...own, [name]: text && `${text}:00Z` }).filter(([, moment]) => moment));
        put(own);
      }))));
  },
  json(kind, value, put) {
    const problem = el("p", { class: "hint wrong", role: "status" });
    const area = el("textarea", { rows: 3, spellcheck: "false", "aria-label": `${kind.label}, as JSON`, onchange: () => {
      try {
        const read = JSON.parse(area.value || "{}");
        fill(problem);
        put(read);
      } catch {
        fill(problem, "This is not JSON yet.");
      }
    } });
    area.value = JSON.stringify(value);
    return el("div", {}, area, problem);
  },
};

/** Words as chips, and a field that takes more: Enter, leaving the field, or a pasted list of lines. */
export function wordList(label, words, put, attributes = {}) {
  let own = words;
  const chips = el("span", { class: "chips" });
  const draw = () => fill(chips, own.map((word) => el("span", { class: "chip" }, el("span", {}, word),
    el("button", { type: "button", class: "plain", "aria-label": `Remove ${word}`, onclick: () => keep(own.filter((other) => other !== word)) }, icon(ICONS.close)))));
  const keep = (next) => {
    own = next;
    draw();
    put(own);
  };
  const add = (text) => {
    const found = [...new Set(text.split("\n").map((word) => word.trim()))].filter((word) => word && !own.includes(word));
    entry.value = "";
    if (found.length) keep([...own, ...found]);
  };
  const entry = el("input", { ...attributes, placeholder: "add, then Enter", autocomplete: "off", spellcheck: "false", "aria-label": `${label}: add`,
    onkeydown: (event) => {
      if (event.key === "Backspace" && entry.value === "" && own.length) keep(own.slice(0, -1));
      if (event.key !== "Enter") return;
      event.preventDefault();
      add(entry.value);
    },
    onchange: () => add(entry.value),
    onpaste: (event) => {
      const pasted = event.clipboardData.getData("text");
      if (!pasted.includes("\n")) return;
      event.preventDefault();
      add(pasted);
    } });
  draw();
  return el("div", { class: "words" }, chips, entry);
}

/** Rows of fields, such as keys with their values. */
function recordList(kind, records, put) {
  let own = records.length ? records : [blank(kind)];
  const rows = el("div", {});
  const draw = () => fill(rows, own.map((record, place) => el("div", { class: "record" },
    kind.fields.map((name) => input({ value: record[name] ?? "", placeholder: name, "aria-label": `${kind.label}: ${name}` }, (text) => {
      own = own.map((one, other) => (other === place ? { ...one, [name]: text } : one));
      put(own);
    })),
    el("button", { type: "button", class: "plain", "aria-label": `Remove ${kind.label} ${place + 1}`, onclick: () => {
      own = own.filter((_, other) => other !== place);
      draw();
      put(own);
    } }, icon(ICONS.close)))));
  draw();
  return el("div", {}, rows, el("button", { type: "button", class: "quiet", onclick: () => {
    own = [...own, blank(kind)];
    draw();
    rows.lastChild.querySelector("input").focus();
  } }, icon(ICONS.plus), "Add"));
}

const blank = (kind) => Object.fromEntries(kind.fields.map((name) => [name, ""]));

function input(attributes, put) {
  const control = el("input", { autocomplete: "off", spellcheck: "false", ...attributes, onchange: () => put(control.value) });
  return control;
}

function named(control, label) {
  control.setAttribute("aria-label", label);
  return control;
}
