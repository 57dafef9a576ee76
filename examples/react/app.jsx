import { watch } from "@cookiegate/widget";
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

const SITE = { service: "https://consent.example.jp", site: "shop" };

/** What the visitor allows now; null until the script is there. */
export function useConsent() {
  const [consent, setConsent] = useState(null);
  useEffect(() => watch(SITE, setConsent), []);
  return consent;
}

function Recommendations() {
  const consent = useConsent();
  if (!consent?.purposes.analytics) return <p id="picks">The same picks for everyone.</p>;
  return <p id="picks">Picks from what you looked at.</p>;
}

function App() {
  const [hasTour, setTour] = useState(true);
  return (
    <main>
      <Recommendations />
      <button id="tour" onClick={() => setTour(!hasTour)}>
        Tour
      </button>
      {hasTour && <iframe data-consent="advertising" data-src="/tour.html" title="Tour" width="480" height="270" />}
      <button data-cookiegate-open>Privacy settings</button>
    </main>
  );
}

createRoot(document.querySelector("#app")).render(<App />);
