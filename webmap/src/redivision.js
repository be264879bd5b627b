// Zones or grids that are divided anew in the background: begun here, followed, left and come back to; it ends in an edit.
import * as address from "./address.js";
import { change } from "./api.js";
import { zoneOf } from "./draft.js";
import { el, fill, grouped, number, sign, spoken, texts } from "./dom.js";
import { previewRows } from "./preview.js";
import { cancel, follow, isOver, ofKind, progress, usualSeconds } from "./tasks.js";

const T = texts.redivide;
const size = ({ asked: { codes, microgrids } }) => `${codes.map((code) => code.length).join()} ${microgrids}`;

export class Redivision {
  constructor(editor) {
    this.editor = editor;
    this.task = null; // as the server told of it last
  }

  get works() { return Boolean(this.task) && !isOver(this.task); }
  get result() { return this.task?.result ?? undefined; }
  get moved() { return this.result?.atoms ?? []; }
  get name() { return this.task.asked.codes.map((code) => code.slice(12) || this.editor.planner.zones.get(code)?.name || grouped(code)).join(texts.page.comma); }

  // What was begun before: the one that the address names, else one of this draft that goes on.
  async resume() {
    const { version } = this.editor.draft, named = Number(address.read().task);
    const tasks = (await ofKind("redivide")).filter(({ asked }) => asked.version === version);
    const found = tasks.find(({ id }) => id === named) ?? tasks.find((one) => !isOver(one));
    if (!found) return this.stand(undefined);
    const [code] = found.asked.codes, { planner } = this.editor;
    if (found.id === named && planner.state.zone !== zoneOf(code)) planner.pick({ zone: zoneOf(code) });
    if (found.id === named) this.editor.take("redivide");
    if (!isOver(found)) return this.go(found, tasks);
    this.task = found;
    this.stand(found.id);
    return this.editor.refresh();
  }

  async begin(asked) {
    const { draft } = this.editor;
    const { task } = await change(draft.path("/redivide"), { ...asked, seen: draft.seen });
    const tasks = await ofKind("redivide").catch(() => []);
    this.go(tasks.find(({ id }) => id === task) ?? { id: task, state: "waiting", share: 0, seconds: 0, asked }, tasks);
  }

  async go(one, tasks) {
    this.task = one;
    this.stand(one.id);
    this.progress = progress({ stages: texts.redivide_stages, title: fill(T.works, { what: this.name }), usual: usualSeconds(tasks.filter((other) => size(other) === size(one))) });
    this.progress.tell(one);
    this.editor.refresh();
    const stays = () => this.task?.id === one.id;
    const tell = (now) => { this.task = now; this.progress.tell(now); this.markChip(); };
    try {
      const end = await follow(one.id, { stays, tell, lost: (error) => this.progress.lost(error) });
      if (end) await this.end(end);
    } catch (error) {
      if (stays()) this.task = { ...this.task, state: "failed", said: error.message };
      this.editor.refresh();
    }
  }

  // The edit is in the draft already, also of one that was cancelled too late: it is taken in as any other.
  async end(one) {
    await this.editor.catchUp();
    this.task = one;
    this.editor.refresh();
  }

  async cancel() {
    if (!this.works) return;
    this.cancelling = true;
    this.editor.refresh();
    await cancel(this.task.id).catch(() => undefined); // it may be over by now: what came of it is told all the same
    this.cancelling = false;
  }

  dismiss() {
    if (this.works || !this.task) return;
    this.task = null;
    this.stand(undefined);
    this.editor.refresh();
  }

  stand(task) {
    const { planner } = this.editor;
    planner.state.task = task && String(task);
    address.write(planner.state);
  }

  // ---- drawing
  // What of the card is about it; undefined where there is nothing, and the form is to be shown.
  card() {
    if (!this.task) return undefined;
    const head = el("p.task-head", {}, el("b", {}, this.works ? fill(T.works, { what: this.name }) : this.name));
    if (this.works) return [head, this.progress.place, el("p.quiet", {}, T.leave), el("p.card-buttons", {}, el("button.second", { type: "button", disabled: this.cancelling, "data-task": "cancel", "aria-keyshortcuts": "Backspace", onclick: () => this.cancel() }, this.cancelling ? T.cancelling : T.cancel, " ", el("kbd", {}, "⌫")))];
    return [head, ...this.told(), el("p.card-buttons", {}, ...this.buttons())];
  }

  buttons() {
    const again = el("button.second", { type: "button", "data-task": "again", onclick: () => this.dismiss() }, T.again);
    const edit = this.editor.draft.edits.find(({ number: n }) => n === this.result?.number);
    const steps = edit?.in_effect ? this.editor.stepsTo(edit) : 0;
    return [steps > 0 && el("button.second", { type: "button", "data-task": "undo", onclick: () => this.editor.backTo(edit) }, steps === 1 ? texts.edit.take_this_back : fill(texts.edit.go_back, { n: steps })), again];
  }

  told() {
    const { state, said, result } = this.task, { planner, draft } = this.editor;
    if (state === "cancelled") return [el("p", { role: "status" }, T.cancelled)];
    if (state === "failed") return [el("div.refusal", { role: "alert" }, el("b", {}, T.failed), spoken("p", said))];
    if (result.number === null) return [el("p.good", { role: "status" }, sign("ready"), T.nothing_better)];
    const edit = draft.edits.find(({ number: n }) => n === result.number);
    const homes = this.task.asked.codes.map((code) => `${grouped(zoneOf(code))} `); // they stand above already
    const why = (result.why[texts.language] ?? []).map((text) => homes.reduce((short, home) => short.replaceAll(home, ""), text));
    return [
      el("p.good", { role: "status" }, sign("ready"), edit && !edit.in_effect ? fill(T.taken_back, { n: result.number }) : fill(T.done, { n: result.number, households: number(result.moved_households), grids: number(result.rows.length) })),
      result.atoms.length ? el("p.quiet", {}, fill(T.marked, { n: number(result.atoms.length) })) : "",
      why.length ? el("details.why", { open: why.length <= 6 }, el("summary", {}, T.why), el("ul", {}, why.map((text) => el("li", {}, text)))) : "",
      result.rows.length ? previewRows(result.rows, (code) => planner.rangeOf(code)) : "",
    ];
  }

  // In the ribbon, while another tool is in hand.
  chip() {
    if (!this.task || (this.editor.tool === "redivide" && !this.works)) return undefined;
    this.chipShare = el("small");
    const made = el("button.ribbon-edit.ribbon-task", { type: "button", onclick: () => this.show() }, el("b", {}, this.works ? texts.tools.redivide : T[this.task.state === "done" ? "chip_done" : "chip_not_done"]), el("code", {}, this.name), this.chipShare);
    this.markChip();
    return made;
  }

  markChip() {
    if (this.chipShare) this.chipShare.textContent = this.works ? texts.tasks[this.task.state === "waiting" ? "waits" : "works"] : T.look;
  }

  show() {
    const zone = zoneOf(this.task.asked.codes[0]);
    if (this.editor.planner.state.zone !== zone) this.editor.planner.on.zone(zone);
    if (this.editor.tool !== "redivide") this.editor.take("redivide");
  }
}
