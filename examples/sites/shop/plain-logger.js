// A logger in ten lines. It knows nothing of consent: the browser sends the token's cookie along, and the gate decides.
const idIn = (store) => (store.logger_id ??= Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join(""));
const log = (event, more) => fetch("/collect/plain/events", { method: "POST", keepalive: true, body: JSON.stringify({
  event, time: new Date().toISOString(), page: location.href, title: document.title, referrer: document.referrer,
  client_id: idIn(localStorage), session_id: idIn(sessionStorage), browser: navigator.userAgent, os: navigator.platform,
  language: navigator.language, screen: `${screen.width}x${screen.height}`, viewport: `${innerWidth}x${innerHeight}`,
  timezone: Intl.DateTimeFormat().resolvedOptions().timeZone, ...more,
}) });
log("page_view");
document.querySelectorAll("[data-product]").forEach((button) => button.addEventListener("click", () => log("add_to_cart", { product: button.dataset.product })));
