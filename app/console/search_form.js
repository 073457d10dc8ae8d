// Everything about a search but its query: where, as whom, ranked how, filtered by what.

import { choice, el, field, fill } from "./elements.js";
import { filterBuilder, filtersOf, wordList } from "./filters.js";
import { SETTINGS } from "./state.js";

const MODES = { semantic: "semantic", keyword: "keyword", hybrid: "hybrid", random: "random" };

/** Show the settings of a state. `changed(part)` is called with what changes. */
export function searchForm(place, { schema, indexes }, state, changed) {
  const focused = place.contains(document.activeElement) ? pathOf(place, document.activeElement) : null;
  const comparing = state.view === "compare";
  fill(place,
    el("fieldset", {}, el("legend", {}, "Where"), whereFields(indexes, state, changed)),
    ranking(comparing ? "Ranking A" : "Ranking", schema, state.settings, (settings) => changed({ settings })),
    comparing ? ranking("Ranking B", schema, state.other, (other) => changed({ other })) : null,
    el("fieldset", {}, el("legend", {}, "View as"), viewAs(state, changed)),
    el("fieldset", {}, el("legend", {}, "Filters"), schema ? filterBuilder(filtersOf(schema), state.filters, (filters) => changed({ filters })) : null),
    el("fieldset", {}, el("legend", {}, "Embedding"), embedding(state, changed)));
  if (focused) followFocus(place, focused);
}

/** How many settings are not as always. */
export function settingsCount(state) {
  const own = Object.entries(SETTINGS).filter(([name, usual]) => state.settings[name] !== usual).length;
  return own + Object.keys(state.filters).length + Number(state.as !== null) + Number(Boolean(state.embedding || state.like));
}

function whereFields(indexes, state, changed) {
  const names = new Set(indexes.map((index) => index.name));
  if (state.index) names.add(state.index);
  const index = choice([["", "the default index"], ...[...names].map((name) => [name, name])], state.index, (value) => changed({ index: value }));
  index.id = "index";
  const tenant = el("input", { id: "tenant", value: state.tenant, autocomplete: "off", spellcheck: "false", onchange: () => changed({ tenant: tenant.value.trim() || "public" }) });
  const limit = el("input", { id: "limit", type: "number", min: 1, max: 10000, value: state.limit, onchange: () => changed({ limit: Math.max(1, Number.parseInt(limit.value, 10) || 10) }) });
  return el("div", { class: "grid" }, field("Index", index), field("Tenant", tenant), field("Hits", limit));
}

function ranking(legend, schema, settings, changed) {
  const put = (name, value) => changed({ ...settings, [name]: value });
  const options = (name, usual) => [["", usual], ...values(schema, name).map((value) => [value, value])];
  const select = (name, label, usual) => field(label, choice(options(name, usual), settings[name], (value) => put(name, value)));
  const number = (name, label, attributes) => {
    const control = el("input", { type: "number", value: settings[name], placeholder: "usual", ...attributes, onchange: () => put(name, control.value) });
    return field(label, control);
  };
  const flag = (name, label) => {
    const box = el("input", { type: "checkbox", checked: settings[name], onchange: () => put(name, box.checked) });
    return el("label", { class: "flag" }, box, label);
  };
  return el("fieldset", {}, el("legend", {}, legend),
    el("div", { class: "grid" },
      select("mode", "Mode", "automatic"), select("rank_profile", "Profile", "the index's"),
      select("query_type", "Query type", "unknown"), number("hybrid_alpha", "Vector weight", { min: 0, max: 1, step: 0.05 }),
      number("candidate_limit", "Candidates", { min: 1, max: 10000 }), number("min_score", "Least score", { step: "any" }),
      schema?.properties.min_recall ? number("min_recall", "Least recall", { min: 0.5, max: 1, step: 0.01 }) : null),
    el("div", { class: "flags" }, flag("feedback", "feedback"), flag("smoothing", "smoothing"), flag("exact", "exact"), flag("include_hidden", "hidden too")));
}

/** The values a field of a search takes, as the schema has them. */
function values(schema, name) {
  if (!schema) return name === "mode" ? Object.keys(MODES) : [];
  const property = schema.properties[name];
  const form = (property.anyOf ?? [property]).map((part) => (part.$ref ? schema.$defs[part.$ref.split("/").pop()] : part)).find((part) => part.enum);
  return form?.enum ?? [];
}

function viewAs(state, changed) {
  const chosen = state.as === null ? "all" : state.as.length ? "list" : "public";
  const start = { all: null, public: [], list: state.as?.length ? state.as : [] };
  const who = choice([["all", "everything (unrestricted)"], ["public", "public documents only"], ["list", "an access list"]],
    chosen, (value) => {
      if (value === "list") return showList();
      changed({ as: start[value] });
    });
  who.id = "view-as";
  who.setAttribute("aria-label", "View as");
  const list = el("div", {});
  const showList = () => fill(list, wordList("Access list", state.as ?? [], (as) => changed({ as })),
    el("p", { class: "hint" }, "What the reader holds, such as user_email:ann@x.io or group:eng. Public documents are seen as well."));
  if (chosen === "list") showList();
  return el("div", {}, who, list);
}

function embedding(state, changed) {
  const area = el("textarea", { id: "embedding", rows: 2, spellcheck: "false", "aria-label": "Embedding of the query", placeholder: "numbers in [ ], or base64; left out, the endpoint makes one",
    onchange: () => changed({ embedding: area.value.trim(), like: "" }) });
  area.value = state.embedding;
  const like = state.like ? el("p", { class: "like" }, el("span", {}, "Near to ", el("code", {}, state.like)),
    el("button", { type: "button", class: "quiet", onclick: () => changed({ like: "" }) }, "Forget")) : null;
  return el("div", {}, like, area);
}

/** Remember a control by its place, as the form is made anew when it changes. */
function pathOf(place, control) {
  return control.id && !control.id.startsWith("field-") ? `#${control.id}` : controls(place).map((one) => one.getAttribute("aria-label") ?? labelOf(one)).indexOf(control.getAttribute("aria-label") ?? labelOf(control));
}

function followFocus(place, path) {
  const found = typeof path === "string" ? place.querySelector(path) : controls(place)[path];
  found?.focus({ preventScroll: true });
}

const controls = (place) => [...place.querySelectorAll("input, select, textarea, button")];
const labelOf = (control) => control.closest("fieldset")?.firstChild.textContent + (control.labels?.[0]?.textContent ?? control.textContent);
