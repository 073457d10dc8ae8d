// Everything about a search but its query: where, as whom, ranked how, filtered by what.

import { choice, el, field, fill } from "./elements.js";
import { filterBuilder, filtersOf, wordList } from "./filters.js";
import { SETTINGS } from "./state.js";

/** Show the settings of a state. `changed(part)` is called with what changes, `redraw(part)` if the form does, too. */
export function searchForm(place, { schema, indexes, state }, changed, redraw) {
  const comparing = state.view === "compare";
  const filters = filterBuilder(filtersOf(schema), state.filters, (own) => changed({ filters: own }), (own, added) => {
    redraw({ filters: own });
    (place.querySelector(`[data-filter="${added}"] :is(input, select, textarea)`) ?? place.querySelector("#add-filter")).focus();
  });
  fill(place,
    el("fieldset", {}, el("legend", {}, "Where"), whereFields(indexes, state, changed)),
    ranking(comparing ? "Ranking A" : "Ranking", schema, state.settings, (settings) => changed({ settings })),
    comparing ? ranking("Ranking B", schema, state.other, (other) => changed({ other })) : null,
    el("fieldset", {}, el("legend", {}, "View as"), viewAs(state, changed)),
    el("fieldset", {}, el("legend", {}, "Filters"), filters),
    el("fieldset", {}, el("legend", {}, "Embedding"), embedding(state, changed, redraw)));
}

/** Offer the indexes there are, once they are known. */
export function offerIndexes(place, { indexes, state }) {
  place.querySelector("#index")?.replaceChildren(...indexOptions(indexes, state));
}

/** How many settings are not as always. */
export function settingsCount(state) {
  const own = Object.entries(SETTINGS).filter(([name, usual]) => state.settings[name] !== usual).length;
  return own + Object.keys(state.filters).length + Number(state.as !== null) + Number(Boolean(state.embedding || state.like));
}

function whereFields(indexes, state, changed) {
  const index = el("select", { id: "index", onchange: () => changed({ index: index.value }) }, indexOptions(indexes, state));
  const tenant = el("input", { id: "tenant", value: state.tenant, placeholder: "public", autocomplete: "off", spellcheck: "false", onchange: () => changed({ tenant: tenant.value.trim() }) });
  const limit = el("input", { id: "limit", type: "number", min: 1, max: 10000, value: state.limit, onchange: () => changed({ limit: Math.max(1, Number.parseInt(limit.value, 10) || 10) }) });
  return el("div", { class: "grid" }, field("Index", index), field("Tenant", tenant), field("Hits", limit));
}

function indexOptions(indexes, state) {
  const names = new Set(indexes.map((index) => index.name));
  if (state.index) names.add(state.index);
  return [["", "the default index"], ...[...names].map((name) => [name, name])].map(([value, label]) => new Option(label, value, false, value === state.index));
}

function ranking(legend, schema, settings, changed) {
  let own = settings;
  const put = (name, value) => {
    own = { ...own, [name]: value };
    changed(own);
  };
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
      schema.properties.min_recall ? number("min_recall", "Least recall", { min: 0.5, max: 1, step: 0.01 }) : null),
    el("div", { class: "flags" }, flag("feedback", "feedback"), flag("smoothing", "smoothing"), flag("exact", "exact"), flag("include_hidden", "hidden too")));
}

/** The values a field of a search takes, as the schema has them. */
function values(schema, name) {
  const property = schema.properties[name];
  const form = (property.anyOf ?? [property]).map((part) => (part.$ref ? schema.$defs[part.$ref.split("/").pop()] : part)).find((part) => part.enum);
  return form?.enum ?? [];
}

function viewAs(state, changed) {
  const chosen = state.as === null ? "all" : state.as.length ? "list" : "public";
  const list = el("div", {});
  const showList = (shown) => fill(list, shown ? [wordList("Access list", state.as ?? [], (as) => changed({ as })),
    el("p", { class: "hint" }, "What the reader holds, such as user_email:ann@x.io or group:eng. Public documents are seen as well.")] : []);
  const who = choice([["all", "everything (unrestricted)"], ["public", "public documents only"], ["list", "an access list"]], chosen, (value) => {
    showList(value === "list");
    changed({ as: value === "all" ? null : [] });
  });
  who.id = "view-as";
  who.setAttribute("aria-label", "View as");
  showList(chosen === "list");
  return el("div", {}, who, list);
}

function embedding(state, changed, redraw) {
  const area = el("textarea", { id: "embedding", rows: 2, spellcheck: "false", "aria-label": "Embedding of the query", placeholder: "numbers in [ ], or base64; left out, the endpoint makes one",
    onchange: () => (state.like ? redraw : changed)({ embedding: area.value.trim(), like: "" }) });
  area.value = state.embedding;
  const like = state.like ? el("p", { class: "like" }, el("span", {}, "Near to ", el("code", {}, state.like)),
    el("button", { type: "button", class: "quiet", onclick: () => redraw({ like: "" }) }, "Forget")) : null;
  return el("div", {}, like, area);
}
