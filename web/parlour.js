// The parlour's page: one seat, one WebSocket. The order is the server's, and every text is set as text.
'use strict';
(() => {
const $ = id => document.getElementById(id);
const page = document.body.dataset, W = JSON.parse(page.words), base = '/parlour/' + page.room, owner = page.csrf;
const key = name => name + ':' + page.room;
const keep = (name, value) => sessionStorage.setItem(key(name), value), kept = name => sessionStorage.getItem(key(name));
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, k) => values[k]);
const el = (tag, cls, text, more) => {
  const e = Object.assign(document.createElement(tag), { className: cls, textContent: text }, more);
  [e.dataset.testid] = cls.split(' ');
  return e;
};
const show = (id, text) => { $(id).hidden = !text; if ($(id).textContent !== text) $(id).textContent = text; };
const log = $('log'), box = $('box'), gate = $('gate');
const asSeat = (path, more) => fetch(base + path, { headers: { Authorization: 'Seat ' + token }, ...more }).catch(() => 0);

// ---- the seat: a token of this tab, out of the address bar at once

let token = location.hash.slice(1);
if (token) {
  history.replaceState(0, '', location.href.split('#')[0]);
  keep('seat', token);
}
token = kept('seat') || owner && localStorage.getItem(key('owner'));

async function sitAsOwner() {
  const got = await fetch(base + '/seats', {
    method: 'POST', headers: { 'X-CSRF-Token': page.csrf }, body: new URLSearchParams({ name: W.keeper, role: 'owner' }),
  });
  if (!got.ok) return stop('gone');
  token = (await got.json()).token;
  keep('seat', token);
  localStorage.setItem(key('owner'), token);
  connect();
}
function forget() {
  sessionStorage.removeItem(key('seat'));
  if (localStorage.getItem(key('owner')) === token) localStorage.removeItem(key('owner'));
}
// Another seat that this tab has sat on or made; what waits to be sent is said by who wrote it.
function sit(seat) {
  const known = kept(seat);
  if (!known || waiting.length) return;
  keep('seat', known);
  location.reload();
}

// ---- the link: backs off from 1 to 30 seconds, and leaves a lost seat alone

// A page that comes back to its own seat takes it from its own old connection.
let ws, ready, over, take = performance.getEntriesByType('navigation')[0].type === 'reload', tries = 0, again, last = 0, you, state, heard;
const send = m => ws.send(JSON.stringify(m));
function hello() {
  document.getElementsByName('proof').forEach(of => of.value = token);
  send({ type: 'hello', seat_token: token, last_id: last, take });
}
function connect() {
  clearTimeout(again);
  over = false;
  const mine = ws = new WebSocket(location.origin.replace('http', 'ws') + base + '/ws');
  ws.onopen = hello;
  ws.onmessage = e => { const m = JSON.parse(e.data); on[m.type]?.(m); };
  ws.onclose = () => {
    if (mine !== ws || over) return;
    ready = false; allow();
    $('cut').hidden = false;
    again = setTimeout(connect, Math.min(30, 2 ** tries++) * 1000);
  };
}
addEventListener('online', () => ws?.readyState === 3 && !over && connect());

const on = {
  welcome(m) {
    ready = take = true; over = false; tries = 0; you = m.you;
    keep(you, token);
    $('cut').hidden = true;
    gate.close();
    $('title').textContent = m.title;
    on.state(m.state);
    m.lines.forEach(line);
    waiting.forEach(send);
    scroll(true);
  },
  msg: line, line,
  'seated-elsewhere': () => stop('elsewhere'),
  taken: () => stop('taken'),
  removed: m => stop(m.appealed ? 'appealed' : 'removed', m.why),
  'no-seat': () => { forget(); stop('gone'); if (owner) sitAsOwner(); },
  ack: m => settle(m.client_id),
  refused(m) {
    const was = settle(m.client_id);
    tell(W['no_' + m.why]);
    if (was && !box.value) { box.value = was.text; grow(); }
  },
  recalled(m) { const s = said.get(m.id); if (s) { s.recalled = m; draw(s); } },
  working(m) { working.add(m.id); think(); },
  chip(m) { chips.set(m.id, m); working.delete(m.id); chip(m.id); think(); },
  typing(m) { if (m.seat !== you) { typing.set(m.seat, Date.now() + 4000); tick(); } },
  state(m) {
    state = m; heard = Date.now();
    people(); tick();
    if (owner && !$('panel-body').matches(':focus-within, :has([open])')) htmx.trigger('#panel-body', 'refresh');
  },
};

// ---- a seat that cannot be sat in: one card over the room says why and what can be done

function stop(kind, why) {
  over = true; ready = false; allow();
  gate.dataset.kind = kind;
  show('gate-why', why);
  if (!gate.open) gate.showModal();
}
gate.oncancel = e => e.preventDefault();
$('sit-here').onclick = () => { take = true; ws.readyState === 1 ? hello() : connect(); };
const invite = kept('invite');
if (invite) $('another').href = base + '/join#' + invite;
else if (owner) $('another').onclick = e => { e.preventDefault(); sitAsOwner(); };
else $('another').remove();

// ---- what was said: in the order of the ids; the parts of one turn share a bubble

const said = new Map(), turns = new Map(), answers = new Map(), chips = new Map(), working = new Set(), typing = new Map();
const time = ms => new Date(ms).toLocaleTimeString('en-GB', { timeStyle: 'short', timeZone: page.zone });
const seat = id => state.seats.find(s => s.seat === id);
const name = id => id === 'house' ? W.house : seat(id)?.name || W.somebody;
const model = choice => choice.replace(/^[^ (]*/, c => W['model_' + (c || 'house')] || c);
const who = s => s.from.kind === 'house' ? W.house : s.from.name;
const text = s => s.parts.join('');

function line(m) {
  const low = scroll(), first = turns.get(m.turn);
  last = Math.max(last, m.id);
  if (said.has(m.id)) return;
  if (m.type === 'line') place(m, el('p', 'note', note(m)));
  else if (first) { said.set(m.id, first); first.parts[m.part] = m.text; draw(first); }
  else {
    const s = { ...m, parts: [], node: $('said').content.firstElementChild.cloneNode(true) };
    s.parts[m.part] = m.text;
    said.set(m.id, s);
    if (m.turn) turns.set(m.turn, s);
    if (m.from.kind === 'house') answers.set(m.reply_to, s);
    if (m.chip) chips.set(m.id, m.chip);
    typing.delete(m.from.seat);
    draw(s); place(m, s.node);
    chip(m.id); chip(m.reply_to);
  }
  think();
  scroll(low || m.from?.seat === you);
}
function place(m, node) {
  node.dataset.id = m.id;
  let before = log.lastElementChild;
  while (+before.dataset.id > m.id) before = before.previousElementSibling;
  before.after(node);
  // A long evening: the page keeps the newest 500 lines, and says that there were more.
  if (log.children.length < 502) return;
  $('earlier').hidden = false;
  log.children[1].remove();
  for (const map of [said, turns, answers, chips])
    map.forEach((s, id) => s.node?.isConnected === false && map.delete(id));
}
function note(m) {
  if (m.kind === 'title') $('title').textContent = m.value;
  const value = m.kind === 'clock' ? time(+m.value || m.at) : m.kind === 'model' ? model(m.value) : W[m.kind + '_' + m.value] || m.value || '';
  return fill(W['line_' + m.kind + '_' + m.value] || W['line_' + m.kind], { name: name(m.seat), value });
}
function draw(s) {
  const n = s.node, part = cls => n.querySelector('.' + cls), gone = s.recalled;
  n.classList.toggle('mine', s.from.seat === you);
  n.dataset.kind = s.from.kind;
  part('who').textContent = who(s);
  part('role').textContent = W['role_' + s.from.role] || '';
  part('time').textContent = time(s.room_at);
  const bubble = part('bubble');
  bubble.textContent = gone ? gone.by === s.from.seat ? W.recalled : fill(W.recalled_by, { name: name(gone.by) }) : '';
  n.classList.toggle('gone', !!gone);
  part('recall').hidden = s.from.seat !== you && !/owner|admin/.test(seat(you)?.role);
  if (gone) return;
  if (said.has(s.reply_to)) bubble.append(quote(said.get(s.reply_to)));
  if (s.image) picture(s.image, bubble);
  if (s.file) bubble.append(el('span', 'file', s.file));
  write(bubble, text(s));
}
const quote = s => el('blockquote', 'quote', who(s) + ': ' +
  (s.recalled ? W.recalled : text(s).slice(0, 80) || s.file || W.picture));
// Links and fenced code; all else is plain text.
function write(into, text) {
  text.split(/```.*\n?([^]*?)(?:```|$)/).forEach((piece, i) => {
    if (i % 2) return into.append(el('pre', 'code', piece));
    piece.split(/(https?:\/\/[^\s<>"'\u3000-\u303f\uff00-\uffef]+)/).forEach((bit, j) => {
      into.append(j % 2 ? el('a', 'link', bit, { href: bit, target: '_blank', rel: 'nofollow noopener noreferrer' }) : bit);
    });
  });
}
async function picture(sha, into) {
  const img = el('img', 'picture', '', { alt: W.picture }), low = scroll();
  into.append(img);
  const got = await asSeat('/media/' + sha);
  if (!got.ok) return img.replaceWith(W.no_picture);
  img.onload = () => scroll(low);
  img.src = URL.createObjectURL(await got.blob());
}
log.onclick = e => {
  const s = said.get(+e.target.closest('article')?.dataset.id);
  if (e.target.matches('.reply')) { goes = { reply_to: s.id }; aim(); }
  // All parts of it.
  if (e.target.matches('.recall')) for (const [id, other] of said) if (other === s) send({ type: 'recall', id });
};

// ---- under an answer, or under a question that got none: how long, how much, and why

function chip(id) {
  const c = chips.get(id), s = answers.get(id) || said.get(id), low = scroll();
  if (!c || !s) return;
  const answered = c.reason === 'answered', bits = answered ? [] : [W.reasons[c.reason]];
  if (answered || c.tokens) bits.push(fill(W.spent, { s: (c.millis / 1000).toFixed(1), n: c.tokens }));
  if (c.cost) bits.push((W[c.currency] || '') + c.cost);
  const p = el('p', 'chip', bits.join(' · ') + ' ');
  p.append(el('code', 'reason', c.reason));
  p.dataset.reason = c.reason;
  c.node?.remove();
  c.node = p;
  s.node.append(p);
  scroll(low);
}
function think() {
  const low = scroll();
  for (const [id, s] of answers) s.node.ariaBusy = working.has(id);
  $('ghost').hidden = [...working].every(id => answers.has(id));
  scroll(low);
}
// Asked without a word: is the newest line in sight? Told true: bring it there.
function scroll(down) {
  if (down) log.scrollTop = log.scrollHeight;
  return $('newer').hidden = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
}
log.onscroll = () => scroll();
$('newer').onclick = () => scroll(true);

// ---- seats, clock, model, mutes

function people() {
  $('people').replaceChildren(...state.seats.map(s => {
    const li = el('li', 'seat ' + (s.online ? 'on' : 'off'), '');
    li.append(el('bdi', 'who', s.name), el('span', 'role', W['role_' + s.role] + (s.seat === you ? ' · ' + W.me : '')),
      el('span', 'vh', s.online ? W.online : W.offline));
    return li;
  }));
  $('count').textContent = state.seats.filter(s => s.online).length;
  $('me').textContent = fill(W.i_am, { name: name(you) });
  const { choice, fault, local } = state.model, waits = /^(local)?$/.test(choice) && local.state !== 'ready';
  $('model').textContent = model(choice) + (fault ? ' · ' + fault : '');
  show('local', waits && fill(W['local_' + local.state], { n: local.percent }));
  $('percent').hidden = !waits || local.percent == null;
  $('percent').value = local.percent;
}
// Whether this seat may speak now, and if not, why.
function allow() {
  const me = state && seat(you), left = Math.ceil((me?.muted_until - Date.now()) / 1000);
  const why = left > 0 ? fill(W.muted_for, { n: Math.floor(left / 60) + ':' + String(left % 60).padStart(2, 0) })
    : me?.role === 'lurker' ? W.no_lurker : '';
  show('barred', why);
  $('appeal').hidden = !(left > 0);
  box.disabled = $('send').disabled = why;
  $('add').disabled = $('at').disabled = why || !ready;
}
function tick() {
  if (!state) return;
  allow();
  const c = state.clock, set = c.mode !== 'now';
  const now = time(c.at + (Date.now() - heard) * (c.mode === 'fast' ? 60 : 1));
  const night = now < '06' || now >= '20';
  document.documentElement.dataset.tint = !set ? '' : night ? 'night' : 'day';
  $('clock').textContent = (night ? '☾ ' : '☀ ') + now + (set ? W.changed : '');
  typing.forEach((until, id) => until < Date.now() && typing.delete(id));
  show('typing', typing.size && fill(W.typing, { name: [...typing.keys()].map(name).join(', ') }));
}
setInterval(tick, 1000);
// Alt and a number: that seat of the list. Alt+N: day or night.
addEventListener('keydown', e => {
  const what = e.altKey && !e.ctrlKey && /^(?:Digit|Key)([1-9N])$/.exec(e.code)?.[1];
  if (!what) return;
  e.preventDefault();
  what === 'N' ? $('turn')?.click() : sit(state?.seats[what - 1]?.seat);
});

// ---- saying something: kept until the server has it, sent again after a cut under the same id

let waiting = JSON.parse(kept('waiting') || '[]'), goes = {}, typed = 0;
const tell = text => show('told', text);
function settle(id) {
  const was = waiting.find(w => w.client_id === id);
  waiting = waiting.filter(w => w !== was);
  pending();
  return was;
}
function pending() {
  keep('waiting', JSON.stringify(waiting));
  $('pending').replaceChildren(...waiting.map(w => el('p', 'pending', w.text || w.file || W.picture)));
}
$('say').onsubmit = e => {
  e.preventDefault();
  tell('');
  const text = box.value.trim();
  if (!text && !goes.image && !goes.file) return tell(W.no_empty);
  if ([...text].length > 4000) return tell(W.no_too_long);
  const mentions = [...picked].filter(([, n]) => text.includes('@' + n)).map(p => p[0]);
  const m = { type: 'msg', client_id: Date.now() + '-' + Math.random(), ...goes, text, mentions };
  waiting.push(m); pending();
  if (ready) send(m);
  box.value = ''; goes = {}; picked.clear();
  grow(); aim(); scroll(true);
};
box.oninput = () => {
  grow(); pick();
  if (ready && Date.now() - typed > 3000) { typed = Date.now(); send({ type: 'typing' }); }
};
box.onkeydown = e => {
  if (e.isComposing || !list.hidden && choose(e)) return;
  if (e.key === 'Enter' && !e.shiftKey) { e.preventDefault(); $('say').requestSubmit(); }
  if (e.key === 'Escape') { goes = {}; aim(); }
};
function grow() {
  keep('draft', box.value);
  box.style.height = 0;
  box.style.height = Math.min(box.scrollHeight + 2, 160) + 'px';
}
// What goes with the next message: a reply, a picture, a file's name.
function aim() {
  $('aim').hidden = !Object.keys(goes).length;
  $('aim-what').replaceChildren(goes.reply_to ? quote(said.get(goes.reply_to)) : '', goes.file || '');
  $('aim-image').hidden = !goes.image;
  box.focus();
}
$('drop').onclick = () => { goes = {}; aim(); };
$('add').onclick = () => $('pick').click();
$('pick').onchange = async () => {
  const [f] = $('pick').files;
  if (!/^image\/(png|jpeg|gif|webp)$/.test(f.type)) { goes = { ...goes, file: f.name, image: null }; return aim(); }
  tell(W.uploading);
  const got = await asSeat('/image', { method: 'POST', body: f });
  if (!got.ok) return tell(W['image_' + got.status] || W.no_gone);
  tell('');
  goes = { ...goes, file: null, image: (await got.json()).image };
  $('aim-image').src = URL.createObjectURL(f);
  aim();
};

// ---- @: a list to pick from, by keys or by hand

const picked = new Map(), list = $('picker');
let at = 0;
function pick() {
  const m = /@([^\s@]*)$/.exec(box.value.slice(0, box.selectionStart));
  const hits = m ? [{ seat: 'house', name: W.house }, ...state.seats].filter(s => s.seat !== you && s.name.includes(m[1])) : [];
  list.replaceChildren(...hits.map((s, i) => el('li', 'mention', s.name, {
    id: 'at-' + i, role: 'option',
    onmousedown(e) {
      e?.preventDefault();
      box.setRangeText('@' + s.name + ' ', box.selectionStart - m[0].length, box.selectionStart, 'end');
      picked.set(s.seat, s.name);
      grow(); pick();
    },
  })));
  mark(0);
}
function mark(to) {
  const n = list.children.length;
  at = n && (to + n) % n;
  [...list.children].forEach((li, i) => li.setAttribute('aria-selected', i === at));
  list.hidden = !n;
  box.setAttribute('aria-activedescendant', n ? 'at-' + at : '');
}
function choose(e) {
  if (e.key === 'Escape') { list.replaceChildren(); mark(0); }
  else if (/^(Enter|Tab)$/.test(e.key)) list.children[at].onmousedown();
  else if (/^Arrow(Up|Down)$/.test(e.key)) mark(at + (e.key === 'ArrowDown' ? 1 : -1));
  else return false;
  e.preventDefault();
  return true;
}
$('at').onclick = () => { box.setRangeText('@', box.selectionStart, box.selectionEnd, 'end'); box.focus(); pick(); };

// The owner has made something: the form is empty again, and a new seat can be sat on.
addEventListener('made', ({ target, detail }) => { target.reset(); if (detail.token) keep(detail.seat, detail.token); });

box.value = kept('draft') || '';
grow(); pending();
token ? connect() : owner ? sitAsOwner() : stop('gone');
})();
