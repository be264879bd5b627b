// What the server is asked, and what it is told: under the path that it is served at, with the value it gave this page.
export const told = JSON.parse(document.getElementById("told").textContent);

export class Refused extends Error {
  constructor({ code, message, details }, status) {
    super(message);
    Object.assign(this, { code, details, status });
  }
}

async function send(path, { heard, as, ...options } = {}) {
  const answer = await fetch(told.root + path, { ...options, headers: { Accept: "application/json", ...options.headers } });
  heard?.(answer);
  if (as === "file" && answer.ok) return URL.createObjectURL(await answer.blob());
  const isJson = answer.headers.get("Content-Type")?.includes("json");
  const found = isJson ? await answer.json() : await answer.text();
  if (!answer.ok) throw new Refused(found.error ?? { code: "failed", message: answer.statusText }, answer.status);
  return found;
}

// The whole address of a path, for what asks by itself.
export const address = (path) => location.origin + told.root + path;

export const ask = (path, options) => send(path, options);

// The address of what came, for a map to read in its own thread.
export const load = (path, options) => send(path, { ...options, as: "file" });

export const change = (path, body, method = "POST", headers = {}) =>
  send(path, { method, body: JSON.stringify(body ?? {}), headers: { "Content-Type": "application/json", "X-CSRF-Token": told.csrf, ...headers } });

export const upload = (path, form) => send(path, { method: "POST", body: form, headers: { "X-CSRF-Token": told.csrf } });
