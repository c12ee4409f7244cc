"use strict";
// Sorts the table of dumps, and filters it and the sections below it. The page says everything without this.
(() => {
  const table = document.getElementById("dumps-table");
  if (!table) return;
  const body = table.tBodies[0];
  const form = document.querySelector('form[role="search"]');
  const input = form.querySelector("input");
  const status = form.querySelector("output");
  const collator = new Intl.Collator("en", { numeric: true });

  const rows = Array.from(body.rows, (element) => ({
    element,
    section: document.getElementById(element.dataset.section).parentElement,
    text: element.textContent.toLowerCase(),
  }));

  function compare(a, b) {
    return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(a, b);
  }

  // What a cell is sorted by; null where it is not known, which stands last whichever way the rest goes.
  function keyOf(row, column) {
    const cell = row.element.cells[column];
    if (cell.classList.contains("unknown")) return null;
    return cell.dataset.key === undefined ? cell.textContent : Number(cell.dataset.key);
  }

  function sortBy(column, descending) {
    const keyed = rows.map((row) => ({ row, key: keyOf(row, column) }));
    keyed.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
      return descending ? compare(b.key, a.key) : compare(a.key, b.key);
    });
    body.append(...keyed.map(({ row }) => row.element));
  }

  function termsOf(query) {
    return Array.from(query.toLowerCase().matchAll(/"([^"]*)"?|(\S+)/g), (found) => found[1] ?? found[2]);
  }

  function filter() {
    const terms = termsOf(input.value);
    let shown = 0;
    for (const row of rows) {
      const hidden = !terms.every((term) => row.text.includes(term));
      row.element.hidden = hidden;
      row.section.hidden = hidden;
      shown += hidden ? 0 : 1;
    }
    status.value = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} dumps`;
  }

  function addSorting(head, column) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortBy(column, descending);
    });
  }

  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("click", (event) => {
    const fold = event.target.dataset.fold;
    if (fold === undefined) return;
    for (const row of rows) if (!row.section.hidden) row.section.open = fold === "open";
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-find]");
    if (!link) return;
    input.value = `"${link.dataset.find.replaceAll('"', "")}"`;
    filter();
  });
  Array.from(table.tHead.rows[0].cells, addSorting);
  form.hidden = false;
})();
