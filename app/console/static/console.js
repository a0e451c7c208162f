"use strict";
// The one script of the console, beside htmx and Chart.js. Pages work without it, but do not refresh themselves.

(() => {
  const ZONE_COOKIE = "lead_assignment_zone";
  const PAUSED = "console.paused";
  const TYPED = "console.typed";
  const SIGN_IN = "/console/sign-in";

  // The zone of this browser, so that the server writes times in it.
  function rememberZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone && !document.cookie.includes(`${ZONE_COOKIE}=${zone}`)) {
      const secure = location.protocol === "https:" ? "; Secure" : "";
      document.cookie = `${ZONE_COOKIE}=${zone}; Path=/console; Max-Age=31536000; SameSite=Lax${secure}`;
    }
  }

  // Live parts: not in hidden tabs, not while paused, and never under the reader's hands.
  const isPaused = () => sessionStorage.getItem(PAUSED) === "yes";
  const isLive = (element) => element instanceof Element && element.hasAttribute("data-live");

  function showPause() {
    for (const button of document.querySelectorAll("[data-pause]")) {
      button.hidden = false;
      button.setAttribute("aria-pressed", String(isPaused()));
      button.textContent = isPaused() ? "Resume updates" : "Pause updates";
    }
  }

  function refreshAll() {
    for (const element of document.querySelectorAll("[data-live]")) htmx.trigger(element, "refresh");
  }

  function isInUse(element) {
    const active = document.activeElement;
    if (active && active !== element && element.contains(active)) {
      const typing = active.matches("input, select, textarea");
      if (typing || !active.id) return true;
    }
    if (element.querySelector("form[data-touched], details[open]:not([id])")) return true;
    const selection = getSelection();
    return Boolean(selection && !selection.isCollapsed && selection.rangeCount
      && selection.getRangeAt(0).intersectsNode(element));
  }

  function announce(element) {
    const announcer = document.getElementById("announcer");
    const summary = element.getAttribute("data-summary");
    if (announcer && summary && announcer.textContent !== summary) announcer.textContent = summary;
  }

  // What an action did: who has lost the focus with the button gets it there, others hear it.
  function tell(element) {
    const note = element.querySelector("[role=status]");
    const active = document.activeElement;
    if (active && active !== document.body) {
      const summary = note?.textContent ?? element.getAttribute("data-summary");
      if (summary) document.getElementById("announcer").textContent = summary;
      return;
    }
    const place = note ?? element;
    if (!place.hasAttribute("tabindex")) place.tabIndex = -1;
    place.focus({ preventScroll: !note });
  }

  // Problems stand at the control that caused them.
  function problemIn(xhr) {
    return new DOMParser().parseFromString(xhr.responseText, "text/html").querySelector("[data-problem]");
  }

  function sentenceOf(xhr) {
    if (xhr.status === 0) return "The service cannot be reached. Nothing is known to have changed. Try again.";
    const problem = problemIn(xhr);
    if (problem) return [...problem.querySelectorAll("p")].map((each) => each.textContent.trim()).join(" ");
    return xhr.status === 503
      ? "The service is busy. Nothing was changed. Try again in a moment."
      : `The service answered with an error (${xhr.status}). Try again.`;
  }

  function slotOf(element) {
    const place = element.closest("form, [data-control], [data-live], .later") || element;
    let slot = place.querySelector("[data-error]");
    if (!slot) {
      slot = document.createElement("p");
      slot.className = "error";
      slot.setAttribute("data-error", "");
      slot.setAttribute("role", "alert");
      place.append(slot);
    }
    return slot;
  }

  function showProblem(element, xhr) {
    const slot = slotOf(element);
    const form = element.closest("form");
    slot.textContent = sentenceOf(xhr);
    slot.hidden = false;
    for (const loading of element.querySelectorAll("[data-loading]")) loading.hidden = true;
    element.removeAttribute("aria-busy");
    if (element.matches(".later")) offerAgain(element);
    if (form) showFaults(form, xhr);
  }

  function showFaults(form, xhr) {
    for (const fault of problemIn(xhr)?.querySelectorAll("[data-fault]") ?? []) {
      const name = fault.dataset.fault.split(/[.[]/)[0];
      const control = name && form.elements.namedItem(name);
      const place = [...form.querySelectorAll("[data-error-of]")].find((each) => each.dataset.errorOf === name);
      if (!control || !place) continue;
      place.textContent = fault.textContent;
      place.hidden = false;
      if (control instanceof Element) control.setAttribute("aria-invalid", "true");
    }
  }

  function clearProblem(element) {
    const place = element.closest("form, [data-control], [data-live], .later") || element;
    for (const slot of place.querySelectorAll("[data-error], [data-error-of]")) {
      slot.hidden = true;
      slot.textContent = "";
    }
    for (const control of place.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
  }

  function offerAgain(element) {
    if (element.querySelector("[data-again]")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.again = "";
    button.textContent = "Try again";
    button.addEventListener("click", () => {
      button.remove();
      for (const loading of element.querySelectorAll("[data-loading]")) loading.hidden = false;
      htmx.trigger(element, "refresh");
    });
    element.append(button);
  }

  // What was typed survives the way over the sign-in page, in this tab only.
  function typedFields() {
    const found = [];
    for (const form of document.querySelectorAll("form[data-action], form[method=post]")) {
      for (const control of form.elements) {
        if (!control.name || ["hidden", "password", "submit", "button"].includes(control.type)) continue;
        const box = control.type === "checkbox" || control.type === "radio";
        if (box ? control.checked !== control.defaultChecked : control.value !== (control.defaultValue ?? "")) {
          found.push([form.getAttribute("action"), control.name, box ? control.checked : control.value, control.value]);
        }
      }
    }
    return found;
  }

  function keepTyped() {
    const fields = typedFields();
    if (fields.length) sessionStorage.setItem(TYPED, JSON.stringify([location.pathname, fields]));
  }

  function restoreTyped() {
    const kept = sessionStorage.getItem(TYPED);
    if (!kept) return;
    const [path, fields] = JSON.parse(kept);
    if (path !== location.pathname) return;
    sessionStorage.removeItem(TYPED);
    for (const [action, name, state, value] of fields) {
      for (const form of document.querySelectorAll("form")) {
        if (form.getAttribute("action") !== action) continue;
        for (const control of form.elements) {
          if (control.name !== name) continue;
          if (control.type === "checkbox" || control.type === "radio") {
            if (control.value === value) control.checked = state;
          } else {
            control.value = state;
          }
          form.setAttribute("data-touched", "");
          control.closest("details")?.setAttribute("open", "");
        }
      }
    }
  }

  // Charts are drawn from the table beside them.
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function spanOf(seconds) {
    if (seconds < 60) return `${Math.round(seconds)} s`;
    if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
    if (seconds < 86400) return `${Math.round(seconds / 360) / 10} h`;
    return `${Math.round(seconds / 8640) / 10} d`;
  }

  // Times have steps of their own: quarters of an hour, not tenths of one.
  const STEPS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800];

  function stepOf(datasets) {
    const highest = Math.max(0, ...datasets.flatMap((set) => set.data.map((each) => each ?? 0)));
    return STEPS.find((each) => highest / each <= 5) ?? Math.ceil(highest / 5 / 604800) * 604800;
  }

  const UNITS = {
    count: (value) => value.toLocaleString("en"),
    seconds: spanOf,
    percent: (value) => `${Math.round(value * 100)} %`,
  };

  // Thin lines from the lower to the upper bound of each interval.
  const intervals = {
    id: "intervals",
    afterDatasetsDraw(chart) {
      const { ctx, scales } = chart;
      ctx.save();
      ctx.strokeStyle = color("--text");
      ctx.lineWidth = 1.5;
      chart.data.datasets.forEach((set, index) => {
        chart.getDatasetMeta(index).data.forEach((point, at) => {
          const bounds = set.bounds[at];
          if (!bounds) return;
          const [low, high] = bounds.map((each) => scales.y.getPixelForValue(each));
          ctx.beginPath();
          ctx.moveTo(point.x, low);
          ctx.lineTo(point.x, high);
          for (const y of [low, high]) {
            ctx.moveTo(point.x - 4, y);
            ctx.lineTo(point.x + 4, y);
          }
          ctx.stroke();
        });
      });
      ctx.restore();
    },
  };

  function boundsOf(cell) {
    return cell?.dataset.low ? [Number(cell.dataset.low), Number(cell.dataset.high)] : null;
  }

  function draw(figure) {
    if (typeof Chart === "undefined") {
      figure.setAttribute("data-failed", "");
      figure.querySelector("details")?.setAttribute("open", "");
      return;
    }
    const canvas = figure.querySelector("canvas");
    Chart.getChart(canvas)?.destroy();
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    const rows = [...figure.querySelectorAll("tbody tr")];
    const names = [...figure.querySelectorAll("thead th")].slice(1).map((each) => each.textContent);
    const kind = figure.dataset.chart;
    const write = UNITS[figure.dataset.unit] || UNITS.count;
    const stacked = figure.hasAttribute("data-stacked");
    const datasets = names.map((label, index) => ({
      label,
      data: rows.map((row) => {
        const text = row.querySelectorAll("td")[index]?.dataset.value;
        return text === undefined || text === "" ? null : Number(text);
      }),
      bounds: rows.map((row) => boundsOf(row.querySelectorAll("td")[index])),
      backgroundColor: color(`--series-${index + 1}`),
      borderColor: color(`--series-${index + 1}`),
      borderWidth: kind === "line" ? 2 : 0,
      borderRadius: kind === "bar" && !stacked ? 3 : 0,
      pointRadius: 3,
      tension: 0,
      spanGaps: false,
      maxBarThickness: 40,
    }));
    new Chart(canvas, {
      type: kind === "line" ? "line" : "bar",
      data: { labels: rows.map((row) => row.querySelector("th").textContent), datasets },
      plugins: [intervals],
      options: {
        animation: false,
        maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false },
        scales: {
          x: { stacked, grid: { display: false }, border: { color: color("--line") }, ticks: { color: color("--muted"), maxRotation: 0, autoSkipPadding: 12 } },
          y: { stacked, beginAtZero: true, suggestedMax: Math.max(...datasets.flatMap((set) => set.bounds.map((each) => (each ? each[1] : 0)))), grid: { color: color("--line") }, border: { display: false }, ticks: { color: color("--muted"), ...(write === UNITS.percent ? {} : { precision: 0 }), ...(write === spanOf ? { stepSize: stepOf(datasets) } : {}), maxTicksLimit: 8, callback: (value) => write(value) } },
        },
        plugins: {
          legend: { display: names.length > 1, position: "bottom", labels: { color: color("--text"), boxWidth: 12, boxHeight: 12 } },
          tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${item.parsed.y === null ? "–" : write(item.parsed.y)}` } },
        },
      },
    });
  }

  function drawAll(root) {
    for (const figure of root.querySelectorAll("figure[data-chart]")) draw(figure);
  }

  function settle(root) {
    showPause();
    drawAll(root);
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-pause]")) return;
    sessionStorage.setItem(PAUSED, isPaused() ? "no" : "yes");
    showPause();
    if (!isPaused()) refreshAll();
  });

  document.addEventListener("input", (event) => {
    event.target.closest("form")?.setAttribute("data-touched", "");
    const control = event.target;
    if (control.getAttribute?.("aria-invalid")) control.removeAttribute("aria-invalid");
  });

  // The text of a chosen file goes into the field that is sent.
  document.addEventListener("change", async (event) => {
    const field = document.getElementById(event.target.dataset?.fileInto ?? "");
    const file = event.target.files?.[0];
    if (!field || !file) return;
    field.value = await file.text();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.confirm && !confirm(form.dataset.confirm)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    if (form.hasAttribute("hx-post")) return;
    // A second tap on a form that is sent as a page does nothing. The button must still be part of what is sent.
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    setTimeout(() => form.querySelectorAll("button").forEach((each) => { each.disabled = true; }));
  }, true);

  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.querySelectorAll("button").forEach((each) => { each.disabled = false; });
    }
  });

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !isPaused()) refreshAll();
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    const element = event.detail.elt;
    if (isLive(element)) {
      if (document.hidden || isPaused()) event.preventDefault();
      return;
    }
    clearProblem(element);
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const element = event.detail.elt;
    if (isLive(element) && isInUse(event.detail.target)) event.detail.shouldSwap = false;
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt, successful } = event.detail;
    if (successful && isLive(elt)) clearProblem(elt);
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const element = event.detail.elt;
    if (event.detail.requestConfig?.elt?.matches("form[data-action]")) tell(element);
    else if (isLive(element)) announce(element);
  });

  document.addEventListener("htmx:load", (event) => settle(event.detail.elt));
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status !== 401) showProblem(event.detail.elt, event.detail.xhr);
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => showProblem(event.detail.elt, { status: 0, responseText: "" }));
  }
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Redirect")?.startsWith(SIGN_IN)) keepTyped();
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));

  rememberZone();
  addEventListener("DOMContentLoaded", () => {
    restoreTyped();
    // On phones the row of pages is wider than the screen.
    const current = document.querySelector(".top nav [aria-current]");
    // Not by scrollIntoView, after which the first Tab begins there.
    if (current) current.closest("ul").scrollLeft = current.offsetLeft - (innerWidth - current.offsetWidth) / 2;
    settle(document);
  });
})();
