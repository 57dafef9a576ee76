/* global SITE */
window.klaroConfig = {
  version: 1,
  acceptAll: true,
  lang: "en",
  translations: { en: { privacyPolicyUrl: SITE.policy } },
  services: SITE.purposes.map(({ key, title, description, always_on }) => ({
    name: key,
    title,
    description,
    purposes: [key],
    required: always_on,
  })),
};
