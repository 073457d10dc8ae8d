// What is looked for and how, as the address bar holds it: all of it but the key.

/** Settings of a ranking with what the service takes when they are left out. */
export const SETTINGS = {
  mode: "",
  rank_profile: "",
  query_type: "",
  hybrid_alpha: "",
  candidate_limit: "",
  min_score: "",
  min_recall: "",
  feedback: false,
  smoothing: true,
  exact: false,
  include_hidden: false,
};
const OTHER = "b.";
const NUMBERS = ["hybrid_alpha", "candidate_limit", "min_score", "min_recall"];

/** Read a state from an address's query string. `as` null: unrestricted; []: public documents only. */
export function readState(query) {
  const given = new URLSearchParams(query);
  const text = (name, otherwise = "") => given.get(name) ?? otherwise;
  return {
    view: ["search", "compare", "indexes", "document"].includes(text("view")) ? text("view") : "search",
    q: text("q"),
    index: text("index"),
    tenant: text("tenant"),
    limit: Math.min(Math.max(Number.parseInt(text("limit", "10"), 10) || 10, 1), 10000),
    as: given.has("as") ? given.getAll("as").filter(Boolean) : null,
    filters: readFilters(text("filters", "{}")),
    like: text("like"),
    embedding: text("embedding"),
    document: text("document"),
    chunk: given.has("chunk") ? Math.max(Number.parseInt(text("chunk"), 10) || 0, 0) : null,
    settings: readSettings(given, ""),
    other: readSettings(given, OTHER),
  };
}

/** Write a state as a query string; what is as always is left out. */
export function writeState(state) {
  const given = new URLSearchParams();
  const put = (name, value, usual = "") => value !== usual && value !== null && given.set(name, value);
  put("view", state.view, "search");
  put("q", state.q);
  put("index", state.index);
  put("tenant", state.tenant);
  put("limit", state.limit, 10);
  for (const entry of state.as === null ? [] : state.as.length ? state.as : [""]) given.append("as", entry);
  put("filters", JSON.stringify(state.filters), "{}");
  put("like", state.like);
  put("embedding", state.embedding);
  if (state.view === "document") {
    put("document", state.document);
    put("chunk", state.chunk, null);
  }
  putSettings(given, state.settings, "");
  if (state.view === "compare") putSettings(given, state.other, OTHER);
  return given.toString();
}

/** Whether there is anything to search for. */
export function isAsking(state) {
  return Boolean(state.q || state.like || state.embedding || state.settings.mode === "random" || Object.keys(state.filters).length);
}

/** The body of POST /search. */
export function searchBody(state, settings, embedding) {
  const body = {};
  if (state.index) body.index = state.index;
  if (state.q) body.query = state.q;
  if (embedding) body.embedding = embedding;
  for (const [name, usual] of Object.entries(SETTINGS)) {
    if (settings[name] !== usual) body[name] = NUMBERS.includes(name) ? Number(settings[name]) : settings[name];
  }
  if (state.limit !== 10) body.limit = state.limit;
  body.filters = { access_control_list: state.as, ...Object.fromEntries(Object.entries(state.filters).map(withoutBlanks)) };
  body.explain = true;
  return body;
}

/** Leave out records that are still being filled in, such as a tag without a value. */
function withoutBlanks([name, value]) {
  return [name, Array.isArray(value) ? value.filter((one) => typeof one !== "object" || !Object.values(one).includes("")) : value];
}

function readFilters(text) {
  try {
    const found = JSON.parse(text);
    return found && typeof found === "object" && !Array.isArray(found) ? found : {};
  } catch {
    return {};
  }
}

function readSettings(given, prefix) {
  return Object.fromEntries(Object.entries(SETTINGS).map(([name, usual]) => {
    const value = given.get(prefix + name);
    if (value === null) return [name, usual];
    return [name, typeof usual === "boolean" ? value === "true" : value];
  }));
}

function putSettings(given, settings, prefix) {
  for (const [name, usual] of Object.entries(SETTINGS)) {
    if (settings[name] !== usual) given.set(prefix + name, settings[name]);
  }
}
