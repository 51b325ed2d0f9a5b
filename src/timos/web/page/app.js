// The first page: sign in, write today, read a day, search. No framework, and no text of the journal outside the page's memory:
// nothing goes to localStorage, a cookie, or a URL other than the day that is shown. Text enters the page as text nodes only.

const $ = (id) => document.getElementById(id);
const SAVED = "ok", OPEN = "open", BAD = "bad"; // kinds of the state line
const UNREACHABLE = "The server does not answer. Your text is still here; try again in a moment.";
const DAY = /^\d{4}-\d\d-\d\d$/;
const MS_PER_DAY = 86_400_000;
const MIND = ["", "heavy", "low", "even", "good", "bright"];
const DRIVE = ["pressure", "more pressure than purpose", "as much of each", "more purpose than pressure", "purpose"]; // −2 … 2
const MORNING = { strongest_emotion: "Strongest", emotions: "Feeling", valence: "Valence", energy: "Energy", avoiding: "Avoiding", sleep_hours: "Hours slept", note: "Note" };
const EVENING = { energy_givers: "Gave energy", energy_drainers: "Drained it", pressure_or_purpose: "Driven by", honest_note: "Honest note", emotions: "Feeling" };

const session = { csrf: null, user: null };
const shown = { owner: null, day: null, today: null, etag: null, document: {}, isEditing: false };
let signupToken = null; // of a setup link or an invitation
let preferences = null;

// ── the API ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** An RFC 9457 problem; status 0 means that nothing answered. */
class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `The server answers ${status}.`);
    this.status = status;
    this.body = body;
  }
}

/** Calls the API; an access token that has run out is renewed once, behind the back of the caller. */
async function api(method, path, body, { etag, isRetry = false } = {}) {
  const answer = await send(method, path, body, etag);
  if (answer.status === 401 && !isRetry && session.user && (await renew())) return api(method, path, body, { etag, isRetry: true });
  const content = answer.status === 204 ? null : await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, content || {});
  return content;
}

async function send(method, path, body, etag) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (session.csrf && method !== "GET") headers["X-CSRF-Token"] = session.csrf;
  if (etag) headers["If-Match"] = etag;
  try {
    return await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store", redirect: "error" });
  } catch {
    throw new Problem(0, { detail: UNREACHABLE });
  }
}

let renewal = null;

/** True when the session goes on; one renewal at a time, however many calls found out at once. */
function renew() {
  renewal ??= (async () => {
    const answer = await send("POST", "/api/auth/refresh", {});
    if (answer.ok) begin(await answer.json());
    return answer.ok;
  })().finally(() => { renewal = null; });
  return renewal;
}

function begin(answer) {
  session.csrf = answer.csrf_token ?? session.csrf;
  session.user = answer.user;
}

// ── days ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The writer's day: the date in the writer's time zone, a night counted to the day before. */
function currentDay() {
  const zone = preferences?.time_zone || undefined; // the device's own when the journal knows none
  const parts = new Intl.DateTimeFormat("en", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", hourCycle: "h23" })
    .formatToParts(new Date());
  const part = (type) => parts.find((each) => each.type === type).value;
  const day = `${part("year")}-${part("month")}-${part("day")}`;
  return Number(part("hour")) < (preferences?.day_ends_at_hour ?? 3) ? shifted(day, -1) : day;
}

const utc = (day) => new Date(`${day}T00:00:00Z`); // dates are counted in UTC, where every day has 24 hours
const shifted = (day, by) => new Date(utc(day).getTime() + by * MS_PER_DAY).toISOString().slice(0, 10);

function longDate(day) {
  const word = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options }).format(utc(day));
  return `${word({ weekday: "long" })}, ${word({ day: "numeric", month: "long" })}`;
}

/** ISO 8601 week and day of the year, as “2026 · week 47 · day 326”. */
function calendarLine(day) {
  const date = utc(day);
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * MS_PER_DAY);
  const dayOfYear = (at) => (at - Date.UTC(at.getUTCFullYear(), 0, 1)) / MS_PER_DAY + 1;
  return `${day.slice(0, 4)} · week ${Math.ceil(dayOfYear(thursday) / 7)} · day ${dayOfYear(date)}`;
}

/** The time on the same day, the date for an older one. */
function savedLine(at) {
  const isToday = at.toDateString() === new Date().toDateString();
  return `Saved ${isToday ? clock(at) : new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" }).format(at)}, encrypted`;
}

const clock = (at) => new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" }).format(at);

// ── small pieces of the page ─────────────────────────────────────────────────────────────────────────────────────────

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function state(kind, text) {
  $("state").dataset.kind = kind;
  $("state").textContent = text;
}

function list(id, items) {
  $(id).replaceChildren(...items);
  $(id).hidden = items.length === 0;
}

function facts(id, pairs) {
  $(`${id}-facts`).replaceChildren(...pairs.flatMap(([label, value]) => [element("dt", label), element("dd", value)]));
  $(id).hidden = pairs.length === 0;
}

/** Label and text of each member that holds something; zero is something. */
function pairs(document, labels) {
  return Object.entries(labels)
    .map(([name, label]) => [label, [document[name] ?? ""].flat().join(", ")])
    .filter(([, text]) => text !== "");
}

/** Shows a dialog; resolves to the value of the button, or to "" for Escape. */
function ask(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

// ── signing in ───────────────────────────────────────────────────────────────────────────────────────────────────────

let isSignup = false;
let isEntering = false; // hashing a password takes a moment; a second press must not make a second account

async function showGate(text = "") {
  $("app").hidden = true;
  $("gate").hidden = false;
  if (session.user && !signupToken) $("gate-address").value = session.user.address;
  const instance = await api("GET", "/api/instance").catch(() => null);
  const canSignUp = Boolean(signupToken) || instance?.registration === "open";
  $("gate-switch").hidden = !canSignUp;
  if (!text && instance && !instance.has_accounts && !canSignUp) text = "There is no account yet. Open the setup link that the server printed when it started.";
  gateKind(Boolean(signupToken), instance ? text : UNREACHABLE);
  $("gate-title").focus();
}

function gateKind(signup, text = "") {
  isSignup = signup;
  $("gate-title").textContent = signup ? "Make your account" : "Sign in";
  $("gate-text").textContent = text || (signup ? "What you write is sealed under a key of your own." : "");
  $("gate-send").textContent = signup ? "Make account" : "Sign in";
  $("gate-switch").textContent = signup ? "I have an account" : "Make an account";
  $("name-field").hidden = $("gate-rule").hidden = !signup;
  $("gate-password").autocomplete = signup ? "new-password" : "current-password";
  $("gate-error").textContent = "";
}

function enter(event) {
  event.preventDefault();
  if (isEntering) return;
  isEntering = true;
  void enterOnce().finally(() => { isEntering = false; });
}

async function enterOnce() {
  const body = { address: $("gate-address").value, password: $("gate-password").value, kind: "cookie" };
  if (isSignup && $("gate-name").value.trim()) body.name = $("gate-name").value.trim();
  if (isSignup && signupToken) body.token = signupToken;
  $("gate-error").textContent = "";
  session.user = null; // a 401 here means a wrong password, not a session that has run out
  try {
    begin(await api("POST", isSignup ? "/api/auth/signup" : "/api/auth/login", body));
  } catch (problem) {
    $("gate-error").textContent = problem.message;
    return;
  }
  $("gate-password").value = "";
  signupToken = null;
  await goOn();
}

/** After signing in again the same user finds the unsaved text as it was; anybody else finds nothing of it. */
async function goOn() {
  $("gate").hidden = true;
  $("app").hidden = false;
  if (shown.day && shown.owner === session.user.id) {
    if (isDirty()) state(OPEN, "Signed in again. Not saved yet");
    $("write-body").focus();
    return;
  }
  forgetText();
  shown.owner = session.user.id;
  await start();
}

async function logOut() {
  if (!(await mayLeave())) return;
  try {
    await api("POST", "/api/auth/logout");
  } catch (problem) {
    if (problem.status !== 401) return void state(BAD, `Not logged out: ${problem.message}`);
  }
  forgetText();
  location.replace("/");
}

/** So that nothing of the journal is left in a form that the browser may restore. */
function forgetText() {
  Object.assign(shown, { owner: null, day: null, today: null, etag: null, document: {}, isEditing: false });
  for (const id of ["write-title", "write-body", "query", "since", "until"]) $(id).value = "";
  for (const id of ["read-title", "read-body", "hits", "found", "tags", "notes", "mine", "theirs", "pulse-facts", "evening-facts"]) $(id).replaceChildren();
  preferences = null;
}

/** What to do with an error of any call: a session that has ended asks for the password and keeps the page. */
function failed(problem, place) {
  if (!(problem instanceof Problem)) throw problem;
  if (problem.status === 401) return void showGate("Your session has ended. Sign in to go on; your text is still here.");
  place(problem.message);
}

// ── the day ──────────────────────────────────────────────────────────────────────────────────────────────────────────

async function start() {
  const guess = currentDay();
  const answer = await api("GET", `/api/today?day=${guess}`).catch((problem) => void failed(problem, (text) => { $("day-error").textContent = text; }));
  preferences = answer?.preferences?.document ?? null;
  await route();
}

/** Shows what the address says: #search, #day=2026-11-22, or today. */
async function route() {
  const isSearch = location.hash === "#search";
  $("search-view").hidden = !isSearch;
  $("day-view").hidden = isSearch;
  current($("nav-search"), isSearch);
  if (isSearch) {
    current($("nav-today"), false);
    $("query").focus();
    return;
  }
  shown.today = currentDay();
  const day = wantedDay();
  current($("nav-today"), day === shown.today);
  if (day !== shown.day || !isDirty()) await showDay(day); // back from a search with unsaved words: they stay
}

/** The day in the address, or today for anything else. */
function wantedDay() {
  const wanted = new URLSearchParams(location.hash.slice(1)).get("day");
  return wanted && DAY.test(wanted) && wanted <= currentDay() ? wanted : currentDay();
}

function current(link, isCurrent) {
  if (isCurrent) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
}

async function showDay(day) {
  $("day-error").textContent = "";
  let answer;
  try {
    answer = await api("GET", `/api/today?day=${day}`);
  } catch (problem) {
    failed(problem, (text) => { $("day-error").textContent = text; });
    return;
  }
  shown.day = day;
  take(answer.entry);
  shown.isEditing = day === shown.today || !answer.entry;
  head();
  facts("pulse", answer.morning ? pulse(answer.morning.document) : []);
  facts("evening", answer.evening ? evening(answer.evening.document) : []);
  fill();
  state(SAVED, answer.entry ? savedLine(new Date(answer.entry.updated_at)) : "");
  $("day-title").focus({ preventScroll: true });
}

function head() {
  const isToday = shown.day === shown.today;
  $("day-sub").textContent = calendarLine(shown.day);
  $("day-title").textContent = longDate(shown.day);
  $("entry-title").textContent = isToday ? "Today’s entry" : "Entry";
  $("day-pick").value = shown.day;
  $("day-pick").max = shown.today;
  $("day-before").href = `#day=${shifted(shown.day, -1)}`;
  $("day-after").href = `#day=${isToday ? shown.day : shifted(shown.day, 1)}`;
  $("day-after").setAttribute("aria-disabled", String(isToday));
}

function pulse(document) {
  const mind = MIND[document.mental_state];
  return [...(mind ? [["Mind", `${document.mental_state} of 5, ${mind}`]] : []), ...pairs(document, MORNING)];
}

const evening = (document) => pairs({ ...document, pressure_or_purpose: DRIVE[document.pressure_or_purpose + 2] }, EVENING);

/** The stored entry becomes what the form is compared with. */
function take(doc) {
  shown.etag = doc?.etag ?? null;
  shown.document = doc?.document ?? {};
}

function fill() {
  const { title = "", body = "", tags = [], notes = [] } = shown.document;
  $("write-title").value = title;
  $("write-body").value = body;
  $("read-title").textContent = title;
  $("read-title").hidden = !title;
  $("read-body").textContent = body;
  $("read").hidden = shown.isEditing;
  $("write").hidden = !shown.isEditing;
  $("edit").hidden = shown.isEditing;
  list("tags", tags.map((tag) => element("li", `#${tag}`)));
  list("notes", notes.map(noteItem));
  count();
}

function noteItem(note) {
  const time = note.at ? [element("time", clock(new Date(note.at)))] : [];
  return element("li", "", ...time, note.mood ? `${note.text} (${note.mood})` : note.text);
}

function count() {
  const words = $("write-body").value.match(/[\p{L}\p{N}]+(['’][\p{L}\p{N}]+)*/gu)?.length ?? 0;
  $("words").textContent = words === 1 ? "1 word" : `${words} words`;
}

const typed = () => ({ title: $("write-title").value, body: $("write-body").value });

/** A text area turns \r\n into \n; that alone is no change. */
function isDirty() {
  if (!shown.day || !shown.isEditing) return false;
  const { title, body } = typed();
  return title !== (shown.document.title ?? "") || body !== (shown.document.body ?? "").replaceAll("\r\n", "\n");
}

function changed() {
  count();
  if (isDirty()) state(OPEN, "Not saved yet");
}

// ── saving ───────────────────────────────────────────────────────────────────────────────────────────────────────────

let saving = null;

/** True when the server has what is typed. One at a time: a second press joins the first. */
function save() {
  saving ??= saveOnce().finally(() => { saving = null; });
  return saving;
}

async function saveOnce() {
  if (!isDirty()) return true;
  const sent = typed();
  const day = shown.day;
  state(OPEN, "Saving…");
  try {
    take(await api("PUT", `/api/entries/${day}`, { ...shown.document, ...sent }, { etag: shown.etag }));
  } catch (problem) {
    if (problem.status === 412 && problem.body.stored) return decide(problem.body);
    if (problem.status === 412 && shown.etag) return vanished();
    failed(problem, (text) => state(BAD, `Not saved. ${text}`));
    return false;
  }
  state(SAVED, savedLine(new Date()));
  changed(); // what was typed while it was under way is not saved yet
  return true;
}

/** The stored entry was deleted elsewhere; what is typed becomes a new one, if the writer saves again. */
function vanished() {
  take(null);
  state(BAD, "Not saved: the entry was deleted elsewhere. Save again to write it anew.");
  return false;
}

/** Both texts side by side; nothing is written before the writer has chosen. */
async function decide(body) {
  const stored = body.stored.document ?? body.stored;
  const mine = typed();
  const whole = ({ title = "", body: text = "" }) => [title, text].filter(Boolean).join("\n\n");
  $("mine").textContent = whole(mine);
  $("theirs").textContent = whole(stored);
  state(BAD, "Conflict: not saved");
  const answer = await ask($("conflict"));
  if (!answer) return false;
  take({ etag: body.etag, document: stored });
  if (answer === "mine") return saveOnce();
  if (answer === "join") {
    $("write-title").value = mine.title || (stored.title ?? "");
    $("write-body").value = [stored.body, mine.body].filter(Boolean).join("\n\n");
    changed();
    $("write-body").focus();
    return false; // the writer reads the joined text before it is saved
  }
  fill();
  state(SAVED, "The stored text was kept");
  return true;
}

/** Asks when there are unsaved words; true when the page may move on. */
async function mayLeave() {
  if (!isDirty()) return true;
  const answer = await ask($("leave"));
  if (answer === "save") return save();
  if (answer === "drop") {
    fill();
    return true;
  }
  return false;
}

/** Links to days change the hash; one to the hash that is there already reads the day anew. */
function follow(event) {
  const link = event.target.closest("a[href^='#']");
  if (!link || link.classList.contains("skip")) return;
  event.preventDefault();
  if (link.getAttribute("aria-disabled") !== "true") go(link.hash);
}

function go(hash) {
  if (location.hash === hash) void moved();
  else location.hash = hash;
}

/** Also for the browser's own back button: unsaved words are asked about, and "stay" puts the address back. */
async function moved() {
  if (takeToken()) return welcome();
  if ($("app").hidden) return;
  if (location.hash !== "#search" && wantedDay() !== shown.day && !(await mayLeave())) {
    history.pushState(null, "", `#day=${shown.day}`);
  }
  await route();
}

// ── search ───────────────────────────────────────────────────────────────────────────────────────────────────────────

async function search(event) {
  event.preventDefault();
  const body = { query: $("query").value, limit: 50 };
  if ($("since").value) body.from = $("since").value;
  if ($("until").value) body.to = $("until").value;
  $("found").textContent = "Searching…";
  try {
    showFound(await api("POST", "/api/search", body));
  } catch (problem) {
    $("hits").replaceChildren();
    failed(problem, (text) => { $("found").textContent = text; });
  }
}

function showFound({ hits, total, searched, unreadable }) {
  const lost = unreadable ? ` ${unreadable} records do not open and were not searched: tell the operator of this server.` : "";
  $("found").textContent = `${howMany(hits.length, total)} found in ${searched === 1 ? "1 record" : `${searched} records`}.${lost}`;
  $("hits").replaceChildren(...hits.map(hitItem));
}

const howMany = (some, total) => (total === 0 ? "Nothing" : some < total ? `${some} of ${total}` : `${total}`);

function hitItem(hit) {
  const link = element("a", "", element("strong", hit.day ? `${longDate(hit.day)} ${hit.day.slice(0, 4)}` : hit.id), ...hit.snippets.map(snippet));
  link.className = "card";
  link.href = hit.day ? `#day=${hit.day}` : "#";
  return element("li", "", link);
}

const snippet = (runs) => element("p", "", ...runs.map((run) => (run.marked ? element("mark", run.text) : run.text)));

// ── beginning ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** True when there is one. A one-time token in the fragment never reaches a server log; it is taken out of the address at once. */
function takeToken() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("setup") || fragment.get("invite");
  if (!token) return false;
  signupToken = token;
  history.replaceState(null, "", "/");
  return true;
}

/** For a link pasted into a tab that shows the page already: no reload then. */
async function welcome() {
  if (await mayLeave()) return showGate();
  signupToken = null;
}

async function begun() {
  if (takeToken()) return showGate();
  try {
    const answer = await send("GET", "/api/auth/session");
    if (answer.ok) begin(await answer.json());
    else if (answer.status !== 401 || !(await renew())) return showGate();
  } catch (problem) {
    return failed(problem, () => showGate());
  }
  return goOn();
}

function edit() {
  shown.isEditing = true;
  fill();
  $("write-body").focus();
}

$("gate-form").addEventListener("submit", enter);
$("gate-switch").addEventListener("click", () => gateKind(!isSignup));
$("logout").addEventListener("click", logOut);
$("edit").addEventListener("click", edit);
$("write").addEventListener("input", changed);
$("write").addEventListener("submit", (event) => { event.preventDefault(); void save(); });
$("search").addEventListener("submit", search);
$("day-pick").addEventListener("change", () => {
  const day = $("day-pick").value;
  if (DAY.test(day)) go(`#day=${day}`);
});
document.addEventListener("click", follow);
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s" && !$("write").hidden && !$("app").hidden) {
    event.preventDefault();
    void save();
  }
});
addEventListener("hashchange", moved);
addEventListener("beforeunload", (event) => { if (isDirty()) event.preventDefault(); });
void begun();
