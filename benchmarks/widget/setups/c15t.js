import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { ConsentBanner, ConsentDialog, ConsentManagerProvider, policyPackPresets } from "@c15t/react";
import "@c15t/react/styles.css";

const options = {
  mode: "offline",
  offlinePolicy: { policyPacks: [policyPackPresets.europeOptIn()] },
  overrides: { country: "DE", language: "en" },
};

createRoot(document.getElementById("c15t")).render(
  createElement(ConsentManagerProvider, { options }, createElement(ConsentBanner), createElement(ConsentDialog)),
);
