// The list of requests: what has arrived, filtered, the newest first.
import { $, ask, clock, element, statusClass, statusText } from "./dom.js";

const KEPT = 3000;
const SHOWN = 300;
const rows = new Map();
let leftOut = 0;
let paused = false;
let waiting = false;
let kept = 1;
let current = null;

export const showing = () => document.querySelector("input[name=show]:checked").value;

export function addRequests(message) {
  for (const row of message.rows) rows.set(row.number, row);
  leftOut += message.left_out;
  for (const number of rows.keys()) {
    if (rows.size <= KEPT) break;
    rows.delete(number);
  }
  later();
}

export function resetRequests() {
  rows.clear();
  leftOut = 0;
  later();
}

export function setKept(most) {
  kept = most;
  later();
}

export function markCurrent(href) {
  current = href;
  for (const row of document.querySelectorAll(".row")) {
    if (row.getAttribute("href") === href) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

function later() {
  if (paused || waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}

function matches(row, wanted) {
  const show = showing();
  if (show === "events" && row.event === null) return false;
  if (show === "calls" && row.event !== null) return false;
  if (show === "problems" && row.status >= 200 && row.status < 300) return false;
  const text = [row.method, row.path, statusText(row.status), row.event, row.subject].join(" ").toLowerCase();
  return wanted.every((word) => text.includes(word));
}

export function rowOf(row) {
  const href = `#/requests/${row.number}`;
  const what = row.event === null
    ? element("span", { class: "what mono" }, row.path)
    : element("span", { class: "what" }, element("span", { class: "event" }, row.event), " ",
              element("span", { class: "subject mono" }, row.subject ?? ""));
  return element("a", { class: "row", href, "data-number": row.number, "aria-current": href === current ? "true" : null },
    element("time", { class: "mono", datetime: new Date(row.at * 1000).toISOString() }, clock(row.at)),
    element("span", { class: "mono" }, row.method), what,
    element("span", { class: `status ${statusClass(row.status)}` }, statusText(row.status)));
}

const signature = (row) => `${row.number} ${row.status}`;
const drawn = new Map();

function draw() {
  if (showing() === "profiles") return;
  const wanted = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const list = $("list");
  const shown = [];
  const numbers = [...rows.keys()].sort((a, b) => b - a);
  for (const number of numbers) {
    if (shown.length === SHOWN) break;
    const row = rows.get(number);
    if (matches(row, wanted)) shown.push(row);
  }
  const keep = new Set(shown.map(signature));
  for (const [name, item] of drawn) if (!keep.has(name) || !item.isConnected) { item.remove(); drawn.delete(name); }
  for (const item of [...list.children]) if (!item.dataset.name) item.remove();
  const fresh = drawn.size > 0;
  let before = list.firstElementChild;
  for (const row of shown) {
    const name = signature(row);
    let item = drawn.get(name);
    if (!item) {
      item = element("li", { "data-name": name }, rowOf(row));
      if (fresh) item.firstElementChild.classList.add("new");
      drawn.set(name, item);
    }
    if (item === before) before = before.nextElementSibling;
    else list.insertBefore(item, before);
  }
  note(shown.length, wanted.length > 0);
}

function note(shown, filtered) {
  const words = [];
  if (!kept) words.push("This emulator keeps no history; the chart and the switches work.");
  else if (!rows.size) words.push("No request yet. Point HELLOTEXT_API_URL at the address above.");
  else if (!shown) words.push(filtered ? "No request matches the filter." : "No request of this kind yet.");
  if (shown === SHOWN) words.push(`The newest ${SHOWN} are shown.`);
  if (leftOut) words.push(`${leftOut.toLocaleString()} came too fast to be listed.`);
  $("notes").textContent = words.join(" ");
}

export function startRequests() {
  $("filter").addEventListener("input", draw);
  for (const choice of document.querySelectorAll("input[name=show]")) choice.addEventListener("change", draw);
  $("pause").addEventListener("click", () => {
    paused = !paused;
    $("pause").setAttribute("aria-pressed", String(paused));
    $("pause").textContent = paused ? "Paused" : "Pause";
    if (!paused) draw();
  });
  $("clear").addEventListener("click", async () => {
    await ask("DELETE", "requests");
    resetRequests();
    draw();
  });
  draw();
}
