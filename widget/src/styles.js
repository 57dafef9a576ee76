/** The styles, as constructed sheets: they apply under a content security policy without 'unsafe-inline'. */

/**
 * Puts a sheet into a window's document, unless it is there already.
 *
 * @param {string} css whose first rule tells it from others
 * @param {any} view whose own constructors are needed
 * @param {Record<string, string>} [theme] typed values of the policy, for the first rule
 */
export function addSheet(css, view, theme = {}) {
  const target = view.document;
  const { prototype } = view.Document;
  try {
    const present = [...Reflect.get(prototype, "adoptedStyleSheets", target)];
    if (present.some((sheet) => sheet.cssRules[0]?.selectorText === css.split("{")[0])) return;
    const sheet = new view.CSSStyleSheet();
    sheet.replaceSync(css);
    Reflect.set(prototype, "adoptedStyleSheets", [...present, sheet], target);
    // One by one through the CSSOM: no value can end its declaration and start another.
    const { style } = sheet.cssRules[0];
    for (const key of Object.keys(theme)) style.setProperty(`--cg-${key.replace(/_/g, "-")}`, theme[key]);
  } catch {
    // Safari before 16.4: all is plain.
  }
}
