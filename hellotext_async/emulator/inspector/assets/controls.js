// The switches: the rate limit and the faults.
import { $, ask, element } from "./dom.js";

async function attempt(action) {
  try {
    await action();
    $("complaint").textContent = "";
  } catch (error) {
    $("complaint").textContent = error.message;
  }
}

const number = (form, name) => {
  const text = form.elements[name].value;
  return text === "" ? null : Number(text);
};

export function showSettings(settings) {
  const { limit, faults } = settings;
  $("limit-now").textContent = limit === null ? "none" : `${limit.rate}/s, burst ${limit.burst}`;
  $("faults").replaceChildren(...faults.map((fault) => element("li", {}, describe(fault))));
}

function describe(fault) {
  const extra = [
    fault.kind === "status" ? String(fault.status ?? 500) : null,
    fault.retry_after === null ? null : `Retry-After ${fault.retry_after}`,
    fault.delay === null ? null : `${fault.delay} s`,
  ].filter(Boolean).join(", ");
  const left = fault.remaining === null ? "all" : `${fault.remaining} more`;
  return `${fault.kind}${extra ? ` ${extra}` : ""} · ${fault.match} · ${left}`;
}

function showFields() {
  const kind = $("fault-form").elements.kind.value;
  for (const label of document.querySelectorAll("[data-for]")) label.hidden = !label.dataset.for.split(" ").includes(kind);
}

export function startControls() {
  const limits = $("limit-form"), faults = $("fault-form");
  limits.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => ask("POST", "limit", { rate: number(limits, "rate"), burst: number(limits, "burst") ?? 1 }));
  });
  $("limit-off").addEventListener("click", () => attempt(() => ask("POST", "limit", { rate: null })));
  faults.addEventListener("submit", (event) => {
    event.preventDefault();
    const kind = faults.elements.kind.value;
    const fault = { kind, match: faults.elements.match.value, times: number(faults, "times") };
    if (kind === "status") Object.assign(fault, { status: number(faults, "status"), retry_after: number(faults, "retry_after") });
    if (kind === "delay" || kind === "drip") fault.delay = number(faults, "delay");
    attempt(() => ask("POST", "faults", fault));
  });
  $("faults-off").addEventListener("click", () => attempt(() => ask("DELETE", "faults")));
  if (matchMedia("(max-width: 900px)").matches) $("switches").open = false; // the list comes first there
  faults.elements.kind.addEventListener("change", showFields);
  showFields();
}
