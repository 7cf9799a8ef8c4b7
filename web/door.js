// Enter and join: takes the code out of the address bar at once, and types it for whoever came by the link.
'use strict';
(() => {
const form = document.querySelector('form[data-door]'), door = form.dataset.door;
const code = location.hash.slice(1) || sessionStorage.getItem(door);
history.replaceState(0, '', location.href.split('#')[0]);
if (code) {
  sessionStorage.setItem(door, code);
  form.elements.code.value = code;
  form.elements.code.closest('label').hidden = true;
}
})();
