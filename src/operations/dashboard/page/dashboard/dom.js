import { plain } from './plain.js';

/**
 * Makes an element. Text is put in as text, never as markup, and so are attributes: what comes from an order stays what it
 * is, with its control characters written out.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] - `onclick` and the like are listeners; `undefined` and `false` leave one out
 * @param {...unknown} children - elements, texts, numbers, lists of them; `undefined` leaves one out
 */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** Like {@link element}, in SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

/** The element of the page that has an id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Whether somebody has marked text in an element, to copy it: changing the element would take that away. */
export function isSelected(container) {
  const selection = document.getSelection();
  return !selection.isCollapsed && container.contains(selection.anchorNode);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false)
      made.setAttribute(name, value === true ? '' : plain(String(value)));
  }
  const keep = made.localName === 'pre' ? '\n' : '';
  for (const child of children.flat(Infinity)) {
    if (child !== undefined) made.append(child instanceof Node ? child : plain(String(child), keep));
  }
  return made;
}
