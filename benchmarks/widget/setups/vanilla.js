/* global CookieConsent, SITE */
const optional = SITE.purposes.filter((purpose) => !purpose.always_on);
const section = ({ key, title, description }) => ({ title, description, linkedCategory: key });

CookieConsent.run({
  categories: Object.fromEntries(
    SITE.purposes.map(({ key, always_on }) => [key, always_on ? { enabled: true, readOnly: true } : {}]),
  ),
  language: {
    default: "en",
    translations: {
      en: {
        consentModal: {
          title: SITE.title,
          description: SITE.body,
          acceptAllBtn: SITE.accept,
          acceptNecessaryBtn: SITE.reject,
          showPreferencesBtn: SITE.choose,
          footer: `<a href="${SITE.policy}">${SITE.policy_link}</a>`,
        },
        preferencesModal: {
          title: SITE.choose,
          acceptAllBtn: SITE.accept,
          acceptNecessaryBtn: SITE.reject,
          savePreferencesBtn: SITE.save,
          closeIconLabel: SITE.close,
          sections: SITE.purposes.filter((purpose) => purpose.always_on).concat(optional).map(section),
        },
      },
    },
  },
});
