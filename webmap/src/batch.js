// Many cases from a file: sent, its columns matched, tried, resolved in the background, and taken home.
import { ask, change, told, upload } from "./api.js";
import { el, fill, number, sign, spoken, texts, words } from "./dom.js";
import { put } from "./panel.js";
import { cancel, follow } from "./tasks.js";

const said = texts.batch;
const SYSTEMS = { "EPSG:4326": "wgs84", "EPSG:4490": "cgcs2000", gcj02: "gcj02", bd09: "bd09" };
const systemName = (key) => (SYSTEMS[key] ? texts.batch_systems[SYSTEMS[key]] : fill(texts.batch_systems.plane, { name: key }));
const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
const counted = (n) => fill(n === 1 ? said.rows_one : said.rows_many, { n: number(n) });

// Where somebody stands is in the address: the file that waits, and the task that works on it.
function remember({ batch, task } = {}) {
  const kept = new URLSearchParams(location.search);
  for (const [name, value] of [["batch", batch], ["task", task]]) value ? kept.set(name, value) : kept.delete(name);
  history.replaceState(history.state, "", `${location.pathname}${kept.size ? `?${kept}` : ""}${location.hash}`);
}

class Batches {
  constructor(dialog) {
    this.dialog = dialog;
    this.turn = 0; // what comes of an earlier turn is not shown any more
    this.body = el("div.batch-body");
    this.fault = el("p.batch-fault", { role: "alert", lang: texts.language });
    dialog.append(
      el("button.plain.close", { type: "button", title: said.close, "aria-label": said.close, onclick: () => dialog.close() }, "×"),
      el("h2", { id: "batch-title", tabIndex: -1 }, said.title), this.fault, this.body,
    );
    dialog.addEventListener("close", () => remember());
    // a file may be dropped anywhere on the page
    for (const kind of ["dragenter", "dragover"]) document.addEventListener(kind, (event) => hasFiles(event) && this.over(event));
    document.addEventListener("dragleave", (event) => event.relatedTarget || this.body.classList.remove("over"));
    document.addEventListener("drop", (event) => hasFiles(event) && this.dropped(event));
  }

  // ---- what comes from outside
  open() {
    if (!this.dialog.open) this.dialog.showModal();
    if (!this.body.childElementCount) this.begin();
    remember(this.at);
    this.dialog.querySelector("#batch-title").focus();
  }

  over(event) {
    event.preventDefault();
    if (this.busy) return;
    this.open();
    this.body.classList.add("over");
  }

  dropped(event) {
    event.preventDefault();
    this.body.classList.remove("over");
    if (!this.busy && event.dataTransfer.files[0]) this.send(event.dataTransfer.files[0]);
  }

  async resume({ batch, task }) {
    try {
      if (batch) this.take(await ask(`/api/batches/${batch}`));
    } catch (error) {
      if (!task) this.begin(said.gone);
    }
    if (task) this.follow(task);
    this.open();
  }

  stand(at) {
    this.at = at;
    if (this.dialog.open) remember(at);
  }

  draw(...children) {
    const focused = this.dialog.open && this.body.contains(document.activeElement);
    put(this.body, ...children);
    if (focused) this.dialog.querySelector("#batch-title").focus();
  }

  tell(text = "") {
    this.fault.textContent = text;
  }

  // ---- a file is chosen
  begin(fault = "") {
    this.turn += 1;
    this.seen = this.task = this.columns = undefined;
    this.busy = this.dry = false;
    this.stand();
    this.tell(fault);
    const input = el("input", { type: "file", id: "batch-file", accept: ".csv,.xlsx", onchange: () => input.files[0] && this.send(input.files[0]) });
    this.draw(el("label.drop", {}, el("b", {}, said.drop), el("span", {}, said.choose), input, el("small", {}, said.drop_hint)));
  }

  async send(file) {
    const turn = (this.turn += 1), form = new FormData();
    form.append("file", file);
    this.busy = true;
    this.tell();
    this.draw(el("p", { role: "status" }, fill(said.reading, { name: file.name })), el("progress"));
    try {
      const seen = await upload("/api/batches", form);
      if (turn === this.turn) this.take(seen);
    } catch (error) {
      if (turn === this.turn) this.begin(error.message);
    }
  }

  // ---- its columns are matched
  take(seen) {
    Object.assign(this, { seen, columns: { ...seen.matched }, crs: "EPSG:4326", format: /\.xlsx$/i.test(seen.name) ? "xlsx" : "csv", busy: false });
    this.stand({ batch: seen.id });
    this.match();
  }

  match() {
    const { seen } = this;
    const told = el("p.hint", { id: "batch-wrong", role: "status" }), rest = el("p.hint", { id: "batch-rest" });
    const buttons = ["try", "run"].map((name) => el(name === "run" ? "button.main" : "button.second", { type: "button", id: `batch-${name}`, title: said[`${name}_hint`], onclick: () => this.run(name === "try") }, said[name]));
    const check = () => {
      const used = Object.values(this.columns), unused = seen.columns.filter((name) => !used.includes(name));
      rest.textContent = unused.length ? fill(said.unused, { columns: unused.join(texts.page.comma) }) : "";
      told.textContent = this.wrong();
      for (const one of buttons) one.disabled = Boolean(told.textContent);
    };
    const row = (field) => {
      const cells = seen.first.map(() => el("td"));
      const show = () => cells.forEach((cell, at) => (cell.textContent = seen.first[at][seen.columns.indexOf(this.columns[field])] ?? ""));
      const choose = (event) => {
        this.columns = Object.fromEntries(Object.entries({ ...this.columns, [field]: event.target.value }).filter(([, column]) => column));
        show();
        check();
      };
      const options = ["", ...seen.columns].map((name) => el("option", { value: name, selected: name === (this.columns[field] ?? "") }, name || said.none));
      const id = `batch-${field}`;
      show();
      return el("tr", {}, el("th", { scope: "row" }, el("label", { htmlFor: id }, words("batch_fields", field))), el("td", {}, el("select", { id, onchange: choose }, options)), cells);
    };
    const pick = (label, id, options, value, take) => el("label", {}, label, el("select", { id, onchange: (event) => take(event.target.value) }, options.map(([key, word]) => el("option", { value: key, selected: key === value }, word))));
    this.draw(
      el("p.sub", {}, el("b", {}, seen.name), " · ", counted(seen.rows)),
      notes(seen.notices),
      el("h3", {}, said.match), el("p.hint", {}, said.match_hint),
      el("div.batch-table", { tabIndex: 0, role: "region", "aria-label": said.match }, el("table", {},
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, said.field), el("th", { scope: "col" }, said.column), seen.first.length ? el("th", { scope: "colgroup", colSpan: seen.first.length }, said.first) : "")),
        el("tbody", {}, seen.fields.map(row)),
      )),
      rest,
      el("div.batch-more", {},
        pick(said.crs, "batch-crs", seen.systems.map((key) => [key, systemName(key)]), this.crs, (value) => (this.crs = value)),
        pick(said.format, "batch-format", [["xlsx", "XLSX"], ["csv", "CSV"]], this.format, (value) => (this.format = value)),
      ),
      told,
      el("p.hint.batch-hint", {}, el("b", {}, said.try), " ", said.try_hint, " ", el("b", {}, said.run), " ", said.run_hint),
      el("div.actions", {}, buttons, el("button.link", { type: "button", onclick: () => this.another() }, said.another)),
    );
    check();
  }

  wrong() {
    const { columns } = this, chosen = Object.values(columns);
    const twice = chosen.find((name, at) => chosen.indexOf(name) !== at);
    if (twice) return fill(said.twice, { column: twice });
    return columns.address || (columns.lon && columns.lat) ? "" : said.needs;
  }

  async another() {
    const { seen } = this;
    this.begin();
    if (seen) await change(`/api/batches/${seen.id}`, {}, "DELETE").catch(() => undefined); // it may be gone already
    this.dialog.querySelector("#batch-file")?.focus();
  }

  // ---- the work
  async run(dry) {
    this.tell();
    this.dry = dry;
    try {
      const { task } = await change(`/api/batches/${this.seen.id}/run`, { columns: this.columns, case_crs: this.crs, dry_run: dry, format: this.format });
      this.follow(task);
    } catch (error) {
      this.tell(error.message);
    }
  }

  async follow(task) {
    const turn = (this.turn += 1);
    this.task = task;
    this.busy = true;
    this.stand({ batch: this.seen?.id, task });
    const bar = el("progress", { max: 1, value: 0, "aria-label": said.working }), stage = el("p", { role: "status" }, said.waits);
    this.draw(stage, bar, el("div.actions", {}, el("button.second", { type: "button", id: "batch-cancel", onclick: () => this.cancel(task) }, said.cancel)));
    const tell = (one) => {
      bar.value = one.share;
      const text = one.state === "running" ? texts.batch_stages[one.said] ?? said.working : said.waits;
      if (stage.textContent !== text) stage.textContent = text;
      this.tell();
    };
    try {
      const one = await follow(task, { tell, stays: () => turn === this.turn, lost: (error) => this.tell(error.message) });
      if (one) this.end(one);
    } catch (error) {
      if (turn === this.turn) this.begin(error.message);
    }
  }

  async cancel(task) {
    await cancel(task).catch((error) => this.tell(error.message));
  }

  end(one) {
    this.busy = false;
    this.task = undefined;
    const { result, state } = one;
    const again = this.seen && (result ? result.dry_run : this.dry); // after all else the file is gone
    if (again && result) Object.assign(this, { columns: result.columns, crs: result.case_crs, format: result.format }); // as it was tried
    const onward = el("div.actions", {},
      again && result ? el("button.main", { type: "button", id: "batch-run", title: said.run_hint, onclick: () => this.run(false) }, said.run) : "",
      again ? el("button.second", { type: "button", id: "batch-back", onclick: () => { this.stand({ batch: this.seen.id }); this.tell(); this.match(); } }, said.back) : "",
      el("button.link", { type: "button", onclick: () => this.another() }, said.another),
    );
    if (state === "cancelled") return this.draw(el("p", { role: "status" }, said.cancelled), onward);
    if (state === "failed") {
      this.tell(one.said || said.failed);
      return this.draw(onward);
    }
    this.draw(summary(one), onward);
  }
}

// ---- what came of it
function summary({ id, result }) {
  const { cases, kinds, rows, files, methods } = result;
  const lost = Object.values(kinds).reduce((sum, n) => sum + n, 0);
  const figure = (n, text, state) => el("li", {}, el("b", {}, number(n)), el("span", {}, state ? sign(state) : "", " ", text));
  const link = (which, text) => files[which] && el("a.file", { href: `${told.root}/api/tasks/${id}/file?which=${which}`, download: files[which] }, text);
  return [
    el("p.sub", { role: "status" }, result.dry_run ? said.dry : said.done, " · ", counted(cases)),
    el("ul.batch-figures", {}, figure(cases - lost, said.placed, "ready"), figure(lost, said.lost, lost ? "hard" : ""), figure(result.unsure, said.unsure, result.unsure ? "finding" : "")),
    el("p.batch-files", {}, link("file", said.answers), link("problems", said.all_problems)),
    el("h3", {}, said.methods),
    el("p.hint", {}, Object.entries(methods).filter(([name]) => !["outside", "unlocated"].includes(name)).map(([name, n]) => `${words("dispatch_methods", name)} ${number(n)}`).join(" · ")),
    el("h3", {}, said.problems, el("b", {}, number(lost))),
    lost ? el("ul.batch-kinds", {}, Object.entries(kinds).map(([kind, n]) => el("li", {}, words("batch_problems", kind), " ", el("b", {}, number(n))))) : el("p.good", {}, sign("ready"), said.no_problems),
    lost ? problems(rows, lost) : "",
    notes(result.notices),
  ];
}

function problems(rows, lost) {
  const row = (one) => el("tr", {}, el("td", {}, number(one.row)), el("td", {}, el("code", {}, one.case_id)), el("td", {}, words("batch_problems", one.kind), spoken("small", one.problem)));
  return [
    rows.length < lost ? el("p.hint", {}, fill(said.first_problems, { n: number(rows.length), all: number(lost) })) : "",
    el("div.batch-table", { tabIndex: 0, role: "region", "aria-label": said.problems }, el("table", { id: "batch-problems" },
      el("thead", {}, el("tr", {}, [said.row, said.case, said.problem].map((word) => el("th", { scope: "col" }, word)))),
      el("tbody", {}, rows.map(row)),
    )),
  ];
}

const notes = (list) => (list.length ? el("details.batch-notes", {}, el("summary", {}, said.notices, " (", number(list.length), ")"), el("ul.notes", {}, list.map((one) => spoken("li", one)))) : "");

// Gives what opens it; undefined for who may not send files.
export function batches() {
  const dialog = document.getElementById("batch");
  if (!dialog) return undefined;
  const made = new Batches(dialog), asked = new URLSearchParams(location.search);
  document.getElementById("many").addEventListener("click", () => made.open());
  if (asked.get("batch") || asked.get("task")) made.resume({ batch: asked.get("batch"), task: asked.get("task") });
  return made;
}
