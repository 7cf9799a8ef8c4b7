// Enter and join: takes the code out of the address bar at once, and for a guest changes it into a seat.
'use strict';
(() => {
const form = document.querySelector('form[data-door]'), door = form.dataset.door, told = document.getElementById('told');
const code = location.hash.slice(1) || sessionStorage.getItem(door) || '';
history.replaceState(0, '', location.href.split('#')[0]);
if (code) {
  sessionStorage.setItem(door, code);
  form.elements.code.value = code;
  form.elements.code.closest('label').hidden = true;
}
if (door !== 'enter') form.onsubmit = async e => {
  e.preventDefault();
  const body = JSON.stringify({ invite: form.elements.code.value, name: form.elements.name.value });
  const got = await fetch(form.action, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }).catch(() => 0);
  if (!got.ok) return void (told.textContent = told.dataset['s' + got.status] || told.dataset.s0);
  const { seat, token } = await got.json(), room = door.split(':')[1];
  sessionStorage.setItem('seat:' + room, token);
  location.href = '/parlour/' + room + '/seat/' + seat;
};
})();
