// Starts the unmodified Snowplow tracker. Nothing here is about consent: both scripts are held in the page until it is
// given, and the token rides in its own cookie to a collector of the same origin.
const { newTracker, enableActivityTracking, trackPageView, trackStructEvent } = snowplowBrowserTracking;

newTracker("shop", `${location.origin}/collect/snowplow`, { appId: "aoba-shop" });
enableActivityTracking({ minimumVisitLength: 10, heartbeatDelay: 10 });
trackPageView();
for (const button of document.querySelectorAll("[data-product]")) {
  button.addEventListener("click", () =>
    trackStructEvent({ category: "shop", action: "add_to_cart", label: button.dataset.product }),
  );
}
