// The practice mailbox: sends what a mail program's "unsubscribe" button sends, and says what came back.
import {toast} from './core.js';

for (const form of document.querySelectorAll('form[data-one-click]')) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = form.querySelector('button');
    button.disabled = true;
    let status = 0;
    try {
      const answer = await fetch(form.getAttribute('action'), {
        method: 'POST',
        body: new URLSearchParams(new FormData(form)),
        credentials: 'omit',
      });
      status = answer.status;
    } catch {
      status = 0;
    }
    button.disabled = false;
    const words = status >= 200 && status < 300 ? form.dataset.done : form.dataset.refused;
    toast(words.replace('{status}', status || '–'));
  });
}
