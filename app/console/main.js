// The page: a state in the address bar, and a view of it.

import { call, useKey } from "./api.js";
import { set } from "./elements.js";
import { listenToKeys } from "./keyboard.js";
import { problemBox } from "./problems.js";
import { offerIndexes, searchForm, settingsCount } from "./search_form.js";
import { showSearch } from "./search_view.js";
import { readState, writeState } from "./state.js";

const at = (id) => document.getElementById(id);
const NARROW = matchMedia("(max-width: 900px)");

const VIEWS = {
  search: () => showSearch,
  compare: async () => (await import("./compare_view.js")).showCompare,
  indexes: async () => (await import("./indexes_view.js")).showIndexes,
  document: async () => (await import("./document_view.js")).showDocument,
};

/** What views share; `leave` ends what the view on show does by itself. */
const app = { state: readState(location.search), schema: null, indexes: [], go, leave: () => {} };
let turn = 0;

/** Change the state: the address bar and the page follow. */
function go(changes, { replace = false, form = true } = {}) {
  const before = app.state;
  app.state = { ...app.state, ...changes };
  const query = writeState(app.state);
  if (query !== writeState(before)) {
    history[replace ? "replaceState" : "pushState"](null, "", query ? `?${query}` : location.pathname);
  }
  if (app.state.tenant !== before.tenant) loadIndexes();
  show(before.view !== app.state.view, form);
}

function show(fresh, form = true) {
  const { state } = app;
  const searching = state.view === "search" || state.view === "compare";
  at("searching").hidden = !searching;
  at("looking").hidden = searching;
  at("main").dataset.view = state.view;
  for (const tab of document.querySelectorAll("nav [data-view]")) {
    const current = tab.dataset.view === state.view || (state.view === "document" && tab.dataset.view === "indexes");
    set(tab, { "aria-current": current ? "page" : null, href: `?${writeState({ ...state, view: tab.dataset.view })}` });
  }
  const place = at(searching ? "results" : "looking");
  if (fresh) place.replaceChildren();
  if (searching) showForm(form);
  open(VIEWS[state.view], place);
}

/** Load a view when it is first needed, and show it unless another was asked for meanwhile. */
async function open(load, place) {
  const mine = (turn += 1);
  app.leave();
  app.leave = () => {};
  const view = await load();
  if (mine === turn) await view(place, app);
}

/** Show what the form holds; a form that was typed into already shows it, and is left alone. */
function showForm(anew) {
  if (document.activeElement !== at("query")) at("query").value = app.state.q;
  const follow = (form) => (changes) => go({ ...changes, q: at("query").value.trim() }, { form });
  if (anew && app.schema) searchForm(at("settings-body"), app, follow(false), follow(true));
  const changed = settingsCount(app.state);
  at("settings-count").textContent = changed ? String(changed) : "";
}

async function loadIndexes() {
  try {
    app.indexes = (await call("GET", "indexes", { tenant: app.state.tenant })).indexes;
  } catch (error) {
    app.indexes = [];
    if (error.status === 401 && !at("results").querySelector(".problem")) at("results").replaceChildren(problemBox(error));
  }
  offerIndexes(at("settings-body"), app);
}

function followTheme() {
  const names = { light: "light", dark: "dark", "": "as the system" };
  const order = ["", "light", "dark"];
  const say = () => at("theme").setAttribute("aria-label", `Colours: ${names[document.documentElement.dataset.theme ?? ""]}`);
  at("theme").addEventListener("click", () => {
    const next = order[(order.indexOf(document.documentElement.dataset.theme ?? "") + 1) % order.length];
    if (next) document.documentElement.dataset.theme = next;
    else delete document.documentElement.dataset.theme;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // Then it holds for this page only.
    }
    say();
  });
  say();
}

function listen() {
  at("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    go({ q: at("query").value.trim() }, { form: false });
  });
  at("key-form").addEventListener("submit", (event) => event.preventDefault());
  at("key").addEventListener("change", () => {
    useKey(at("key").value);
    at("results").replaceChildren();
    loadIndexes();
    show(false);
  });
  for (const tab of document.querySelectorAll("nav [data-view]")) {
    tab.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      go({ view: tab.dataset.view });
    });
  }
  addEventListener("popstate", () => {
    app.state = readState(location.search);
    at("query").value = app.state.q;
    show(true);
  });
  listenToKeys(go);
}

async function start() {
  if (NARROW.matches) at("settings").open = false;
  at("query").value = app.state.q;
  followTheme();
  listen();
  show(false);
  loadIndexes();
  app.schema = await call("GET", "console/search.json");
  if (!at("searching").hidden) showForm(true);
}

start();
