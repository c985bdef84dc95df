import { element } from './dom.js';
import { plain } from './plain.js';

let made = 0;

/**
 * Opens a dialog; Escape and "Close" end it, and the focus goes back to where it was.
 *
 * @param {string} title
 * @param {unknown[]} content
 * @param {unknown[]} [buttons] - next to "Close"
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, content, buttons = [], { closing = 'Close', name = '' } = {}) {
  const id = `dialog-${(made += 1)}`;
  const dialog = element('dialog', { 'aria-labelledby': id, 'data-name': name });
  const close = element('button', { type: 'button', onclick: () => dialog.close() }, closing);
  dialog.append(
    element('h2', { id }, title),
    ...content,
    element('div', { class: 'row end' }, close, ...buttons),
  );
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Asks whether something shall be done, and does it. A failure is shown in the dialog, which then stays.
 *
 * @param {{ title: string, content: unknown[], action: string, danger?: boolean, run: (form: FormData) => Promise<void> }} question
 */
export function confirmAndRun({ title, content, action, danger = false, run }) {
  const problem = element('p', { class: 'problem', role: 'alert', hidden: true });
  const submit = element('button', { type: 'submit', class: danger ? 'danger' : 'primary' }, action);
  const form = element('form', {}, content, problem);
  form.id = `form-${made}`;
  submit.setAttribute('form', form.id);
  const dialog = openDialog(title, [form], [submit], { closing: 'Cancel', name: 'confirm' });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit.disabled = true;
    run(new FormData(form)).then(
      () => dialog.close(),
      (error) => {
        problem.textContent = plain(error.message);
        problem.hidden = false;
        submit.disabled = false;
      },
    );
  });
}
