"""What is held in open shadow trees whose hosts say so: let go of, covered and emptied as in the document."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from support.live import LiveService
from support.visits import CORNER, STRICT_CSP, shop, visit

CSP = f"{STRICT_CSP}; media-src 'self'"
NOTE = "window.ran = (window.ran || []).concat"
#: Held things in a tree, written by the parser.
DECLARED = """<app-shop data-consent><template shadowrootmode="open">
<script type="text/plain" data-consent="analytics" src="/one.js"></script>
<script type="text/plain" data-consent="analytics" src="/two.js"></script>
<iframe data-consent="advertising" data-src="/embed.html" title="Map" width="480" height="270"></iframe>
<app-part data-consent><template shadowrootmode="open">
<video data-consent="advertising" data-src="/film.webm" width="480" height="270"></video></template></app-part>
</template></app-shop>"""
#: The same kind of tree made by an element of the page's own, in whichever of its calls.
DEFINED = """customElements.define("app-late", class extends HTMLElement {
  connectedCallback() {
    this.attachShadow({ mode: "open" });
    const frame = document.createElement("iframe");
    Object.assign(frame, { width: 480, height: 270, title: "Map" });
    Object.assign(frame.dataset, { consent: "advertising", src: "/embed.html" });
    this.shadowRoot.append(frame);
  }
})"""


@pytest.fixture(autouse=True)
def files(service: LiveService) -> None:
    """What is held."""
    for name in ("one", "two", "late"):
        service.file(f"/{name}.js", f'{NOTE}("{name}")')
    service.page("<p>the map</p>", path="/embed.html")
    service.file("/film.webm", b"", "video/webm")


def test_scripts_and_frames_of_a_tree_wait_and_are_let_go_of_once(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop(DECLARED), Content_Security_Policy=CSP)
    expect(seen.banner).to_be_visible()
    inside = page.frame_locator("app-shop iframe")
    expect(inside.get_by_role("button", name="Always allow")).to_be_visible()
    assert page.evaluate("() => window.ran") is None
    seen.decide("accept")
    page.wait_for_function("() => window.ran?.join() === 'one,two'")
    expect(inside.get_by_text("the map")).to_be_visible()
    expect(page.locator("app-part video")).to_have_attribute("src", f"{service.url}/film.webm")

    # Less takes the frame away again, and the scripts do not run twice.
    seen.decide({"purposes": {"analytics": True}})
    expect(inside.get_by_role("button", name="Always allow")).to_be_visible()
    expect(page.locator("app-part video")).not_to_have_attribute("src", f"{service.url}/film.webm")
    assert page.evaluate("() => window.ran.join()") == "one,two"
    assert seen.faults == []


def test_a_cover_in_a_tree_is_dressed_and_fits(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop(DECLARED), Content_Security_Policy=CSP)
    cover = page.locator("app-part .cg-cover")
    expect(cover).to_be_visible()
    page.wait_for_function("""() => {
      const tree = document.querySelector("app-shop").shadowRoot.querySelector("app-part").shadowRoot;
      const [held, cover] = ["video", ".cg-cover"].map((name) => tree.querySelector(name).getBoundingClientRect());
      return ["left", "top", "width", "height"].every((side) => Math.abs(held[side] - cover[side]) < 1);
    }""")
    assert cover.evaluate("(cover) => getComputedStyle(cover).position") == "absolute"
    once = cover.get_by_role("button", name="Show this time")
    colour = "(button) => getComputedStyle(button).backgroundColor"
    assert once.evaluate(colour) == seen.answer("Accept all").evaluate(colour)
    once.click()
    expect(cover).to_have_count(0)
    assert seen.sent == []


def test_what_an_app_adds_to_its_tree_later_is_held_and_let_go_of(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop('<div id="app" data-consent></div>'))
    seen.decide("accept")
    page.evaluate("""() => {
      const app = document.querySelector("#app"), tree = app.attachShadow({ mode: "open" });
      app.dataset.consent = ""; // said anew, now that there is a tree
      window.add = (tag, marks) => {
        const element = document.createElement(tag), box = document.createElement("p");
        for (const name of Object.keys(marks)) element.setAttribute(name, marks[name]);
        box.append(element);
        tree.append(box);
      };
      add("script", { type: "text/plain", "data-consent": "analytics", src: "/one.js" });
    }""")
    page.wait_for_function("() => window.ran?.join() === 'one'")
    page.evaluate("""() => {
      add("script", { type: "text/plain", "data-consent": "analytics", src: "/late.js" });
      add("script", { type: "text/plain", "data-consent": "analitycs", src: "/two.js" });
      add("iframe", { "data-consent": "advertising", "data-src": "/embed.html" });
    }""")
    expect(page.frame_locator("#app iframe").get_by_text("the map")).to_be_visible()
    page.wait_for_function("() => window.ran.join() === 'one,late'")
    assert seen.faults == []


def test_a_tree_is_seen_when_its_element_is_defined(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop("<app-late data-consent></app-late><app-late data-consent></app-late>"))
    seen.decide("accept")
    expect(page.locator(CORNER)).to_be_visible()
    page.evaluate(DEFINED)
    for place in (0, 1):
        inside = page.frame_locator("app-late >> nth=" + str(place) + " >> iframe")
        expect(inside.get_by_text("the map")).to_be_visible()
    assert seen.faults == []


def test_a_tree_that_left_the_page_lets_go_of_nothing(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop(DECLARED))
    inside = page.frame_locator("app-shop iframe")
    expect(inside.get_by_role("button", name="Always allow")).to_be_visible()
    page.evaluate("() => { window.app = document.querySelector('app-shop'); app.remove() }")
    seen.decide("accept")
    assert page.evaluate("() => [window.ran, app.shadowRoot.querySelector('iframe').src]") == [None, ""]
    page.evaluate("() => document.body.append(app)")
    page.wait_for_function("() => window.ran?.join() === 'one,two'")
    expect(inside.get_by_text("the map")).to_be_visible()


def test_a_control_in_such_a_tree_stands_for_the_one_in_the_corner(page: Page, service: LiveService) -> None:
    control = "<button data-cookiegate-open>Cookies</button></template></app-shop>"
    seen = visit(page, service).open(shop(DECLARED.replace("</template></app-shop>", control)))
    seen.decide("accept")
    page.wait_for_function("() => window.ran?.join() === 'one,two'")
    expect(page.locator(CORNER)).to_have_count(0)
    page.get_by_role("button", name="Cookies").click()
    expect(seen.dialog).to_be_visible()


@pytest.mark.parametrize("is_late", [False, True])
def test_a_form_that_hides_its_own_properties_stops_nothing(page: Page, service: LiveService, is_late: bool) -> None:
    fields = "".join(f"<input name={name}><input name={name}>" for name in ("shadowRoot", "matches", "localName"))
    form = f'<form data-consent="analytics">{fields}</form>'
    held = """<script type="text/plain" data-consent="analytics" src="/one.js"></script>
<iframe data-consent="advertising" data-src="/embed.html" title="Map" width="480" height="270"></iframe>"""
    # Such a form is too much for the test's own locators.
    shows = "(text) => document.querySelector('iframe').contentDocument?.body?.textContent.includes(text)"
    seen = visit(page, service).open(shop(held if is_late else form + held))
    page.wait_for_function(shows, arg="Always allow")
    seen.decide("accept")
    page.wait_for_function("() => window.ran?.join() === 'one'")
    page.wait_for_function(shows, arg="the map")
    if is_late:
        page.evaluate("(form) => document.body.insertAdjacentHTML('beforeend', form)", form)
    seen.decide("withdraw")
    page.wait_for_function(shows, arg="Always allow")
    assert seen.faults == []


def test_a_form_that_hides_its_methods_is_emptied(page: Page, service: LiveService) -> None:
    form = '<form data-consent="advertising"><img data-src="/pixel.png" alt=""></form>'
    seen = visit(page, service).open(shop(form + DECLARED))
    seen.decide("accept")
    expect(page.locator("form img")).to_have_attribute("src", f"{service.url}/pixel.png")
    page.evaluate(
        """() => document.querySelector("form").insertAdjacentHTML("beforeend", "<input name=getAttribute>")"""
    )
    seen.decide("withdraw")
    expect(page.locator("form img")).not_to_have_attribute("src", f"{service.url}/pixel.png")
    expect(page.frame_locator("app-shop iframe").get_by_role("button", name="Always allow")).to_be_visible()


def test_a_page_with_its_own_idea_of_trees_stops_nothing(page: Page, service: LiveService) -> None:
    page.add_init_script("""Object.defineProperty(Element.prototype, "shadowRoot", { get() {
      if (this.id === "throws") throw new Error("the page's own");
      return this;
    } })""")
    odd = '<div id="throws" data-consent></div><div data-consent></div>'
    frame = '<iframe data-consent="advertising" data-src="/embed.html" title="Map" width="480" height="270"></iframe>'
    seen = visit(page, service).open(shop(odd + frame))
    seen.decide("accept")
    expect(page.frame_locator("iframe").get_by_text("the map")).to_be_visible()
    seen.decide("withdraw")
    expect(page.frame_locator("iframe").get_by_role("button", name="Always allow")).to_be_visible()


@pytest.mark.parametrize("change", ["app.removeAttribute('data-consent')", "app.remove()"])
def test_a_tree_that_is_looked_at_no_more_is_emptied(page: Page, service: LiveService, change: str) -> None:
    seen = visit(page, service).open(shop(DECLARED))
    seen.decide("accept")
    inside = page.frame_locator("app-shop iframe")
    expect(inside.get_by_text("the map")).to_be_visible()
    expect(page.locator("app-part video")).to_have_attribute("src", f"{service.url}/film.webm")
    page.evaluate("(change) => { window.app = document.querySelector('app-shop'); eval(change) }", change)
    seen.decide("withdraw")
    page.wait_for_function("""() => {
      const tree = app.shadowRoot, part = tree.querySelector("app-part").shadowRoot;
      return ![tree.querySelector("iframe"), part.querySelector("video")].some((box) => box.hasAttribute("src"));
    }""")
    # What is changed in it later stays held, too; and it is as any other when it is back.
    seen.decide("accept")
    page.evaluate("() => { app.shadowRoot.querySelector('iframe').dataset.src = '/embed.html?more' }")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    assert page.evaluate("() => app.shadowRoot.querySelector('iframe').hasAttribute('src')") is False
    page.evaluate("() => { app.dataset.consent = ''; document.body.append(app) }")
    expect(inside.get_by_text("the map")).to_be_visible()
    seen.decide("withdraw")
    expect(inside.get_by_role("button", name="Always allow")).to_be_visible()
    assert seen.faults == []


def test_many_new_trees_are_one_redraw(page: Page, service: LiveService) -> None:
    seen = visit(page, service).open(shop(DECLARED))
    seen.decide("accept")
    expect(page.frame_locator("app-shop iframe").get_by_text("the map")).to_be_visible()
    page.wait_for_function("() => window.ran?.join() === 'one,two'")
    # Timers wait for the test; and each look of the first file asks the document for scripts.
    page.evaluate("""async () => {
      window.due = [];
      window.setTimeout = (work) => due.push(work);
      window.looks = 0;
      const { querySelectorAll } = Document.prototype;
      Document.prototype.querySelectorAll = function (selector) {
        looks += selector.startsWith("script[type=");
        return querySelectorAll.call(this, selector);
      };
      for (let count = 0; count < 20; count += 1) {
        const host = document.createElement("app-new"), frame = document.createElement("iframe");
        host.dataset.consent = "";
        Object.assign(frame.dataset, { consent: "advertising", src: "/embed.html" });
        host.attachShadow({ mode: "open" }).append(frame);
        document.body.append(host);
        await new Promise((resolve) => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = resolve;
          port2.postMessage(0);
        });
      }
    }""")
    expect(page.locator("app-new iframe[src]")).to_have_count(20)
    assert page.evaluate("() => looks") == 20
    page.evaluate("() => due.splice(0).forEach((work) => work())")
    assert page.evaluate("() => looks") == 21
    assert seen.faults == []
