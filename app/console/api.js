// Calls of the service. The key lives here, in memory, and nowhere else.

let key = "";

export function useKey(value) {
  key = value.trim();
}

export const hasKey = () => key !== "";

/** What the service said no with (RFC 9457), or that it said nothing. */
export class Problem extends Error {
  constructor(body, status) {
    super(body.detail || body.title);
    Object.assign(this, { body, status });
  }
}

/** Call the service; answers JSON. Throws a Problem, or an AbortError. */
export async function call(method, path, { body, tenant = "", signal } = {}) {
  const headers = tenant ? { "X-Tenant-ID": tenant } : {};
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const detail = "No answer came. Is it running, and can this machine reach it?";
    throw new Problem({ title: "The service cannot be reached", detail, code: "unreachable" }, 0);
  }
  const text = await answer.text();
  let found;
  try {
    found = text ? JSON.parse(text) : null;
  } catch {
    found = null;
  }
  if (answer.ok) return found;
  throw new Problem(found ?? { title: answer.statusText || "Something went wrong", detail: text.slice(0, 300), code: `http_${answer.status}` }, answer.status);
}

/** Address one document; its id may hold anything. */
export function documentPath(id, parameters = {}) {
  const given = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "" && value !== null));
  const name = encodeURIComponent(id).replace(/^\.+$/, (dots) => dots.replaceAll(".", "%2E"));
  return `documents/${name}?${given}`;
}

/** The embedding of a stored chunk, as base64; null if there is no such chunk. */
export async function chunkEmbedding(state, id, chunkIndex) {
  let cursor = null;
  do {
    const body = { document_ids: [id], include_embeddings: true, limit: 1000, ...(state.index && { index: state.index }), ...(cursor && { cursor }) };
    const page = await call("POST", "chunks/scan", { body, tenant: state.tenant });
    const found = page.chunks.find((chunk) => chunk.chunk_index === chunkIndex);
    if (found) return found.embedding;
    cursor = page.next_cursor;
  } while (cursor);
  return null;
}

/** A call as a command to paste into a shell; the key stays a variable. */
export function curl(method, path, body, tenant) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const parts = ["curl -s", method === "POST" || method === "GET" ? "" : `-X ${method}`, quoted(new URL(path, document.baseURI).href)];
  if (tenant) parts.push("-H", quoted(`X-Tenant-ID: ${tenant}`));
  if (key) parts.push('-H "Authorization: Bearer $VECTOR_SEARCH_KEY"');
  if (body !== undefined) parts.push("-H 'Content-Type: application/json'", "-d", quoted(JSON.stringify(body)));
  return parts.filter(Boolean).join(" ");
}
