/**
 * IAB GPP: what the visitor opted out of, by the sections that the policy names, in the framework's own library.
 *
 * Whatever is not in effect is opted out of: before a choice, after a refusal, and under a browser's signal.
 */
import { CmpApi, CmpDisplayStatus, CmpStatus, SignalStatus } from "@iabgpp/cmpapi";

/** @import { FrameworkState, GppConfig } from "../../src/types.js" */

const IDS = {
  tcfeuv2: 2, usnat: 7, usca: 8, usva: 9, usco: 10, usut: 11, usct: 12, usfl: 13, usmt: 14, usor: 15, ustx: 16, usde: 17,
  usia: 18, usne: 19, usnh: 20, usnj: 21, ustn: 22, usmn: 23, usmd: 24, usin: 25, usky: 26, usri: 27,
};
const EU = "tcfeuv2";
const YES = 1;
const NO = 2;
/** The framework's names of what the policy maps, and of the notice that goes with each. */
const FIELDS = { sale: "SaleOptOut", sharing: "SharingOptOut", targeted_advertising: "TargetedAdvertisingOptOut" };
const SIGNAL = "Gpc";

/** @param {GppConfig} config */
export default function open(config) {
  const sections = /** @type {(keyof typeof IDS)[]} */ (config.sections);
  const ids = sections.map((name) => IDS[name]);
  const api = new CmpApi(config.cmp_id, config.cmp_version, {
    // Of version 1.0 of the framework; some still ask.
    getGPPData: (/** @type {Function} */ callback) => {
      const sectionList = sections.filter((name) => api.hasSection(name)).map((name) => IDS[name]);
      callback?.({ gppVersion: "1.1", gppString: api.getGppString(), sectionList, applicableSections: ids }, true);
    },
  });
  api.setSupportedAPIs(sections.map((name) => `${IDS[name]}:${name}`));
  api.setApplicableSections(ids);
  api.setCmpStatus(CmpStatus.LOADED);
  let told = "";

  /** @param {string} name @param {FrameworkState} state */
  function fill(name, { granted, gpc }) {
    api.setFieldValue(name, "Version", 1); // makes the section
    const known = Object.keys(api.getSection(name));
    for (const [wish, field] of Object.entries(FIELDS)) {
      const purposes = config.opt_outs[wish];
      if (!purposes || !known.includes(field)) continue;
      api.setFieldValue(name, field, purposes.every((key) => granted.includes(key)) ? NO : YES);
      if (known.includes(`${field}Notice`)) api.setFieldValue(name, `${field}Notice`, YES);
    }
    // Sharing has a notice of its own in the national section: that data is shared at all.
    if (config.opt_outs.sharing && known.includes("SharingNotice")) api.setFieldValue(name, "SharingNotice", YES);
    for (const notice of ["ProcessingNotice"]) if (known.includes(notice)) api.setFieldValue(name, notice, YES);
    if (known.includes("MspaCoveredTransaction")) api.setFieldValue(name, "MspaCoveredTransaction", NO);
    if (known.includes(SIGNAL)) api.setFieldValue(name, SIGNAL, gpc);
  }

  return {
    /**
     * @param {FrameworkState} state
     * @param {string} tcString empty where there is none
     * @returns {string} the GPP string
     */
    update(state, tcString) {
      if (state.asks) {
        api.clear();
        api.setCmpDisplayStatus(CmpDisplayStatus.VISIBLE);
        api.setSignalStatus(SignalStatus.NOT_READY);
        return (told = "");
      }
      for (const name of sections) {
        if (name !== EU) fill(name, state);
        else if (tcString) api.setSectionString(EU, tcString);
        else if (api.hasSection(EU)) api.deleteSection(EU);
      }
      const text = api.getGppString();
      if (text !== told) for (const name of sections) if (api.hasSection(name)) api.fireSectionChange(name);
      told = text;
      api.setCmpDisplayStatus(state.shows ? CmpDisplayStatus.VISIBLE : CmpDisplayStatus.HIDDEN);
      api.setSignalStatus(state.shows ? SignalStatus.NOT_READY : SignalStatus.READY);
      return text;
    },
  };
}
