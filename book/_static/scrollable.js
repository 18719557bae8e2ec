// A formula wider than its column scrolls: with a place in the order of the Tab key, arrow keys can move it.
const reach = () => {
  for (const box of document.querySelectorAll("div.math"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
};
addEventListener("load", reach);
addEventListener("resize", reach);
