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

/** Show the active filters, and a way to add each of the others. `changed` gets all of them. */
export function filterBuilder(kinds, filters, changed) {
  const active = kinds.filter((kind) => kind.name in filters);
  const idle = kinds.filter((kind) => !(kind.name in filters));
  const put = (name, value) => changed({ ...filters, [name]: value });
  const drop = (name) => changed(Object.fromEntries(Object.entries(filters).filter(([other]) => other !== name)));
  const rows = active.map((kind) =>
    el("fieldset", { class: "filter", "data-filter": kind.name },
      el("legend", {}, kind.label),
      el("button", { type: "button", class: "plain drop", "aria-label": `Remove the filter ${kind.label}`, onclick: () => drop(kind.name) }, icon(ICONS.close)),
      CONTROLS[kind.kind](kind, filters[kind.name], (value) => put(kind.name, value)),
      kind.hint ? el("p", { class: "hint" }, kind.hint) : null));
  const add = choice([["", "Add a filter…"], ...idle.map((kind) => [kind.name, kind.label])], "", (name) => {
    if (name) put(name, kinds.find((kind) => kind.name === name).empty);
  });
  add.setAttribute("aria-label", "Add a filter");
  add.id = "add-filter";
  return el("div", { class: "filters" }, rows, add);
}

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
    const rows = value.map((record, place) =>
      el("div", { class: "record" },
        kind.fields.map((name) => input({ value: record[name] ?? "", placeholder: name, "aria-label": `${kind.label}: ${name}` },
          (text) => put(value.map((one, other) => (other === place ? { ...one, [name]: text } : one))))),
        el("button", { type: "button", class: "plain", "aria-label": `Remove ${kind.label} ${place + 1}`, onclick: () => put(value.filter((_, other) => other !== place)) }, icon(ICONS.close))));
    const blank = Object.fromEntries(kind.fields.map((name) => [name, ""]));
    return el("div", {}, rows, el("button", { type: "button", class: "quiet", onclick: () => put([...value, blank]) }, icon(ICONS.plus), "Add"));
  },
  range(kind, value, put) {
    return el("div", { class: "record" }, kind.fields.map((name) =>
      field(name, input({ type: "datetime-local", value: (value[name] ?? "").slice(0, 16), "aria-label": `${kind.label}: ${name}` }, (text) => {
        const kept = Object.fromEntries(Object.entries(value).filter(([other]) => other !== name));
        put(text ? { ...kept, [name]: `${text}:00Z` } : kept);
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

/** Words as chips, and a field that takes more: Enter or a pasted list of lines. */
export function wordList(label, words, put, attributes = {}) {
  const entry = el("input", { ...attributes, placeholder: "add, then Enter", autocomplete: "off", spellcheck: "false", "aria-label": `${label}: add`,
    onkeydown: (event) => {
      if (event.key === "Backspace" && entry.value === "" && words.length) put(words.slice(0, -1));
      if (event.key === "Enter") {
        event.preventDefault();
        add(entry.value);
      }
    },
    onchange: () => add(entry.value),
    onpaste: (event) => {
      const pasted = event.clipboardData.getData("text");
      if (!pasted.includes("\n")) return;
      event.preventDefault();
      add(pasted);
    } });
  const add = (text) => {
    const found = text.split("\n").map((word) => word.trim()).filter((word) => word && !words.includes(word));
    entry.value = "";
    if (found.length) put([...words, ...found]);
  };
  return el("div", { class: "words" },
    words.map((word) => el("span", { class: "chip" }, el("span", {}, word),
      el("button", { type: "button", class: "plain", "aria-label": `Remove ${word}`, onclick: () => put(words.filter((other) => other !== word)) }, icon(ICONS.close)))),
    entry);
}

function input(attributes, put) {
  const control = el("input", { autocomplete: "off", spellcheck: "false", ...attributes, onchange: () => put(control.value) });
  return control;
}

function named(control, label) {
  control.setAttribute("aria-label", label);
  return control;
}
