// The panel beside the list: one request, or a profile with its timeline. The address says which: #/requests/7.
import { $, ask, clock, element, json, statusClass, statusText } from "./dom.js";
import { markCurrent, rowOf } from "./requests.js";

const profileLink = (id) => element("a", { href: `#/profiles/${encodeURIComponent(id)}` }, id);
const linkProfile = (key, value) => (key === "profile" && typeof value === "string" ? profileLink(value) : null);

function head(title, ...more) {
  const close = element("button", { type: "button", onclick: () => { location.hash = "#/"; } }, "Close");
  return element("div", { class: "head" }, element("strong", {}, title), ...more, close);
}

function section(title, value) {
  if (value === null || value === undefined) return [];
  if (typeof value === "object" && Object.keys(value).length === 0) return [];
  return [element("h3", {}, title), element("pre", {}, ...json(value, linkProfile))];
}

function pairs(entries) {
  return element("dl", {}, ...entries.flatMap(([name, value]) => [element("dt", {}, name), element("dd", { class: "mono" }, value)]));
}

function request(found) {
  const status = element("span", { class: `status ${statusClass(found.status)}` }, found.status ? statusText(found.status) : "not answered");
  return [
    head(found.event ?? `${found.method} ${found.path}`, status),
    pairs([
      ["request", `${found.method} ${found.path}`], ["at", clock(found.at)],
      ["connection", String(found.connection)], ["number", String(found.number)],
    ]),
    ...section("Query", found.query),
    ...section("Body", found.body),
    ...(found.body === null ? [element("h3", {}, "Body"), element("p", {}, "not read")] : []),
    ...section("Answer", found.answer),
    ...section("Headers", found.headers),
  ];
}

function profile(found) {
  const shown = found.profile;
  const name = [shown.first_name, shown.last_name].filter(Boolean).join(" ");
  const rows = found.timeline.map((row) => element("li", {}, rowOf(row)));
  return [
    head(name || shown.id, element("span", { class: "mono" }, shown.id), element("span", {}, shown.state)),
    element("h3", {}, `Timeline (${rows.length})`),
    rows.length ? element("ol", {}, ...rows) : element("p", {}, "No kept request concerns this profile."),
    ...section("Sessions", found.sessions),
    ...section("Profile", shown),
  ];
}

const VIEWS = { requests: request, profiles: profile };

async function show() {
  const [, kind, id] = location.hash.split("/");
  const panel = $("detail");
  markCurrent(location.hash);
  if (!(kind in VIEWS) || !id) {
    panel.hidden = true;
    document.querySelector("main").classList.remove("split");
    return;
  }
  const wanted = location.hash;
  let content;
  try {
    content = VIEWS[kind](await ask("GET", `${kind}/${id}`));
  } catch {
    content = [head("Not here any more"), element("p", {}, "The emulator does not keep it.")];
  }
  if (location.hash !== wanted) return; // another one was opened meanwhile
  panel.replaceChildren(...content);
  panel.hidden = false;
  document.querySelector("main").classList.add("split");
  markCurrent(wanted);
  panel.scrollTop = 0;
  panel.focus({ preventScroll: true });
}

export async function listProfiles() {
  const found = await ask("GET", `profiles?q=${encodeURIComponent($("filter").value)}`);
  $("list").replaceChildren(...found.map((each) => element("li", {},
    element("a", { class: "row", href: `#/profiles/${encodeURIComponent(each.id)}` },
      element("span", { class: "mono" }, each.id), element("span"), element("span", { class: "what" }, each.name || "no name"),
      element("span", { class: "subject" }, each.state)))));
  $("notes").textContent = found.length ? "" : "No profile is found.";
  markCurrent(location.hash);
}

export function startDetail() {
  addEventListener("hashchange", show);
  show();
}
