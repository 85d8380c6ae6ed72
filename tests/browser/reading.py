"""What keeps a page from being read or used by somebody: names, headings, references, contrast, sizes, focus."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

# Each flaw as a line of text. Thresholds are those of WCAG 2.2 AA.
_FLAWS = r"""
() => {
  const flaws = [];
  const seen = element => element.checkVisibility({checkOpacity: true, checkVisibilityCSS: true});
  const hidden = element => element.closest('.visually-hidden, .skip, [aria-hidden=true]');
  const say = element => element.outerHTML.replace(/\s+/g, ' ').slice(0, 110);
  const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
  for (const id of new Set(ids.filter((id, n) => ids.indexOf(id) !== n))) flaws.push(`the id ${id} is there twice`);
  for (const name of ['aria-labelledby', 'aria-describedby'])
    for (const element of document.querySelectorAll(`[${name}]`))
      for (const id of element.getAttribute(name).split(/\s+/))
        if (!document.getElementById(id)) flaws.push(`${name} names nothing: ${id}`);
  for (const link of document.querySelectorAll('a[href^="#"]'))
    if (!document.getElementById(link.hash.slice(1))) flaws.push(`a link to nothing: ${link.hash}`);
  const named = element => (element.getAttribute('aria-label') || element.getAttribute('aria-labelledby')
    || (element.labels && [...element.labels].some(label => label.textContent.trim())) || element.textContent.trim()
    || element.querySelector('img[alt]:not([alt=""])'));
  for (const element of document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a[href]')) {
    if (!seen(element)) continue;
    if ((element.matches('select, textarea, input') ? !(element.labels || []).length && !element.getAttribute('aria-label')
        : !named(element))) flaws.push(`without a name: ${say(element)}`);
    const label = element.matches('[type=radio], [type=checkbox]') && element.closest('label');
    const box = (label || element).getBoundingClientRect();
    const inText = element.matches('a') && getComputedStyle(element).display === 'inline';
    if (!inText && !hidden(element) && (box.width < 24 || box.height < 24)) flaws.push(`too small to hit: ${say(element)}`);
  }
  for (const image of document.querySelectorAll('img:not([alt]), svg:not([aria-hidden]):not([role])'))
    flaws.push(`an image that says nothing: ${say(image)}`);
  let level = 0;
  for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
    if (+heading.tagName[1] > level + 1) flaws.push(`${heading.tagName} after H${level}: ${heading.textContent.trim()}`);
    level = +heading.tagName[1];
  }
  for (const table of document.querySelectorAll('table'))
    if (!table.querySelector('th[scope]')) flaws.push(`a table without headers: ${say(table)}`);

  const pixel = Object.assign(document.createElement('canvas'), {width: 1, height: 1});
  const canvas = pixel.getContext('2d', {willReadFrequently: true});
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const told = new Set();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.closest('svg, :disabled')) continue;
    if (!seen(element) || hidden(element)) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(rgba(style.color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && +style.fontWeight >= 700;
    if (ratio < (large ? 3 : 4.5)) told.add(`contrast ${ratio.toFixed(2)}: ${say(element)}`);
    if (size < 12) told.add(`text of ${size} px: ${say(element)}`);
  }
  return [...flaws, ...told];
}
"""

_FOCUSED = r"""
() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const shown = [element, element.closest('.choice, .ticks label')].filter(Boolean);
  const outlined = shown.some(each => getComputedStyle(each).outlineStyle !== 'none');
  const box = element.getBoundingClientRect();
  const within = box.bottom > 0 && box.top < innerHeight;
  const name = element.outerHTML.replace(/\s+/g, ' ').slice(0, 110);
  return {name, visible: outlined && within, place: [...document.querySelectorAll('*')].indexOf(element)};
}
"""


def flaws(page: Page) -> list[str]:
    """Everything on the page as it is that somebody would stumble over; none is right."""
    found: list[str] = page.evaluate(_FLAWS)
    return found


def walked(page: Page, *, most: int = 200) -> list[dict[str, Any]]:
    """What the tab key reaches on a page, in its order, each with its name and whether the focus can be seen."""
    page.evaluate("document.activeElement.blur()")
    reached: list[dict[str, Any]] = []
    for _press in range(most):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        if focused is None or focused["place"] in {each["place"] for each in reached}:
            break
        reached.append(focused)
    return reached
