/** Control characters, Unicode's own line breaks, and the marks that change the direction of text. */
const CONTROLS = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/**
 * Writes control characters as `\uXXXX`, as the log and the terminal do: nothing that comes from an order changes how the
 * text next to it reads. A test holds it to the function of the transport.
 *
 * @param {string} text
 * @param {string} [keep] - control characters that stay as they are
 */
export function plain(text, keep = '') {
  return text.replace(CONTROLS, (control) =>
    keep.includes(control) ? control : `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
