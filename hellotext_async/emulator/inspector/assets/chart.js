// Answers per second over the last minute, stacked, with the limit as a line.
import { $ } from "./dom.js";

const SPAN = 60;
const KINDS = ["accepted", "throttled", "failed"];
const seconds = new Map();
let now = 0;
let limit = null;

export function resetChart() {
  seconds.clear();
  draw();
}

export function addTraffic(message) {
  now = message.now;
  for (const second of message.seconds) seconds.set(second.at, second);
  for (const at of seconds.keys()) if (at < now - SPAN) seconds.delete(at);
  draw();
}

export function setLimit(given) {
  limit = given === null ? null : given.rate;
  draw();
}

const total = (second) => KINDS.reduce((sum, kind) => sum + second[kind], 0);

function top() {
  const most = Math.max(10, (limit ?? 0) * 1.2, ...[...seconds.values()].map(total));
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * unit).find((value) => value >= most);
}

function shape(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function draw() {
  const chart = $("chart");
  const { width, height } = chart.getBoundingClientRect();
  if (!width) return;
  chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const left = 44, floor = height - 16, high = top();
  const y = (value) => floor - (value / high) * (floor - 8);
  const step = (width - left) / SPAN;
  const parts = [shape("line", { class: "axis", x1: left, x2: width, y1: floor, y2: floor })];
  for (const value of [0, high]) parts.push(shape("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, value.toLocaleString()));
  parts.push(shape("text", { x: left, y: height - 2 }, "60 s ago"));
  parts.push(shape("text", { x: width, y: height - 2, "text-anchor": "end" }, "now"));
  for (const second of seconds.values()) {
    const x = left + (second.at - now + SPAN) * step;
    if (x < left) continue;
    let base = 0;
    for (const kind of KINDS) {
      if (!second[kind]) continue;
      const y1 = y(base + second[kind]);
      parts.push(shape("rect", { class: kind, x: x + 0.5, width: Math.max(1, step - 1), y: y1, height: Math.max(1, y(base) - y1) }));
      base += second[kind];
    }
  }
  if (limit !== null) parts.push(shape("line", { class: "limit", x1: left, x2: width, y1: y(limit), y2: y(limit) }));
  chart.replaceChildren(...parts);
  const last = seconds.get(now - 1) ?? { accepted: 0, throttled: 0, failed: 0 };
  const words = [`last second: ${last.accepted} accepted`];
  if (last.throttled) words.push(`${last.throttled} throttled`);
  if (last.failed) words.push(`${last.failed} failed`);
  words.push(limit === null ? "no limit" : `limit ${limit}/s`);
  $("chart-words").textContent = words.join(", ");
}

addEventListener("resize", draw);
