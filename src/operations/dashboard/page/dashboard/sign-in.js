import { byId, element } from './dom.js';
import { token } from './token.js';

let asking;

/** Asks for a token; whoever asks meanwhile gets the same. Settles when one was given. */
export function askForToken(reason) {
  asking ??= ask(reason).finally(() => {
    asking = undefined;
  });
  return asking;
}

/** The button that forgets the token. */
export function showSignOut() {
  const button = byId('sign-out');
  button.hidden = token.get() === undefined;
  button.onclick = () => {
    token.forget();
    location.reload();
  };
}

function ask(reason) {
  const input = element('input', {
    ...{ name: 'token', type: 'password', required: true, autofocus: true, autocomplete: 'off' },
  });
  const form = element(
    'form',
    { method: 'dialog' },
    element('h2', { id: 'sign-in-title' }, 'Operators only'),
    element('p', {}, reason),
    element('label', {}, 'Token', input),
    element('p', { class: 'muted' }, 'It is kept until this tab is closed.'),
    element('div', { class: 'row end' }, element('button', { type: 'submit', class: 'primary' }, 'Continue')),
  );
  const dialog = element('dialog', { id: 'sign-in', 'aria-labelledby': 'sign-in-title' }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      const given = input.value.trim();
      // Escape closes it too, and without a token there is nothing to go on with.
      if (given === '') return dialog.showModal();
      token.set(given);
      dialog.remove();
      showSignOut();
      resolve();
    });
  });
}
