"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Light or dark: what the system prefers until the button is used; remembered where the browser allows it.
  const button = document.getElementById("theme");
  const prefers = matchMedia("(prefers-color-scheme: dark)");
  const remembered = () => { try { return localStorage.getItem("onshell-theme"); } catch { return null; } };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefers.matches);
  const tell = () => button.setAttribute("aria-pressed", isDark());
  if (["light", "dark"].includes(remembered())) root.dataset.theme = remembered();
  button.hidden = false;
  tell();
  prefers.addEventListener("change", tell);
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("onshell-theme", root.dataset.theme); } catch { /* not remembered */ }
    tell();
  });

  // Tables: a heading sorts by its column, again the other way round; what has no number stays last.
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    return "key" in cell.dataset ? Number(cell.dataset.key) : cell.textContent.trim();
  };
  const sort = (head) => {
    const table = head.closest("table"), body = table.tBodies[0], column = head.cellIndex;
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const empty = (row) => ["–", ""].includes(row.cells[column].textContent.trim());
    const rows = [...body.rows].map((row) => [row, keyOf(row, column), empty(row)]);
    rows.sort((a, b) => a[2] - b[2] || (down ? compare(b[1], a[1]) : compare(a[1], b[1])));
    body.append(...rows.map(([row]) => row));
  };
  for (const head of all("table.sortable thead th")) head.querySelector("button").addEventListener("click", () => sort(head));

  // Every metric: only the rows that hold all words of the field.
  for (const field of all("[data-filter]")) {
    const rows = all("tbody tr", field.closest("details"));
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const said = field.closest("p").querySelector("output");
    field.closest("p").hidden = false;
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, i) => {
        const fits = words.every((word) => texts[i].includes(word));
        row.classList.toggle("out", !fits);
        shown += fits;
      });
      said.textContent = words.length ? `${shown} of ${rows.length}` : "";
    });
  }

  // One preset, or all of them.
  for (const group of all(".switch")) {
    group.hidden = false;
    group.addEventListener("click", (event) => {
      const chosen = event.target.closest("button");
      if (!chosen) return;
      for (const each of all("button", group)) each.setAttribute("aria-pressed", each === chosen);
      const preset = chosen.dataset.preset;
      for (const one of all("[data-of]")) one.hidden = preset !== "" && one.dataset.of !== preset;
    });
  }

  // A picture in its full size.
  const dialog = document.getElementById("large");
  const place = dialog.querySelector(".scroll");
  for (const plate of all(".plate")) {
    plate.addEventListener("click", () => {
      place.replaceChildren(plate.querySelector("img").cloneNode());
      document.getElementById("large-title").textContent = plate.dataset.title;
      dialog.showModal();
    });
  }
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => place.replaceChildren());

  // Contents: folded on a phone, and marked where the reader is.
  const contents = document.querySelector("nav details");
  const narrow = matchMedia("(max-width: 62rem)");
  const fold = () => { contents.open = !narrow.matches; };
  fold();
  narrow.addEventListener("change", fold);
  contents.addEventListener("click", (event) => { if (narrow.matches && event.target.closest("a")) contents.open = false; });
  const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
  const marks = all(".chapter, .product").filter((mark) => links.has(mark.id));
  const seen = new Set();
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) seen[entry.isIntersecting ? "add" : "delete"](entry.target);
    const last = marks.filter((mark) => seen.has(mark)).at(-1);
    for (const link of links.values()) link.removeAttribute("aria-current");
    if (!last) return;
    const link = links.get(last.id);
    link.setAttribute("aria-current", "true");
    if (narrow.matches) return;
    const above = link.offsetTop - contents.clientHeight / 2;
    if (Math.abs(above - contents.scrollTop) > contents.clientHeight / 3) contents.scrollTop = above;
  }, { rootMargin: "-10% 0px -70% 0px" });
  for (const mark of marks) observer.observe(mark);
})();
