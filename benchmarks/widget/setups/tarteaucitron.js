/* global SITE, tarteaucitron */
window.tarteaucitronForceLanguage = "en";
tarteaucitron.init({ privacyUrl: SITE.policy, orientation: "middle", DenyAllCta: true, AcceptAllCta: true, highPrivacy: true });
tarteaucitron.job = tarteaucitron.job || [];
for (const { key, title, always_on } of SITE.purposes) {
  if (always_on) continue;
  tarteaucitron.services[key] = { key, type: "analytic", name: title, needConsent: true, cookies: [], js() {}, fallback() {} };
  tarteaucitron.job.push(key);
}
