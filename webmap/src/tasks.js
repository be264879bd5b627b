// Background work: followed to its end, with how far it is and how long it takes.
import { ask, change } from "./api.js";
import { el, fill, number, texts } from "./dom.js";

const LOOK_EVERY_MS = 700, SURE_SHARE = 0.2;
const OVER = ["done", "failed", "cancelled"];

export const isOver = ({ state }) => OVER.includes(state);
export const ofKind = async (kind) => (await ask("/api/tasks")).tasks.filter((one) => one.kind === kind);
export const cancel = (task) => change(`/api/tasks/${task}/cancel`, {});

// Gives what a task is at its end, undefined where nobody follows it any more; each state before is told.
// lost: hears that the server was not reached; it may be again.
export async function follow(task, { tell, stays = () => true, lost = () => {} }) {
  while (stays()) {
    try {
      const one = await ask(`/api/tasks/${task}`);
      if (!stays()) return undefined;
      if (isOver(one)) return one;
      tell(one);
    } catch (error) {
      if (error.status) throw error;
      lost(error);
    }
    await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
  }
  return undefined;
}

// How long the like of a task took in the middle; undefined where none was done.
export function usualSeconds(tasks) {
  const took = tasks.filter(({ state }) => state === "done").map(({ seconds }) => seconds).sort((one, two) => one - two);
  return took[took.length >> 1];
}

const time = (seconds) => (seconds < 90 ? fill(texts.tasks.seconds, { n: number(Math.max(1, seconds)) }) : fill(texts.tasks.minutes, { n: number(seconds / 60) }));

// A bar with what is done now, for how long, and how long it will go on; `tell(one)` brings it up to date in place.
export function progress({ stages, usual, title }) {
  const bar = el("progress", { max: 1, value: 0, "aria-label": title }), stage = el("span"), clock = el("span.quiet");
  const place = el("div.task", {}, el("p", { role: "status" }, stage), bar, el("p", {}, clock));
  const say = (where, text) => where.textContent !== text && (where.textContent = text);
  return {
    place,
    tell(one) {
      const { state, share, said, seconds } = one;
      const whole = share >= SURE_SHARE ? seconds / share : usual;
      if (whole || share >= SURE_SHARE) bar.value = Math.max(share, whole ? Math.min(0.95, seconds / whole) : 0);
      else bar.removeAttribute("value"); // it is not known how far it is
      say(stage, state === "waiting" ? texts.tasks.waits : stages[said] ?? texts.tasks.works);
      if (state !== "waiting") say(clock, [fill(texts.tasks.since, { time: time(seconds) }), whole > seconds && fill(texts.tasks.left, { time: time(whole - seconds) })].filter(Boolean).join(texts.page.comma));
    },
    lost: (error) => say(clock, error.message),
  };
}
