/**
 * IAB TCF 2.3: TC strings of the visitor's consent, and the API that vendors ask, in IAB Tech Lab's own library.
 *
 * Says yes to nothing but what is in effect. Legitimate interest is never assumed. The string is made anew from the
 * choice on every page, so that nothing has to be kept.
 */
import { CmpApi } from "@iabtechlabtcf/cmpapi";
import { GVL, TCModel, TCString } from "@iabtechlabtcf/core";

/** @import { FrameworkState, TcfConfig } from "../../src/types.js" */

/** The banner is the first screen, and the only one before a first choice. */
const SCREEN = 1;

/** A vendor list in the page's language, where the framework knows it. @param {any} list @param {string} language */
function listIn(list, language) {
  try {
    return new GVL(list, { language });
  } catch {
    return new GVL(list);
  }
}

/** @param {string} day YYYYMMDD, or none: today. The framework allows no finer time. */
function midnight(day) {
  const now = new Date();
  const parts = /^(\d{4})(\d\d)(\d\d)$/.exec(day)?.slice(1).map(Number) ?? [now.getUTCFullYear(), now.getUTCMonth() + 1, now.getUTCDate()];
  return new Date(Date.UTC(parts[0], parts[1] - 1, parts[2]));
}

/**
 * The TC string of a choice.
 *
 * @param {TcfConfig} config
 * @param {any} list the vendor list, of the vendors that the policy names
 * @param {Pick<FrameworkState, "granted" | "day" | "language">} state
 */
export function encode(config, list, { granted, day, language }) {
  const model = new TCModel(listIn(list, language));
  model.cmpId = config.cmp_id;
  model.cmpVersion = config.cmp_version;
  model.consentScreen = SCREEN;
  model.isServiceSpecific = config.service_specific;
  model.useNonStandardTexts = !config.standard_texts;
  model.publisherCountryCode = config.country;
  /** @param {Record<string, number[]>} by */
  const numbers = (by) => new Set(Object.keys(by).flatMap((key) => (granted.includes(key) ? by[key] : [])));
  const purposes = numbers(config.purposes);
  const features = numbers(config.special_features);
  for (const id of purposes) {
    if (!list.purposes[id]) continue;
    model.purposeConsents.set(id);
    model.publisherConsents.set(id); // the site's own use, which is what the visitor answered to
  }
  for (const id of features) if (list.specialFeatures[id]) model.specialFeatureOptins.set(id);
  for (const vendor of Object.values(list.vendors)) {
    if (vendor.deletedDate) continue;
    model.vendorsDisclosed.set(vendor.id);
    // Whoever wants more than what was granted was not granted.
    const all = vendor.purposes.length > 0 && vendor.purposes.every((/** @type {number} */ id) => purposes.has(id));
    if (all) model.vendorConsents.set(vendor.id);
  }
  model.created = model.lastUpdated = midnight(day);
  return TCString.encode(model);
}

/**
 * Takes the place of the queueing stub and answers what waited there.
 *
 * @param {TcfConfig} config
 * @param {() => Promise<any>} fetchList the vendor list; asked for when the first string is made
 */
export default function open(config, fetchList) {
  const api = new CmpApi(config.cmp_id, config.cmp_version, config.service_specific);
  /** @type {Promise<any> | undefined} */
  let list;
  return {
    /**
     * @param {FrameworkState} state
     * @returns {Promise<string>} the string; empty while the visitor is asked
     */
    async update(state) {
      if (state.asks) {
        api.update("", true);
        return "";
      }
      list ??= fetchList().catch((error) => {
        list = undefined;
        throw error;
      });
      const text = encode(config, await list, state);
      api.update(text, state.shows);
      return text;
    },
  };
}
