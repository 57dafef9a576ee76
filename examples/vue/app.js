import { watch } from "@cookiegate/widget";
import { createApp, h, onMounted, onUnmounted, ref, shallowRef } from "vue";

const SITE = { service: "https://consent.example.jp", site: "shop" };

/** What the visitor allows now; its value is null until the script is there. */
export function useConsent() {
  const consent = shallowRef(null);
  let end = () => {};
  onMounted(() => (end = watch(SITE, (now) => (consent.value = now))));
  onUnmounted(() => end());
  return consent;
}

const Recommendations = {
  setup() {
    const consent = useConsent();
    return () => {
      const isAllowed = consent.value?.purposes.analytics;
      return h("p", { id: "picks" }, isAllowed ? "Picks from what you looked at." : "The same picks for everyone.");
    };
  },
};

const App = {
  setup() {
    const hasTour = ref(true);
    const tour = { "data-consent": "advertising", "data-src": "/tour.html", title: "Tour", width: 480, height: 270 };
    return () =>
      h("main", [
        h(Recommendations),
        h("button", { id: "tour", onClick: () => (hasTour.value = !hasTour.value) }, "Tour"),
        hasTour.value && h("iframe", tour),
        h("button", { "data-cookiegate-open": "" }, "Privacy settings"),
      ]);
  },
};

createApp(App).mount("#app");
