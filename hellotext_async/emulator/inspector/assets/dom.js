// Makes elements. Content is only ever text: nothing that came over the wire becomes markup.

export const $ = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// A value as JSON, indented and coloured; `link` may turn a text under a key into an element.
export function json(value, link = () => null, indent = "", key = null) {
  const deeper = indent + "  ";
  if (Array.isArray(value) || (value !== null && typeof value === "object")) {
    const list = Array.isArray(value);
    const entries = Object.entries(value);
    if (entries.length === 0) return [list ? "[]" : "{}"];
    const lines = entries.flatMap(([name, inner], place) => [
      "\n" + deeper,
      ...(list ? [] : [element("span", { class: "name" }, JSON.stringify(name)), ": "]),
      ...json(inner, link, deeper, list ? key : name),
      ...(place < entries.length - 1 ? [","] : []),
    ]);
    return [list ? "[" : "{", ...lines, "\n" + indent + (list ? "]" : "}")];
  }
  const kind = typeof value === "string" ? "text" : typeof value === "number" ? "number" : "word";
  return [link(key, value) ?? element("span", { class: kind }, JSON.stringify(value))];
}

export function clock(seconds) {
  const at = new Date(seconds * 1000);
  const two = (number) => String(number).padStart(2, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

export function statusClass(status) {
  if (status >= 200 && status < 300) return "ok";
  return status === 429 ? "throttled" : "failed";
}

export const statusText = (status) => (status ? String(status) : "none");

export async function ask(method, path, body) {
  const options = { method };
  if (method !== "GET") {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body ?? null);
  }
  const response = await fetch("/_inspector/" + path, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.errors.map((error) => error.message).join(", "));
  return answer;
}
