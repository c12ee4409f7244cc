"use strict";
// Sorts and filters the table of dumps, draws its rows as they are seen, and makes sections of many dumps when they are
// opened. A page of few dumps says everything without this.
(async () => {
  const ROWS_AT_ONCE = 50, BLOCK = 32, BETWEEN = "\0", CHIPS = 8;

  // What a template holds: base64 of deflated UTF-8.
  async function unpack(template) {
    const letters = atob(template.content.textContent);
    const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  }

  function made(name, properties, ...children) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  }

  // Copying --------------------------------------------------------------------------------------------------------

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // a page that was not loaded over a secure connection
      const area = made("textarea", { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  }

  function copyButton(what, textOf) {
    const button = made("button", { type: "button", className: "copy" }, "Copy");
    button.setAttribute("aria-label", `Copy ${what}`);
    button.addEventListener("click", async (event) => {
      event.preventDefault();
      await copy(textOf());
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1200);
    });
    return button;
  }

  // The section of one dump gets buttons: for its signature, for each stack, and for each command of its evidence.
  function addCopying(section) {
    const name = section.querySelector("h3")?.textContent ?? "the dump";
    for (const code of section.querySelectorAll(".signature code")) {
      code.after(copyButton(`signature of ${name}`, () => code.textContent));
    }
    for (const pre of section.querySelectorAll("pre")) {
      pre.before(copyButton(`${pre.getAttribute("aria-label") ?? "text"}`, () => pre.textContent));
    }
    section.querySelectorAll(".evidence code").forEach((code) => {
      if (code.textContent) code.after(copyButton(`command ${code.textContent}`, () => code.textContent));
    });
  }

  const details = document.getElementById("details") ?? document.getElementById("main");
  details.querySelectorAll("details").forEach(addCopying);

  const table = document.getElementById("dumps-table");
  const template = document.getElementById("packed-rows");
  if (!table || !template || !("DecompressionStream" in window)) return;

  // Rows -----------------------------------------------------------------------------------------------------------

  const { fields, rows: packed } = JSON.parse(await unpack(template));
  const blocks = document.querySelectorAll("template.packed");
  const body = table.tBodies[0];
  const box = document.getElementById("dumps-box");
  const form = document.querySelector('form[role="search"]');
  const input = form.querySelector("input");
  const status = form.querySelector("output");
  const drawn = Array.from(body.rows);

  const rows = packed.map(([slot, path, ...cells], index) => {
    const parts = cells.map((cell) => (Array.isArray(cell) ? cell : [cell]));
    const text = [path, ...parts.map(([word, , small]) => (small ? `${word} ${small}` : word))].join("\n");
    return { number: index + 1, slot, path, parts, element: drawn[index], text: text.toLowerCase() };
  });
  const place = Object.fromEntries(fields.map((field, index) => [field, index]));

  // As html_table.py draws them.
  function elementOf(row) {
    if (row.element) return row.element;
    const [[name], ...rest] = row.parts;
    const link = made("a", { href: `#d${row.number}` }, name);
    row.element = made("tr", {}, made("th", { scope: "row" }, link));
    row.element.dataset.section = `d${row.number}`;
    for (const [text, kind, small] of rest) {
      const cell = made("td", {}, made("span", {}, text));
      if (kind) cell.className = kind;
      if (small) cell.append(made("small", {}, ...breakable(small)));
      row.element.append(cell);
    }
    return row.element;
  }

  function breakable(text) {
    return text.split("_").flatMap((piece, index) => (index ? ["_", made("wbr", {}), piece] : [piece]));
  }

  let ordered = rows;
  let shown = rows;
  let count = 0;

  function drawMore(upTo = count + ROWS_AT_ONCE) {
    const next = shown.slice(count, upTo);
    count += next.length;
    body.append(...next.map(elementOf));
  }

  function draw() {
    count = 0;
    body.replaceChildren();
    drawMore();
    box.scrollTop = 0;
    tellColumns();
  }

  box.addEventListener("scroll", () => {
    if (box.scrollTop + 2 * box.clientHeight > box.scrollHeight) drawMore();
    tellColumns();
  }, { passive: true });
  addEventListener("beforeprint", () => drawMore(shown.length));

  const moreColumns = document.getElementById("more-columns");
  function tellColumns() {
    const more = box.scrollLeft + box.clientWidth < box.scrollWidth - 2;
    box.classList.toggle("more", more);
    moreColumns.hidden = box.scrollWidth <= box.clientWidth + 2;
  }
  addEventListener("resize", tellColumns);

  // Order ----------------------------------------------------------------------------------------------------------

  // What a cell is sorted by; null where it is not known, which stands last whichever way the rest goes.
  function keyOf(row, column) {
    const [text, kind, , key] = row.parts[column];
    return kind === "unknown" ? null : key ?? text;
  }

  // Numbers inside of texts count as numbers. Letting Intl.Collator compare takes ten times as long.
  function natural(key) {
    return typeof key === "string" ? key.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(20, "0")) : key;
  }

  function compare(a, b) {
    return a < b ? -1 : a > b ? 1 : 0;
  }

  function sortBy(column, descending) {
    const keyed = rows.map((row) => ({ row, key: natural(keyOf(row, column)) }));
    keyed.sort((a, b) => {
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null);
      return descending ? compare(b.key, a.key) : compare(a.key, b.key);
    });
    ordered = keyed.map(({ row }) => row);
  }

  const heads = Array.from(table.tHead.rows[0].cells);
  let sorted = "";

  function setOrder(field, descending) {
    for (const head of heads) head.removeAttribute("aria-sort");
    const column = place[field];
    if (column === undefined) return;
    heads[column].setAttribute("aria-sort", descending ? "descending" : "ascending");
    sorted = `${descending ? "-" : ""}${field}`;
    sortBy(column, descending);
  }

  function addSorting(head, column) {
    const button = made("button", { type: "button" }, ...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      setOrder(fields[column], head.getAttribute("aria-sort") === "ascending");
      filter();
    });
  }

  // Choice ---------------------------------------------------------------------------------------------------------

  // -origin:"Task Manager" is a term without which rows are shown, of one column; others are of the row and its path.
  const TERM = /(-?)(?:([a-z_]+):)?(?:"([^"]*)"?|(\S+))/g;

  function termsOf(query) {
    const terms = [];
    for (const [all, minus, field, phrase, word] of query.toLowerCase().matchAll(TERM)) {
      const text = phrase ?? word;
      const known = field === undefined || field in place;
      if (text) terms.push(known ? { minus, column: place[field], text } : { minus, text: all.slice(minus.length) });
    }
    return terms;
  }

  function holds(row, { column, text }) {
    if (column === undefined) return row.text.includes(text);
    const [word, , small] = row.parts[column];
    return `${word} ${small ?? ""}`.toLowerCase().includes(text);
  }

  // Of several terms for one column one is enough, as no row has two origins.
  function takes(row, terms) {
    const columns = new Map();
    for (const term of terms) {
      const found = holds(row, term);
      if (term.minus ? found : term.column === undefined && !found) return false;
      if (!term.minus && term.column !== undefined) {
        columns.set(term.column, found || columns.get(term.column) === true);
      }
    }
    return [...columns.values()].every(Boolean);
  }

  function filter() {
    const terms = termsOf(input.value);
    shown = terms.length ? ordered.filter((row) => takes(row, terms)) : ordered;
    const chosen = new Set(shown);
    if (!blocks.length) for (const row of rows) sectionOf(row.number).hidden = !chosen.has(row);
    status.value = `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} dumps`;
    draw();
    markChips();
    keepInAddress();
  }

  function choose(query) {
    input.value = query;
    filter();
  }

  // The address keeps filter and order, so that a link shows the same.
  function keepInAddress() {
    const kept = new URLSearchParams();
    if (input.value.trim()) kept.set("find", input.value.trim());
    if (sorted) kept.set("sort", sorted);
    const text = kept.toString();
    if (text || location.hash.startsWith("#find=") || location.hash.startsWith("#sort=")) {
      history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
    }
  }

  async function followAddress() {
    const section = /^#d(\d+)$/.exec(location.hash);
    if (section) {
      await openSection(Number(section[1]));
      return;
    }
    const kept = new URLSearchParams(location.hash.slice(1));
    if (!kept.has("find") && !kept.has("sort")) return;
    const order = kept.get("sort") ?? "";
    input.value = kept.get("find") ?? "";
    if (order) setOrder(order.replace(/^-/, ""), order.startsWith("-"));
    filter();
  }

  // Chips ----------------------------------------------------------------------------------------------------------

  const chips = [];

  function addChips(field, title) {
    const column = place[field];
    const counts = new Map();
    for (const row of rows) {
      const [text, kind] = row.parts[column];
      for (const word of field === "symptoms" ? text.split(", ") : [text]) {
        if (kind !== "unknown") counts.set(word, (counts.get(word) ?? 0) + 1);
      }
    }
    const largest = [...counts].sort((a, b) => b[1] - a[1] || compare(natural(a[0]), natural(b[0]))).slice(0, CHIPS);
    if (largest.length < 2) return;
    const group = made("div", { className: "chips" }, made("span", { className: "label" }, title));
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", title);
    for (const [word, number] of largest) group.append(chip(field, word.replaceAll('"', ""), number));
    document.getElementById("chips").append(group);
  }

  // A chip is pressed to see such dumps alone, pressed again to leave them out, and once more for all.
  function chip(field, word, number) {
    const term = `${field}:"${word}"`;
    const amount = made("span", { className: "number" }, number.toLocaleString("en"));
    const button = made("button", { type: "button", className: "chip" }, word, " ", amount);
    chips.push({ button, term, word });
    button.addEventListener("click", () => {
      const state = stateOf(term);
      const rest = ` ${input.value} `.replace(` -${term} `, " ").replace(` ${term} `, " ").trim();
      const next = { all: term, only: `-${term}`, without: "" }[state];
      choose(`${rest} ${next}`.trim());
    });
    return button;
  }

  function stateOf(term) {
    const query = ` ${input.value} `;
    return query.includes(` -${term} `) ? "without" : query.includes(` ${term} `) ? "only" : "all";
  }

  function markChips() {
    for (const { button, term, word } of chips) {
      const state = stateOf(term);
      button.dataset.state = state;
      button.setAttribute("aria-pressed", String(state !== "all"));
      button.title = { all: `Only ${word}`, only: `Without ${word}`, without: `${word} again` }[state];
    }
  }

  // Sections -------------------------------------------------------------------------------------------------------

  function sectionOf(number) {
    return document.getElementById(`d${number}`)?.parentElement ?? null;
  }

  async function openSection(number) {
    let section = sectionOf(number);
    if (!section && blocks.length) section = await makeSection(number);
    if (!section) return;
    section.open = true;
    section.scrollIntoView();
  }

  async function makeSection(number) {
    const slot = rows[number - 1]?.slot;
    if (slot === undefined) return null;
    const text = (await unpack(blocks[Math.floor(slot / BLOCK)])).split(BETWEEN)[slot % BLOCK];
    if (sectionOf(number)) return sectionOf(number); // made while this waited
    const holder = made("template", { innerHTML: text }); // escaped where it was made, and nothing in it would run
    const section = holder.content.firstElementChild;
    details.append(section);
    addCopying(section);
    return section;
  }

  // Controls -------------------------------------------------------------------------------------------------------

  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 120);
  });
  form.addEventListener("submit", (event) => event.preventDefault());

  const actions = {
    copy: () => copy(shown.map((row) => [row.path, ...row.parts.slice(1).map(cellText)].join("\t")).join("\n")),
    print: () => {
      document.body.classList.add("table-alone");
      addEventListener("afterprint", () => document.body.classList.remove("table-alone"), { once: true });
      print();
    },
  };

  function cellText([text, , small]) {
    return small ? `${text} ${small}` : text;
  }

  form.addEventListener("click", (event) => {
    const { fold, do: action } = event.target.dataset;
    if (action) actions[action]();
    if (fold === undefined) return;
    for (const section of details.querySelectorAll("details")) if (!section.hidden) section.open = fold === "open";
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-find]");
    if (!link) return;
    event.preventDefault();
    choose(`"${link.dataset.find.replaceAll('"', "")}"`);
    document.getElementById("dumps").scrollIntoView();
  });
  addEventListener("hashchange", followAddress);
  heads.forEach(addSorting);
  for (const [field, title] of [["origin", "Origin"], ["code", "Code"], ["symptoms", "Symptom"]]) addChips(field, title);
  form.hidden = false;
  if (drawn.length === 0) draw();
  markChips();
  tellColumns();
  await followAddress();
  document.documentElement.dataset.ready = "";
})();
