// A division drawn elsewhere: sent, tried in the background with every change listed, then taken as a draft.
import { ask, change, told, upload } from "./api.js";
import { el, fill, number, sign, spoken, texts, words } from "./dom.js";
import { put } from "./panel.js";
import { go } from "./picker.js";
import { cancel, follow, isOver, ofKind, progress, usualSeconds } from "./tasks.js";

const T = texts.importing;
const KINDS = ".zip,.gpkg,.geojson,.json,.csv,.xlsx";
const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

// Which import is looked at stands in the address, so that it is there again after a while.
function remember(task) {
  const kept = new URLSearchParams(location.search);
  task ? kept.set("import", task) : kept.delete("import");
  history.replaceState(history.state, "", `${location.pathname}${kept.size ? `?${kept}` : ""}${location.hash}`);
}

class Importing {
  constructor(dialog, area) {
    Object.assign(this, { dialog, turn: 0, said: { area, layer: "", crs: "", encoding: "" } });
    this.body = el("div.batch-body");
    this.fault = el("p.batch-fault", { role: "alert", lang: texts.language });
    this.title = el("h2", { id: "import-title", tabIndex: -1 }, T.title);
    dialog.append(el("button.plain.close", { type: "button", title: texts.plan.close, "aria-label": texts.plan.close, onclick: () => dialog.close() }, "×"), this.title, this.fault, this.body);
    dialog.addEventListener("close", () => remember());
    for (const kind of ["dragenter", "dragover"]) dialog.addEventListener(kind, (event) => hasFiles(event) && this.over(event));
    dialog.addEventListener("dragleave", (event) => dialog.contains(event.relatedTarget) || this.body.classList.remove("over"));
    dialog.addEventListener("drop", (event) => hasFiles(event) && this.dropped(event));
  }

  open() {
    if (!this.dialog.open) this.dialog.showModal();
    if (!this.body.childElementCount) this.begin();
    remember(this.task);
    this.title.focus();
  }

  over(event) {
    event.preventDefault();
    this.body.classList.toggle("over", !this.busy);
  }

  dropped(event) {
    event.preventDefault();
    this.body.classList.remove("over");
    if (!this.busy && event.dataTransfer.files[0]) this.send(event.dataTransfer.files[0]);
  }

  draw(...children) {
    const focused = this.dialog.open && this.body.contains(document.activeElement);
    put(this.body, ...children);
    if (focused) this.title.focus();
  }

  tell(text = "") { this.fault.textContent = text; }

  stand(task) {
    this.task = task;
    if (this.dialog.open) remember(task);
  }

  // ---- a file is chosen
  begin(fault = "") {
    this.turn += 1;
    this.busy = false;
    this.stand();
    this.tell(fault);
    const file = el("input", { type: "file", id: "import-file", accept: KINDS, onchange: () => file.files[0] && this.send(file.files[0]) });
    const field = (name, more) => el("label", {}, T[name], el("input", { id: `import-${name}`, value: this.said[name], autocomplete: "off", onchange: ({ target }) => (this.said[name] = target.value.trim()), ...more }));
    const encodings = [["", T.by_itself], ["utf-8", "UTF-8"], ["gbk", "GBK"]].map(([value, word]) => el("option", { value, selected: value === this.said.encoding }, word));
    this.draw(
      el("p.quiet", {}, T.what),
      el("label.drop", {}, el("b", {}, T.drop), el("span", {}, T.choose), file, el("small", {}, T.kinds)),
      el("details.import-more", { open: Boolean(fault) }, el("summary", {}, T.more),
        el("div.batch-more", {}, field("area", { inputMode: "numeric" }), field("crs", { placeholder: "EPSG:4549" }), field("layer", {}), el("label", {}, T.encoding, el("select", { id: "import-encoding", onchange: ({ target }) => (this.said.encoding = target.value) }, encodings)))),
    );
  }

  async send(file) {
    const turn = (this.turn += 1), form = new FormData();
    form.append("file", file);
    for (const [name, value] of Object.entries(this.said)) form.append(name, value);
    this.busy = true;
    this.tell();
    this.draw(el("p", { role: "status" }, fill(T.sending, { name: file.name })), el("progress", { "aria-label": T.sending_it }));
    try {
      const { task } = await upload("/api/imports", form);
      if (turn === this.turn) await this.follow(task);
    } catch (error) {
      if (turn === this.turn) this.begin(error.message);
    }
  }

  // ---- it is tried
  async resume(task) {
    this.open();
    try {
      await this.follow(task);
    } catch (error) {
      this.begin(error.message);
    }
  }

  async follow(task) {
    const turn = (this.turn += 1), tasks = await ofKind("import").catch(() => []);
    this.busy = true;
    this.stand(task);
    const bar = progress({ stages: texts.import_stages, title: T.works, usual: usualSeconds(tasks) });
    const stop = el("button.second", { type: "button", id: "import-cancel", onclick: () => { stop.disabled = true; cancel(task).catch((error) => this.tell(error.message)); } }, T.cancel);
    this.draw(bar.place, el("p.quiet", {}, T.leave), el("div.actions", {}, stop));
    const tell = (one) => isOver(one) || bar.tell(one);
    if (await follow(task, { stays: () => turn === this.turn, tell, lost: (error) => bar.lost(error) })) this.end(await ask(`/api/imports/${task}`));
  }

  // ---- what came of it
  end(one) {
    this.busy = false;
    const another = el("button.link", { type: "button", id: "import-another", onclick: () => { this.begin(); this.dialog.querySelector("#import-file").focus(); } }, T.another);
    if (one.state === "cancelled") return this.draw(el("p", { role: "status" }, T.cancelled), el("div.actions", {}, another));
    if (one.state === "failed") { this.tell(one.said || T.failed); return this.draw(el("div.actions", {}, another)); }
    const { result } = one;
    this.tell();
    const note = el("input", { id: "import-note", maxLength: 500, value: one.asked.name, autocomplete: "off" });
    const take = el("button.main", { type: "button", id: "import-take", onclick: () => this.take(one.id, note.value, take) }, T.take);
    this.draw(
      el("p.sub", { role: "status" }, result.possible ? sign("ready") : sign("hard"), " ", result.possible ? T.possible : fill(result.faults_in_all === 1 ? T.impossible_one : T.impossible, { n: number(result.faults_in_all) })),
      result.possible ? figures(result) : faults(result),
      el("p.batch-files", {}, el("a.file", { href: `${told.root}/api/tasks/${one.id}/file?which=report`, download: result.files.report }, T.report)),
      changes(result), offenders(result), notices(result),
      result.possible && result.waits ? el("div.import-take", {}, el("label", {}, T.note, note), el("p.hint", {}, T.take_hint)) : "",
      el("div.actions", {}, result.possible && result.waits ? take : "", another),
      result.possible && !result.waits ? el("p.hint", {}, T.taken) : "",
    );
    return undefined;
  }

  async take(task, note, button) {
    button.disabled = true;
    button.textContent = texts.versions.beginning;
    try {
      const { version } = await change(`/api/imports/${task}/draft`, { note });
      remember();
      go(version);
    } catch (error) {
      this.tell(error.message);
      Object.assign(button, { disabled: false, textContent: T.take });
      this.title.focus();
    }
  }
}

function figures({ grids, zones, households, changes: summed }) {
  const changed = Object.values(summed).reduce((sum, n) => sum + n, 0);
  const figure = (n, word) => el("li", {}, el("b", {}, number(n)), el("span", {}, word));
  return el("ul.batch-figures", {}, figure(grids, fill(T.grids, { zones: number(zones) })), figure(households, T.households), figure(changed, T.changed));
}

const table = (name, heads, rows) => el("div.batch-table", { tabIndex: 0, role: "region", "aria-label": T[name] }, el("table", { id: `import-${name}` },
  el("thead", {}, el("tr", {}, heads.map((word) => el("th", { scope: "col" }, word)))), el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell)))))));

const first = (rows, all) => (rows.length < all ? el("p.hint", {}, fill(T.first, { n: number(rows.length), all: number(all) })) : "");

function faults({ faults: rows, faults_in_all: all }) {
  return [el("h3", {}, T.faults), first(rows, all), table("faults", [T.where, T.problem, T.cure], rows.map(({ layer, row, problem, cure }) => [`${words("import_layers", layer)}${row ? ` · ${row}` : ""}`, spoken("span", problem), spoken("span", cure)]))];
}

function changes(result) {
  const { changes: summed, rows } = result;
  const kinds = Object.entries(summed), all = kinds.reduce((sum, [, n]) => sum + n, 0);
  if (!all && !result.possible) return "";
  if (!all) return [el("h3", {}, T.changes), el("p.good", {}, sign("ready"), T.nothing_changed)];
  const how = ({ detail, old, new: made }) => [detail && spoken("small", detail), old || made ? el("small", {}, `${old || "–"} → ${made || "–"}`) : ""];
  return [
    el("h3", {}, T.changes), el("ul.batch-kinds", {}, kinds.map(([kind, n]) => el("li", {}, words("import_changes", kind.replaceAll(" ", "_").replaceAll("-", "_")), " ", el("b", {}, number(n))))), first(rows, all),
    table("changes", [T.where, T.change, T.how], rows.map((one) => [`${words("import_layers", one.layer)} · ${one.row}`, words("import_changes", one.kind.replaceAll(" ", "_").replaceAll("-", "_")), how(one)])),
  ];
}

function offenders({ offenders: summed }) {
  const rules = Object.entries(summed);
  return rules.length ? [el("h3", {}, T.offenders), el("p.hint", {}, T.offenders_hint), el("ul.batch-kinds", {}, rules.map(([rule, n]) => el("li", {}, words("rules", rule), " ", el("b", {}, number(n)))))] : "";
}

const notices = ({ notices: list }) => (list.length ? el("details.batch-notes", {}, el("summary", {}, T.notices, " (", number(list.length), ")"), el("ul.notes", {}, list.map((one) => spoken("li", one)))) : "");

// Gives what opens it; undefined for who may make no draft, or where nothing is in force.
export function importing({ versions, may_draft: may }, shown) {
  const stands = shown?.in_force ? shown : versions.find((one) => one.in_force && one.district === (shown?.district ?? one.district));
  if (!may || !stands) return undefined;
  const area = told.person.area.length > 6 ? told.person.area : stands.district;
  const made = new Importing(document.getElementById("import"), area), asked = new URLSearchParams(location.search).get("import");
  document.getElementById("made").append(el("button.second.begin.import-open", { type: "button", title: `${T.hint} (i)`, "aria-keyshortcuts": "i", "aria-haspopup": "dialog", onclick: () => made.open() }, T.open));
  if (/^\d{1,9}$/.test(asked ?? "")) made.resume(asked);
  return made;
}
