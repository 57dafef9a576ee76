/* global SITE */
window.orejimeConfig = {
  privacyPolicyUrl: SITE.policy,
  purposes: SITE.purposes.map(({ key, title, description, always_on }) => ({
    id: key,
    title,
    description,
    isMandatory: always_on,
    cookies: [],
  })),
};
