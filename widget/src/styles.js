/** The styles, as constructed sheets: they apply under a content security policy without 'unsafe-inline'. */
import css from "./style.css";

/**
 * Puts the sheet into a window's document, unless it is there already.
 *
 * @param {any} view whose own constructors are needed
 * @param {Record<string, string>} theme typed values of the policy
 */
export function addSheet(view, theme) {
  const target = view.document;
  const { prototype } = view.Document;
  const present = Array.from(Reflect.get(prototype, "adoptedStyleSheets", target) || []);
  if (present.some((sheet) => sheet.cssRules[0]?.selectorText === ".cg-root")) return;
  let sheet;
  try {
    sheet = new view.CSSStyleSheet();
    sheet.replaceSync(css);
    Reflect.set(prototype, "adoptedStyleSheets", [...present, sheet], target);
  } catch {
    // Safari before 16.4. Where the page forbids inline styles as well, the banner is plain.
    const style = prototype.createElement.call(target, "style");
    style.textContent = css;
    Reflect.get(prototype, "documentElement", target).append(style);
    sheet = style.sheet;
  }
  // One by one through the CSSOM: no value can end its declaration and start another.
  const rule = sheet?.cssRules[0];
  for (const key of Object.keys(theme)) rule?.style.setProperty(`--cg-${key.replace(/_/g, "-")}`, theme[key]);
}
