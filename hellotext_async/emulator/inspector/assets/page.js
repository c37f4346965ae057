// Connects the page to the emulator's feed, and the keyboard to the page.
import { addTraffic, resetChart, setLimit } from "./chart.js";
import { showSettings, startControls } from "./controls.js";
import { listProfiles, startDetail } from "./detail.js";
import { $ } from "./dom.js";
import { addRequests, resetRequests, setKept, showing, startRequests } from "./requests.js";

let instance = null;

function follow() {
  const stream = new EventSource("/_inspector/stream");
  const on = (name, handle) => stream.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  const state = (words, name) => { $("connection").textContent = words; $("connection").className = name; };
  stream.onopen = () => state("live", "live");
  stream.onerror = () => {
    state("the emulator is away; trying again", "lost");
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, 1000);
  };
  on("settings", (settings) => {
    if (instance !== null && instance !== settings.instance) { resetRequests(); resetChart(); }
    instance = settings.instance;
    showSettings(settings);
    setLimit(settings.limit);
    setKept(settings.kept);
    document.title = settings.requests ? `(${settings.requests}) Hellotext emulator` : "Hellotext emulator";
  });
  on("requests", addRequests);
  on("traffic", addTraffic);
}

function moveInList(key) {
  const rows = [...document.querySelectorAll("#list .row")];
  if (!rows.length) return;
  const place = rows.indexOf(document.activeElement);
  const last = rows.length - 1;
  const next = { ArrowDown: Math.min(last, place + 1), ArrowUp: Math.max(0, place - 1), Home: 0, End: last }[key];
  rows[next].focus();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input:not([type=radio]), select, textarea");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    $("filter").focus();
  } else if (event.key === "Escape" && !$("detail").hidden) {
    const row = document.querySelector("#list .row[aria-current=true]");
    location.hash = "#/";
    (row ?? $("list")).focus();
  } else if (["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)
             && (event.target.closest("#list") || (event.target.id === "filter" && event.key === "ArrowDown"))) {
    event.preventDefault();
    moveInList(event.key);
  }
}

function onChoice() {
  $("list").replaceChildren();
  if (showing() === "profiles") listProfiles();
}

$("url").textContent = location.origin;
document.addEventListener("keydown", onKey);
for (const choice of document.querySelectorAll("input[name=show]")) choice.addEventListener("change", onChoice);
$("filter").addEventListener("input", () => { if (showing() === "profiles") listProfiles(); });
startRequests();
startControls();
startDetail();
follow();
