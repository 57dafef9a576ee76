// The shop's own script: a basket that counts. It knows nothing of trackers and nothing of consent.
const basket = document.querySelector(".basket output");
for (const button of document.querySelectorAll("[data-product]")) {
  button.addEventListener("click", () => (basket.textContent = Number(basket.textContent) + 1));
}
