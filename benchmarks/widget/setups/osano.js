/* global SITE */
window.cookieconsent.initialise({
  type: "opt-in",
  content: { message: SITE.body, allow: SITE.accept, deny: SITE.reject, link: SITE.policy_link, href: SITE.policy },
});
